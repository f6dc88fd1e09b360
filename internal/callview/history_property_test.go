package callview_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/callview"
)

// The changes of the history, applied one after the other, end in the elements of the state, for any events;
// the result can always be written as JSON.
func TestChangesEndInTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"type":%q,"status":%q,"statusDetail":%q,"updatedOn":%d}`,
				rapid.SampledFrom([]string{"S3RecordingSink", "VoiceEnhancement", "VoiceEnhancementSink", "New"}).Draw(t, "type"),
				rapid.SampledFrom([]string{"InProgress", "Failed", "NotSupported", "Stopped", "Odd", ""}).Draw(t, "status"),
				rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "detail"),
				rapid.OneOf(
					rapid.Int64Range(0, 3), rapid.SampledFrom([]int64{math.MaxInt64, 253402300800000, -62167219200001}),
				).Draw(t, "updatedOn"))
		})
		var raws []string
		for n := range rapid.IntRange(1, 8).Draw(t, "events") {
			eventTypes := []string{"InProgress", "Paused", "PermanentFailure", "Stopped", "New"}
			eventType := rapid.SampledFrom(eventTypes).Draw(t, "eventType")
			raws = append(raws, stateChange(n, eventType, "", rapid.SliceOfN(one, 0, 4).Draw(t, "elements")...))
		}
		state, history := recorded(t, raws...)
		c := callview.New(state, history, nil, nil, callview.Options{Bodies: true})
		type standing struct{ status, detail string }
		want, got, brought := map[string]standing{}, map[string]standing{}, map[string]string{}
		for _, e := range c.Elements {
			want[e.Type] = standing{e.Status, e.StatusDetail}
		}
		for _, e := range c.Events {
			for _, change := range e.Changes {
				if was := got[change.Element].status; was != change.From {
					t.Fatalf("%s: got from %q, want %q", e.ID, change.From, was)
				}
				if change.From != change.Status {
					brought[change.Element] = e.ID
				}
				got[change.Element] = standing{change.Status, change.StatusDetail}
			}
		}
		for name := range want {
			if want[name] == (standing{}) {
				delete(want, name) // the events say nothing about it
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(standing{})); diff != "" {
			t.Fatalf("elements (-want +got):\n%s", diff)
		}
		for _, e := range c.Elements {
			if e.EventID != brought[e.Type] {
				t.Fatalf("%s: got event %q, want %q", e.Type, e.EventID, brought[e.Type])
			}
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	})
}
