package test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/functionspec"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// TestConstructInAnApp synthesizes the app of another module (test/example), which adds
// chimewatch to a stack with a resource of its own. The functions are built from that
// module.
func TestConstructInAnApp(t *testing.T) {
	need.Tool(t, "node") // on which the CDK runs
	readme, app := readText(t, "../README.md"), readText(t, "example/main.go")
	_, shown, _ := strings.Cut(readme, "```go\n")
	shown, _, _ = strings.Cut(shown, "```")
	if shown == "" || !strings.Contains(app, shown) {
		t.Errorf("README shows this, which is not in example/main.go:\n%s", shown)
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir, cmd.Env = "example", append(os.Environ(), "CDK_OUTDIR="+out,
		`CDK_CONTEXT_JSON={"aws:cdk:enable-path-metadata": true}`) // by which the test finds what a resource is
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	template := cfn.Read(t, []byte(readText(t, filepath.Join(out, "CallCenter.template.json"))))
	if got := template.Paths("AWS::S3::Bucket"); !slices.Equal(got, []string{"Recordings"}) {
		t.Errorf("got the buckets %v, want that of the app alone", got)
	}
	if got := template.Paths("AWS::DynamoDB::Table"); !slices.Equal(got, []string{"Chimewatch/Table"}) {
		t.Errorf("got the tables %v, want that of chimewatch", got)
	}
	if template.Metadata["cdk_nag"] != nil {
		t.Error("findings of cdk-nag are acknowledged for the whole stack of the app")
	}
	for output, want := range map[string]string{
		"TableName": "[Chimewatch/Table]", "FailureTopicArn": "[Chimewatch/FailureTopic]",
		"FunctionDeadLettersUrl": "[Chimewatch/FunctionDeadLetters]", "VoiceQueueArn": "[Chimewatch/VoiceQueue.Arn]",
	} {
		if got := template.Words(template.Outputs[output].Value); got != want {
			t.Errorf("output %s: got %s, want %s", output, got, want)
		}
	}
	built := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		built[strings.TrimPrefix(info.Path, "github.com/chimewatch/chimewatch/functions/")] = true
	}
	for _, f := range functionspec.All() {
		path := "Chimewatch/" + functionPath(f.Name)
		if !built[f.Name] || template.Get("AWS::Lambda::Function", path) == nil {
			t.Errorf("%s: built is %t, and deployed are %v", f.Name, built[f.Name], template.Paths("AWS::Lambda::Function"))
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
