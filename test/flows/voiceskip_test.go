package flows_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/schemas"
)

// callAnalytics returns the records that a stream has besides voice notifications, in the
// shapes that the developer guide documents.
func callAnalytics(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile("../../internal/chime/testdata/call-analytics.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	records := make([][]byte, len(raw))
	for i, r := range raw {
		records[i] = r
	}
	return records
}

// A stream has everything that call analytics writes. Of a call that is also transcribed
// and recorded, the voice notification is stored and nothing else: no record fails, and
// nothing that was said is in the table, in the reply or in the log.
func TestOnlyVoiceNotificationsAreStored(t *testing.T) {
	ready, err := schemas.Lookup("voice-analytics-ready")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range voiceSources {
		t.Run(o.name, func(t *testing.T) {
			s, db, table := voiceTable(t)
			log := capturedLog(t)
			bodies := map[int][]byte{0: ready.Body}
			for i, record := range callAnalytics(t) {
				bodies[i+1] = record
			}
			counted := counts{}
			reply, err := lambdafn.Handle(t.Context(), o.payload(bodies), voiceHandler(s, nil, counted))
			if err != nil {
				t.Fatalf("got %v, want no error", err)
			}
			if !o.whole && string(reply) != `{"batchItemFailures":[]}` {
				t.Errorf("got the reply %s, want no record to fail", reply)
			}
			items := contents(t, db, table)
			if got := strings.Count(items, `"body"`); got != 1 {
				t.Errorf("got %d notifications in the table, want one:\n%s", got, items)
			}
			if strings.Contains(items, "Transcript") || strings.Contains(items, "CallAnalyticsMetadata") {
				t.Errorf("got a record of call analytics in the table:\n%s", items)
			}
			if text := log.String(); strings.Contains(text, "words that") || strings.Contains(text, "5550178") {
				t.Errorf("got the content of a record in the log:\n%s", text)
			}
			skipped := len(bodies) - 1
			if counted["CallAnalyticsRecordsSkipped"] != skipped || counted["VoiceNotifications"] != 1 {
				t.Errorf("got the counts %v, want %d skipped and 1 stored", counted, skipped)
			}
		})
	}
}

// A voice notification is stored or fails: it is never skipped.
func TestVoiceNotificationsAreNeverSkipped(t *testing.T) {
	const voice = `{"service-type":"VoiceAnalytics",`
	const at = `"time":"2026-03-11T08:15:04Z"`
	for _, tt := range []struct {
		name, body string
		want       apperr.Class // of the error; empty where the record is stored
	}{
		{"without an id", voice + at + `,"detail-type":"SpeakerSearchStatus","detail":{}}`, apperr.Invalid},
		{"without a detail type", voice + at + `,"id":"e"}`, apperr.Invalid},
		{"of an unknown type without an id", voice + at + `,"detail-type":"Transcribe"}`, apperr.Invalid},
		{"with a bad time", voice + `"id":"e","time":"soon","detail-type":"SpeakerSearchStatus"}`, apperr.Invalid},
		{"of an unknown type", voice + at + `,"id":"e","detail-type":"VoiceMoodStatus"}`, ""},
		{"under another service type",
			`{"service-type":"CallAnalytics",` + at + `,"id":"e","detail-type":"SpeakerSearchStatus","detail":{}}`, ""},
		{"without a service type, id and known type", `{` + at + `,"detail-type":"VoiceMoodStatus"}`, apperr.Invalid},
		{"without anything", `{}`, apperr.Invalid},
		{"cut off", `{"service-type":"CallAnalytics","detail-type":"Transcribe","Transcri`, apperr.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counted := counts{}
			m := lambdafn.Message{Source: lambdafn.Kinesis, Body: []byte(tt.body)}
			errs := voiceHandler(refusing{}, nil, counted)(t.Context(), []lambdafn.Message{m})
			if got := apperr.ClassOf(errs[0]); got != tt.want {
				t.Errorf("got %v, want class %q", errs[0], tt.want)
			}
			if counted["CallAnalyticsRecordsSkipped"] != 0 {
				t.Errorf("got the counts %v, want nothing skipped", counted)
			}
		})
	}
}

// A record that is not JSON may be a notification: it fails, from every source.
func TestUnreadableRecordsFail(t *testing.T) {
	silenceLog(t)
	for _, o := range voiceSources {
		if o.record == nil {
			continue // Lambda invokes no function with a payload that is not JSON
		}
		for name, body := range map[string][]byte{
			"broken off": []byte(`{"service-type":"Voice`), "empty": nil,
			"aggregated by a producer library": {0xf3, 0x89, 0x9a, 0xc2, 0x0a, 0x01, 0x31, 0x1a, 0x02},
		} {
			payload := o.payload(map[int][]byte{0: body})
			reply, err := lambdafn.Handle(t.Context(), payload, voiceHandler(refusing{}, nil, counts{}))
			if failed := err != nil || bytes.Contains(reply, []byte(`"itemIdentifier":"0"`)); !failed {
				t.Errorf("%s, %s: got %s, want it to fail", o.name, name, reply)
			}
		}
	}
}

// capturedLog redirects the log to a buffer until the test ends.
func capturedLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// contents returns the items of a table, one per line.
func contents(t *testing.T, db *dynamodb.Client, table string) string {
	t.Helper()
	out, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, it := range out.Items {
		line, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
