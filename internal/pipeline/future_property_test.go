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
			0, -int64(time.Hour), int64(pipeline.Skew) - 1000, int64(pipeline.Skew), int64(pipeline.Skew) + 1000,
			int64(time.Hour), int64(50 * 365 * 24 * time.Hour),
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
