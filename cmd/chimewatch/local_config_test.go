package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// cdkJSON writes a cdk.json with a context.
func cdkJSON(t *testing.T, context string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cdk.json")
	if err := os.WriteFile(path, []byte(`{"app": "go run ./cmd/cdk", "context": `+context+`}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each setting either changes the environment of the local functions, or matters only when deployed.
func TestEverySettingIsUsedOrNamedAsUnused(t *testing.T) {
	values := map[string]string{
		"fullNumbers": "true", "runbookUrl": "https://example.com/r", "retentionDays": "7", "httpsBody": "data",
		"voiceTasks":            "voice-tone",
		"voiceProfileDomainArn": "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/x", "pipelineQuota": "7",
		"timeZone": "Europe/Berlin", "quietHours": "Sat",
		"routes": `[{"rule":"a*","severity":"high","topic":"arn:aws:sns:us-east-1:111122223333:t"}]`,
	}
	environment := func(context string) string {
		var o local.Options
		if _, err := readConfig(cdkJSON(t, context), &o); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal([]any{o.Config.Environment(), o.Config.Routes.Topics()})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	none := environment(`{}`)
	for _, setting := range config.Registry() {
		value, ok := values[setting.Key]
		if !ok && setting.Group == config.Watching {
			value = "77m"
		}
		follows := value != "" && environment(`{"chimewatch:`+setting.Key+`": `+quoted(t, value)+`}`) != none
		if follows != (setting.Variable != "") {
			t.Errorf("%s: got followed %v; want it followed if the functions read it", setting.Key, follows)
		}
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// Settings that the file does not have keep the values of the local stack; the others reach the functions.
func TestEmptyConfigIsTheDefault(t *testing.T) {
	var o local.Options
	given, err := readConfig(cdkJSON(t, `{"chimewatch": {"failureEmails": []}}`), &o)
	if err != nil {
		t.Fatal(err)
	}
	want, got := local.DefaultConfig().Environment(), o.Config.Environment()
	if diff := cmp.Diff(want, got); diff != "" || len(o.Config.Routes) > 0 {
		t.Errorf("got other settings than the local stack has (-want +got):\n%s", diff)
	}
	const says = "nothing that changes what the functions do (only when deployed: failureEmails)"
	if got := given; !strings.HasSuffix(got, says) {
		t.Errorf("got %q", got)
	}
}

func TestConfigThatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ file, says string }{
		"no file":     {filepath.Join(t.TempDir(), "cdk.json"), "--config"},
		"a bad value": {cdkJSON(t, `{"chimewatch": {"matchWindow": "soon"}}`), "matchWindow"},
		"no such key": {cdkJSON(t, `{"chimewatch:matchwindow": "5m"}`), "matchWindow"},
		"no prefix":   {cdkJSON(t, `{"fullNumbers": "true"}`), "chimewatch:fullNumbers"},
		"no JSON":     {cdkJSON(t, `{`), "cdk.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			got := execute(nil, "", "local", "--config", tc.file, "--local-dir", dir)
			if got.code != exitFailed || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("got exit code %d and %q, want %q", got.code, got.stderr, tc.says)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the folder was made")
			}
		})
	}
}

// A day that is played with a deployer's routes agrees, and its matches go to their topic.
func TestLocalFollowsRoutes(t *testing.T) {
	needNode(t)
	const topic = "arn:aws:sns:us-east-1:111122223333:supervisors"
	file := cdkJSON(t, `{"chimewatch": {"routes": [{"rule": "*", "severity": "high", "topic": "`+topic+`"}],
		"fullNumbers": true, "incidentWindow": "1h", "production": false}}`)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	s := serve(t, dir, functions, "--calls", "30", "--duration", "1s", "--config", file)
	if !strings.Contains(s.banner, file+": fullNumbers, incidentWindow, routes (only when deployed: production)") ||
		!strings.Contains(s.banner, topic) {
		t.Errorf("got %s, want the configuration and the topic", s.banner)
	}
	if strings.Contains(s.banner, "NO") {
		t.Errorf("got %s, want a day on which all agrees", s.banner)
	}
	var status local.Status
	response, err := http.Get(s.endpoint + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		t.Fatal(err)
	}
	if status.Topics[topic] == 0 || status.Topics[local.AlertTopicARN] != 0 {
		t.Errorf("got %v, want all matches on the route's topic", status.Topics)
	}
}

// The functions are found next to the program, if the working directory has none.
func TestFunctionsNextToTheProgram(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if got := functionsFolder(local.DefaultFunctions); got != local.DefaultFunctions {
		t.Errorf("nowhere: got %s, want what was asked for", got)
	}
	folder := filepath.Join(filepath.Dir(program), "functions")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(folder) })
	if got := functionsFolder(local.DefaultFunctions); got != folder {
		t.Errorf("next to the program: got %s, want %s", got, folder)
	}
	if got := functionsFolder("elsewhere"); got != "elsewhere" {
		t.Errorf("named: got %s, want what was named", got)
	}
	if err := os.MkdirAll(local.DefaultFunctions, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := functionsFolder(local.DefaultFunctions); got != local.DefaultFunctions {
		t.Errorf("here: got %s, want %s", got, local.DefaultFunctions)
	}
}
