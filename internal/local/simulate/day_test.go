package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/simulate"
	"github.com/chimewatch/chimewatch/schemas"
)

var end = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func plan(seed uint64, calls int) simulate.Day {
	return simulate.Plan(simulate.Options{Seed: seed, Calls: calls, End: end})
}

// envelope is what the tests look at in an event.
type envelope struct {
	ID     string
	Time   string
	Detail struct {
		EventType string
		RuleName  string
		CallID    string
		ARN       string                  `json:"mediaInsightsPipelineArn"`
		Metadata  struct{ CallID string } `json:"sourceMetadata"`
	}
}

func decode(t *testing.T, event []byte) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("event %s: %v", event, err)
	}
	return e
}

func TestPlanIsDeterministic(t *testing.T) {
	if !reflect.DeepEqual(plan(7, 300), plan(7, 300)) {
		t.Error("two plans of one seed: got different days, want the same")
	}
	if reflect.DeepEqual(plan(7, 300).Truth.Pipelines, plan(8, 300).Truth.Pipelines) {
		t.Error("two seeds: got the same pipelines, want others")
	}
}

func TestAnotherEndHasTheSameCallsWithOtherIDs(t *testing.T) {
	a := plan(7, 50)
	b := simulate.Plan(simulate.Options{Seed: 7, Calls: 50, End: end.Add(time.Hour)})
	for i, p := range a.Truth.Pipelines {
		q := b.Truth.Pipelines[i]
		if p.ID == q.ID {
			t.Errorf("pipeline %d: got the id %s in both, want two", i, p.ID)
		}
		p.ID, q.ID = "", ""
		if diff := cmp.Diff(p, q); diff != "" {
			t.Errorf("pipeline %d (-first +second):\n%s", i, diff)
		}
	}
}

func TestDayHasEveryStatusAndFailure(t *testing.T) {
	day := plan(1, 300)
	truth := day.Truth
	if got := len(truth.Pipelines); got != 300 {
		t.Errorf("pipelines: got %d, want 300", got)
	}
	statuses, kinds, rules := map[string]int{}, map[simulate.Kind]int{}, map[string]int{}
	degraded := 0
	for _, p := range truth.Pipelines {
		statuses[p.Status]++
		if p.Failure != "" {
			kinds[p.Failure]++
		}
		if p.Degraded {
			degraded++
		}
	}
	for _, d := range day.Deliveries {
		if e := decode(t, d.Event); slices.Contains(truth.Matches, e.ID) {
			rules[e.Detail.RuleName]++
		}
	}
	wantKeys(t, "statuses", statuses, "CreateFailed", "Failed", "InProgress", "Lost", "Paused", "Stopped",
		"TemporarilyFailed")
	wantKeys(t, "kinds", kinds, simulate.CreateFailed, simulate.ElementFailure, simulate.PermanentFailure,
		simulate.TemporaryFailure)
	wantKeys(t, "rules", rules, "ask-for-supervisor", "cancel-contract", "greeting-missing", "issue_detected",
		"upset-customer")
	if degraded == 0 || truth.Duplicates == 0 || truth.Reordered == 0 || len(truth.DeadLetters) == 0 {
		t.Errorf("got %d degraded, %d duplicates, %d reordered, %d dead letters; want some of each",
			degraded, truth.Duplicates, truth.Reordered, len(truth.DeadLetters))
	}
}

