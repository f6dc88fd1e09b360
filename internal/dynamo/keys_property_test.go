package dynamo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// Whatever the length of what an event says, its pipeline is kept and its failure joins
// an incident, once; each id leads to it whole, and to no other call.
func TestTextsOfAnyLengthAreKeptAndFound(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		c := drawCall(rt, n)
		ev := c.event(rapid.SampledFrom([]string{chime.EventPermanentFailure, chime.EventCreateFailed,
			chime.EventStopped}).Draw(rt, "eventType"))
		match := &chime.Event{ID: ev.ID, DetailType: chime.DetailRulesMatched, Time: noon, Raw: []byte(`{}`),
			RulesMatched: &chime.RulesMatched{RuleName: strings.Repeat("r", 500), CallFields: ev.StateChange.CallFields}}
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			rt.Fatal(err)
		}
		f := incident.Report{
			Group: incident.Group{Scope: incident.ScopeOf(st), Element: c.element}, Reason: c.reason,
			Occurrence: incident.Occurrence{PipelineID: st.ID, CallID: st.CallID, At: noon},
		}
		var i incident.Incident
		for range 2 {
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				rt.Fatal(err)
			}
			if err := s.RecordMatch(t.Context(), match, "x"); err != nil {
				rt.Fatal(err)
			}
			if i, err = join(t.Context(), s, f); err != nil {
				rt.Fatal(err)
			}
		}
		refs := []string{st.ID, c.call, c.transaction}
		if st.PipelineARN != "" {
			refs = append(refs, st.PipelineARN, strings.SplitAfter(st.PipelineARN, "media-pipeline/")[1])
		}
		for _, ref := range refs {
			found, err := s.Find(t.Context(), ref)
			if diff := cmp.Diff([]pipeline.State{st}, found); err != nil || diff != "" {
				rt.Fatalf("found by %.60s… (%v), want (-), got (+):\n%s", ref, err, diff)
			}
		}
		history, err := s.History(t.Context(), st.ID)
		if err != nil || len(history) != 1 || history[0].ID != ev.ID {
			rt.Fatalf("got a history of %d (%v), want the event", len(history), err)
		}
		if matches, err := s.Matches(t.Context(), st); err != nil || len(matches) == 0 {
			rt.Fatalf("got %d matches (%v), want one", len(matches), err)
		}
		rule := rulematch.KeyOf(match, false)
		notice := notify.Notification{ID: "rule-match/" + rule.Name() + "/1", Kind: "rule-match"}
		if err := once(t.Context(), s, dynamo.PartitionOfMatches(rule), notice, "me", nothing); err != nil {
			rt.Fatal(err)
		}
		tally, err := s.CountOccurrences(t.Context(), i.ID)
		if err != nil || tally.Calls != 1 {
			rt.Fatalf("got %d calls in the incident (%v), want one", tally.Calls, err)
		}
		if joined, err := s.IncidentsOf(t.Context(), st.ID); err != nil || !slices.Equal(joined, []string{i.ID}) {
			rt.Fatalf("got the incidents %v (%v), want %s", joined, err, i.ID)
		}
		if kept, err := s.Incident(t.Context(), i.ID); err != nil || kept.Group != i.Group || !strings.HasPrefix(c.reason,
			strings.TrimSuffix(kept.Reason, "…")) || kept.Reason == "" {
			rt.Fatalf("got %+v (%v), want what Join returned", kept, err)
		}
	})
	page, err := s.List(t.Context(), pipeline.Query{Limit: 10 * n})
	if err != nil || len(page.States) != n {
		t.Errorf("got %d pipelines in the list (%v), want %d", len(page.States), err, n)
	}
}

// Of the history every event is kept, once: those that differ in nothing but their id
// included.
func TestHistoryHasEveryEventOnce(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ids := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "deliveries") {
			id := rapid.SampledFrom([]string{"a", "b", "c", strings.Repeat("d", 300), strings.Repeat("d", 301)}).Draw(rt, "id")
			ev := &chime.Event{ID: id, DetailType: chime.DetailStateChange, Time: noon, Raw: []byte("{}"),
				StateChange: &chime.StateChange{
					EventType: chime.EventInProgress, PipelineARN: fmt.Sprint("arn:aws:chime:us-east-1:1:media-pipeline/h", n)}}
			ids[id] = true
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				rt.Fatal(err)
			}
		}
		history, err := s.History(t.Context(), fmt.Sprint("h", n))
		if err != nil || len(history) != len(ids) {
			rt.Fatalf("got %d events (%v), want %d", len(history), err, len(ids))
		}
		for _, r := range history {
			if !ids[r.ID] {
				rt.Fatalf("got an event %q that never came", r.ID)
			}
		}
	})
}
