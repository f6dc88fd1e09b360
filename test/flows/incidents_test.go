package flows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// A call fails in part, the incident is over because others succeed, and then
// the same call fails for good: people hear of it, and the call counts once.
func TestCallThatFailsAgainAfterClosingIsNotified(t *testing.T) {
	sink := func(status string) [][2]string { return [][2]string{{"KinesisDataStreamSink", status}} }
	cases := []struct {
		name string
		// first is what the call first suffers, at noon.
		first func(*invocation)
		// last comes when the incident is over, in minute 40 or later.
		last [][]byte
		want map[string]int
	}{
		{"a temporary failure, and then one for good", func(v *invocation) {
			v.record(t, phoned{id: "long", connector: "abc", elements: sink("TemporarilyFailed")}.event(chime.EventTemporaryFailure, noon))
			v.run(t, limits, minutes(5))
			v.record(t, phoned{id: "long", connector: "abc", elements: sink("InProgress")}.event(chime.EventInProgress, minutes(6)))
		}, [][]byte{phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventPermanentFailure, minutes(40))},
			map[string]int{"opening": 1, "closing": 1, "reopening": 1}},
		{"an element, and then the pipeline with it", func(v *invocation) {
			v.fail(t, phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, noon))
		}, [][]byte{phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventPermanentFailure, minutes(40))},
			map[string]int{"opening": 1, "closing": 1, "reopening": 1}},
		{"an element, of which later events only remind", func(v *invocation) {
			v.fail(t, phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, noon))
		}, [][]byte{
			reminding(phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, minutes(40)), minutes(40), noon),
			reminding(phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventStopped, minutes(41)), minutes(41), noon),
		}, map[string]int{"opening": 1, "closing": 1}},
		{"an element twice", func(v *invocation) {
			v.fail(t, phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, noon))
		}, [][]byte{phoned{id: "long", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, minutes(40))},
			map[string]int{"opening": 1, "closing": 1, "reopening": 1}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := onTable(t)
			tc.first(v)
			v.record(t, phoned{id: "good", connector: "abc", elements: sink("InProgress")}.event(chime.EventInProgress, minutes(8)))
			v.run(t, limits, minutes(25))
			v.wantStages(t, "when others succeed", map[string]int{"opening": 1, "closing": 1})
			v.now.set(minutes(41))
			v.fail(t, tc.last...)
			v.fail(t, tc.last...) // and once more
			v.wantStages(t, "at last", tc.want)
			list := v.all(t)
			if len(list) != 1 {
				t.Fatalf("got %d incidents, want 1", len(list))
			}
			tally, err := v.store().CountOccurrences(t.Context(), list[0].ID)
			if err != nil || tally.Calls != 1 {
				t.Errorf("got %d calls (%v), want 1", tally.Calls, err)
			}
			v.now.set(minutes(44))
			v.run(t, watchdog.Limits{Silent: 100 * time.Hour, Recovery: 100 * time.Hour, Quota: 1000}, minutes(44))
			v.wantStages(t, "a moment later", tc.want)
		})
	}
}

// reminding makes an event tell an element's status of an earlier time.
func reminding(event []byte, at, since time.Time) []byte {
	return []byte(strings.Replace(string(event), fmt.Sprintf(`"updatedOn":%d`, at.UnixMilli()), fmt.Sprintf(`"updatedOn":%d`, since.UnixMilli()), 1))
}

// A failure that names no Voice Connector is handled before anything else of its
// call: its incident ends all the same when calls succeed that do name one.
func TestIncidentOfARegionCloses(t *testing.T) {
	v := onTable(t)
	v.fail(t, phoned{id: "p1"}.event(chime.EventPermanentFailure, noon))
	v.record(t, phoned{id: "p1", connector: "abc"}.event(chime.EventInProgress, minutes(-1)))
	v.run(t, limits, minutes(10))
	v.wantStages(t, "while none succeeds", map[string]int{"opening": 1})
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(11)))
	v.run(t, limits, minutes(12))
	v.wantStages(t, "once one does", map[string]int{"opening": 1, "closing": 1})
}

// The clock that an event was made by may be wrong. An incident does not wait
// for the time that it gives.
func TestFutureFailureDoesNotKeepAnIncidentOpen(t *testing.T) {
	v := onTable(t)
	v.fail(t, phoned{id: "p1", connector: "abc"}.event(chime.EventPermanentFailure, noon.AddDate(1, 0, 0)))
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(1)))
	v.run(t, limits, minutes(10))
	v.wantStages(t, "once a call succeeds", map[string]int{"opening": 1, "closing": 1})
}

// The process that opens an incident dies before it tells. What the watch tells
// instead says what happened, whatever has become of the pipeline since.
func TestDelayedOpeningDescribesTheOriginalFailure(t *testing.T) {
	sink := func(status string) [][2]string { return [][2]string{{"KinesisDataStreamSink", status}} }
	cases := []struct {
		name   string
		failed []byte
		since  []byte
		want   string
	}{
		{"a pipeline that failed, and has stopped", phoned{id: "p1", connector: "abc"}.event(chime.EventPermanentFailure, noon),
			phoned{id: "p1", connector: "abc"}.event(chime.EventStopped, minutes(1)), "A call's pipeline failed for good."},
		{"an element that failed, and then for a time all", phoned{id: "p1", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, noon),
			phoned{id: "p1", connector: "abc", elements: sink("TemporarilyFailed")}.event(chime.EventTemporaryFailure, minutes(1)),
			"A call's pipeline failed for a time, as the service says, and has not recovered: KinesisDataStreamSink."},
		{"an element of which nothing is known any more", phoned{id: "p1", connector: "abc", elements: sink("Failed")}.event(chime.EventInProgress, noon),
			phoned{id: "p1", connector: "abc"}.event(chime.EventStopped, minutes(1)), "An element of a call's pipeline failed: KinesisDataStreamSink. The pipeline has ended."},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := onTable(t)
			v.Line.DisturbCall("Publish", faultinject.Before)
			if err := v.failures()(t.Context(), lambdafn.Message{Body: tc.failed}); err == nil {
				t.Fatal("got no error, want it killed before it publishes")
			}
			v.Line.Revive()
			v.record(t, tc.since)
			v.run(t, limits, minutes(2))
			if list := v.World.Topic.Published(); len(list) != 1 || !strings.Contains(list[0].Body, tc.want) {
				t.Errorf("got %v, want it to say %q", list, tc.want)
			}
		})
	}
}
