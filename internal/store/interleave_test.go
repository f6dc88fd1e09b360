package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/outage"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// drawEvent makes a state change of a pipeline as JSON, from a small world in
// which times, ids and elements collide, with an updatedOn of every odd kind.
func drawEvent(t *rapid.T, id string) *chime.Event {
	some := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	detail := map[string]any{
		"eventType": some("eventType", chime.EventCreated, chime.EventInProgress, chime.EventPaused, chime.EventTemporaryFailure, chime.EventPermanentFailure,
			chime.EventStopped, "chime:MediaInsightsNovel", chime.EventObservedInProgress, chime.EventObservedStopped, chime.EventObservedLost),
		"mediaInsightsPipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id,
	}
	for key, value := range map[string]string{
		"callId": some("call", "", "", "c1", "c2"), "transactionId": some("transaction", "", "", "t1"), "failureReason": some("reason", "", "", "denied", "throttled"),
		"queue": some("queue", "", "sales", "a|b"), "mediaInsightsPipelineConfigurationArn": some("configuration", "", "", "arn:a", "arn:b"),
	} {
		if value != "" {
			detail[key] = value
		}
	}
	var elements []any
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		elements = append(elements, map[string]any{
			"type":         some("type", "S3RecordingSink", "AmazonTranscribeProcessor", "VoiceEnhancement", "New | sink #1"),
			"status":       some("status", "NotStarted", "InProgress", "Stopped", "Failed", "Novel", "No|vel"),
			"statusDetail": some("detail", "", "", "Unsupported recording length", "a|b"),
			"updatedOn": json.RawMessage(some("updatedOn", "0", "null", "-5", "-99999999999999", "1773135002", "1773135002000", "1773135002001", `"1773135002001"`,
				"1773135002001.7", "253402300799999", "253402300800000", "1773135002001000", "99999999999999999999", "1e12", "1e300")),
		})
	}
	if len(elements) > 0 {
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	raw, err := json.Marshal(map[string]any{
		"id": some("id", "e1", "e2", "e|3", strings.Repeat("e", 100)) + fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "n")), "detail-type": chime.DetailStateChange, "source": "aws.chime",
		"account": some("account", "111122223333", ""), "region": "us-east-1", "detail": detail,
		"time": noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "second")) * time.Second).Format(time.RFC3339),
	})
	if err != nil {
		t.Fatal(err)
	}
	ev, err := chime.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// However the fast and the slow way of joining an event in follow each other,
// the table holds what Merge makes of all events.
func TestTableHoldsTheMergeOfAllEvents(t *testing.T) {
	s := at(outage.NewWorld(t, outage.Server(t)).Process(), noon)
	pipelines := 0
	rapid.Check(t, func(t *rapid.T) {
		pipelines++
		id := fmt.Sprintf("pipeline|%d", pipelines)
		var want pipeline.State
		for range rapid.IntRange(1, 8).Draw(t, "events") {
			ev := drawEvent(t, id)
			st, err := pipeline.FromEvent(ev)
			if err != nil {
				t.Fatal(err)
			}
			want = pipeline.Merge(want, st)
			for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "times") {
				if err := s.RecordStateChange(context.Background(), ev); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Pipeline(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("after %s: merged (-), in the table (+):\n%s", ev.Raw, diff)
			}
		}
	})
}
