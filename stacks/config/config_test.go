package config_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/stacks/config"
)

// object is a context with the object of cdk.json, among keys of the CDK's own.
func object(values map[string]any) map[string]any {
	return map[string]any{"@aws-cdk/core:checkSecretUsage": true, "chimewatch": values}
}

func TestNothingChosenIsTheDefault(t *testing.T) {
	for name, context := range map[string]map[string]any{"no context": nil, "an empty object": object(map[string]any{})} {
		got, err := config.Read(context)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(config.Default(), got); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", name, diff)
		}
	}
}

func TestEveryChoiceIsTaken(t *testing.T) {
	want := config.Default()
	want.StackName, want.Production, want.Architecture, want.RetentionDays, want.LogRetentionDays = "Watch-2", true, "x86_64", 0, 7
	want.Retain, want.FullNumbers, want.RunbookURL = false, true, "https://wiki.example.com/runbook"
	want.FailureEmails, want.AlertEmails = []string{"ops@example.com", "more@example.com"}, []string{"team@example.com"}
	want.Settings.Window, want.Settings.Quota = 5*time.Minute, 200
	want.MemoryMB, want.Delivery, want.Retry = 512, config.Attempts{Age: 90 * time.Second}, config.Attempts{Most: 1, Age: 2 * time.Hour}
	got, err := config.Read(map[string]any{
		"chimewatch": map[string]any{
			"stackName": "Watch-2", "production": false, "retentionDays": 0.0, "logRetentionDays": 7.0, "retain": false, "fullNumbers": true,
			"runbookUrl": "https://wiki.example.com/runbook", "failureEmails": []any{"ops@example.com", "more@example.com"},
			"alertEmails": "team@example.com", "incidentWindow": "5m", "pipelineQuota": 200.0,
			"memoryMB": 512.0, "deliveryAttempts": 0.0, "retryAttempts": "1", "retryAge": "2h",
		},
		"chimewatch:production": "true", "chimewatch:architecture": "x86_64", // as -c gives them
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
		{"an unknown key", object(map[string]any{"retention": 3.0}), []string{"chimewatch.retention", "is not known", "retentionDays"}},
		{"an unknown key on the command line", map[string]any{"chimewatch:produktion": "true"}, []string{"chimewatch:produktion", "is not known (use one of production)"}},
		{"an unknown key near to none", object(map[string]any{"colour": "red"}), []string{"chimewatch.colour", "stackName, production, architecture", "pipelineQuota"}},
		{"a window of zero", object(map[string]any{"incidentWindow": "0"}), []string{"chimewatch.incidentWindow", `"0"`, "from 1s to 24h"}},
		{"an architecture", object(map[string]any{"architecture": "mips"}), []string{"chimewatch.architecture", `"mips"`, "arm64 or x86_64"}},
		{"over the command line", map[string]any{"chimewatch:retain": "perhaps"}, []string{"chimewatch:retain", `"perhaps"`, "true or false"}},
		{"a retention", object(map[string]any{"retentionDays": -1.0}), []string{"chimewatch.retentionDays", `"-1"`, "0 to keep calls for ever"}},
		{"a fraction", object(map[string]any{"retentionDays": 1.5}), []string{"chimewatch.retentionDays", `"1.5"`}},
		{"a log retention", object(map[string]any{"logRetentionDays": 31.0}), []string{"chimewatch.logRetentionDays", `"31"`, "14, 30, 60"}},
		{"an address", object(map[string]any{"failureEmails": []any{"ops@example.com", "nobody"}}), []string{"chimewatch.failureEmails", "nobody", "e-mail"}},
		{"a list of numbers", object(map[string]any{"alertEmails": []any{1.0}}), []string{"chimewatch.alertEmails"}},
		{"a runbook", object(map[string]any{"runbookUrl": "http://wiki"}), []string{"chimewatch.runbookUrl", "http://wiki", "https"}},
		{"a stack name", object(map[string]any{"stackName": "2watch"}), []string{"chimewatch.stackName", "2watch", "beginning with a letter"}},
		{"little memory", object(map[string]any{"memoryMB": 64.0}), []string{"chimewatch.memoryMB", `"64"`, "from 128 to 10240"}},
		{"many deliveries", object(map[string]any{"deliveryAttempts": 186.0}), []string{"chimewatch.deliveryAttempts", `"186"`, "0 to 185"}},
		{"old deliveries", object(map[string]any{"deliveryAge": "25h"}), []string{"chimewatch.deliveryAge", `"25h"`, "1m to 24h"}},
		{"many retries", object(map[string]any{"retryAttempts": 3.0}), []string{"chimewatch.retryAttempts", `"3"`, "0 to 2"}},
		{"old retries", object(map[string]any{"retryAge": "59s"}), []string{"chimewatch.retryAge", `"59s"`, "1m to 6h"}},
		{"a part of a second", object(map[string]any{"retryAge": "61.5s"}), []string{"chimewatch.retryAge", "whole seconds"}},
		{"a severity", object(map[string]any{"routes": []any{map[string]any{"rule": "escalation-*"}, map[string]any{"rule": "cancel", "severity": "grave"}}}),
			[]string{"context key chimewatch.routes[1].severity", `"grave"`, "critical, high, medium or low"}},
		{"a topic by its name", map[string]any{"chimewatch:routes": `[{"rule": "cancel", "topic": "urgent"}]`}, []string{"context key chimewatch:routes[0].topic", `"urgent"`, "the ARN of a standard SNS topic"}},
		{"routes that are none", object(map[string]any{"routes": true}), []string{"context key chimewatch.routes", "is no list of routes"}},
		{"all at once", object(map[string]any{"production": "often", "pipelineQuota": 0.0}), []string{"chimewatch.production", "chimewatch.pipelineQuota"}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.Read(test.context)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if class := fault.ClassOf(err); class != fault.Invalid {
				t.Errorf("got class %s, want %s", class, fault.Invalid)
			}
		})
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
	if _, err := config.Read(file.Context); err != nil {
		t.Error(err)
	}
}

// The table of README.md names every key, and gives defaults that are the defaults.
func TestReadmeNamesEveryChoice(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Configure\n")
	section, _, _ = strings.Cut(section, "\n## ")
	quoted := regexp.MustCompile("`([^`]+)`")
	var named []string
	defaults := map[string]any{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		values := quoted.FindAllStringSubmatch(cells[2], -1)
		for i, key := range quoted.FindAllStringSubmatch(cells[1], -1) {
			named = append(named, key[1])
			if i < len(values) {
				defaults[key[1]] = values[i][1]
			}
		}
	}
	known := config.Keys()
	slices.Sort(named)
	slices.Sort(known)
	if diff := cmp.Diff(known, named); diff != "" {
		t.Errorf("keys: want (-), in README.md (+):\n%s", diff)
	}
	if len(defaults) < 15 {
		t.Errorf("got the defaults %v, want those of most keys", defaults)
	}
	got, err := config.Read(object(defaults))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got); diff != "" {
		t.Errorf("defaults: want (-), in README.md (+):\n%s", diff)
	}
}
