package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"pgregory.net/rapid"
)

const arn = "arn:aws:chime:us-east-1:111122223333:media-pipeline/0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90"

// history draws events of one pipeline from a small world, so that equal
// times, equal updatedOn and equal ids with other contents are common.
func history(t *rapid.T) []*chime.Event {
	base := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	some := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	element := rapid.Custom(func(t *rapid.T) chime.Element {
		return chime.Element{
			Type: rapid.SampledFrom([]string{"AmazonTranscribeProcessor", "S3RecordingSink", "VoiceEnhancement",
				"VoiceEnhancementSink", "NewSink"}).Draw(t, "type"),
			Status: rapid.SampledFrom([]string{"", "NotStarted", "InProgress", "Paused", "Stopped", "Failed",
				"NotSupported", "Novel"}).Draw(t, "status"),
			StatusDetail: rapid.SampledFrom([]string{"", "Unsupported recording length"}).Draw(t, "detail"),
			UpdatedOn: rapid.SampledFrom([]int64{0, 1769860800000, 1769860800500, 1769860801000, 4_000_000_000_000}).Draw(t,
				"updatedOn"),
		}
	})
	var events []*chime.Event
	for range rapid.IntRange(1, 7).Draw(t, "events") {
		sc := &chime.StateChange{
			PipelineARN: arn,
			EventType: some("eventType", chime.EventCreated, chime.EventInProgress, chime.EventPaused,
				chime.EventTemporaryFailure,
				chime.EventPermanentFailure, chime.EventStopped, "chime:MediaInsightsNovel",
				chime.EventObservedInProgress, chime.EventObservedStopped, chime.EventObservedLost),
			ConfigurationARN: some("configuration", "", "arn:a", "arn:b"),
			FailureReason:    some("reason", "", "", "Access denied when assuming resource access role", "throttled"),
			HTTPStatusCode:   some("http", "", "403"),
			Elements:         rapid.SliceOfN(element, 0, 3).Draw(t, "elements"),
			CallFields: chime.CallFields{CallID: some("call", "", "c1", "c2"), TransactionID: some("transaction", "", "t1"),
				FromNumber: some("from", "", "+12065550100")},
		}
		if rapid.Bool().Draw(t, "has metadata") {
			sc.Metadata = map[string]json.RawMessage{some("key", "queue", "agent"): json.RawMessage(some("value", `"a"`, `"b"`,
				`7`))}
		}
		events = append(events, &chime.Event{
			ID: some("id", "e1", "e2", "e3", "e4"), DetailType: chime.DetailStateChange, Account: some("account", "111122223333",
				""), Region: "us-east-1",
			Time: base.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "second")) * time.Second), StateChange: sc,
		})
	}
	return events
}

func lift(t interface{ Fatalf(string, ...any) }, ev *chime.Event) pipeline.State {
	s, err := pipeline.FromEvent(ev)
	if err != nil {
		t.Fatalf("FromEvent: %v", err)
	}
	return s
}

func fold(t interface{ Fatalf(string, ...any) }, events []*chime.Event) pipeline.State {
	var s pipeline.State
	for _, ev := range events {
		s = pipeline.Merge(s, lift(t, ev))
	}
	return s
}

// plain is the state as JSON, which orders maps.
func plain(t *rapid.T, s pipeline.State) string {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return string(b)
}

func event(second int, eventType string, elements ...chime.Element) *chime.Event {
	return &chime.Event{
		ID: fmt.Sprintf("%s-%d", eventType, second), DetailType: chime.DetailStateChange, Region: "us-east-1",
		Time:        time.Date(2026, 1, 31, 12, 0, second, 0, time.UTC),
		StateChange: &chime.StateChange{EventType: eventType, PipelineARN: arn, Elements: elements},
	}
}

// named sets the id of an event.
func named(id string, ev *chime.Event) *chime.Event {
	ev.ID = id
	return ev
}

