package pipeline_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// An event is in the future from more than the skew on. The state says so whatever
// else is in it, and the order of what is known now parts the two kinds of events.
func TestFuture(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 30, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		ahead := time.Duration(rapid.SampledFrom([]int64{
			0, -int64(time.Hour), int64(pipeline.Skew) - 1000, int64(pipeline.Skew), int64(pipeline.Skew) + 1000, int64(time.Hour), int64(50 * 365 * 24 * time.Hour),
		}).Draw(t, "ahead"))
		ev := event(0, rapid.SampledFrom([]string{chime.EventStopped, chime.EventInProgress,
			"chime:MediaInsightsNovel"}).Draw(t, "type"))
		ev.Time = now.Add(ahead)
		want := ahead > pipeline.Skew
		if got := pipeline.InFuture(ev.Time, now); got != want {
			t.Fatalf("%v ahead: got %v", ahead, got)
		}
		if got, believed := pipeline.Believed(ev.Time, now), map[bool]time.Time{true: now,
			false: ev.Time}[want]; !got.Equal(believed) {
			t.Fatalf("%v ahead: got %v, want %v", ahead, got, believed)
		}
		st := pipeline.Merge(lift(t, event(0, chime.EventCreated)), lift(t, ev))
		if got := st.InFuture(now); got != want {
			t.Fatalf("%v ahead: got %v of the state", ahead, got)
		}
		if got := pipeline.OrderOf(ev) >= pipeline.KnownAt(now); got != want {
			t.Fatalf("%v ahead: its order is beyond what is known now: %v", ahead, got)
		}
	})
}

// The type of an element and the id of a pipeline become parts of keys; whatever the
// service should send there, they fit, and two stay two.
func TestLongIDs(t *testing.T) {
	long := event(1, chime.EventStopped, chime.Element{Type: string(make([]byte, 5000)), Status: "Failed"})
	for range 5000 {
		long.StateChange.PipelineARN += "x"
	}
	st := lift(t, long)
	if len(st.ID) > 100 || st.ID[:5] != "long-" || st.PipelineARN != long.StateChange.PipelineARN || pipeline.IDFromARN(st.PipelineARN) != st.ID {
		t.Errorf("got the id %q, want a short one that its ARN leads to", st.ID)
	}
	if len(st.Elements) != 1 || len(st.Elements[0].Type) > 100 {
		t.Errorf("got %d elements, want one with a short type", len(st.Elements))
	}
	long.StateChange.PipelineARN += "y"
	if lift(t, long).ID == st.ID {
		t.Error("got the same id for another ARN")
	}
	creation := &chime.Event{ID: "e", StateChange: &chime.StateChange{EventType: chime.EventCreateFailed,
		CallFields: chime.CallFields{TransactionID: string(make([]byte, 5000))}}}
	if id := pipeline.IDOf(creation); len(id) > 100 {
		t.Errorf("got %q for a failed creation, want a short id", id)
	}
}
