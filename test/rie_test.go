//go:build linux

package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// underEmulator is a function under AWS's emulator, at a stack of its own that
// runs no function itself.
type underEmulator struct {
	*emulator
	stack *local.Stack
	table *dynamo.Store
}

// Each function is a program that AWS's own implementation of the Lambda Runtime
// API can run, and not only the host of the local stack, which we wrote ourselves:
// it handles every example that is routed to it, in every form that Lambda has
// for it, and its work is in the table. What it cannot use it refuses, and then
// goes on in the same process.
func TestFunctionsUnderTheLambdaEmulator(t *testing.T) {
	needNode(t)
	const malformed = `{"id":"e","time":"soon","detail":{},"detail-type":`
	tests := map[string]struct {
		handles   func(*testing.T, underEmulator)
		malformed string
	}{
		"status":   {statusHandlesExamples, malformed + `"Media Insights State Change"}`},
		"failures": {failuresHandlesExamples, malformed + `"Media Insights State Change"}`},
		"alerts":   {alertsHandlesExamples, malformed + `"Media Insights Rules Matched"}`},
		"consent":  {consentHandlesExamples, malformed + `"Voice Analytics Consent","source":"chimewatch.consent"}`},
		"voice":    {voiceHandlesExamples, malformed + `"SpeakerSearchStatus"}`},
		"watch":    {watchHandlesSchedule, `{"id":"e","Records":[`}, // all it asks of an event is that it is JSON
	}
	for _, name := range binaries.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, known := tests[name]
			if !known {
				t.Fatal("there is no test of this function")
			}
			s, err := local.Start(t.Context(), local.Options{Dir: t.TempDir(), Functions: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			f := underEmulator{
				emulator: startEmulator(t, s, name, filepath.Join(functionBinaries(t), name, "bootstrap")),
				stack:    s, table: dynamo.New(s.DynamoDB(), local.TableName, dynamo.Options{}),
			}
			f.refuses(t, []byte(test.malformed))
			test.handles(t, f)
			f.refuses(t, []byte(`{"id":`))
		})
	}
}

// routed returns the examples that the routing table sends to a function.
func routed(t *testing.T, function string) []*chime.Event {
	t.Helper()
	rules := eventrule.Table(eventrule.Options{})
	var events []*chime.Event
	for _, example := range schemas.Examples() {
		matched, err := rules.Match(example.Body)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(matched, func(r eventrule.Rule) bool { return r.Function == function }) {
			events = append(events, parsed(t, example.Body))
		}
	}
	if len(events) == 0 {
		t.Fatalf("no example is routed to %s", function)
	}
	return events
}