func TestState(t *testing.T) {
	sink := func(status string, on int64) chime.Element {
		return chime.Element{Type: chime.ElementRecordingSink, Status: status, UpdatedOn: on}
	}
	tests := []struct {
		name     string
		events   []*chime.Event
		status   pipeline.Status
		degraded bool
		ended    bool
	}{
		{"created", []*chime.Event{event(0, chime.EventCreated)}, pipeline.Created, false, false},
		{"same second goes by rank", []*chime.Event{named("a", event(0, chime.EventInProgress)),
			named("b", event(0, chime.EventCreated))}, pipeline.InProgress, false, false},
		{"same second goes by updatedOn before rank", []*chime.Event{
			event(0, chime.EventPaused, sink("Paused", 1000)), event(0, chime.EventInProgress, sink("InProgress", 2000)),
		}, pipeline.InProgress, false, false},
		{"late news of the past", []*chime.Event{event(5, chime.EventStopped), event(1, chime.EventInProgress)},
			pipeline.Stopped, false, true},
		{"unknown types leave the status", []*chime.Event{event(1, chime.EventInProgress),
			event(5, "chime:MediaInsightsNovel")}, pipeline.InProgress, false, false},
		{"only unknown types", []*chime.Event{event(5, "chime:MediaInsightsNovel")}, pipeline.Unknown, false, false},
		{"stopped with a failed sink", []*chime.Event{event(5, chime.EventStopped, sink("Failed", 1))}, pipeline.Stopped,
			true, true},
		{"stopped with an unsupported element", []*chime.Event{
			event(5, chime.EventStopped, chime.Element{Type: chime.ElementVoiceEnhancement, Status: "NotSupported",
				UpdatedOn: 1}),
		}, pipeline.Stopped, true, true},
		{"stopped clean", []*chime.Event{event(5, chime.EventStopped, sink("Stopped", 1))}, pipeline.Stopped, false, true},
		{"running with a failed element", []*chime.Event{event(5, chime.EventInProgress, sink("Failed", 1))},
			pipeline.InProgress, true, false},
		{"an older state of an element does not count", []*chime.Event{
			event(4, chime.EventStopped, sink("Stopped", 900)), event(5, chime.EventStopped, sink("Failed", 1)),
		}, pipeline.Stopped, false, true},
		{"a failed pipeline is failed, not degraded", []*chime.Event{event(5, chime.EventPermanentFailure,
			sink("Failed", 1))}, pipeline.Failed, false, true},
		{"an observed end", []*chime.Event{event(1, chime.EventInProgress), event(5, chime.EventObservedStopped)},
			pipeline.Stopped, false, true},
		{"an observed failure", []*chime.Event{event(1, chime.EventInProgress), event(5, chime.EventObservedFailed)},
			pipeline.Failed, false, true},
		{"lost", []*chime.Event{event(1, chime.EventInProgress), event(5, chime.EventObservedLost)}, pipeline.Lost, false,
			true},
		{"lost, and the event of the end comes late", []*chime.Event{
			event(1, chime.EventInProgress), event(5, chime.EventObservedLost), event(2, chime.EventStopped),
		}, pipeline.Stopped, false, true},
		{"lost, and an event of before comes late", []*chime.Event{
			event(1, chime.EventInProgress), event(5, chime.EventObservedLost), event(2, chime.EventPaused),
		}, pipeline.Lost, false, true},
		{"lost, and it runs all the same", []*chime.Event{
			event(1, chime.EventInProgress), event(5, chime.EventObservedLost), event(7, chime.EventInProgress),
		}, pipeline.InProgress, false, false},
		{"voice enhancement after the end reopens it", []*chime.Event{
			event(5, chime.EventStopped), event(9, chime.EventInProgress, chime.Element{Type: chime.ElementVoiceEnhancementSink,
				Status: "InProgress", UpdatedOn: 1}),
		}, pipeline.InProgress, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := fold(t, tt.events)
			if s.Status != tt.status || s.Degraded() != tt.degraded || !s.EndedAt().IsZero() != tt.ended {
				t.Errorf("got %s degraded=%t ended=%t, want %s degraded=%t ended=%t",
					s.Status, s.Degraded(), !s.EndedAt().IsZero(), tt.status, tt.degraded, tt.ended)
			}
		})
	}
}

