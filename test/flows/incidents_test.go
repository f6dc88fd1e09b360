package flows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

func TestWatchReportsALastingTemporaryFailureOnce(t *testing.T) {
	v := inNewWorld(t)
	lasts := testCall{id: "p1", connector: "abc", elements: element(chime.ElementKinesisSink, "TemporarilyFailed")}
	recovers := testCall{id: "p2", connector: "abc"}
	v.record(t, lasts.event(chime.EventTemporaryFailure, noon), recovers.event(chime.EventTemporaryFailure, noon))
	v.run(t, limits, minutes(4))
	v.wantSent(t, "before the recovery time is over", sent{})
	v.record(t, recovers.event(chime.EventInProgress, minutes(4)))
	for n := 5; n < 9; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantSent(t, "after the recovery time", sent{"opening": 1})
	list := v.all(t)
	if len(list) != 1 || list[0].Element != chime.ElementKinesisSink || !list[0].OpenedAt.Equal(noon) {
		t.Fatalf("got %+v, want one incident of the sink since noon", list)
	}
	if n := v.failedCalls(t, list[0].ID); n != 1 {
		t.Errorf("got %d calls, want the one that did not recover", n)
	}
}

func TestIncidentIsSummarizedEachWindowAndClosedWhenCallsSucceed(t *testing.T) {
	v := inNewWorld(t)
	total := 0
	fails := func(at time.Time, n int) {
		v.setTime(at)
		for range n {
			total++
			v.fail(t, failedCall(fmt.Sprint("p", total), denied, at))
		}
	}
	fails(noon, 2)
	v.wantSent(t, "at once", sent{"opening": 1})
	for n := 1; n <= 12; n++ {
		fails(minutes(n), 1)
		v.run(t, limits, minutes(n))
		v.run(t, limits, minutes(n).Add(time.Second)) // and another one
	}
	v.wantSent(t, "after two windows", sent{"opening": 1, "summary": 2})
	if a := v.all(t)[0].Announced; a.Calls != total-2 || a.LastCalls != 5 {
		t.Errorf("notified of %d calls, %d of them in the last window; want %d and 5", a.Calls, a.LastCalls, total-2)
	}
	v.run(t, limits, minutes(16))
	v.wantSent(t, "with two more calls in the third window", sent{"opening": 1, "summary": 3})
	for n := 17; n < 40; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantSent(t, "while no call succeeds", sent{"opening": 1, "summary": 3})
	if i := v.all(t)[0]; !i.Open() {
		t.Errorf("it is closed at %s, though no call has succeeded", i.ClosedAt)
	}
	v.record(t, testCall{id: "other", connector: "xyz"}.event(chime.EventInProgress, minutes(40)))
	v.record(t, runningCall("before", minutes(11)))
	v.run(t, limits, minutes(41))
	v.wantSent(t, "while calls succeed elsewhere, or did before", sent{"opening": 1, "summary": 3})
	v.record(t, runningCall("good", minutes(42)))
	for n := 42; n < 60; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantSent(t, "once a call succeeds", sent{"opening": 1, "summary": 3, "closing": 1})
	if i := v.all(t)[0]; !i.ClosedAt.Equal(minutes(42)) || i.Announced.Calls != total {
		t.Errorf("closed at %s, notified of %d calls; want %s and %d", i.ClosedAt, i.Announced.Calls, minutes(42), total)
	}
	fails(minutes(60), 1)
	v.wantSent(t, "when the cause recurs", sent{"opening": 1, "summary": 3, "closing": 1, "reopening": 1})
	fails(minutes(60).Add(3*time.Hour), 1) // it is still open
	v.run(t, limits, minutes(61).Add(3*time.Hour))
	v.wantSent(t, "hours later", sent{"opening": 1, "summary": 4, "closing": 1, "reopening": 1})
}

