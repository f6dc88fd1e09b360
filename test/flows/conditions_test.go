package flows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// lingering is a call whose pipeline runs on although its stream has ended.
var lingering = testCall{id: "voice", elements: [][2]string{
	{chime.ElementVoiceAnalytics, "InProgress"}, {chime.ElementKinesisSink, "Stopped"},
}}

func TestConditionsAreNotifiedOnceUntilTheyEnd(t *testing.T) {
	limits := limits
	limits.Quota = 5
	calls := func(eventType string, at time.Time) (events [][]byte) {
		for n := range 4 {
			events = append(events, testCall{id: fmt.Sprint("p", n), connector: "abc"}.event(eventType, at))
		}
		return events
	}
	for _, tt := range []struct {
		name, kind string
		// The events with which the condition begins, ends, and begins again.
		begin, end, again [][]byte
	}{
		{
			name: "near the quota", kind: "quota",
			begin: calls(chime.EventInProgress, noon),
			end:   append(calls(chime.EventPaused, minutes(6))[:3], calls(chime.EventStopped, minutes(7))[0]),
			again: calls(chime.EventInProgress, minutes(20)),
		},
		{
			name: "lingering", kind: "lingering",
			begin: [][]byte{lingering.event(chime.EventInProgress, noon)},
			end:   [][]byte{lingering.event(chime.EventStopped, minutes(7))},
			again: [][]byte{lingering.event(chime.EventInProgress, minutes(15))},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.run(t, limits, minutes(-1))
			v.wantSent(t, "before it", sent{})
			v.record(t, tt.begin...)
			v.run(t, limits, minutes(6))
			v.run(t, limits, minutes(6))
			v.wantSent(t, "when it begins", sent{tt.kind: 1})
			v.record(t, tt.end...)
			v.run(t, limits, minutes(8))
			v.run(t, limits, minutes(9))
			v.wantSent(t, "when it has ended", sent{tt.kind: 1})
			v.record(t, tt.again...)
			v.run(t, limits, minutes(25))
			v.run(t, limits, minutes(26))
			v.wantSent(t, "when it begins again", sent{tt.kind: 2})
		})
	}
}
