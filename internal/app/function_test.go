package app_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// environment is the minimum that the template sets.
var environment = map[string]string{
	"CHIMEWATCH_TABLE": "calls", "CHIMEWATCH_RETENTION_DAYS": "90",
	"CHIMEWATCH_ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
}

// with returns the environment with changes; an empty value removes a variable.
func with(changes map[string]string) func(string) string {
	env := maps.Clone(environment)
	maps.Copy(env, changes)
	return func(name string) string { return env[name] }
}

// A function that cannot start names everything that is wrong at once.
func TestFunctionRefusesAWrongEnvironment(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, tt := range []struct {
		name    string
		changes map[string]string
		build   func(lambdafn.Env) (lambdafn.Handler, error)
		says    []string // none: it starts
	}{
		{"the template's", nil, app.Alerts, nil},
		{"for ever", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "0"}, app.Status, nil},
		{"no table", map[string]string{"CHIMEWATCH_TABLE": ""}, app.Status, []string{"CHIMEWATCH_TABLE: is not set"}},
		{"no topic", map[string]string{"CHIMEWATCH_ALERT_TOPIC_ARN": ""}, app.Alerts,
			[]string{"CHIMEWATCH_ALERT_TOPIC_ARN: is not set"}},
		{"a topic that is not needed", map[string]string{"CHIMEWATCH_ALERT_TOPIC_ARN": ""}, app.Status, nil},
		{"no retention", map[string]string{"CHIMEWATCH_RETENTION_DAYS": ""}, app.Status,
			[]string{"CHIMEWATCH_RETENTION_DAYS: is not set"}},
		{"a retention in words", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "ninety"}, app.Status,
			[]string{`CHIMEWATCH_RETENTION_DAYS: is "ninety"`}},
		{"a retention below zero", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "-1"}, app.Status,
			[]string{`CHIMEWATCH_RETENTION_DAYS: is "-1"`}},
		{"a retention that overflows", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "200000"}, app.Status,
			[]string{`CHIMEWATCH_RETENTION_DAYS: is "200000"`}},
		{"a retention of a century", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "36500"}, app.Status, nil},
		{"a retention of more", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "36501"}, app.Status,
			[]string{`CHIMEWATCH_RETENTION_DAYS: is "36501"`}},
		{"a setting", map[string]string{"CHIMEWATCH_INCIDENT_WINDOW": "soon"}, app.Status,
			[]string{`CHIMEWATCH_INCIDENT_WINDOW: is "soon"`}},
		{"a body for https", map[string]string{"CHIMEWATCH_HTTPS_BODY": "json"}, app.Status,
			[]string{`CHIMEWATCH_HTTPS_BODY: is "json"`, "card or data"}},
		{"routes", map[string]string{"CHIMEWATCH_ROUTES": "{"}, app.Alerts, []string{"CHIMEWATCH_ROUTES"}},
		{"several", map[string]string{
			"CHIMEWATCH_TABLE": "", "CHIMEWATCH_RETENTION_DAYS": "x", "CHIMEWATCH_ALERT_TOPIC_ARN": "",
			"CHIMEWATCH_MATCH_WINDOW": "x", "CHIMEWATCH_ROUTES": "x",
		}, app.Alerts, []string{
			"CHIMEWATCH_TABLE", "CHIMEWATCH_RETENTION_DAYS", "CHIMEWATCH_ALERT_TOPIC_ARN",
			"CHIMEWATCH_MATCH_WINDOW", "CHIMEWATCH_ROUTES",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := lambdafn.New(t.Context(), "alerts", with(tt.changes), tt.build)
			if (err == nil) != (tt.says == nil) || (f == nil) != (err != nil) {
				t.Fatalf("got %v and %v, want an error: %v", f, err, tt.says != nil)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
		})
	}
}