func TestID(t *testing.T) {
	failed := func(tx string) *chime.Event {
		return &chime.Event{ID: "e-1", StateChange: &chime.StateChange{EventType: chime.EventCreateFailed,
			CallFields: chime.CallFields{TransactionID: tx, CallID: "c"}}}
	}
	tests := []struct {
		name string
		ev   *chime.Event
		want string
	}{
		{"pipeline", event(0, chime.EventCreated), "0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90"},
		{"failed creation with a transaction", failed("t-1"), "create-failed.t-1"},
		{"failed creation without: callId alone is no identity", failed(""), "create-failed.e-1"},
		{"something unknown that names no pipeline", &chime.Event{ID: "e-1",
			StateChange: &chime.StateChange{EventType: chime.DetailCallInsightsState}}, "unknown.e-1"},
		{"failed creation of a rehearsal", failed("rehearsal-t-1"), "rehearsal-create-failed.t-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := pipeline.IDOf(tt.ev); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOrderKeepsTheTime(t *testing.T) {
	ev := event(7, chime.EventCreated)
	ev.Time = ev.Time.Add(123456 * time.Microsecond)
	if got := pipeline.OrderOf(ev).Time(); !got.Equal(ev.Time) {
		t.Errorf("got %v, want %v", got, ev.Time)
	}
}

// The id of a rehearsal, by which it is kept, says that it is one.
func TestRehearsal(t *testing.T) {
	const envelope = `{"id":"e","detail-type":"Media Insights State Change","source":%q,` +
		`"time":"2026-01-31T12:00:00Z","detail":%s}`
	for name, detail := range map[string]string{
		"rehearsal-p": `{"eventType":"chime:MediaInsightsStopped",` +
			`"mediaInsightsPipelineArn":"arn:aws:chime:r:a:media-pipeline/p"}`,
		"rehearsal-create-failed.t": `{"eventType":"chime:MediaInsightsCreateFailed","transactionId":"t"}`,
		"rehearsal-create-failed.e": `{"eventType":"chime:MediaInsightsCreateFailed"}`,
	} {
		for _, source := range []string{chime.Source, chime.RehearsalSource} {
			ev, err := chime.Parse(fmt.Appendf(nil, envelope, source, detail))
			if err != nil {
				t.Fatal(err)
			}
			st := lift(t, ev)
			want := name
			if source == chime.Source {
				want = strings.TrimPrefix(name, chime.RehearsalPrefix)
			}
			if st.ID != want || st.Rehearsal() != (source == chime.RehearsalSource) {
				t.Errorf("from %s: got %s, rehearsal %v; want %s", source, st.ID, st.Rehearsal(), want)
			}
		}
	}
}

func TestPlace(t *testing.T) {
	const configuration = "arn:aws:chime:eu-central-1:2:media-insights-pipeline-configuration/c"
	for _, tt := range []struct {
		name            string
		state           pipeline.State
		account, region string
	}{
		{"the envelope's", pipeline.State{Account: "1", Region: "r", PipelineARN: arn}, "1", "r"},
		{"the ARN's", pipeline.State{PipelineARN: arn}, "111122223333", "us-east-1"},
		{"of each what there is", pipeline.State{Account: "1", PipelineARN: arn}, "1", "us-east-1"},
		{"the configuration's", pipeline.State{PipelineARN: "p", ConfigurationARN: configuration}, "2", "eu-central-1"},
		{"none", pipeline.State{PipelineARN: "p", ConfigurationARN: "c"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if account, region := tt.state.Place(); account != tt.account || region != tt.region {
				t.Errorf("got %q, %q, want %q, %q", account, region, tt.account, tt.region)
			}
		})
	}
}
