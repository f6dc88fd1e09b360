package stacks_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/stacks"
)

// appOf returns an app with a stack in it, of somebody who uses the constructs.
func appOf(t *testing.T) (awscdk.App, awscdk.Stack) {
	t.Helper()
	need.Tool(t, "node") // on which the CDK runs
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false),
		Context: &map[string]any{"aws:cdk:enable-path-metadata": true},
	})
	return app, awscdk.NewStack(app, jsii.String("Mine"), nil)
}

func templateOf(t *testing.T, app awscdk.App, stack string) cfn.Template {
	t.Helper()
	_, dir := synth(t, app)
	return cfn.Read(t, []byte(read(t, filepath.Join(dir, stack+".template.json"))))
}

// A property that is not set has the default of the configuration.
func TestPropertiesHaveTheDefaultsOfTheConfiguration(t *testing.T) {
	made := func(props *stacks.ChimewatchProps) map[string]*cfn.Resource {
		app, stack := appOf(t)
		props.Code = codeOf(t)
		stacks.NewChimewatch(stack, jsii.String("Watch"), props)
		return templateOf(t, app, "Mine").Resources
	}
	unset, set := &stacks.ChimewatchProps{}, stacks.FromConfig(config.Default()).ChimewatchProps
	if diff := cmp.Diff(made(&set), made(unset)); diff != "" {
		t.Errorf("with the default configuration (-), without properties (+):\n%s", diff)
	}
}

// Values that the configuration refuses are refused as properties, too.
func TestPropertiesAreChecked(t *testing.T) {
	settings := stacks.DefaultSettings()
	settings.Window = 25 * time.Hour
	for _, test := range []struct {
		name  string
		props stacks.ChimewatchProps
		want  string
	}{
		{"a source", stacks.ChimewatchProps{VoiceSources: []string{"sqss"}}, "voiceSources"},
		{"a task", stacks.ChimewatchProps{VoiceTasks: []string{"singing"}}, "voiceTasks"},
		{"a search without its domain", stacks.ChimewatchProps{
			VoiceSources: []string{stacks.VoiceSQS}, VoiceTasks: []string{stacks.SpeakerSearch},
		}, "voiceProfileDomainArn"},
		{"a retention", stacks.ChimewatchProps{RetentionDays: jsii.Number(-1)}, "retentionDays"},
		{"a body for https", stacks.ChimewatchProps{HTTPSBody: jsii.String("xml")}, "HTTPSBody"},
		{"a route", stacks.ChimewatchProps{Routes: []stacks.Route{{Rule: "cancel", Severity: "grave"}}}, "severity"},
		{"a setting", stacks.ChimewatchProps{Settings: &settings}, "incidentWindow"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stack := appOf(t)
			defer func() {
				if problem := fmt.Sprint(recover()); !strings.Contains(problem, test.want) {
					t.Errorf("got %s, want it to name %s", problem, test.want)
				}
			}()
			test.props.Code = codeOf(t)
			stacks.NewChimewatch(stack, jsii.String("Watch"), &test.props)
		})
	}
}

// Topics of the same app have no name yet: alarms and routes refer to them, without a rule for their Region.
func TestTopicsOfTheSameApp(t *testing.T) {
	app, stack := appOf(t)
	topic := awssns.NewTopic(stack, jsii.String("Ours"), nil)
	stacks.NewChimewatch(stack, jsii.String("Watch"), &stacks.ChimewatchProps{
		Code: codeOf(t), AlarmTopic: topic, Routes: []stacks.Route{{Rule: "cancel", Topic: *topic.TopicArn()}},
	})
	template := templateOf(t, app, "Mine")
	for path, a := range template.Of(cloudwatchAlarm) {
		if got := template.Words(a.Prop("AlarmActions", 0)); got != "[Ours]" {
			t.Errorf("alarm %s goes to %s, want the topic of the app", path, got)
		}
	}
	routes := template.Get(lambdaFunction, "Watch/Alerts").Prop("Environment", "Variables", "CHIMEWATCH_ROUTES")
	if got := template.Words(routes); got != `[{"rule":"cancel","topic":"[Ours]"}]` {
		t.Errorf("got the routes %s, want the topic of the app", got)
	}
	if text := cfn.AsText(template.Rules); strings.Contains(text, "topic") {
		t.Errorf("got the rules %s, want none about the topic", text)
	}
}

// Every retention that the configuration allows is one of CloudWatch Logs.
func TestEveryLogRetentionIsKnown(t *testing.T) {
	need.Tool(t, "node")
	known := 0
	for days := range 3660 {
		c, err := config.FromContext(map[string]any{"chimewatch:logRetentionDays": fmt.Sprint(days)})
		if err != nil {
			continue
		}
		if known++; stacks.FromConfig(c).LogRetention == "" {
			t.Errorf("%d days: got no retention", days)
		}
	}
	if known < 20 {
		t.Errorf("got %d retentions, want all of CloudWatch Logs", known)
	}
}
