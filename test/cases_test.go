//go:build unix

package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// oddCase is a file of test/cases, and its expected outcome. The file has entries as
// `aws events put-events --entries` reads them, or records for the voice function, that are
// unusual but that the services or their callers may send.
type oddCase struct {
	file  string
	calls []oddCall
	// deadLetters is how many of the entries have to end as dead letters.
	deadLetters int
	// matches is how many rule matches have to be stored; matchMessages how many messages
	// about them may be sent at once.
	matches, matchMessages int
	// numbers are national digits of phone numbers that must be masked.
	numbers []string
}

// oddCall is what calls show has to print about a pipeline, and incidents show about the
// incident that it belongs to.
type oddCall struct {
	id, status      string
	degraded        bool
	class, severity string // of the incident; empty where there must be none
	element         string
}

// casePipeline returns the id of a pipeline that a file of test/cases is about.
func casePipeline(file, n int) string { return fmt.Sprintf("ca5e%04d-0000-4000-8000-%012d", file, n) }

// pipelines returns the same expectation for the first n pipelines of a file.
func pipelines(file, n int, want oddCall) (all []oddCall) {
	for i := range n {
		want.id = casePipeline(file, i+1)
		all = append(all, want)
	}
	return all
}

func oddCases() []oddCase {
	recording := oddCall{
		status: "InProgress", degraded: true, class: "unknown", severity: "critical", element: "S3RecordingSink",
	}
	stopped := recording
	stopped.status = "Stopped"
	failed := func(class, severity string) oddCall {
		return oddCall{status: "Failed", class: class, severity: severity}
	}
	reasons := []oddCall{
		failed("no-audio", "medium"), failed("quota", "critical"), failed("permissions", "critical"),
		failed("permissions", "critical"), failed("throttled", "critical"), failed("key-unusable", "critical"),
	}
	for i := range reasons {
		reasons[i].id = casePipeline(12, i+1)
	}
	keys := pipelines(13, 5, failed("permissions", "critical"))
	keys = append(keys, oddCall{
		id: casePipeline(13, 6), status: "InProgress", degraded: true, class: "unknown", severity: "medium",
	})
	return []oddCase{
		{file: "element-unreadable", calls: pipelines(1, 9, recording)},
		{file: "elements-as-text", calls: pipelines(2, 3, recording)},
		{file: "stream-records"},
		{
			file: "number-as-address", calls: pipelines(6, 3, failed("unknown", "critical")),
			numbers: []string{"2065550146", "2065550149", "2065550147", "2065550148"},
		},
		{
			file: "number-forms", calls: pipelines(7, 9, failed("unknown", "critical")),
			numbers: []string{
				"2065550150", "2065550144", "2065550151", "2065550152", "2065550153", "2065550154", "2065550155",
				"2065550156", "2065550157",
			},
		},
		{
			file: "number-in-metadata",
			calls: []oddCall{
				{id: casePipeline(8, 1), status: "InProgress"},
				{id: casePipeline(8, 2), status: "Failed", class: "service-fault", severity: "critical"},
			},
			numbers: []string{
				"2065550188", "2065550187", "2065550186", "2065550184", "2065550185", "2065550183", "2065550182",
			},
		},
		{file: "reasons", calls: reasons},
		{file: "ids-that-cannot-be-keys", calls: keys},
		{file: "call-insights"},
		{
			file: "consent-by-number", deadLetters: 1,
			numbers: []string{"2065550121", "2065550122", "2065550123"},
		},
		{file: "rule-match-without-call", matches: 6, matchMessages: 2},
		{file: "times", calls: pipelines(14, 4, stopped)},
	}
}

// oddWorld is a stack on which the cases run: the local one, or a deployed one.
type oddWorld interface {
	// put sends an entry to the rules, or a record to the voice function.
	put(t *testing.T, entry json.RawMessage)
	// drain waits until every entry is handled or is a dead letter.
	drain(t *testing.T)
	// command runs a command line and returns what it prints.
	command(t *testing.T, args ...string) string
	// output returns all messages that were sent, the oldest first, and all logs.
	output(t *testing.T) (messages []string, logs string)
	// deadLetters returns the reasons of the dead letters.
	deadLetters(t *testing.T) []string
}

// TestOddEventsOnTheLocalStack puts the cases on the local stack.
func TestOddEventsOnTheLocalStack(t *testing.T) {
	t.Parallel()
	need.Processes(t)
	s := startLocal(t, t.TempDir())
	checkOddEvents(t, &localWorld{s})
}

