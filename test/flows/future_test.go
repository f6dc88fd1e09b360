package flows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

var century = noon.AddDate(73, 0, 0)

// An event from years ahead does not stop the watch from asking about its pipeline, and
// finding it lost; the event is in the history all the same.
func TestFutureEventsDoNotHideStalePipelines(t *testing.T) {
	for _, eventType := range []string{
		chime.EventInProgress, chime.EventStopped, chime.EventPaused, "chime:MediaInsightsNovel",
		chime.DetailCallInsightsState,
	} {
		t.Run(eventType, func(t *testing.T) {
			v := inNewWorld(t)
			call := testCall{id: "p-1", connector: "abc"}
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

// No event from years ahead is a success, not even that of a call that has really begun:
// the incident stays open until a call succeeds.
func TestFutureEventsDoNotCloseIncidents(t *testing.T) {
	v := inNewWorld(t)
	v.fail(t, failedCall("bad", denied, noon))
	begun := testCall{id: "begun", connector: "abc"}
	v.record(t, begun.event(chime.EventCreated, minutes(1)), begun.event(chime.EventStopped, century),
		runningCall("never", century), runningCall("soon", minutes(90)))
	for n := range 60 {
		v.run(t, limits, minutes(n))
	}
	if i := v.all(t)[0]; !i.Open() {
		t.Fatalf("the incident closed at %v, though no call has succeeded", i.ClosedAt)
	}
	v.record(t, runningCall("good", minutes(60)))
	v.run(t, limits, minutes(61))
	if i := v.all(t)[0]; i.Open() {
		t.Error("the incident is open, though a call has succeeded")
	}
}

// A failure from years ahead is notified at once, as one of now.
func TestFutureFailureIsRecordedAsOfNow(t *testing.T) {
	v := inNewWorld(t)
	v.setTime(minutes(3))
	v.fail(t, failedCall("bad", denied, century))
	v.wantSent(t, "at once", sent{"opening": 1})
	if i := v.all(t)[0]; !i.OpenedAt.Equal(minutes(3)) {
		t.Errorf("got an incident of %v, want the time at which it was handled", i.OpenedAt)
	}
}

// An incident does not wait for the time of a failure from years ahead.
func TestFutureFailureDoesNotKeepAnIncidentOpen(t *testing.T) {
	v := inNewWorld(t)
	v.fail(t, failedCall("p1", "", noon.AddDate(1, 0, 0)))
	v.record(t, runningCall("good", minutes(1)))
	v.run(t, limits, minutes(10))
	v.wantSent(t, "once a call succeeds", sent{"opening": 1, "closing": 1})
}

// Events from years ahead, however many, do not end a silence; they are listed.
func TestFutureEventsDoNotEndASilence(t *testing.T) {
	v := inNewWorld(t)
	for _, at := range []time.Time{noon.Add(-week - 30*time.Minute), noon.Add(-2 * time.Hour)} {
		c := testCall{id: "p" + at.Format("150405"), connector: "abc"}
		v.record(t,
			c.event(chime.EventInProgress, at), c.event(chime.EventStopped, at.Add(time.Minute)),
			c.event(chime.EventObservedStopped, at.Add(2*time.Minute)), c.event("chime:MediaInsightsNovel", century))
	}
	v.record(t, usualDay(noon.Add(-week))...)
	const many = 25 // more than are looked at
	for n := range many {
		v.record(t, runningCall("future"+string(rune('a'+n)), century.Add(time.Duration(n)*time.Minute)))
	}
	for n := range 3 {
		v.run(t, heartbeat(), minutes(n))
	}
	v.wantSent(t, "at noon", sent{"silence": 1})
	page, err := v.store().List(t.Context(), pipeline.Query{From: century})
	if err != nil || len(page.States) != many {
		t.Errorf("got %d pipelines of the future in the list (%v), want %d", len(page.States), err, many)
	}
	v.record(t, runningCall("today", minutes(3)))
	v.run(t, heartbeat(), minutes(5))
	v.wantNoSilence(t)
}
