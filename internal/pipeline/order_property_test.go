package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// placed is an event with what decides its place.
type placed struct {
	at      time.Time
	updated int64 // the latest of its elements
	status  int   // its rank: how far a pipeline has come
	id      string
}

// compare says which of two events is the greater, part by part.
func (p placed) compare(o placed) int {
	sign := func(less, more bool) int {
		switch {
		case less:
			return -1
		case more:
			return 1
		}
		return 0
	}
	for _, c := range []int{
		p.at.Compare(o.at), sign(p.updated < o.updated, p.updated > o.updated), sign(p.status < o.status,
			p.status > o.status), strings.Compare(p.id, o.id),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}

var byRank = []string{
	"chime:MediaInsightsNovel", chime.EventCreated, chime.EventInProgress, chime.EventPaused, chime.EventTemporaryFailure,
	chime.EventStopped, chime.EventPermanentFailure,
}

// drawn draws an event in which any of the parts may tie, and with ids that sort in
// any way.
func drawn(t *rapid.T) (placed, *chime.Event) {
	p := placed{
		at:     time.Date(2026, 1, 31, 12, 0, 0, 1000*rapid.IntRange(0, 2).Draw(t, "microsecond"), time.UTC),
		status: rapid.IntRange(0, len(byRank)-1).Draw(t, "rank"),
		id:     rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "id"),
	}
	var elements []chime.Element
	for i := range rapid.IntRange(0, 3).Draw(t, "elements") {
		on := rapid.SampledFrom([]int64{0, 1769860799000, 1769860800000, 1769860800999, 999}).Draw(t, "updatedOn")
		p.updated = max(p.updated, on)
		elements = append(elements, chime.Element{Type: fmt.Sprint("E", i), Status: "InProgress", UpdatedOn: on})
	}
	return p, &chime.Event{ID: p.id, Time: p.at, StateChange: &chime.StateChange{EventType: byRank[p.status],
		PipelineARN: arn, Elements: elements}}
}

// The order sorts as text as the events do by time, by the latest updatedOn, by how
// far the pipeline has come, and by id; and the status is that of the greatest event
// whose type is known.
func TestOrderGoesByTimeThenUpdatedOnThenRankThenID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var greatest placed
		var events []*chime.Event
		for i := range rapid.IntRange(2, 5).Draw(t, "events") {
			p, ev := drawn(t)
			q, other := drawn(t)
			if got, want := strings.Compare(string(pipeline.OrderOf(ev)),
				string(pipeline.OrderOf(other))), p.compare(q); got != want {
				t.Fatalf("%+v against %+v: got %d, want %d", p, q, got, want)
			}
			if events = append(events, ev); p.status > 0 && (i == 0 || greatest.at.IsZero() || greatest.compare(p) < 0) {
				greatest = p
			}
		}
		want := pipeline.Unknown
		if !greatest.at.IsZero() {
			want = pipeline.StatusOf(byRank[greatest.status])
		}
		if got := fold(t, events).Status; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

// Ids of any length make orders that fit a key and differ; a short one stays readable.
func TestOrderOfAnyID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(1, 5000).Draw(t, "length")
		ev := event(1, chime.EventCreated)
		ev.ID = strings.Repeat("i", length)
		order := pipeline.OrderOf(ev)
		ev.ID += "j"
		if len(order) > 200 || order == pipeline.OrderOf(ev) || length <= 64 && !strings.HasSuffix(string(order),
			"."+strings.Repeat("i", length)) {
			t.Fatalf("an id of %d bytes: got %s, and %s for another", length, order, pipeline.OrderOf(ev))
		}
	})
}

// elementRanks are the statuses of an element, the one that outdoes the others of the
// same millisecond last.
var elementRanks = []string{
	"Novel", chime.StatusNotStarted, chime.StatusInitializing, chime.StatusInProgress, chime.StatusPaused,
	chime.StatusTemporarilyFailed, chime.StatusStopping, chime.StatusStopped, chime.StatusNotSupported, chime.StatusFailed,
}

// Of an element the newest state counts, and of states of the same millisecond the one
// that says the most. A state without a time is of its event's time; an element without
// a status proves only that it is there; and none is from the future of its event.
func TestElementIsItsNewestState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type state struct {
			on   int64
			rank int // -1 for no status
		}
		newest := state{-1, -1}
		var events []*chime.Event
		for second := range rapid.IntRange(1, 5).Draw(t, "events") {
			ev := event(second, chime.EventInProgress)
			own := ev.Time.UnixMilli()
			for range rapid.IntRange(0, 2).Draw(t, "entries") {
				s := state{rank: rapid.IntRange(-1, len(elementRanks)-1).Draw(t, "rank")}
				drawn := rapid.SampledFrom([]int64{0, own, own - 1000, own - 500_000, own + 1000, own + 3_600_000,
					4_000_000_000_000}).Draw(t, "updatedOn")
				e := chime.Element{Type: chime.ElementRecordingSink, UpdatedOn: drawn}
				switch s.on = drawn; {
				case s.rank < 0:
					s.on = 0
				case drawn == 0 || drawn > own+300_000:
					s.on = own
				}
				if s.rank >= 0 {
					e.Status = elementRanks[s.rank]
				}
				if s.on > newest.on || s.on == newest.on && s.rank > newest.rank {
					newest = s
				}
				ev.StateChange.Elements = append(ev.StateChange.Elements, e)
			}
			events = append(events, ev)
		}
		got := fold(t, events).Elements
		switch {
		case newest.on < 0 && len(got) == 0:
		case newest.rank < 0 && len(got) == 1 && got[0].Status == pipeline.UnknownStatus && got[0].UpdatedOn == 0:
		case newest.rank >= 0 && len(got) == 1 && got[0].Status == elementRanks[newest.rank] && got[0].UpdatedOn == newest.on:
		default:
			t.Fatalf("got %+v, want %+v", got, newest)
		}
	})
}

