package chime_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

const elementStatuses = "mediaInsightsPipelineElementStatuses"

// withElements is a state change whose element list is the JSON given.
func withElements(list string) []byte {
	return []byte(`{"id":"e","detail-type":"Media Insights State Change","source":"aws.chime",
		"time":"2026-03-11T08:15:04Z","detail":{"eventType":"chime:MediaInsightsInProgress",
		"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/p",
		"` + elementStatuses + `":` + list + `}}`)
}

func asText(t interface{ Fatal(...any) }, value string) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsed(t interface{ Fatal(...any) }, raw []byte) *chime.Event {
	ev, err := chime.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestElementsAreReadWhateverIsNextToThem(t *testing.T) {
	const sink = `{"type":"S3RecordingSink","status":"Failed","updatedOn":1773216904000}`
	failed := chime.Element{Type: "S3RecordingSink", Status: "Failed", UpdatedOn: 1773216904000}
	bare := chime.Element{Type: "KinesisDataStreamSink"}
	for _, tt := range []struct {
		name, list string
		want       []chime.Element
		unread     string // what is kept as it came
	}{
		{"another element without a status", `[` + sink + `,{"type":"KinesisDataStreamSink"}]`, []chime.Element{failed, bare},
			``},
		{"a status that is null", `[{"type":"KinesisDataStreamSink","status":null},` + sink + `]`,
			[]chime.Element{bare, failed}, ``},
		{"a status that is a number", `[{"type":"KinesisDataStreamSink","status":3},` + sink + `]`,
			[]chime.Element{bare, failed}, `[{"type":"KinesisDataStreamSink","status":3}]`},
		{"another element without a type", `[{"status":"Failed"},` + sink + `]`, []chime.Element{failed},
			`[{"status":"Failed"}]`},
		{"other values that are no objects", `[null,7,` + sink + `,"x",[]]`, []chime.Element{failed}, `[null,7,"x",[]]`},
		{"a time that is none", `[{"type":"S3RecordingSink","status":"Failed","updatedOn":"then"}]`,
			[]chime.Element{{Type: "S3RecordingSink", Status: "Failed"}},
			`[{"type":"S3RecordingSink","status":"Failed","updatedOn":"then"}]`},
		{"one entry without a list", sink, []chime.Element{failed}, ``},
		{"the list as JSON text", asText(t, `[`+sink+`]`), []chime.Element{failed}, ``},
		{"entries as JSON text", `[` + asText(t, sink) + `,{"type":"KinesisDataStreamSink"}]`, []chime.Element{failed, bare},
			``},
		{"text that is no JSON", `"[` + `"`, nil, `"["`},
		{"a number", `7`, nil, `7`},
		{"null", `null`, nil, `null`},
		{"an empty list", `[]`, nil, ``},
		{"the key twice", `[` + sink + `],"` + elementStatuses + `":[{"type":"KinesisDataStreamSink"}]`,
			[]chime.Element{failed, bare}, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := parsed(t, withElements(tt.list)).StateChange
			if diff := cmp.Diff(tt.want, slices.Clone(sc.Elements)); diff != "" && len(tt.want)+len(sc.Elements) > 0 {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
			if got := string(sc.Metadata[elementStatuses]); got != tt.unread {
				t.Errorf("kept as it came: got %s, want %s", got, tt.unread)
			}
			if got, want := sc.Unread(), min(len(tt.unread), 1); got != want {
				t.Errorf("got %d unread fields, want %d", got, want)
			}
		})
	}
}

// Of a list of good and bad entries in any order and form, every entry that names an
// element is found, with its status, and every other one is kept as it came.
func TestNoEntryOfAListHidesAnother(t *testing.T) {
	bad := []string{`null`, `7`, `"x"`, `[]`, `{}`, `{"status":"Failed"}`, `{"type":"","status":"Failed"}`,
		`{"type":9,"status":"Failed"}`, `[{"type":"A","status":"Failed"}]`, `"{"`, `true`}
	rapid.Check(t, func(t *rapid.T) {
		var entries []string
		var want []chime.Element
		var unread []string
		for i := range rapid.IntRange(0, 8).Draw(t, "entries") {
			if rapid.Bool().Draw(t, "bad") {
				entry := rapid.SampledFrom(bad).Draw(t, "entry")
				entries, unread = append(entries, entry), append(unread, entry)
				continue
			}
			e := chime.Element{
				Type:   rapid.SampledFrom([]string{"S3RecordingSink", "VoiceEnhancement", "Novel"}).Draw(t, "type") + fmt.Sprint(i),
				Status: rapid.SampledFrom([]string{"", "Failed", "NotSupported", "InProgress", "Novel"}).Draw(t, "status"),
			}
			entry := map[string]any{"type": e.Type}
			if e.Status != "" {
				entry["status"] = e.Status
			}
			form, err := json.Marshal(entry)
			if err != nil {
				t.Fatal(err)
			}
			text := string(form)
			if rapid.Bool().Draw(t, "as text") {
				text = asText(t, text)
			}
			entries, want = append(entries, text), append(want, e)
		}
		list := "[" + strings.Join(entries, ",") + "]"
		if rapid.Bool().Draw(t, "list as text") {
			list = asText(t, list)
		}
		sc := parsed(t, withElements(list)).StateChange
		if diff := cmp.Diff(want, slices.Clone(sc.Elements)); diff != "" && len(want)+len(sc.Elements) > 0 {
			t.Fatalf("elements of %s (-want +got):\n%s", list, diff)
		}
		kept := string(sc.Metadata[elementStatuses])
		if len(unread) == 0 && kept != "" || len(unread) > 0 && kept != "["+strings.Join(unread, ",")+"]" {
			t.Fatalf("kept as it came: got %s, want %v", kept, unread)
		}
	})
}

// JSON text means the same as the object or the list that it has.
func TestJSONTextIsRead(t *testing.T) {
	const call = `{"transactionId":"t","callId":"c","queue":"sales"}`
	const envelope = `{"id":"e","detail-type":%q,"source":"aws.chime","time":"2026-03-11T08:15:04Z",
		"resources":%s,"detail":%s}`
	const change = `{"eventType":"chime:MediaInsightsStopped",` +
		`"mediaInsightsPipelineArn":"arn:aws:chime:r:a:media-pipeline/p"`
	for _, tt := range []struct{ name, kind, resources, detail string }{
		{"the detail", chime.DetailStateChange, `["arn"]`, asText(t, change+`,"transactionId":"t","callId":"c"}`)},
		{"runtime metadata that was not flattened", chime.DetailStateChange, `"arn"`,
			change + `,"mediaInsightsRuntimeMetadata":` + call + `}`},
		{"runtime metadata as text", chime.DetailStateChange, `["arn"]`,
			change + `,"MediaInsightsRuntimeMetadata":` + asText(t, call) + `}`},
		{"source metadata", chime.DetailRulesMatched, asText(t, `["arn"]`),
			`{"ruleName":"r","sourceMetadata":` + asText(t, call) + `}`},
		{"the detail of a match", chime.DetailRulesMatched, `["arn"]`,
			asText(t, `{"ruleName":"r","sourceMetadata":`+call+`}`)},
		{"the detail of a voice notification", chime.DetailVoiceTone, `["arn"]`, asText(t, call)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := parsed(t, fmt.Appendf(nil, envelope, tt.kind, tt.resources, tt.detail))
			var got chime.CallFields
			switch {
			case ev.StateChange != nil:
				got = ev.StateChange.CallFields
			case ev.RulesMatched != nil:
				got = ev.RulesMatched.CallFields
			default:
				got = ev.Voice.CallFields
			}
			if want := (chime.CallFields{TransactionID: "t", CallID: "c"}); got != want || len(ev.Resources) != 1 {
				t.Errorf("got %+v and %v, want %+v and one resource", got, ev.Resources, want)
			}
		})
	}
	own := parsed(t,
		fmt.Appendf(nil, envelope, chime.DetailStateChange, `[]`,
			change+`,"callId":"own","mediaInsightsRuntimeMetadata":`+call+`}`))
	if own.StateChange.CallID != "own" || own.StateChange.TransactionID != "t" {
		t.Errorf("got %+v, want the event's own callId before that of its metadata", own.StateChange.CallFields)
	}
}
