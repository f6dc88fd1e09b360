package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// object is a context with the object of cdk.json, among keys of the CDK's own.
func object(values map[string]any) map[string]any {
	return map[string]any{"@aws-cdk/core:checkSecretUsage": true, "chimewatch": values}
}

// chosen is such a context with one choice.
func chosen(key string, value any) map[string]any { return object(map[string]any{key: value}) }

// operations is a topic of the deployer's own.
const operations = "arn:aws:sns:us-east-1:111122223333:operations"

func TestNothingChosenIsTheDefault(t *testing.T) {
	for name, context := range map[string]map[string]any{"no context": nil, "an empty object": object(map[string]any{})} {
		got, err := config.FromContext(context)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(config.Default(), got); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", name, diff)
		}
	}
}

func TestEveryChoiceIsAccepted(t *testing.T) {
	want := config.Default()
	want.StackName, want.Production, want.Rehearsal, want.AnyRegion = "Watch-2", false, true, true
	want.RetentionDays, want.LogRetentionDays, want.TableName = 0, 3288, "calls.2025_old-1"
	want.Architecture, want.Tracing, want.ReservedConcurrency = "x86_64", false, 20
	want.AlarmTopicARN = operations
	want.HTTPS = notify.HTTPSBodies{Failures: notify.HTTPSData, Alerts: notify.HTTPSCard}
	want.VoiceConnectorIDs = []string{"abcdef1ghij2klmno3pqr4"}
	want.Retain, want.FullNumbers, want.RunbookURL = false, true, "https://wiki.example.com/runbook"
	want.FailureEmails, want.AlertEmails = []string{"ops@example.com", "more@example.com"}, []string{"team@example.com"}
	want.Settings.Window, want.Settings.Quota = 5*time.Minute, 200
	want.Settings.TimeZone, want.Settings.QuietHours = "Australia/Lord_Howe", "Mon-Fri 18:00-08:00,Sat,Sun,12-25"
	want.MemoryMB, want.Delivery = 512, config.Attempts{Age: 90 * time.Second}
	want.Retry = config.Attempts{Max: 1, Age: 2 * time.Hour}
	got, err := config.FromContext(map[string]any{
		"chimewatch": map[string]any{
			"stackName": "Watch-2", "production": true, "rehearsal": true, "anyRegion": true, "fullNumbers": true,
			"retentionDays": 0.0, "logRetentionDays": 3288.0, "retain": false, "tableName": "calls.2025_old-1",
			"tracing": false, "reservedConcurrency": 20.0, "alarmTopicArn": operations, "httpsBody": "failures=data",
			"voiceConnectorIds": []any{"abcdef1ghij2klmno3pqr4"}, "runbookUrl": "https://wiki.example.com/runbook",
			"failureEmails": []any{"ops@example.com", "more@example.com"}, "alertEmails": "team@example.com",
			"incidentWindow": "5m", "pipelineQuota": 200.0, "timeZone": "Australia/Lord_Howe",
			"quietHours": []any{"Mon-Fri 18:00-08:00", "Sat", "Sun", "12-25"},
			"memoryMB":   512.0, "deliveryAttempts": 0.0, "retryAttempts": "1", "retryAge": "2h",
		},
		"chimewatch:production": "false", "chimewatch:architecture": "x86_64", // as -c passes them
		"chimewatch:deliveryAge": "90s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestBadChoicesAreRefused(t *testing.T) {
	cases := []struct {
		name    string
		context map[string]any
		want    []string // parts of the error
	}{
		{"no object", map[string]any{"chimewatch": "yes"}, []string{"context key chimewatch", "yes", "make it an object"}},
		{"an unknown key", chosen("retention", 3.0), []string{"chimewatch.retention", "is not known", "retentionDays"}},
		{"an unknown key on the command line", map[string]any{"chimewatch:produktion": "true"},
			[]string{"chimewatch:produktion", "is not known (use one of production)"}},
		{"an unknown key near to none", chosen("colour", "red"),
			[]string{"chimewatch.colour", "stackName, production, rehearsal", "pipelineQuota"}},
		{"a window of zero", chosen("incidentWindow", "0"), []string{"chimewatch.incidentWindow", `"0"`, "from 1s to 24h"}},
		{"an architecture", chosen("architecture", "mips"), []string{"chimewatch.architecture", `"mips"`, "arm64 or x86_64"}},
		{"over the command line", map[string]any{"chimewatch:retain": "perhaps"},
			[]string{"chimewatch:retain", `"perhaps"`, "true or false"}},
		{"a retention", chosen("retentionDays", -1.0),
			[]string{"chimewatch.retentionDays", `"-1"`, "0 to keep calls for ever"}},
		{"a fraction", chosen("retentionDays", 1.5), []string{"chimewatch.retentionDays", `"1.5"`}},
		{"a log retention", chosen("logRetentionDays", 31.0), []string{"chimewatch.logRetentionDays", `"31"`, "14, 30, 60"}},
		{"an address", chosen("failureEmails", []any{"ops@example.com", "nobody"}),
			[]string{"chimewatch.failureEmails", "nobody", "e-mail"}},
		{"a list of numbers", chosen("alertEmails", []any{1.0}), []string{"chimewatch.alertEmails"}},
		{"a runbook", chosen("runbookUrl", "http://wiki"), []string{"chimewatch.runbookUrl", "http://wiki", "https"}},
		{"a stack name", chosen("stackName", "2watch"),
			[]string{"chimewatch.stackName", "2watch", "beginning with a letter"}},
		{"little memory", chosen("memoryMB", 64.0), []string{"chimewatch.memoryMB", `"64"`, "from 128 to 10240"}},
		{"many deliveries", chosen("deliveryAttempts", 186.0), []string{"chimewatch.deliveryAttempts", `"186"`, "0 to 185"}},
		{"old deliveries", chosen("deliveryAge", "25h"), []string{"chimewatch.deliveryAge", `"25h"`, "1m to 24h"}},
		{"many retries", chosen("retryAttempts", 3.0), []string{"chimewatch.retryAttempts", `"3"`, "0 to 2"}},
		{"old retries", chosen("retryAge", "59s"), []string{"chimewatch.retryAge", `"59s"`, "1m to 6h"}},
		{"a part of a second", chosen("retryAge", "61.5s"), []string{"chimewatch.retryAge", "whole seconds"}},
		{"a severity", chosen("routes", []any{
			map[string]any{"rule": "escalation-*"}, map[string]any{"rule": "cancel", "severity": "grave"},
		}), []string{"context key chimewatch.routes[1].severity", `"grave"`, "critical, high, medium or low"}},
		{"a topic by its name", map[string]any{"chimewatch:routes": `[{"rule": "cancel", "topic": "urgent"}]`},
			[]string{"context key chimewatch:routes[0].topic", `"urgent"`, "the ARN of a standard SNS topic"}},
		{"routes that are none", chosen("routes", true), []string{"context key chimewatch.routes", "is no list of routes"}},
		{"a table by its ARN", chosen("tableName", "arn:aws:dynamodb:us-east-1:111122223333:table/calls"),
			[]string{"chimewatch.tableName", "the name of a table"}},
		{"an alarm topic by its name", chosen("alarmTopicArn", "operations"),
			[]string{"chimewatch.alarmTopicArn", `"operations"`, "the ARN of a standard SNS topic"}},
		{"two ways to receive alarms", object(map[string]any{"alarmTopicArn": operations, "alarmEmails": "ops@example.com"}),
			[]string{"chimewatch.alarmEmails", "and so is alarmTopicArn", "subscribe the addresses to that topic"}},
		{"a body", chosen("httpsBody", "xml"), []string{"chimewatch.httpsBody", `"xml"`, "card or data"}},
		{"concurrency", chosen("reservedConcurrency", 1001.0),
			[]string{"chimewatch.reservedConcurrency", `"1001"`, "1 to 1000"}},
		{"a Voice Connector by its ARN", chosen("voiceConnectorIds", "arn:aws:chime:us-east-1:111122223333:vc/abc"),
			[]string{"chimewatch.voiceConnectorIds", "ids of Voice Connectors"}},
		{"a key by its alias", chosen("routes", []any{
			map[string]any{"rule": "cancel", "topic": "arn:aws:sns:us-east-1:111122223333:t", "key": "alias/t"},
		}), []string{"chimewatch.routes[0].key", `"alias/t"`, "not an alias"}},
		{"a key without a topic", chosen("routes", []any{
			map[string]any{"rule": "cancel", "key": "arn:aws:kms:us-east-1:111122223333:key/0b4c6a52"},
		}), []string{"chimewatch.routes[0].key", "topic is not", "the alert topic has its own key"}},
		{"a time zone", chosen("timeZone", "Europe/Atlantis"), []string{"chimewatch.timeZone", `"Europe/Atlantis"`, "IANA"}},
		{"a time zone that is none", chosen("timeZone", "+01:00"), []string{"chimewatch.timeZone", `"+01:00"`, "IANA"}},
		{"the machine's own time zone", chosen("timeZone", "Local"), []string{"chimewatch.timeZone", `"Local"`, "IANA"}},
		{"no time zone", chosen("timeZone", ""), []string{"chimewatch.timeZone", `""`, "IANA"}},
		{"a day", chosen("quietHours", []any{"Mon-Fri 18:00-08:00", "Saturday"}),
			[]string{"chimewatch.quietHours", `"Saturday"`, `"Sat"`, `"22:00-06:00"`}},
		{"a time", chosen("quietHours", "Mon-Fri 18-08"), []string{"chimewatch.quietHours", `"Mon-Fri 18-08"`}},
		{"an empty time", chosen("quietHours", "18:00-18:00"), []string{"chimewatch.quietHours", `"18:00-18:00"`}},
		{"a time that no clock shows", chosen("quietHours", "18:00-24:30"), []string{"chimewatch.quietHours"}},
		{"a date", chosen("quietHours", "2026-02-30"), []string{"chimewatch.quietHours", `"2026-02-30"`}},
		{"dates in the wrong order", chosen("quietHours", "2026-12-31..2026-12-24"), []string{"chimewatch.quietHours"}},
		{"too much", chosen("quietHours", "Mon"+strings.Repeat(",Mon", 130)),
			[]string{"chimewatch.quietHours", "at most 500"}},
		{"without the prefix", map[string]any{"production": "true"},
			[]string{"context key production", "is not read", "-c chimewatch:production=VALUE"}},
		{"without the prefix, in another case", map[string]any{"FAILUREEMAILS": "ops@example.com"},
			[]string{"context key FAILUREEMAILS", "-c chimewatch:failureEmails=VALUE"}},
		{"the prefix in another case", map[string]any{"Chimewatch:production": "true"},
			[]string{"context key Chimewatch:production", "-c chimewatch:production=VALUE"}},
		{"a dot for the colon", map[string]any{"chimewatch.rehearsal": "true"},
			[]string{"context key chimewatch.rehearsal", "-c chimewatch:rehearsal=VALUE"}},
		{"the object in another case", map[string]any{"ChimeWatch": map[string]any{"production": false}},
			[]string{"context key ChimeWatch", "-c chimewatch:KEY=VALUE"}},
		{"a key in another case", map[string]any{"chimewatch:Production": "true"},
			[]string{"context key chimewatch:Production", "use one of production"}},
		{"all at once", object(map[string]any{"production": "often", "pipelineQuota": 0.0}),
			[]string{"chimewatch.production", "chimewatch.pipelineQuota"}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.FromContext(test.context)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if class := apperr.ClassOf(err); class != apperr.Invalid {
				t.Errorf("got class %s, want %s", class, apperr.Invalid)
			}
		})
	}
}

// Routes are one of the environment variables of a function, which have 4 KB
// together: what would fail at the deployment fails at the synth.
func TestRoutesHaveToFitIntoAFunction(t *testing.T) {
	routes := func(n int) map[string]any {
		var list []any
		for i := range n {
			list = append(list, map[string]any{
				"rule": fmt.Sprintf("rule-of-team-%02d", i), "severity": "high",
				"topic": fmt.Sprintf("arn:aws:sns:us-east-1:111122223333:team-%02d", i),
				"key":   "arn:aws:kms:us-east-1:111122223333:key/0b4c6a52-2f4e-4d2a-9f6b-3f4d0a1b2c3d",
			})
		}
		return chosen("routes", list)
	}
	if _, err := config.FromContext(routes(18)); err != nil {
		t.Errorf("18 routes: got %v, want them accepted; keys do not go to the functions", err)
	}
	_, err := config.FromContext(routes(40))
	wantRefusal(t, err, []string{"chimewatch.routes", "a function has room for"})
}

// So are quiet hours, which the same function has.
func TestRoutesAndQuietHoursHaveToFitIntoAFunction(t *testing.T) {
	choose := func(routes int) error {
		var list []any
		for i := range routes {
			list = append(list, map[string]any{"rule": fmt.Sprintf("rule-of-team-%02d", i), "severity": "high",
				"topic": fmt.Sprintf("arn:aws:sns:us-east-1:111122223333:team-%02d", i)})
		}
		_, err := config.FromContext(
			object(map[string]any{"routes": list, "quietHours": "Mon" + strings.Repeat(",Mon", 120)}))
		return err
	}
	if err := choose(12); err != nil {
		t.Errorf("12 routes: got %v, want them accepted", err)
	}
	wantRefusal(t, choose(18), []string{"chimewatch.quietHours", "a function has room for"})
}

// Keys of the CDK and of others in the same cdk.json are left alone.
func TestForeignContextKeysAreLeftAlone(t *testing.T) {
	_, err := config.FromContext(map[string]any{
		"@aws-cdk/core:checkSecretUsage": true, "aws:cdk:enable-path-metadata": true,
		"availability-zones:account=111122223333:region=us-east-1": []any{"us-east-1a"},
		"acme:chimewatch": "x", "chimewatcher": "x",
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRegionsWithoutCallAnalyticsAreRefused(t *testing.T) {
	voice := func(c *config.Stack) { c.VoiceSources = []string{"sqs"} }
	for _, test := range []struct {
		name, region string
		change       func(*config.Stack)
		want         []string // parts of the error
	}{
		{"not known yet", "", nil, nil},
		{"Virginia", "us-east-1", voice, nil},
		{"Frankfurt", "eu-central-1", nil, nil},
		{"voice in Frankfurt", "eu-central-1", voice,
			[]string{"Region eu-central-1", "voice analytics", "us-east-1, us-west-2"}},
		{"Ireland", "eu-west-1", nil, []string{
			"Region eu-west-1", "no call analytics", "us-east-1, us-west-2, eu-central-1", "chimewatch:anyRegion=true",
		}},
		{"voice in Ireland", "eu-west-1", voice, []string{"Region eu-west-1", "no call analytics"}},
		{"Ireland, by the deployer's word", "eu-west-1", func(c *config.Stack) { voice(c); c.AnyRegion = true }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			if test.change != nil {
				test.change(&c)
			}
			wantRefusal(t, c.CheckRegion(test.region), test.want)
		})
	}
}

// wantRefusal wants an error of class Invalid with these parts, or none.
func wantRefusal(t *testing.T, err error, parts []string) {
	t.Helper()
	if (err != nil) != (len(parts) > 0) || err != nil && apperr.ClassOf(err) != apperr.Invalid {
		t.Fatalf("got %v, want it refused: %v", err, len(parts) > 0)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, want it to say %q", err, part)
		}
	}
}

func TestShippedContextIsGood(t *testing.T) {
	text, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if _, err := config.FromContext(file.Context); err != nil {
		t.Error(err)
	}
}

// The table in README.md is the registry.
func TestReadmeTable(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Configure\n")
	section, _, _ = strings.Cut(section, "\n## ")
	want := "| key | default | what it is |\n|---|---|---|\n"
	for _, s := range config.Registry() {
		value := "none"
		if s.Default() != "" {
			value = "`" + s.Default() + "`"
		}
		want += fmt.Sprintf("| `%s` | %s | %s |\n", s.Key, value, s.Meaning)
	}
	if !strings.Contains(section, "\n"+want+"\n") {
		t.Errorf("the table in README.md is not the registry's, which is:\n%s", want)
	}
}

// A client of SNS publishes within its own Region only.
func TestTopicsOfAnotherRegionAreRefused(t *testing.T) {
	c := config.Default()
	c.Routes = rulematch.Routes{
		{Rule: "a", Topic: "arn:aws:sns:us-east-1:111122223333:here"},
		{Rule: "b", Topic: "arn:aws:sns:eu-central-1:111122223333:there"},
	}
	c.AlarmTopicARN = operations
	wantRefusal(t, c.CheckTopicRegions("us-east-1"), []string{
		"context key chimewatch.routes[1].topic", "a topic in eu-central-1, but the stack is in us-east-1",
	})
	wantRefusal(t, c.CheckTopicRegions("eu-central-1"), []string{"chimewatch.routes[0].topic", "chimewatch.alarmTopicArn"})
	wantRefusal(t, c.CheckTopicRegions(""), nil) // the template itself checks
}
