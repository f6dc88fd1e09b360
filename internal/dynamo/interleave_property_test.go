package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// oddTimes are what an event may have as a time in epoch milliseconds.
var oddTimes = []string{"0", "null", "-5", "-99999999999999", "1773135002", "1773135002000", "1773135002001",
	`"1773135002001"`, "1773135002001.7",
	"253402300799999", "253402300800000", "1773135002001000", "99999999999999999999", "1e12", "1e300"}

// drawEvent makes a state change of a pipeline as JSON, from a small world in
// which times, ids and elements collide, with an updatedOn of every odd kind. The
// n-th event of a steady call comes in order, with the fields of those before and
// one element, whose updatedOn often ties: it mostly needs no read.
func drawEvent(t *rapid.T, id string, n int, steady bool) *chime.Event {
	some := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	field := func(label string, values ...string) string {
		if steady {
			return values[len(values)-1]
		}
		return some(label, values...)
	}
	detail := map[string]any{
		"eventType": some("eventType", chime.EventCreated, chime.EventInProgress, chime.EventPaused,
			chime.EventTemporaryFailure, chime.EventPermanentFailure,
			chime.EventStopped, "chime:MediaInsightsNovel", chime.EventObservedInProgress, chime.EventObservedStopped,
			chime.EventObservedLost),
		"mediaInsightsPipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id,
	}
	for key, value := range map[string]string{
		"callId": field("call", "", "", "c1", "c2"), "transactionId": field("transaction", "", "",
			"t1"), "failureReason": some("reason", "", "", "denied", "throttled"),
		"queue": field("queue", "", "sales", "a|b"), "mediaInsightsPipelineConfigurationArn": field("configuration", "", "",
			"arn:a", "arn:b"),
	} {
		if value != "" {
			detail[key] = value
		}
	}
	second, updatedOn := n, []string{"1773135002000", "1773135002001"}
	if !steady {
		second, updatedOn = rapid.IntRange(0, 3).Draw(t, "second"), oddTimes
	}
	var elements []any
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		elements = append(elements, map[string]any{
			"type":         field("type", "AmazonTranscribeProcessor", "VoiceEnhancement", "New | sink #1", "S3RecordingSink"),
			"status":       some("status", "NotStarted", "InProgress", "Stopped", "Failed", "Novel", "No|vel"),
			"statusDetail": some("detail", "", "", "Unsupported recording length", "a|b"),
			"updatedOn":    json.RawMessage(some("updatedOn", updatedOn...)),
		})
	}
	if len(elements) > 0 {
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	raw, err := json.Marshal(map[string]any{
		"id": some("id", "e1", "e2", "e|3", strings.Repeat("e", 100)) + fmt.Sprint(rapid.IntRange(0, 3).Draw(t,
			"n")), "detail-type": chime.DetailStateChange, "source": "aws.chime",
		"account": field("account", "", "111122223333"), "region": "us-east-1", "detail": detail,
		"time": noon.Add(time.Duration(second) * time.Second).Format(time.RFC3339),
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
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	pipelines := 0
	rapid.Check(t, func(t *rapid.T) {
		pipelines++
		id := fmt.Sprintf("pipeline|%d", pipelines)
		var want pipeline.State
		steady := rapid.Bool().Draw(t, "steady")
		for n := range rapid.IntRange(1, 8).Draw(t, "events") {
			ev := drawEvent(t, id, n, steady)
			st, err := pipeline.FromEvent(ev)
			if err != nil {
				t.Fatal(err)
			}
			want = pipeline.Merge(want, st)
			for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "times") {
				if err := pipeline.RecordEvent(context.Background(), s, ev); err != nil {
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

// meanwhile is a client that does something once, just after an item was read.
type meanwhile struct {
	*dynamodb.Client
	do func()
}

func (m *meanwhile) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	out, err := m.Client.GetItem(ctx, in, opts...)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return out, err
}

// While an old observation is joined in, an event comes that makes nothing of
// it: the index must not say otherwise than the state.
func TestNewEventWhileAnOldObservationIsMerged(t *testing.T) {
	db := faultinject.Server(t)
	for name, newest := range map[string]time.Duration{"news newer than all": 2 * time.Second,
		"news older than another event": 4 * time.Second} {
		t.Run(name, func(t *testing.T) {
			world := faultinject.NewWorld(t, db)
			s := at(world.Process(), noon)
			events := story(t)
			events[0].Time, events[1].Time, events[2].Time = noon, noon.Add(newest), noon.Add(3*time.Second)
			events[1].StateChange.EventType = "chime:MediaInsightsNovel"
			for _, ev := range events[:2] {
				if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
					t.Fatal(err)
				}
			}
			client := &meanwhile{Client: world.DB, do: func() {
				if err := pipeline.RecordEvent(t.Context(), s, events[2]); err != nil {
					t.Error(err)
				}
			}}
			slow := dynamo.New(client, world.Table, dynamo.Options{Retention: time.Hour})
			if err := pipeline.RecordEvent(t.Context(), slow, observed(t, chime.EventObservedLost,
				noon.Add(time.Second))); err != nil {
				t.Fatal(err)
			}
			if client.do != nil {
				t.Fatal("nothing was read: the test proves nothing")
			}
			open, err := s.Open(t.Context())
			if err != nil || len(open) != 1 || open[0].Status != pipeline.Paused {
				t.Errorf("got %d open pipelines (%v), want the one that is paused", len(open), err)
			}
		})
	}
}

// Processes join the events of a pipeline in by turns: the table holds what
// Merge makes of all of them, and the index says what the state says.
func TestProcessesThatMergeByTurns(t *testing.T) {
	db := faultinject.Server(t)
	world := faultinject.NewWorld(t, db)
	reader := at(world.Process(), noon)
	pipelines := 0
	rapid.Check(t, func(rt *rapid.T) {
		pipelines++
		id := fmt.Sprint("p", pipelines)
		var want pipeline.State
		var works []faultinject.Work
		record := func(s *dynamo.Store, ev *chime.Event) func() error {
			st, err := pipeline.FromEvent(ev)
			if err != nil {
				rt.Fatal(err)
			}
			want = pipeline.Merge(want, st)
			return func() error { return pipeline.RecordEvent(context.Background(), s, ev) }
		}
		for n := range rapid.IntRange(0, 2).Draw(rt, "before") {
			ev := drawEvent(rt, id, n, false)
			if n == 0 { // newer than all, and of no status: what comes at once is merged
				ev.Time, ev.StateChange.EventType = noon.Add(time.Hour), "chime:MediaInsightsNovel"
			}
			if err := record(reader, ev)(); err != nil {
				rt.Fatal(err)
			}
		}
		for n := range rapid.IntRange(2, 3).Draw(rt, "at once") {
			p := world.Process()
			works = append(works, faultinject.Work{Injector: p.Injector, Do: record(at(p, noon), drawEvent(rt, id, n, false))})
		}
		for _, err := range faultinject.RunInterleaved(rapid.Int64().Draw(rt, "turns"), works...) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		got, err := reader.Pipeline(context.Background(), id)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("merged (-), in the table (+):\n%s", diff)
		}
		out, err := db.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: &world.Table,
			Key: tabletest.StateOf(id).Item()})
		if err != nil {
			rt.Fatal(err)
		}
		var q string
		if partition, ok := out.Item["q"].(*types.AttributeValueMemberS); ok {
			q = partition.Value
		}
		failures := []pipeline.Status{pipeline.Failed, pipeline.CreateFailed, pipeline.Lost}
		if strings.HasPrefix(q, "O") != want.Status.Open() ||
			strings.HasPrefix(q, "F") != slices.Contains(failures, want.Status) {
			rt.Fatalf("status %s: got the partition %q in the index", want.Status, q)
		}
	})
}