// Every entry of an event that says that an element failed is found, whatever else the
// event says of the same element.
func TestFailingInFindsEveryFailure(t *testing.T) {
	types := []string{chime.ElementRecordingSink, chime.ElementVoiceEnhancement, chime.ElementVoiceEnhancementSink,
		"Novel", strings.Repeat("N", 2000)}
	rapid.Check(t, func(t *rapid.T) {
		ev := event(1, chime.EventInProgress)
		want := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "entries") {
			e := chime.Element{
				Type: rapid.SampledFrom(types).Draw(t, "type"), Status: rapid.SampledFrom([]string{"", "InProgress", "Stopped",
					"Failed", "NotSupported"}).Draw(t, "status"),
				UpdatedOn: rapid.SampledFrom([]int64{0, 1769860800000, 1769860801000, 4_000_000_000_000}).Draw(t, "updatedOn"),
			}
			ev.StateChange.Elements = append(ev.StateChange.Elements, e)
			if e.Failing() {
				switch {
				case e.Type == chime.ElementVoiceEnhancement:
					e.Type = chime.ElementVoiceEnhancementSink
				case len(e.Type) > 900:
					e.Type = chime.ShortID(e.Type, 900)
				}
				want[e.Type] = true
			}
		}
		got := map[string]bool{}
		for _, e := range pipeline.FailingIn(ev) {
			if got[e.Type] || !e.Failing() {
				t.Fatalf("got %+v twice, or not failing", e)
			}
			got[e.Type] = true
		}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for kind := range want {
			if !got[kind] {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

// Times and reasons of a pipeline by their definitions, whatever the order.
func TestTimesAndReasonOfAState(t *testing.T) {
	types := []string{chime.EventCreated, chime.EventInProgress, chime.EventTemporaryFailure, chime.EventStopped,
		chime.EventPermanentFailure, chime.EventObservedStopped}
	rapid.Check(t, func(t *rapid.T) {
		var events []*chime.Event
		var created, started, ended, observed time.Time
		var reason string
		seconds := rapid.SliceOfNDistinct(rapid.IntRange(0, 59), 1, 6, rapid.ID[int]).Draw(t, "seconds")
		slices.Sort(seconds)
		failed := false
		for _, second := range seconds {
			ev := event(second, rapid.SampledFrom(types).Draw(t, "type"))
			ev.StateChange.FailureReason = rapid.SampledFrom([]string{"", "throttled", "denied"}).Draw(t, "reason")
			kind := ev.StateChange.EventType
			if created.IsZero() {
				created = ev.Time
			}
			switch {
			case kind == chime.EventInProgress && started.IsZero():
				started = ev.Time
			case kind == chime.EventStopped || kind == chime.EventPermanentFailure:
				ended = ev.Time
			case kind == chime.EventObservedStopped:
				observed = ev.Time
			}
			// Any event of the service may give a reason, a temporary failure above all;
			// a permanent one without a reason has none, whatever came before.
			if kind != chime.EventObservedStopped && (ev.StateChange.FailureReason != "" ||
				kind == chime.EventPermanentFailure) {
				failed, reason = true, ev.StateChange.FailureReason
			}
			events = append(events, ev)
		}
		st := fold(t, rapid.Permutation(events).Draw(t, "order"))
		wantEnd := time.Time{}
		if last := pipeline.StatusOf(events[len(events)-1].StateChange.EventType); last.Ended() {
			if wantEnd = ended; ended.IsZero() {
				wantEnd = observed
			}
		}
		if !st.CreatedAt.Equal(created) || !st.StartedAt.Equal(started) || !st.EndedAt().Equal(wantEnd) {
			t.Fatalf("got %v, %v, %v, want %v, %v, %v", st.CreatedAt, st.StartedAt, st.EndedAt(), created, started, wantEnd)
		}
		if (st.Failure != nil) != failed || failed && st.Failure.Reason != reason {
			t.Fatalf("got %+v, want the reason %q (%v)", st.Failure, reason, failed)
		}
	})
}

// Only what runs or has stopped can be degraded.
func TestDegradedIsWhatFailedInPart(t *testing.T) {
	failed := chime.Element{Type: chime.ElementRecordingSink, Status: "Failed", UpdatedOn: 1}
	for _, eventType := range append(byRank, chime.EventCreateFailed) {
		ev := event(1, eventType, failed)
		if eventType == chime.EventCreateFailed {
			ev.StateChange.PipelineARN = ""
		}
		want := eventType != chime.EventCreateFailed && eventType != chime.EventPermanentFailure
		if got := lift(t, ev).Degraded(); got != want {
			t.Errorf("%s with a failed element: got degraded %v, want %v", eventType, got, want)
		}
	}
}