// A window that is longer than the quiet time also ends before the next summary.
func TestNoSummaryBeforeTheWindowEnds(t *testing.T) {
	v := inNewWorld(t)
	v.timing.Window, v.timing.Quiet = 15*time.Minute, 10*time.Minute
	for n := range 2 {
		v.setTime(minutes(n))
		v.fail(t, failedCall(fmt.Sprint("p", n), denied, minutes(n)))
	}
	v.run(t, limits, minutes(14))
	v.wantSent(t, "in the window", sent{"opening": 1})
	v.run(t, limits, minutes(15))
	v.run(t, limits, minutes(16))
	v.wantSent(t, "after the window", sent{"opening": 1, "summary": 1})
}

// A process opens an incident, dies, and is not retried: the watch sends the opening, and
// the incident closes as usual.
func TestIncidentIsNotifiedAfterItsFunctionDied(t *testing.T) {
	v := inNewWorld(t)
	v.Injector.InjectAtCall("PutItem", faultinject.After)
	if err := v.incidents().Handle(t.Context(), failedCall("p1", denied, noon)); err == nil {
		t.Fatal("got no error, want the process killed")
	}
	v.Injector.Revive()
	if list := v.all(t); len(list) != 1 {
		t.Fatalf("got %d incidents, want the one that was opened", len(list))
	}
	v.run(t, limits, minutes(9))
	v.wantSent(t, "while it may be retried", sent{})
	v.run(t, limits, minutes(10))
	v.wantSent(t, "afterwards", sent{"opening": 1})
	v.record(t, runningCall("good", minutes(11)))
	v.run(t, limits, minutes(21))
	v.wantSent(t, "once calls succeed", sent{"opening": 1, "closing": 1})
}

func TestLateRecurrenceIsANewIncident(t *testing.T) {
	v := inNewWorld(t)
	v.fail(t, failedCall("p1", denied, noon))
	v.record(t, runningCall("good", minutes(1)))
	v.run(t, limits, minutes(10))
	v.setTime(minutes(71))
	v.fail(t, failedCall("p2", denied, minutes(71)))
	v.wantSent(t, "after the recurrence", sent{"opening": 2, "closing": 1})
	if list := v.all(t); len(list) != 2 || list[0].Reopened+list[1].Reopened != 0 {
		t.Errorf("got %+v, want two incidents", list)
	}
}

// A call fails in part, the incident closes because others succeed, and then the same call
// fails for good: the incident reopens, and the call counts once.
func TestCallThatFailsAgainAfterClosingIsNotified(t *testing.T) {
	long := func(status string) testCall {
		return testCall{id: "long", connector: "abc", elements: element(chime.ElementKinesisSink, status)}
	}
	elementFails := func(v *invocation) { v.fail(t, long("Failed").event(chime.EventInProgress, noon)) }
	reopened := sent{"opening": 1, "closing": 1, "reopening": 1}
	for _, tt := range []struct {
		name string
		// first is the first failure of the call, at noon.
		first func(*invocation)
		// last are the events after the incident has closed, in minute 40 or later.
		last [][]byte
		want sent
	}{
		{
			name: "a temporary failure, and then one for good",
			first: func(v *invocation) {
				v.record(t, long("TemporarilyFailed").event(chime.EventTemporaryFailure, noon))
				v.run(t, limits, minutes(5))
				v.record(t, long("InProgress").event(chime.EventInProgress, minutes(6)))
			},
			last: [][]byte{long("Failed").event(chime.EventPermanentFailure, minutes(40))},
			want: reopened,
		},
		{
			name:  "an element, and then the pipeline with it",
			first: elementFails,
			last:  [][]byte{long("Failed").event(chime.EventPermanentFailure, minutes(40))},
			want:  reopened,
		},
		{
			name:  "an element, whose failure later events repeat",
			first: elementFails,
			last: [][]byte{
				updatedOn(long("Failed").event(chime.EventInProgress, minutes(40)), minutes(40), noon),
				updatedOn(long("Failed").event(chime.EventStopped, minutes(41)), minutes(41), noon),
			},
			want: sent{"opening": 1, "closing": 1},
		},
		{
			name:  "an element twice",
			first: elementFails,
			last:  [][]byte{long("Failed").event(chime.EventInProgress, minutes(40))},
			want:  reopened,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := inNewWorld(t)
			tt.first(v)
			good := testCall{id: "good", connector: "abc", elements: element(chime.ElementKinesisSink, "InProgress")}
			v.record(t, good.event(chime.EventInProgress, minutes(8)))
			v.run(t, limits, minutes(25))
			v.wantSent(t, "when others succeed", sent{"opening": 1, "closing": 1})
			v.setTime(minutes(41))
			v.fail(t, tt.last...)
			v.fail(t, tt.last...) // and once more
			v.wantSent(t, "after the last events", tt.want)
			list := v.all(t)
			if len(list) != 1 {
				t.Fatalf("got %d incidents, want 1", len(list))
			}
			if n := v.failedCalls(t, list[0].ID); n != 1 {
				t.Errorf("got %d calls, want 1", n)
			}
			v.run(t, watchdog.Limits{Silent: 100 * time.Hour, Recovery: 100 * time.Hour, Quota: 1000}, minutes(44))
			v.wantSent(t, "after another run", tt.want)
		})
	}
}

