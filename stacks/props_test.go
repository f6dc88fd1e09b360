package stacks_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
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

// Properties that are not set have the defaults of the configuration.
func TestPropertiesHaveTheDefaultsOfTheConfiguration(t *testing.T) {
	made := func(props *stacks.ChimewatchProps) map[string]*cfn.Resource {
		app, stack := appOf(t)
		props.Code = codeOf(t)
		stacks.NewChimewatch(stack, jsii.String("Watch"), props)
		return templateOf(t, app, "Mine").Resources
	}
	defaults := stacks.DefaultConfig()
	want := made(&stacks.ChimewatchProps{Config: &defaults})
	if diff := cmp.Diff(want, made(&stacks.ChimewatchProps{})); diff != "" {
		t.Errorf("with the default configuration (-), without properties (+):\n%s", diff)
	}
}

// Settings that the configuration refuses are refused by the construct, too.
func TestSettingsAreChecked(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*stacks.Config)
		want   string
	}{
		{"a source", func(c *stacks.Config) { c.VoiceSources = []string{"sqss"} }, "voiceSources"},
		{"a task", func(c *stacks.Config) { c.VoiceTasks = []string{"singing"} }, "voiceTasks"},
		{"a search without its domain", func(c *stacks.Config) {
			c.VoiceSources, c.VoiceTasks = []string{stacks.VoiceSQS}, []string{stacks.SpeakerSearch}
		}, "voiceProfileDomainArn"},
		{"a retention", func(c *stacks.Config) { c.RetentionDays = -1 }, "retentionDays"},
		{"a retention of logs", func(c *stacks.Config) { c.LogRetentionDays = 2 }, "logRetentionDays"},
		{"an architecture", func(c *stacks.Config) { c.Architecture = "mips" }, "architecture"},
		{"a body for https", func(c *stacks.Config) { c.HTTPS.Alerts = "xml" }, "httpsBody"},
		{"a route", func(c *stacks.Config) { c.Routes = []stacks.Route{{Rule: "cancel", Severity: "grave"}} }, "severity"},
		{"a setting", func(c *stacks.Config) { c.Window = 25 * time.Hour }, "incidentWindow"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stack := appOf(t)
			defer func() {
				if problem := fmt.Sprint(recover()); !strings.Contains(problem, test.want) {
					t.Errorf("got %s, want it to name %s", problem, test.want)
				}
			}()
			settings := stacks.DefaultConfig()
			test.change(&settings)
			stacks.NewChimewatch(stack, jsii.String("Watch"), &stacks.ChimewatchProps{Config: &settings, Code: codeOf(t)})
		})
	}
}

// Topics of the same app have no name yet: alarms and routes refer to them, without a rule for their Region.
func TestTopicsOfTheSameApp(t *testing.T) {
	app, stack := appOf(t)
	topic := awssns.NewTopic(stack, jsii.String("Ours"), nil)
	settings := stacks.DefaultConfig()
	settings.Routes = []stacks.Route{{Rule: "cancel", Topic: *topic.TopicArn()}}
	stacks.NewChimewatch(stack, jsii.String("Watch"), &stacks.ChimewatchProps{
		Config: &settings, Code: codeOf(t), AlarmTopic: topic,
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

// The configuration allows the log retentions that CloudWatch Logs offers, and no others.
func TestLogRetentionsAreThoseOfCloudWatchLogs(t *testing.T) {
	app, stack := appOf(t)
	for _, retention := range []awslogs.RetentionDays{
		awslogs.RetentionDays_ONE_DAY, awslogs.RetentionDays_THREE_DAYS, awslogs.RetentionDays_FIVE_DAYS,
		awslogs.RetentionDays_ONE_WEEK, awslogs.RetentionDays_TWO_WEEKS, awslogs.RetentionDays_ONE_MONTH,
		awslogs.RetentionDays_TWO_MONTHS, awslogs.RetentionDays_THREE_MONTHS, awslogs.RetentionDays_FOUR_MONTHS,
		awslogs.RetentionDays_FIVE_MONTHS, awslogs.RetentionDays_SIX_MONTHS, awslogs.RetentionDays_ONE_YEAR,
		awslogs.RetentionDays_THIRTEEN_MONTHS, awslogs.RetentionDays_EIGHTEEN_MONTHS, awslogs.RetentionDays_TWO_YEARS,
		awslogs.RetentionDays_THREE_YEARS, awslogs.RetentionDays_FIVE_YEARS, awslogs.RetentionDays_SIX_YEARS,
		awslogs.RetentionDays_SEVEN_YEARS, awslogs.RetentionDays_EIGHT_YEARS, awslogs.RetentionDays_NINE_YEARS,
		awslogs.RetentionDays_TEN_YEARS,
	} {
		awslogs.NewLogGroup(stack, jsii.String(string(retention)), &awslogs.LogGroupProps{Retention: retention})
	}
	offered := map[int]bool{}
	for _, group := range templateOf(t, app, "Mine").Of(logGroup) {
		offered[int(group.Prop("RetentionInDays").(float64))] = true
	}
	allowed := map[int]bool{}
	for days := range 3660 {
		c := config.Default()
		if c.LogRetentionDays = days; c.Validate() == nil {
			allowed[days] = true
		}
	}
	if diff := cmp.Diff(offered, allowed); diff != "" {
		t.Errorf("days that CloudWatch Logs offers (-), that the configuration allows (+):\n%s", diff)
	}
}
