package config_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// chosenOtherwise returns a value that is not the default for every setting that functions read.
func chosenOtherwise() config.Stack {
	c := config.Default()
	c.RetentionDays, c.FullNumbers, c.RunbookURL = 0, true, ""
	c.HTTPS = notify.HTTPSBodies{Failures: notify.HTTPSData, Alerts: notify.HTTPSCard}
	c.Settings = config.Settings{MatchWindow: 90 * time.Second}
	c.Window, c.Quiet, c.Reopen, c.Heartbeat, c.Quota = 90*time.Second, 2*time.Hour, 0, 0, 250
	c.Recovery, c.Silent = 1500*time.Millisecond, 3*time.Hour
	c.TimeZone, c.QuietHours = "Europe/Berlin", "Mon-Fri 18:00-08:00,Sat,Sun"
	c.Routes = rulematch.Routes{{Rule: "escalation-*", Severity: incident.High, Topic: operations}}
	c.VoiceTasks, c.VoiceProfileDomainARN = []string{"speaker-search", "voice-tone"}, domain
	return c
}

func TestEnvironmentIsReadBack(t *testing.T) {
	want := chosenOtherwise()
	env := want.Environment()
	for _, s := range config.Registry() {
		value, set := env[s.Variable]
		if set != (s.Variable != "") || set && value == s.Default() {
			t.Errorf("%s: got %s=%q, want the variable with another value than the default", s.Key, s.Variable, value)
		}
		if (s.Variable == "") != (s.Group == "") {
			t.Errorf("%s: got variable %q and group %q, want both or neither", s.Key, s.Variable, s.Group)
		}
	}
	got, err := config.FromEnvironment(func(name string) string { return env[name] })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; want (-), got (+):\n%s", err, diff)
	}
}

func TestKeysOfTopicsStayOutOfTheEnvironment(t *testing.T) {
	c := chosenOtherwise()
	c.Routes[0].Key = "arn:aws:kms:us-east-1:111122223333:key/0b4c6a52"
	if got := c.Environment()[config.EnvRoutes]; got == "" || strings.Contains(got, "kms") {
		t.Errorf("got %s, want the routes without keys", got)
	}
}

func TestGroupsOfTheEnvironment(t *testing.T) {
	names := func(groups ...config.Group) []string {
		return slices.Sorted(maps.Keys(chosenOtherwise().Environment(groups...)))
	}
	want := []string{config.EnvVoiceProfileDomainARN, config.EnvVoiceTasks}
	if diff := cmp.Diff(want, names(config.Voice)); diff != "" {
		t.Errorf("one group: want (-), got (+):\n%s", diff)
	}
	want = append([]string{config.EnvRetentionDays}, want...)
	if diff := cmp.Diff(want, names(config.Storage, config.Voice)); diff != "" {
		t.Errorf("two groups: want (-), got (+):\n%s", diff)
	}
}

func TestEmptyEnvironmentIsTheDefaultWithoutARunbook(t *testing.T) {
	want := config.Default()
	want.RunbookURL = ""
	got, err := config.FromEnvironment(func(string) string { return "" })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; want (-), got (+):\n%s", err, diff)
	}
}

func TestBadVariablesAreRefused(t *testing.T) {
	want := config.Default()
	want.RunbookURL = ""
	for _, test := range []struct{ variable, value, wantFix string }{
		{"CHIMEWATCH_INCIDENT_WINDOW", "0", "a duration from 1s to 24h, written like 90s, 15m or 2h"},
		{"CHIMEWATCH_INCIDENT_WINDOW", "-5m", "a duration from 1s"},
		{"CHIMEWATCH_INCIDENT_WINDOW", "25h", "to 24h"},
		{"CHIMEWATCH_INCIDENT_WINDOW", "quarter past", "a duration"},
		{"CHIMEWATCH_INCIDENT_REOPEN", "200h", "or 0"},
		{"CHIMEWATCH_SILENT_PIPELINE", "10s", "from 1m to 8h"},
		{"CHIMEWATCH_TIME_ZONE", "Local", "the IANA name of a time zone"},
		{"CHIMEWATCH_QUIET_HOURS", "Mon-Fri 6-8", "Mon-Fri 18:00-08:00"},
		{"CHIMEWATCH_PIPELINE_QUOTA", "0", "a number from 1"},
		{"CHIMEWATCH_PIPELINE_QUOTA", "many", "a number from 1"},
	} {
		t.Run(test.variable+" "+test.value, func(t *testing.T) {
			got, err := config.FromEnvironment(func(name string) string {
				return map[string]string{test.variable: test.value}[name]
			})
			wantRefusal(t, err, []string{"environment variable " + test.variable, test.value, test.wantFix})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("a refused value was set: want (-), got (+):\n%s", diff)
			}
		})
	}
}

// Every variable has one constant, in this package.
func TestVariablesAreNamedHereOnly(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil &&
				(entry.Name() == "node_modules" || entry.Name() == "config" && filepath.Base(filepath.Dir(path)) == "internal") {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var s scanner.Scanner
		files := token.NewFileSet()
		s.Init(files.AddFile(path, -1, len(source)), source, nil, 0)
		for {
			pos, tok, text := s.Scan()
			if tok == token.EOF {
				return nil
			}
			if tok == token.STRING && strings.Contains(text, "CHIMEWATCH_") {
				t.Errorf("%s: got %s, want the constant of internal/config", files.Position(pos), text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What FromContext refuses cannot be given to the stack in another way either.
func TestValidate(t *testing.T) {
	if err := chosenOtherwise().Validate(); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("voice tasks without a source: got %v", err)
	}
	for _, test := range []struct {
		name   string
		change func(*config.Stack)
		want   []string
	}{
		{"the default", func(*config.Stack) {}, nil},
		{"no values", func(c *config.Stack) { *c = config.Stack{} }, []string{"chimewatch.stackName", "chimewatch.memoryMB"}},
		{"an address", func(c *config.Stack) { c.AlarmEmails = []string{"nobody"} },
			[]string{"chimewatch.alarmEmails", "nobody"}},
		{"a part of a second", func(c *config.Stack) { c.Retry.Age += time.Millisecond }, []string{"chimewatch.retryAge"}},
		{"a route", func(c *config.Stack) { c.Routes = rulematch.Routes{{Rule: "?"}} },
			[]string{"chimewatch.routes[0].rule"}},
		{"a task without a source", func(c *config.Stack) { c.VoiceTasks = []string{"voice-tone"} },
			[]string{"chimewatch.voiceSources"}},
		{"a time zone", func(c *config.Stack) { c.TimeZone = "Europe/Atlantis" },
			[]string{"chimewatch.timeZone", "not known"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			test.change(&c)
			wantRefusal(t, c.Validate(), test.want)
		})
	}
}