func wantKeys[K ~string](t *testing.T, what string, got map[K]int, want ...K) {
	t.Helper()
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Every event but the broken ones follows its schema, and the broken ones are
// those that the truth expects as dead letters.
func TestEventsFollowTheirSchemas(t *testing.T) {
	day := plan(3, 200)
	dead := map[string]bool{}
	for _, d := range day.Truth.DeadLetters {
		dead[d.EventID] = true
	}
	ids := map[string]bool{}
	for _, d := range day.Deliveries {
		id := decode(t, d.Event).ID
		ids[id] = true
		_, problems, err := schemas.Validate(d.Event)
		if good := err == nil && len(problems) == 0; good == dead[id] {
			t.Errorf("event %s\ngot problems %v and error %v, want it broken: %v", d.Event, problems, err, dead[id])
		}
	}
	if got := len(ids); got != day.Truth.Events {
		t.Errorf("different events: got %d, want %d", got, day.Truth.Events)
	}
	if got := len(day.Deliveries) - len(ids); got != day.Truth.Duplicates {
		t.Errorf("duplicates: got %d, want %d", got, day.Truth.Duplicates)
	}
}

// The functions of the expected dead letters are those that the rules send a
// broken event to.
func TestDeadLettersAgreeWithTheRules(t *testing.T) {
	day := plan(3, 10)
	rules := eventrule.Table(eventrule.Options{})
	want := map[string][]string{}
	for _, d := range day.Truth.DeadLetters {
		want[d.EventID] = append(want[d.EventID], d.Function)
	}
	got := map[string][]string{}
	for _, d := range day.Deliveries {
		id := decode(t, d.Event).ID
		if want[id] == nil {
			continue
		}
		matched, err := rules.Match(d.Event)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range matched {
			got[id] = append(got[id], rule.Function)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions by event (-want +got):\n%s", diff)
	}
}

func TestDeliveriesAreInTheDayAndInOrder(t *testing.T) {
	day := plan(5, 300)
	for i, d := range day.Deliveries {
		if d.At.Before(day.Began) || d.At.After(day.End) {
			t.Errorf("delivery %d: got %s, want it between %s and %s", i, d.At, day.Began, day.End)
		}
		if i > 0 && d.At.Before(day.Deliveries[i-1].At) {
			t.Errorf("delivery %d arrives before the one in front of it", i)
		}
	}
}

// The service ends a pipeline that is paused for two hours, so none may be older.
func TestOpenCallsAreNew(t *testing.T) {
	day := plan(5, 300)
	open := map[string]bool{}
	for _, p := range day.Truth.Pipelines {
		switch p.Status {
		case "InProgress", "Paused", "TemporarilyFailed":
			open[p.ID] = true
		}
	}
	for _, d := range day.Deliveries {
		if _, id, _ := strings.Cut(decode(t, d.Event).Detail.ARN, "media-pipeline/"); open[id] &&
			d.At.Before(day.End.Add(-2*time.Hour)) {
			t.Errorf("pipeline %s: got an event at %s, want none so long before the end", id, d.At)
		}
	}
}

func TestSomeMatchesArriveBeforeTheirCall(t *testing.T) {
	day := plan(1, 300)
	early := 0
	known := map[string]bool{}
	for _, d := range day.Deliveries {
		e := decode(t, d.Event)
		known[e.Detail.CallID] = true
		if id := e.Detail.Metadata.CallID; id != "" && !known[id] {
			early++
		}
	}
	if early == 0 {
		t.Error("got no match before the first event of its call, want some")
	}
}

// In time order, a pipeline's last event says what the truth says, but for those
// that ended without an event.
func TestLastEventHasTheStatus(t *testing.T) {
	statuses := map[string]string{
		chime.EventInProgress: "InProgress", chime.EventPaused: "Paused", chime.EventStopped: "Stopped",
		chime.EventTemporaryFailure: "TemporarilyFailed", chime.EventPermanentFailure: "Failed",
	}
	day := plan(9, 300)
	last := map[string]envelope{}
	for _, d := range day.Deliveries {
		e := decode(t, d.Event)
		_, id, _ := strings.Cut(e.Detail.ARN, "media-pipeline/")
		if id != "" && e.Time >= last[id].Time && e.Detail.EventType != chime.EventCreated {
			last[id] = e
		}
	}
	for _, p := range day.Truth.Pipelines {
		if p.Status == "CreateFailed" || p.Missed {
			continue
		}
		if got := statuses[last[p.ID].Detail.EventType]; got != p.Status {
			t.Errorf("%s (%s): got %s, want %s", p.ID, p.Scenario, got, p.Status)
		}
	}
}

func TestPlay(t *testing.T) {
	day := plan(1, 40)
	var got [][]byte
	done := 0
	err := day.Play(t.Context(), 10*time.Millisecond, func(event []byte) error {
		got = append(got, event)
		return nil
	}, func() { done++ })
	if err != nil || done != len(day.Deliveries) {
		t.Errorf("got %d done and error %v, want %d", done, err, len(day.Deliveries))
	}
	for i, d := range day.Deliveries {
		if !bytes.Equal(d.Event, got[i]) {
			t.Fatalf("delivery %d: got another event, want them in order", i)
		}
	}
}

func TestPlayStops(t *testing.T) {
	day := plan(1, 40)
	refused := errors.New("refused")
	if err := day.Play(t.Context(), 0, func([]byte) error { return refused }, func() {}); !errors.Is(err, refused) {
		t.Errorf("got %v, want the error of the bus", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := day.Play(ctx, time.Hour, func([]byte) error { return nil }, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
