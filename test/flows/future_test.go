package flows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

var century = noon.AddDate(73, 0, 0)

// An event of years ahead keeps no pipeline from being asked about, and from being
// found lost; it is in the history all the same.
func TestFutureEventsDoNotHideStalePipelines(t *testing.T) {
	for _, eventType := range []string{chime.EventInProgress, chime.EventStopped, chime.EventPaused, "chime:MediaInsightsNovel", chime.DetailCallInsightsState} {
		t.Run(eventType, func(t *testing.T) {
			v := onTable(t)
			call := phoned{id: "p-1", connector: "abc"}
			v.record(t, call.event(chime.EventInProgress, noon), call.event(eventType, century))
			v.run(t, limits, minutes(30))
			if len(v.api.asked) != 0 {
				t.Errorf("got questions about %v after half an hour, want none", v.api.asked)
			}
			for n := 61; n < 64; n++ {
				v.run(t, limits, minutes(n))
			}
			if !slices.Equal(v.api.asked, []string{"p-1"}) {
				t.Errorf("got questions about %v, want one about p-1", v.api.asked)
			}
			st, err := v.store().Pipeline(t.Context(), "p-1")
			if err != nil {
				t.Fatal(err)
			}
			known, ok, err := v.store().Known(t.Context(), st)
			if err != nil || !ok || known.Status != pipeline.Lost {
				t.Errorf("got %s (%v), want it known as lost", known.Status, err)
			}
			if history, err := v.store().History(t.Context(), "p-1"); err != nil || len(history) != 3 {
				t.Errorf("got a history of %d (%v), want both events and the observation", len(history), err)
			}
		})
	}
}

// No event of years ahead is a success, that of a call which has really begun
// included: the incident stays open until a call succeeds.
func TestFutureEventsDoNotCloseIncidents(t *testing.T) {
	v := onTable(t)
	v.fail(t, phoned{id: "bad", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
	begun := phoned{id: "begun", connector: "abc"}
	v.record(t, begun.event(chime.EventCreated, minutes(1)), begun.event(chime.EventStopped, century),
		phoned{id: "never", connector: "abc"}.event(chime.EventInProgress, century),
		phoned{id: "soon", connector: "abc"}.event(chime.EventInProgress, minutes(90)))
	for n := range 60 {
		v.run(t, limits, minutes(n))
	}
	if i := v.all(t)[0]; !i.Open() {
		t.Fatalf("the incident ended at %v, though no call has succeeded", i.ClosedAt)
	}
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(60)))
	v.run(t, limits, minutes(61))
	if i := v.all(t)[0]; i.Open() {
		t.Error("the incident is open, though a call has succeeded")
	}
}

// A failure of years ahead is notified at once, as one of now.
func TestFutureFailureIsRecordedAsOfNow(t *testing.T) {
	v := onTable(t)
	v.now.set(minutes(3))
	v.fail(t, phoned{id: "bad", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, century))
	v.wantStages(t, "at once", map[string]int{"opening": 1})
	if i := v.all(t)[0]; !i.OpenedAt.Equal(minutes(3)) {
		t.Errorf("got an incident of %v, want of when it was handled", i.OpenedAt)
	}
}

// Events of years ahead, however many, do not end a silence; they are listed.
func TestFutureEventsDoNotEndASilence(t *testing.T) {
	v := onTable(t)
	beats := limits
	beats.Heartbeat, beats.Silent = time.Hour, 100*24*time.Hour
	for _, at := range []time.Time{noon.Add(-7*24*time.Hour - 30*time.Minute), noon.Add(-2 * time.Hour)} {
		c := phoned{id: "p" + at.Format("150405"), connector: "abc"}
		v.record(t, c.event(chime.EventInProgress, at), c.event(chime.EventStopped, at.Add(time.Minute)), c.event(chime.EventObservedStopped, at.Add(2*time.Minute)), c.event("chime:MediaInsightsNovel", century))
	}
	v.record(t, usualDay(noon.Add(-7*24*time.Hour))...)
	const many = 25 // more than are looked at
	for n := range many {
		v.record(t, phoned{id: "future" + string(rune('a'+n)), connector: "abc"}.event(chime.EventInProgress, century.Add(time.Duration(n)*time.Minute)))
	}
	for n := range 3 {
		v.run(t, beats, minutes(n))
	}
	v.wantStages(t, "at noon", map[string]int{"silence": 1})
	page, err := v.store().List(t.Context(), pipeline.Query{From: century})
	if err != nil || len(page.States) != many {
		t.Errorf("got %d pipelines of the future in the list (%v), want %d", len(page.States), err, many)
	}
	v.record(t, phoned{id: "today", connector: "abc"}.event(chime.EventInProgress, minutes(3)))
	v.run(t, beats, minutes(5))
	if since, err := v.store().ConditionSince(t.Context(), "silence"); err != nil || !since.IsZero() {
		t.Errorf("after a call: got silence since %s (%v), want none", since, err)
	}
}
