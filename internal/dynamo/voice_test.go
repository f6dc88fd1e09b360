package dynamo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/schemas"
)

// voiceBodies are the examples that are voice-analytics notifications, and one
// of a type that nobody knows.
func voiceBodies(t *testing.T) [][]byte {
	t.Helper()
	var bodies [][]byte
	for _, e := range schemas.Examples() {
		if ev, err := chime.Parse(e.Body); err == nil && ev.Voice != nil {
			bodies = append(bodies, e.Body)
		}
	}
	return append(bodies,
		[]byte(`{"id":"new-1","detail-type":"VoiceMoodStatus","time":"2026-03-11T08:15:04.118999Z",
			"detail":{"transactionId":"t-1","taskId":"k-1"}}`),
		[]byte(`{"id":"new-2","detail-type":"VoiceMoodStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":"k-1"}}`))
}

var everySource = map[lambdafn.Source]string{lambdafn.Direct: "LAMBDA", lambdafn.SQS: "SQS", lambdafn.SNS: "SNS",
	lambdafn.Kinesis: "KINESIS"}

// sampleKeys are the keys that the developer guide's Python sample makes of a
// notification: by the task, or for a readiness and for what it does not know by
// the transaction. A field that is absent is written as Python writes nothing.
func sampleKeys(t *testing.T, body []byte, source string) (pk, sk string) {
	t.Helper()
	var event struct {
		ID         string         `json:"id"`
		DetailType string         `json:"detail-type"`
		Detail     map[string]any `json:"detail"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{"SpeakerSearchStatus": "SpeakerSearch", "VoiceToneAnalysisStatus": "VoiceToneAnalysis",
		"VoiceAnalyticsStatus": "AnalyticsReady"}
	kind, known := kinds[event.DetailType]
	if !known {
		kind = "UNKNOWN"
	}
	field := "taskId"
	if kind == "AnalyticsReady" || kind == "UNKNOWN" {
		field = "transactionId"
	}
	id := event.Detail[field]
	if id == nil {
		id = "None"
	}
	return fmt.Sprintf("%s#%v#notificationType#%s#analyticsType#%s", field, id, source, kind), event.ID
}

func TestVoiceItemsAreThoseOfTheSample(t *testing.T) {
	s, db, name := voiceStore(t)
	want := map[string]string{} // body by key
	var notes []chime.VoiceNotification
	for source, spelt := range everySource {
		for _, body := range voiceBodies(t) {
			pk, sk := sampleKeys(t, body, spelt)
			want[pk+" "+sk] = string(body)
			notes = append(notes, note(t, source, body))
		}
	}
	for i, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Errorf("%s: %v", notes[i].ID, err)
		}
	}
	items := scan(t, db.Client, name)
	for key, body := range want {
		if got := items[key]["body"]; got != body {
			t.Errorf("%s: got body %q, want the notification's bytes", key, got)
		}
	}
	pk := "taskId#4ac3799b-e2d6-4805-a28c-4fababb1b60c#notificationType#SQS#analyticsType#VoiceToneAnalysis"
	key := pk + " Id-8148ae78-ca5c-4a8d-89ce-b4e775df9adb"
	if got, want := items[key]["createdOn"], "2026-03-11T08:15:49.905Z"; got != want {
		t.Errorf("createdOn: got %q, want %q: milliseconds, cut and not rounded", got, want)
	}
	if got, want := items[key]["x"], fmt.Sprint(time.Date(2026, 3, 11, 9, 15, 49, 0, time.UTC).Unix()); got != want {
		t.Errorf("expiry: got %q, want %s", got, want)
	}
}

// notesOf keeps the items that hold a notification.
func notesOf(items map[string]map[string]string) map[string]map[string]string {
	maps.DeleteFunc(items, func(_ string, it map[string]string) bool { return it["body"] == "" })
	return items
}

func TestVoiceRefusesWhatCannotBeKeptWhole(t *testing.T) {
	s, db, name := voiceStore(t)
	event := func(id, task, more string) []byte {
		return fmt.Appendf(nil, `{"id":%q,"detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z",
			"detail":{"taskId":%q,"more":"%s"}}`, id, task, more)
	}
	for _, tt := range []struct {
		name string
		body []byte
		want string // in the error; empty: it is kept
	}{
		{"large", event("large", "k", strings.Repeat("x", 370<<10)), ""},
		{"too large", event("too-large", "k", strings.Repeat("x", 390<<10)), "more than an item has room for"},
		{"long ids", event("long", strings.Repeat("k", 2048), ""), ""},
		{"invalid UTF-8", event("invalid", "k", "\xff\xfe caf\xe9"), ""},
		{"invalid UTF-8 in an id", bytes.Replace(event("e?", "k", ""), []byte("?"), []byte("\xff"), 1), ""},
		{
			"invalid UTF-8, too large for both forms",
			event("both", "k", "\xff"+strings.Repeat("x", 300<<10)),
			"needs it twice",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := note(t, lambdafn.Kinesis, tt.body)
			err := s.RecordVoice(t.Context(), []chime.VoiceNotification{n})[0]
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && apperr.ClassOf(err) != apperr.Invalid {
				t.Errorf("got class %s, want invalid", apperr.ClassOf(err))
			}
		})
	}
	invalid := scan(t, db.Client, name)["taskId#k#notificationType#KINESIS#analyticsType#SpeakerSearch invalid"]
	if got, want := invalid["rawBody"], "bytes "+string(event("invalid", "k", "\xff\xfe caf\xe9")); got != want {
		t.Errorf("raw body: got %q, want the bytes as received, %q", got, want)
	}
	if !strings.Contains(invalid["body"], "\uFFFD caf\uFFFD") {
		t.Errorf("body: got %q, want U+FFFD for the invalid bytes", invalid["body"])
	}
	notes, err := s.VoiceOf(t.Context(), chime.CallFields{}, "")
	if err != nil || len(notes) != 0 {
		t.Errorf("of no call: got %d notifications and %v, want none", len(notes), err)
	}
}

func TestVoiceIsFoundByItsCall(t *testing.T) {
	s, _, _ := voiceStore(t)
	event := func(id, detail string) chime.VoiceNotification {
		return note(t, lambdafn.SQS, fmt.Appendf(nil,
			`{"id":%q,"detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:0%dZ","detail":%s}`, id, id[0]-'a', detail))
	}
	notes := []chime.VoiceNotification{
		event("a", `{"taskId":"1","transactionId":"T","callId":"C"}`),
		event("b", `{"taskId":"2","mediaInsightsPipelineId":"P"}`),
		event("c", `{"taskId":"3","callId":"C"}`),
		event("d", `{"taskId":"4","transactionId":"T","mediaInsightsPipelineId":"P","callId":"C"}`),
		event("e", `{"taskId":"5","transactionId":"other","callId":"C"}`),
		event("f", `{"taskId":"6","mediaInsightsPipelineId":"P","callId":"C"}`),
	}
	for _, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name     string
		call     chime.CallFields
		pipeline string
		want     string
	}{
		{"transaction", chime.CallFields{TransactionID: "T"}, "", "ad"},
		{"pipeline", chime.CallFields{}, "P", "bdf"},
		{"call", chime.CallFields{CallID: "C"}, "", "acef"},
		{"all of them", chime.CallFields{TransactionID: "T", CallID: "C"}, "P", "abcdf"},
		{"another", chime.CallFields{TransactionID: "X", CallID: "Y"}, "Z", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := s.VoiceOf(t.Context(), tt.call, tt.pipeline)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, n := range found {
				got += n.ID
				if n.By != chime.BySQS || n.TaskID == "" {
					t.Errorf("%s: got source %s and task %q, want SQS and its task", n.ID, n.By, n.TaskID)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s, oldest first", got, tt.want)
			}
		})
	}
}

func TestVoiceReturnsErrorsOfTheTable(t *testing.T) {
	s, db, _ := voiceStore(t)
	db.batch = func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}
	}
	bodies := voiceBodies(t)
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[0]),
		note(t, lambdafn.SQS, bodies[1])})
	for _, err := range errs {
		if apperr.ClassOf(err) != apperr.Internal || !strings.Contains(err.Error(), "grant the role that action") {
			t.Errorf("got %v, want the refusal and what to do", err)
		}
	}
}
