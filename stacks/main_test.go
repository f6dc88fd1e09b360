package stacks_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/stacks"
)

// root is a folder for files that the tests of this package share.
var root string

func TestMain(m *testing.M) {
	var err error
	if root, err = os.MkdirTemp("", "stacks"); err != nil {
		panic(err)
	}
	code := m.Run()
	jsii.Close()
	os.RemoveAll(root)
	os.Exit(code)
}

const (
	domain     = "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/8b0c1d2e-0f3a-4c5b-9d6e-7f8091a2b3c4"
	routeTopic = "arn:aws:sns:us-east-1:111122223333:supervisors"
	routeKey   = "arn:aws:kms:us-east-1:111122223333:key/0b4c6a52-2f4e-4d2a-9f6b-3f4d0a1b2c3d"
	alarmTopic = "arn:aws:sns:us-east-1:111122223333:operations"
)

// configurations are the stacks that every property is tested on.
func configurations() map[string]config.Stack {
	with := func(change func(*config.Stack)) config.Stack {
		c := config.Default()
		change(&c)
		return c
	}
	everything := func(c *config.Stack) {
		c.VoiceSources = []string{"lambda", "sqs", "sns", "kinesis"}
		c.VoiceTasks = []string{"speaker-search", "voice-tone"}
		c.VoiceProfileDomainARN, c.VoiceAccessRole = domain, true
		c.Routes = rulematch.Routes{
			{Rule: "escalation-*", Severity: "high", Topic: routeTopic, Key: routeKey}, {Rule: "cancel"},
		}
		c.FailureEmails, c.AlertEmails = []string{"ops@example.com"}, []string{"team@example.com"}
		c.AlarmEmails = []string{"ops@example.com"}
		c.Rehearsal, c.ReservedConcurrency = true, 5
	}
	all := map[string]config.Stack{
		"default":    config.Default(),
		"everything": with(everything),
		"routes": with(func(c *config.Stack) {
			c.Routes = rulematch.Routes{{Rule: "escalation-*", Severity: "high", Topic: routeTopic}, {Rule: "cancel"}}
		}),
		"not retained": with(func(c *config.Stack) {
			everything(c)
			c.Retain, c.Production, c.RetentionDays = false, false, 7
		}),
		"for ever": with(func(c *config.Stack) { everything(c); c.RetentionDays = 0 }),
		"table of an earlier stack": with(func(c *config.Stack) {
			c.TableName, c.AlarmTopicARN, c.AnyRegion = "calls-of-2025", alarmTopic, true
			c.Tracing, c.RunbookURL, c.Architecture = false, "", "x86_64"
		}),
		"two Voice Connectors": with(func(c *config.Stack) {
			everything(c)
			c.VoiceTasks = []string{"voice-tone"}
			c.VoiceConnectorIDs = []string{"abcdef1ghij2klmno3pqr4", "h2vb6kfy5sg1pa8lu9jw3t"}
		}),
	}
	all["all otherwise"] = with(func(c *config.Stack) {
		c.StackName, c.MemoryMB, c.LogRetentionDays = "Calls-2", 512, 7
		c.RunbookURL, c.FullNumbers = "https://wiki.example.com/runbook", true
		c.HTTPS = notify.HTTPSBodies{Failures: notify.HTTPSData, Alerts: notify.HTTPSCard}
		c.Delivery, c.Retry = config.Attempts{Max: 7, Age: 2 * time.Hour}, config.Attempts{Max: 1, Age: time.Hour}
		c.Settings.Window, c.Settings.Quota, c.Settings.MatchWindow = time.Minute, 200, 0
		c.FailureEmails = []string{"first@example.com", "second@example.com"}
		c.AlertEmails, c.AlarmEmails = []string{"third@example.com"}, []string{"fourth@example.com"}
		c.VoiceSources, c.VoiceTasks = []string{"lambda"}, []string{"voice-tone"}
	})
	for _, source := range []string{"lambda", "sqs", "sns", "kinesis"} {
		all["source "+source] = with(func(c *config.Stack) { c.VoiceSources = []string{source} })
	}
	return all
}

// newStack makes a stack in an app with the context of cdk.json. A text file stands for the code of each function.
func newStack(t *testing.T, chosen config.Stack) (awscdk.App, awscdk.Stack) {
	t.Helper()
	need.Tool(t, "node") // on which the CDK runs
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	file.Context["aws:cdk:enable-path-metadata"] = true // by which the tests find resources
	app := awscdk.NewApp(&awscdk.AppProps{
		Context: &file.Context, Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false),
	})
	stacks.AddChecks(app)
	return app, stacks.NewChimewatchStack(app, &stacks.ChimewatchProps{Config: &chosen, Code: codeOf(t)})
}

func codeOf(t *testing.T) stacks.Code {
	return func(function, architecture string) awslambda.Code {
		dir := filepath.Join(root, architecture, function)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		content := []byte(contentOf(function, architecture))
		if err := os.WriteFile(filepath.Join(dir, "bootstrap"), content, 0o755); err != nil {
			t.Fatal(err)
		}
		return awslambda.Code_FromAsset(jsii.String(dir), nil)
	}
}

// contentOf is what stands for the code of a function.
func contentOf(function, architecture string) string { return function + " for " + architecture }

// readCode returns what stands for the code in an assembly, by the keys of its assets.
func readCode(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "asset.*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	code := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		hash := strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "asset.")
		code[hash+".zip"] = string(text)
	}
	return code
}

// synth returns the report of the checks if they failed the synth, and the folder of the assembly.
func synth(t *testing.T, app awscdk.App) (report, dir string) {
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
	return "", *app.Synth(nil).Directory()
}

// synthesized is a stack after its synth.
type synthesized struct {
	cfn.Template
	name   string
	chosen config.Stack
	// report is what the checks found; file the template.
	report, file string
	// code stands for the functions' code, by the keys of the assets.
	code map[string]string
	// protected is set where CloudFormation refuses to delete the stack.
	protected bool
}

var (
	synthesizing sync.Mutex
	templates    = map[string]synthesized{}
)

// stackOf returns the synthesized stack of a configuration. Each is synthesized once.
func stackOf(t *testing.T, name string) synthesized {
	t.Helper()
	synthesizing.Lock()
	defer synthesizing.Unlock()
	if done, ok := templates[name]; ok {
		return done
	}
	chosen, ok := configurations()[name]
	if !ok {
		t.Fatalf("there is no configuration %q", name)
	}
	app, stack := newStack(t, chosen)
	report, dir := synth(t, app)
	s := synthesized{name: name, chosen: chosen, report: report, protected: *stack.TerminationProtection()}
	if report == "" {
		s.code = readCode(t, dir)
		text, err := os.ReadFile(filepath.Join(dir, chosen.StackName+".template.json"))
		if err != nil {
			t.Fatal(err)
		}
		s.file = filepath.Join(root, strings.ReplaceAll(name, " ", "-")+".template.json")
		if err := os.WriteFile(s.file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		s.Template = cfn.Read(t, text)
	}
	templates[name] = s
	return s
}

// inEveryConfiguration runs a test on the stack of each configuration.
func inEveryConfiguration(t *testing.T, test func(*testing.T, synthesized)) {
	for _, name := range slices.Sorted(maps.Keys(configurations())) {
		t.Run(name, func(t *testing.T) {
			s := stackOf(t, name)
			if s.report != "" {
				t.Fatalf("the synth failed:\n%s", s.report)
			}
			test(t, s)
		})
	}
}