// updatedOn changes the time of an element's status in an event.
func updatedOn(event []byte, from, to time.Time) []byte {
	field := func(at time.Time) string { return fmt.Sprintf(`"updatedOn":%d`, at.UnixMilli()) }
	return []byte(strings.Replace(string(event), field(from), field(to), 1))
}

// A failure that names no Voice Connector is handled before anything else of its call: its
// incident closes when calls succeed that do name one.
func TestIncidentOfARegionCloses(t *testing.T) {
	v := inNewWorld(t)
	v.fail(t, testCall{id: "p1"}.event(chime.EventPermanentFailure, noon))
	v.record(t, runningCall("p1", minutes(-1)))
	v.run(t, limits, minutes(10))
	v.wantSent(t, "while none succeeds", sent{"opening": 1})
	v.record(t, runningCall("good", minutes(11)))
	v.run(t, limits, minutes(12))
	v.wantSent(t, "once one does", sent{"opening": 1, "closing": 1})
}

// While an incident is open and calls fail, the watch updates the time of the last failure
// that lists show; the failures themselves write nothing that they share.
func TestWatchRecordsTheLastFailure(t *testing.T) {
	v := inNewWorld(t)
	v.fail(t, failedCall("p0", denied, noon))
	opened := v.all(t)[0]
	for n := 1; n <= 3; n++ {
		v.setTime(minutes(2 * n))
		v.fail(t, failedCall(fmt.Sprint("p", n), denied, minutes(2*n)))
		if got := v.all(t)[0]; !got.ActiveAt.Equal(opened.ActiveAt) {
			t.Errorf("before the watch: got active at %s, want %s", got.ActiveAt, opened.ActiveAt)
		}
	}
	v.run(t, limits, minutes(7))
	got := v.all(t)[0]
	if !got.ActiveAt.Equal(minutes(6)) || !got.OpenedAt.Equal(noon) {
		t.Errorf("got active at %s, opened at %s, want the last failure and noon", got.ActiveAt, got.OpenedAt)
	}
	from, _, err := v.store().Incidents(t.Context(), dynamo.IncidentQuery{From: minutes(5)})
	if err != nil || len(from) != 1 {
		t.Errorf("got %d incidents since then (%v), want it", len(from), err)
	}
}

// An event that names no Voice Connector counts once, whether it is handled before or after
// the table knows the call.
func TestDuplicateFailureIsCountedOnce(t *testing.T) {
	v := inNewWorld(t)
	unnamed := testCall{id: "p1"}.event(chime.EventPermanentFailure, noon.Add(time.Second))
	v.fail(t, unnamed)
	v.record(t, runningCall("p1", noon))
	v.fail(t, unnamed)
	v.fail(t, failedCall("p2", "", noon), unnamed) // now there is an incident to join
	calls := map[string]int{}
	for _, i := range v.all(t) {
		calls[i.Scope] = v.failedCalls(t, i.ID)
	}
	want := map[string]int{"region/111122223333/us-east-1": 1, "voice-connector/abc": 1}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls by scope (-want +got):\n%s", diff)
	}
}
