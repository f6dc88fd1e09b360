package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/schemas"
)

func example(t *testing.T, name string) string {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Body)
}

func TestEventsValidate(t *testing.T) {
	created := example(t, "created")
	for _, test := range []struct {
		name  string
		input string
		args  []string
		code  int
		want  string
	}{
		{"one", created, nil, exitDone, `-, event 0: valid
  schema     media-insights-state-change
  rules      state-change
  functions  status
`},
		{"two rules", example(t, "two-elements-processor-failed"), nil, exitDone, `-, event 0: valid
  schema     media-insights-state-change
  rules      state-change, element-failure
  functions  status, failures
`},
		{"no rule, but a source", example(t, "voice-tone-failure"), nil, exitDone, `-, event 0: valid
  schema     voice-tone-analysis-status
  rules      none
  functions  voice
`},
		{"rehearsal", strings.Replace(created, `"aws.chime"`, `"chimewatch.rehearsal"`, 1), nil, exitDone,
			`-, event 0: valid
  schema     media-insights-state-change
  rules      none
  functions  none
`},
		{"rehearsal where they are let in", strings.Replace(created, `"aws.chime"`, `"chimewatch.rehearsal"`, 1),
			[]string{"--rehearsal"}, exitDone, `-, event 0: valid
  schema     media-insights-state-change
  rules      state-change
  functions  status
`},
		{"number instead of a text", strings.Replace(created, `"chime:MediaInsightsCreated"`, `7`, 1), nil, exitFailed,
			`-, event 0: 1 problem
  schema     media-insights-state-change
  rules      state-change
  functions  status
  problem    /detail/eventType: found the number 7, expected text: ` +
				"the name of the new state, such as chime:MediaInsightsInProgress\n"},
		{"unknown kind", `{"id":"x","detail-type":"Other","source":"aws.chime","time":"2026-03-09T14:08:30Z"}`, nil,
			exitFailed, `-, event 0: 1 problem
  schema     none
  rules      none
  functions  none
  problem    /detail-type: there is no schema for "Other" ` +
				`(the detail types with a schema are "Media Insights State Change", "Media Insights Rules Matched", ` +
				`"VoiceAnalyticsStatus", "SpeakerSearchStatus", "VoiceToneAnalysisStatus" and "Voice Analytics Consent")` +
				"\n"},
		{"not an object", `7`, nil, exitFailed, `-, event 0: 1 problem
  schema     none
  rules      none
  functions  none
  problem    event: found the number 7, expected an object (an event is one JSON object)
`},
		{"not JSON", "\n\n{\"id\": x}", nil, exitFailed, `-, event 0: 1 problem
  schema     none
  rules      none
  functions  none
  problem    is not JSON at line 3: invalid character 'x' at start of value; nothing after it is read
`},
		{"nothing", " \n", nil, exitFailed, `-, event 0: 1 problem
  schema     none
  rules      none
  functions  none
  problem    there is no event in it
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := execute(nil, test.input, append([]string{"events", "validate", "-"}, test.args...)...)
			if got.code != test.code {
				t.Errorf("got exit code %d, want %d", got.code, test.code)
			}
			if diff := cmp.Diff(test.want, got.stdout); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			reported := strings.HasPrefix(got.stderr, "chimewatch: -: 1 of 1 event with problems")
			if reported != (test.code != exitDone) {
				t.Errorf("got %q on the error stream, want the number of faulty events only where there is one", got.stderr)
			}
		})
	}
}

func TestEventsValidateReadsManyEvents(t *testing.T) {
	created, paused := compact(t, example(t, "created")), compact(t, example(t, "paused"))
	for _, test := range []struct {
		name, text string
		want       int // events
		problems   int // in the last of them
	}{
		{"JSON Lines", created + "\n" + paused + "\n", 2, 0},
		{"one right after another", created + paused, 2, 0},
		{"indented", example(t, "created") + example(t, "paused") + example(t, "stopped"), 3, 0},
		{"array", "[" + created + "," + paused + "]", 2, 0},
		{"arrays and events", "[" + created + "]" + paused + "[[" + paused + "]]", 3, 0},
		{"byte order mark", "\uFEFF" + created, 1, 0},
		{"name twice", strings.Replace(created, `{`, `{"version":"0",`, 1), 1, 0},
		{"broken end", created + "\n" + paused + `{"id":`, 3, 1},
		{"array that does not end", "[" + created, 2, 1},
		{"mismatched end", created + "]", 2, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "events.json")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := execute(nil, "", "events", "validate", file, "--output", "json")
			var results []checkedEvent
			if err := json.Unmarshal([]byte(got.stdout), &results); err != nil {
				t.Fatal(err)
			}
			if len(results) != test.want || len(results[len(results)-1].Problems) != test.problems {
				t.Fatalf("got %s, want %d events and %d problems in the last", got.stdout, test.want, test.problems)
			}
			for i, r := range results {
				if r.Index != i || r.File != file {
					t.Errorf("got %s event %d, want %s event %d", r.File, r.Index, file, i)
				}
			}
		})
	}
}

func TestEventsValidateAsJSON(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"a.json": example(t, "create-failed"),
		"b.json": `{"detail-type":"SpeakerSearchStatus"}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := execute(nil, "", "events", "validate", "a.json", "b.json", "-o", "json")
	golden := `[
  {
    "file": "a.json",
    "index": 0,
    "schema": "media-insights-state-change",
    "problems": [],
    "rules": [
      "state-change",
      "create-failed"
    ],
    "functions": [
      "status",
      "failures"
    ]
  },
  {
    "file": "b.json",
    "index": 0,
    "schema": "speaker-search-status",
    "problems": [
      {
        "pointer": "/detail",
        "message": "`
	if !strings.HasPrefix(got.stdout, golden) || got.code != exitFailed {
		t.Errorf("got exit code %d and %s, want 1 and at first %s", got.code, got.stdout, golden)
	}
	want := `{"error":{"class":"invalid","where":"a.json, b.json","what":"1 of 2 events with problems"}}` + "\n"
	if got.stderr != want {
		t.Errorf("got %q, want %q", got.stderr, want)
	}
}

func TestEventsValidateMissingFile(t *testing.T) {
	got := execute(nil, "", "events", "validate", "/nowhere/events.json")
	want := "chimewatch: /nowhere/events.json: cannot be read: open /nowhere/events.json: no such file or directory\n"
	if got.code != exitFailed || got.stderr != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
	}
}

func TestEveryExampleIsValid(t *testing.T) {
	for _, e := range schemas.Examples() {
		if got := execute(nil, string(e.Body), "events", "validate", "-"); got.code != exitDone {
			t.Errorf("%s: got %s, want it valid", e.Name, got.stdout)
		}
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	decoded, err := decodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
