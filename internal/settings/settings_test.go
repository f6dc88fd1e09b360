package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/settings"
)

func TestEnvironmentIsReadBack(t *testing.T) {
	want := settings.Default()
	want.Window, want.Quiet, want.Reopen, want.Heartbeat, want.Quota = 90*time.Second, 2*time.Hour, 0, 0, 250
	want.TimeZone, want.QuietHours = "Europe/Berlin", "Mon-Fri 18:00-08:00,Sat,Sun"
	env := want.Environment()
	if len(env) != len(settings.Keys()) {
		t.Errorf("got %d variables, want one for each of %d keys", len(env), len(settings.Keys()))
	}
	got, err := settings.Read(func(name string) string { return env[name] })
	if err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

func TestNothingSetIsTheDefault(t *testing.T) {
	got, err := settings.Read(func(string) string { return "" })
	if err != nil || got != settings.Default() {
		t.Errorf("got %+v (%v), want the default", got, err)
	}
}

func TestEveryKeyIsFound(t *testing.T) {
	for _, k := range settings.Keys() {
		if got, ok := settings.Lookup(k.Name); !ok || got.Variable != k.Variable {
			t.Errorf("%s: got %v", k.Name, got.Variable)
		}
	}
	if _, ok := settings.Lookup("nonsense"); ok {
		t.Error("got a key that is none")
	}
}

func TestRefused(t *testing.T) {
	cases := []struct{ key, value, wantFix string }{
		{"incidentWindow", "0", "a duration from 1s to 24h, written like 90s, 15m or 2h"},
		{"incidentWindow", "-5m", "a duration from 1s"},
		{"incidentWindow", "25h", "to 24h"},
		{"incidentWindow", "quarter past", "a duration"},
		{"incidentReopen", "200h", "or 0"},
		{"silentPipeline", "10s", "from 1m to 8h"},
		{"timeZone", "Local", "the IANA name of a time zone"},
		{"timeZone", "", "the IANA name of a time zone"},
		{"quietHours", "Mon-Fri 6-8", "Mon-Fri 18:00-08:00"},
		{"pipelineQuota", "0", "a number from 1"},
		{"pipelineQuota", "many", "a number from 1"},
	}
	for _, test := range cases {
		t.Run(test.key+" "+test.value, func(t *testing.T) {
			k, _ := settings.Lookup(test.key)
			s := settings.Default()
			err := k.Set(&s, "context key "+test.key, test.value)
			if apperr.ClassOf(err) != apperr.Invalid {
				t.Fatalf("got %v, want it refused", err)
			}
			for _, want := range []string{"context key " + test.key, test.value, test.wantFix} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if s != settings.Default() {
				t.Error("a refused value was set")
			}
		})
	}
}