// TestEveryOddCaseIsListed compares the files of test/cases with the expectations.
func TestEveryOddCaseIsListed(t *testing.T) {
	files, err := filepath.Glob("cases/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, file := range files {
		got = append(got, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	for _, c := range oddCases() {
		want = append(want, c.file)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got the files %v, want those with an expectation: %v", got, want)
	}
}

// checkOddEvents sends every case, one after the other, and compares the outcome of each.
func checkOddEvents(t *testing.T, w oddWorld) {
	for _, c := range oddCases() {
		t.Run(c.file, func(t *testing.T) {
			messages, _ := w.output(t)
			deadLetters := len(w.deadLetters(t))
			matches := len(recordedMatches(t, w))
			for _, entry := range oddEntries(t, c.file) {
				w.put(t, entry)
			}
			w.drain(t)
			if got := w.deadLetters(t); len(got)-deadLetters != c.deadLetters {
				t.Errorf("got %d dead letters, want %d: %v", len(got)-deadLetters, c.deadLetters, got)
			}
			for _, want := range c.calls {
				checkOddCall(t, w, want)
			}
			if got := len(recordedMatches(t, w)) - matches; got != c.matches {
				t.Errorf("got %d rule matches stored, want %d", got, c.matches)
			}
			all, logs := w.output(t)
			fresh := all[len(messages):]
			if c.matches > 0 && (len(fresh) == 0 || len(fresh) > c.matchMessages) {
				t.Errorf("got %d messages about rule matches, want 1 to %d", len(fresh), c.matchMessages)
			}
			if len(c.calls) == 0 && c.matches == 0 && len(fresh) > 0 {
				t.Errorf("got the messages %s, want none", fresh)
			}
			printed := printedOf(t, w, c)
			for _, number := range c.numbers {
				for what, text := range map[string]string{
					"messages": strings.Join(all, "\n"), "logs": logs, "the command's output": printed,
					"dead letters": strings.Join(w.deadLetters(t), "\n"),
				} {
					if strings.Contains(digitsOf(text), number) {
						t.Errorf("%s: got the number %s, want it masked", what, number)
					}
				}
			}
		})
	}
}

// checkOddCall compares a pipeline and its incident with the expected ones.
func checkOddCall(t *testing.T, w oddWorld, want oddCall) {
	t.Helper()
	var got struct {
		Status    string
		Degraded  bool
		Incidents []string
	}
	decode(t, w.command(t, "calls", "show", want.id, "-o", "json"), &got)
	if got.Status != want.status || got.Degraded != want.degraded {
		t.Errorf("call %s: got %+v, want %+v", want.id, got, want)
	}
	if (want.class != "") != (len(got.Incidents) == 1) {
		t.Errorf("call %s: got the incidents %v, want one: %v", want.id, got.Incidents, want.class != "")
		return
	}
	for _, id := range got.Incidents {
		var i struct {
			Class, Severity, Element string
			Notifications            []struct{ SentAt time.Time }
		}
		decode(t, w.command(t, "incidents", "show", id, "-o", "json"), &i)
		if i.Class != want.class || i.Severity != want.severity || (want.element != "" && i.Element != want.element) {
			t.Errorf("call %s: got the incident %s: %+v, want %+v", want.id, id, i, want)
		}
		if len(i.Notifications) == 0 || i.Notifications[0].SentAt.IsZero() {
			t.Errorf("call %s: no notification about the incident %s was sent", want.id, id)
		}
	}
}

// printedOf returns what the command prints about a case, for people and for programs.
func printedOf(t *testing.T, w oddWorld, c oddCase) string {
	var all strings.Builder
	for _, call := range c.calls {
		for _, form := range []string{"table", "json"} {
			all.WriteString(w.command(t, "calls", "show", call.id, "-o", form))
		}
	}
	for _, form := range []string{"table", "json"} {
		all.WriteString(w.command(t, "incidents", "list", "-o", form))
		all.WriteString(w.command(t, "consent", "list", "-o", form))
		all.WriteString(w.command(t, "calls", "list", "-o", form))
	}
	return all.String()
}

func recordedMatches(t *testing.T, w oddWorld) (all []any) {
	t.Helper()
	decode(t, w.command(t, "alerts", "list", "-n", "1000", "-o", "json"), &all)
	return all
}

func oddEntries(t *testing.T, file string) (entries []json.RawMessage) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("cases", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, string(text), &entries)
	return entries
}

// digitsOf returns the digits of a text and nothing else.
func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
