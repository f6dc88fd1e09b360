package simulate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local/simulate"
)

// perfect returns a small day, and what a system that works makes of it.
func perfect() (simulate.Truth, simulate.Found) {
	truth := simulate.Truth{
		Pipelines: []simulate.Pipeline{
			{ID: "a", Scenario: "clean", Status: "Stopped"},
			{ID: "b", Scenario: "broken", Status: "Failed", Degraded: true, Failure: simulate.PermanentFailure},
		},
		Matches:     []string{"m"},
		DeadLetters: []simulate.DeadLetter{{EventID: "x", Function: "status"}},
	}
	pipelines := slices.Clone(truth.Pipelines)
	pipelines[1].Incidents = []string{"i"}
	return truth, simulate.Found{
		Pipelines: pipelines, Incidents: 1, Recorded: 2,
		Matches:     []string{"m"},
		Published:   map[simulate.Kind]int{simulate.Incident: 2, simulate.RuleMatch: 1},
		DeadLetters: slices.Clone(truth.DeadLetters),
	}
}

func TestCompareAgrees(t *testing.T) {
	truth, found := perfect()
	got := truth.Compare(found)
	want := simulate.Report{Differences: []string{}, Lines: []simulate.Line{
		{What: "calls", Played: 2, Found: 2, Agrees: true},
		{What: "calls Stopped", Played: 1, Found: 1, Agrees: true},
		{What: "calls Failed", Played: 1, Found: 1, Agrees: true},
		{What: "calls degraded", Played: 1, Found: 1, Agrees: true},
		{What: "rule matches", Played: 1, Found: 1, Agrees: true},
		{What: "failures notified permanent failure", Played: 1, Found: 1, Agrees: true},
		{What: "failures notified create failed", Agrees: true},
		{What: "failures notified element failure", Agrees: true},
		{What: "failures notified temporary failure", Agrees: true},
		{What: "incidents notified", Played: 1, Found: 1, Agrees: true},
		{What: "notifications incident", Played: 2, Found: 2, Agrees: true},
		{What: "notifications rule match", Played: 1, Found: 1, Agrees: true},
		{What: "dead letters", Played: 1, Found: 1, Agrees: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" || !got.Agrees() {
		t.Errorf("agrees: got %v, want true; report (-want +got):\n%s", got.Agrees(), diff)
	}
}

func TestCompareReportsEveryDifference(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*simulate.Found)
		line   string // the line that has to disagree
		says   string
	}{
		{"a lost call", func(f *simulate.Found) { f.Pipelines = f.Pipelines[1:] }, "calls",
			"call a (clean): got nothing, want Stopped"},
		{"a call from nowhere", func(f *simulate.Found) {
			f.Pipelines = append(f.Pipelines, simulate.Pipeline{ID: "z", Status: "Stopped"})
		}, "calls", "call z (): got Stopped, want no such call"},
		{"a wrong status", func(f *simulate.Found) { f.Pipelines[0].Status = "Paused" }, "calls Paused",
			"call a (clean): got Paused, want Stopped"},
		{"a clean look", func(f *simulate.Found) { f.Pipelines[1].Degraded = false }, "calls degraded",
			"call b (broken): got degraded false, want true"},
		{"statuses changed about", func(f *simulate.Found) {
			f.Pipelines[0].Status, f.Pipelines[1].Status = "Failed",
				"Stopped"
		}, "calls Failed", "call b (broken): got Stopped, want Failed"},
		{"a lost match", func(f *simulate.Found) { f.Matches = nil }, "rule matches",
			"rule match m: got it 0 times, want once"},
		{"a match from nowhere", func(f *simulate.Found) { f.Matches = append(f.Matches, "n") }, "rule matches",
			"rule match n: got one, want none"},
		{"a failure without a notification", func(f *simulate.Found) { f.Pipelines[1].Incidents = nil },
			"failures notified permanent failure", "call b (broken): got 0 incidents with a notification, want 1"},
		{"an incident of a call that did not fail", func(f *simulate.Found) { f.Pipelines[0].Incidents = []string{"i"} },
			"incidents notified", "call a (clean): got 1 incidents with a notification, want 0"},
		{"an incident with a notification too many", func(f *simulate.Found) { f.Published[simulate.Incident] = 3 },
			"notifications incident", "topics: got 3 messages incident, want 2"},
		{"a lost dead letter", func(f *simulate.Found) { f.DeadLetters = nil }, "dead letters",
			"dead letter x from status: got it 0 times, want once"},
		{"a dead letter of a good event", func(f *simulate.Found) {
			f.DeadLetters = append(f.DeadLetters, simulate.DeadLetter{EventID: "y", Function: "alerts"})
		}, "dead letters", "dead letter y from alerts: got one, want none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			truth, found := perfect()
			tc.change(&found)
			got := truth.Compare(found)
			if got.Agrees() {
				t.Error("agrees: got true, want false")
			}
			if all := strings.Join(got.Differences, "\n"); !strings.Contains(all, tc.says) {
				t.Errorf("differences: got\n%s\nwant among them\n%s", all, tc.says)
			}
			if !slices.ContainsFunc(got.Lines, func(l simulate.Line) bool { return l.What == tc.line && !l.Agrees }) {
				t.Errorf("lines: got %+v, want %q to disagree", got.Lines, tc.line)
			}
		})
	}
}
