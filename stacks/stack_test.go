package stacks_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/stacks"
	"github.com/chimewatch/chimewatch/stacks/config"
)

var update = flag.Bool("update", false, "record the assembly again")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// newStack makes the stack in an app with the context of cdk.json.
func newStack(t *testing.T, chosen config.Stack) (awscdk.App, awscdk.Stack) {
	t.Helper()
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &file.Context, Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false)})
	stack, err := stacks.New(app, chosen, root(t))
	if err != nil {
		t.Fatal(err)
	}
	return app, stack
}

// synth gives the report of the checks that failed the synth; nothing when
// they passed.
func synth(t *testing.T, app awscdk.App) (report string) {
	t.Helper()
	defer func() {
		problem := recover()
		if problem == nil {
			return
		}
		text, err := os.ReadFile(filepath.Join(*app.Outdir(), "validation-report.json"))
		if err != nil {
			t.Errorf("the synth failed (%v), and there is no report: %v", problem, err)
		}
		report = string(text)
	}()
	app.Synth(nil)
	return ""
}

func TestEveryConfigurationPassesTheChecks(t *testing.T) {
	production := config.Default()
	production.Production, production.Architecture, production.Retain = true, "x86_64", false
	production.FailureEmails, production.AlertEmails = []string{"ops@example.com"}, []string{"team@example.com"}
	for name, chosen := range map[string]config.Stack{"default": config.Default(), "production": production} {
		app, _ := newStack(t, chosen)
		if report := synth(t, app); report != "" {
			t.Errorf("%s: the checks found\n%s", name, report)
		}
	}
}

// The checks fail a synth with what is wrong: here, a queue that takes plain HTTP.
func TestChecksFailWhatDoesNotComply(t *testing.T) {
	app, stack := newStack(t, config.Default())
	awssqs.NewQueue(stack, jsii.String("Careless"), nil)
	if report := synth(t, app); !strings.Contains(report, "AwsSolutions-SQS4") {
		t.Errorf("got the report %q, want AwsSolutions-SQS4 in it", report)
	}
}

func TestConfigurationReachesTheTemplate(t *testing.T) {
	chosen := config.Default()
	chosen.Production, chosen.Architecture, chosen.FullNumbers, chosen.RetentionDays, chosen.LogRetentionDays = true, "x86_64", true, 0, 7
	chosen.FailureEmails, chosen.Settings.Quota = []string{"ops@example.com"}, 321
	chosen.MemoryMB, chosen.Delivery, chosen.Retry = 512, config.Attempts{Most: 7, Age: time.Hour}, config.Attempts{Most: 1, Age: 2 * time.Hour}
	_, stack := newStack(t, chosen)
	template := assertions.Template_FromStack(stack, nil)
	has := func(kind string, properties map[string]any) {
		t.Helper()
		template.HasResourceProperties(jsii.String(kind), properties)
	}
	defer func() {
		if problem := recover(); problem != nil {
			t.Error(problem)
		}
	}()
	has("AWS::Lambda::Function", map[string]any{"Architectures": []any{"x86_64"}, "Environment": map[string]any{"Variables": assertions.Match_ObjectLike(&map[string]any{
		"CHIMEWATCH_FULL_NUMBERS": "true", "CHIMEWATCH_RETENTION_DAYS": "0", "CHIMEWATCH_PIPELINE_QUOTA": "321",
	})}})
	has("AWS::Lambda::Function", map[string]any{"MemorySize": 512})
	has("AWS::Events::Rule", map[string]any{"Targets": []any{assertions.Match_ObjectLike(&map[string]any{
		"RetryPolicy": map[string]any{"MaximumRetryAttempts": 7, "MaximumEventAgeInSeconds": 3600},
	})}})
	has("AWS::Lambda::EventInvokeConfig", map[string]any{"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 7200})
	has("AWS::Logs::LogGroup", map[string]any{"RetentionInDays": 7})
	has("AWS::SNS::Subscription", map[string]any{"Protocol": "email", "Endpoint": "ops@example.com"})
	for name, resource := range *template.FindResources(jsii.String("AWS::Events::Rule"), nil) {
		text, err := json.Marshal(resource)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "chimewatch.rehearsal") {
			t.Errorf("rule %s: a rehearsal gets in, in production", name)
		}
	}
}

// recorded is the assembly that tests without the CDK hold against the rest of
// the code, and that the deployment test deploys where the CDK is not there.
const recorded = "../test/testdata/cdk.out"

func TestRecordedAssemblyIsWhatIsSynthesized(t *testing.T) {
	app, _ := newStack(t, config.Default())
	got := recording(t, *app.Synth(nil).Directory())
	if *update {
		if err := os.MkdirAll(recorded, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range got {
		file := filepath.Join(recorded, name)
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(text)); diff != "" {
			t.Errorf("%s is not what is synthesized now; look at the difference, and record it with: go test ./stacks -run Recorded -update\nrecorded (-), now (+):\n%s", name, diff)
		}
	}
}

// destination is where an asset goes, with a hash that changes with the asset.
var destination = regexp.MustCompile(`current_account-current_region-[0-9a-f]{8}`)

// recording gives the files of an assembly that tell what is deployed. Hashes of
// assets, which change with every line of code, are replaced by the assets' names.
func recording(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	read := func(name string, into any) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if into != nil {
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
		return text
	}
	var assets struct {
		Files map[string]struct{ DisplayName string }
	}
	read("Chimewatch.assets.json", &assets)
	files := map[string][]byte{}
	for _, name := range []string{"cdk.out", "manifest.json", "Chimewatch.assets.json", "Chimewatch.template.json"} {
		text := read(name, nil)
		for hash, asset := range assets.Files {
			short := "template"
			if function, ok := strings.CutSuffix(asset.DisplayName, "/Code"); ok {
				short = strings.ToLower(function[strings.LastIndexByte(function, '/')+1:])
			}
			text = bytes.ReplaceAll(text, []byte(hash), []byte(short))
		}
		text = destination.ReplaceAll(text, []byte("current_account-current_region"))
		files[name] = append(bytes.TrimSpace(text), '\n')
	}
	files["manifest.json"] = plainManifest(t, files["manifest.json"])
	return files
}

// plainManifest leaves out where in the code things were made.
func plainManifest(t *testing.T, text []byte) []byte {
	t.Helper()
	var manifest map[string]any
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	artifacts, _ := manifest["artifacts"].(map[string]any)
	delete(artifacts, "Tree")
	delete(artifacts, "aws-cdk-lib/feature-flag-report")
	for _, artifact := range artifacts {
		if a, ok := artifact.(map[string]any); ok {
			delete(a, "metadata")
			delete(a, "additionalMetadataFile")
		}
	}
	plain, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(plain, '\n')
}