func parsed(t *testing.T, body []byte) *chime.Event {
	t.Helper()
	ev, err := chime.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func stateOf(t *testing.T, ev *chime.Event) pipeline.State {
	t.Helper()
	st, err := pipeline.FromEvent(ev)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func statusHandlesExamples(t *testing.T, f underEmulator) {
	for _, ev := range routed(t, "status") {
		f.handles(t, ev.Raw)
		st := stateOf(t, ev)
		if _, err := f.table.Pipeline(t.Context(), st.ID); err != nil {
			t.Errorf("event %s: %v", ev.ID, err)
		}
		history, err := f.table.History(t.Context(), st.ID)
		if err != nil || !slices.ContainsFunc(history, func(r pipeline.Record) bool { return r.ID == ev.ID }) {
			t.Errorf("event %s: it is not in the history of %s (%v)", ev.ID, st.ID, err)
		}
	}
}

func failuresHandlesExamples(t *testing.T, f underEmulator) {
	for _, ev := range routed(t, "failures") {
		f.handles(t, ev.Raw)
		incidents, err := f.table.IncidentsOf(t.Context(), stateOf(t, ev).ID)
		if err != nil || len(incidents) == 0 {
			t.Errorf("event %s: got the incidents %v (%v), want one", ev.ID, incidents, err)
			continue
		}
		if _, err := f.table.Incident(t.Context(), incidents[0]); err != nil {
			t.Errorf("event %s: %v", ev.ID, err)
		}
	}
	if len(f.stack.Notifications()) == 0 {
		t.Error("got no notification of any failure")
	}
}

func alertsHandlesExamples(t *testing.T, f underEmulator) {
	events := routed(t, "alerts")
	for _, ev := range events {
		f.handles(t, ev.Raw)
	}
	matches, _, err := f.table.ListMatches(t.Context(), dynamo.MatchQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if !slices.ContainsFunc(matches, func(m dynamo.Match) bool { return m.ID == ev.ID }) {
			t.Errorf("event %s is not among the rule matches", ev.ID)
		}
	}
	if len(f.stack.Notifications()) == 0 {
		t.Error("got no notification of any rule match")
	}
}

func consentHandlesExamples(t *testing.T, f underEmulator) {
	for _, ev := range routed(t, "consent") {
		f.handles(t, ev.Raw)
		e, err := voicetask.ParseConsent(ev.Raw, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ledger, err := f.table.Ledger(t.Context(), e.TransactionID)
		if e.TransactionID == "" {
			ledger, err = f.table.CallLedger(t.Context(), e.CallID)
		}
		if err != nil || !slices.ContainsFunc(ledger, func(other voicetask.Entry) bool { return other.Event == ev.ID }) {
			t.Errorf("event %s is not in its ledger (%v)", ev.ID, err)
		}
	}
}

// voiceShapes are the forms in which Lambda hands a notification to the function.
var voiceShapes = map[lambdafn.Source]func(body []byte) any{
	lambdafn.Direct: func(body []byte) any { return json.RawMessage(body) },
	lambdafn.SQS: func(body []byte) any {
		return records(map[string]any{
			"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q", "messageId": "m",
			"receiptHandle": "r", "attributes": map[string]any{}, "messageAttributes": map[string]any{}, "body": string(body),
		})
	},
	lambdafn.SNS: func(body []byte) any {
		return records(map[string]any{
			"EventSource": "aws:sns", "EventVersion": "1.0",
			"EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:t:s",
			"Sns": map[string]any{
				"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "MessageId": "m",
				"Message": string(body),
			},
		})
	},
	lambdafn.Kinesis: func(body []byte) any {
		return records(map[string]any{
			"eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record",
			"eventID": "shardId-000000000000:1",
			"kinesis": map[string]any{
				"kinesisSchemaVersion": "1.0", "partitionKey": "p", "sequenceNumber": "1",
				"data": base64.StdEncoding.EncodeToString(body),
			},
		})
	},
}

func records(one map[string]any) any { return map[string]any{"Records": []any{one}} }

func voiceHandlesExamples(t *testing.T, f underEmulator) {
	sent := 0
	for _, example := range schemas.Examples() {
		if parsed(t, example.Body).Voice == nil {
			continue
		}
		for source, shape := range voiceShapes {
			payload, err := json.Marshal(shape(example.Body))
			if err != nil {
				t.Fatal(err)
			}
			f.handles(t, payload)
			sent++
			want, err := chime.ParseVoice(example.Body, source.Voice())
			if err != nil {
				t.Fatal(err)
			}
			call := chime.CallFields{TransactionID: want.TransactionID, CallID: want.CallID}
			notes, err := f.table.VoiceOf(t.Context(), call, want.PipelineID)
			if err != nil || !slices.ContainsFunc(notes, func(n chime.VoiceNotification) bool {
				return n.ID == want.ID && n.By == want.By
			}) {
				t.Errorf("%s by %s: it is not among the notifications of its call (%v)", example.Name, source, err)
			}
		}
	}
	if sent == 0 {
		t.Error("there is no example of a voice notification")
	}
}

// A pipeline that the API does not know any more, and one that failed without an
// event, are found by a run of the watch.
func watchHandlesSchedule(t *testing.T, f underEmulator) {
	const lost, failed = 1, 2
	begin := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	ids := map[int]string{}
	for _, n := range []int{lost, failed} {
		ev := parsed(t, stateChange(t, "abcdef1", n, chime.EventInProgress, "", begin, "InProgress"))
		if err := pipeline.RecordEvent(t.Context(), f.table, ev); err != nil {
			t.Fatal(err)
		}
		ids[n] = stateOf(t, ev).ID
	}
	sink := chimesdk.Element{Type: chime.ElementRecordingSink, Status: chime.StatusFailed}
	f.stack.Pipelines().Set(chimesdk.Pipeline{ID: ids[failed], Status: "Failed", Elements: []chimesdk.Element{sink}})
	f.handles(t, fmt.Appendf(nil, `{"version":"0","id":"s","detail-type":"Scheduled Event","source":"aws.events",`+
		`"account":%q,"time":%q,"region":%q,"resources":[],"detail":{}}`,
		local.Account, time.Now().UTC().Format(time.RFC3339), local.Region))
	for n, want := range map[int]pipeline.Status{lost: pipeline.Lost, failed: pipeline.Failed} {
		if st, err := f.table.Pipeline(t.Context(), ids[n]); err != nil || st.Status != want {
			t.Errorf("pipeline %d: got %s (%v), want %s", n, st.Status, err, want)
		}
	}
	if incidents, err := f.table.IncidentsOf(t.Context(), ids[failed]); err != nil || len(incidents) != 1 {
		t.Errorf("got the incidents %v of the pipeline that failed (%v), want one", incidents, err)
	}
}
