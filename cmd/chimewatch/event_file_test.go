package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/schemas"
)

func jsonText(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text has a JSON form
	}
	return string(b)
}

// wrappings put an event's JSON into each form of a file that the command reads.
var wrappings = map[string]func(event string) string{
	"failed invocation": func(e string) string {
		return `{"version":"1.0","requestContext":{"condition":"RetriesExhausted",` +
			`"functionArn":"arn:aws:lambda:us-east-1:111122223333:function:f"},` +
			`"requestPayload":` + e + `,"responsePayload":{"errorMessage":"m"}}`
	},
	"SQS": func(e string) string {
		return `{"Records":[{"messageId":"m","eventSource":"aws:sqs","messageAttributes":{"RULE_ARN":{}},"body":` +
			jsonText(e) + `}]}`
	},
	"SNS": func(e string) string {
		return `{"Type":"Notification","MessageId":"m","Message":` + jsonText(e) + `}`
	},
	"one record": func(e string) string {
		return `{"messageId":"m","eventSource":"aws:sqs","body":` + jsonText(e) + `}`
	},
	"JSON text":    jsonText,
	"text of text": func(e string) string { return jsonText(jsonText(e)) },
	"dead letter": func(e string) string {
		return `{"id":"m","queue":"rules","sentAt":"2026-03-09T14:08:30Z","function":"f","reason":"r",` +
			`"body":` + jsonText(e) + `}`
	},
	"Kinesis": func(e string) string {
		return `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"` +
			base64.StdEncoding.EncodeToString([]byte(e)) + `"}}]}`
	},
	"received message": func(e string) string {
		return `{"Messages":[{"MessageId":"m","ReceiptHandle":"h","MD5OfBody":"x","Body":` + jsonText(e) + `}]}`
	},
	"array": func(e string) string { return "[" + e + "]" },
}

func init() { // in a literal they would refer to themselves
	both := func(outer, inner string) func(string) string {
		return func(e string) string { return wrappings[outer](wrappings[inner](e)) }
	}
	wrappings["SNS to SQS"] = both("SQS", "SNS")
	wrappings["failed invocation as a dead letter"] = both("dead letter", "failed invocation")
	wrappings["SQS within a failed invocation"] = both("failed invocation", "SQS")
	wrappings["array within a dead letter"] = both("dead letter", "array")
}

func validated(t *testing.T, input string) []checkedEvent {
	t.Helper()
	got := execute(nil, input, "events", "validate", "-", "--rehearsal", "-o", "json")
	var results []checkedEvent
	if err := json.Unmarshal([]byte(got.stdout), &results); err != nil {
		t.Fatalf("%v: %s %s", err, got.stdout, got.stderr)
	}
	return results
}

// The findings about an event do not depend on its wrapping.
func TestWrappedEventsHaveTheSameFindings(t *testing.T) {
	var events []string
	for _, e := range schemas.Examples() {
		event := compact(t, string(e.Body))
		events = append(events, event, strings.Replace(event, `"id"`, `"no-id"`, 1))
	}
	want := validated(t, strings.Join(events, "\n"))
	for name, wrap := range wrappings {
		var wrapped []string
		for _, event := range events {
			wrapped = append(wrapped, wrap(event))
		}
		got := validated(t, strings.Join(wrapped, "\n"))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(checkedEvent{})); diff != "" {
			t.Errorf("%s (-bare +wrapped):\n%s", name, diff)
		}
	}
}

// entryOf writes an event as an entry of PutEvents.
func entryOf(t *testing.T, event string) string {
	t.Helper()
	var e struct {
		Source     string
		DetailType string `json:"detail-type"`
		Time       string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"Source":%q,"DetailType":%q,"Time":%q,"Detail":%s}`, e.Source, e.DetailType, e.Time,
		jsonText(string(e.Detail)))
}

// Each entry of PutEvents is checked by itself, and has its own index.
func TestEntriesOfPutEventsAreCheckedEach(t *testing.T) {
	var entries []string
	var want []checkedEvent
	for i, e := range schemas.Examples() {
		entries = append(entries, entryOf(t, string(e.Body)))
		bare := validated(t, string(e.Body))[0]
		bare.Index = i
		want = append(want, bare)
	}
	for name, text := range map[string]string{
		"array": "[" + strings.Join(entries, ",") + "]", "JSON Lines": strings.Join(entries, "\n"),
		"request": `{"Entries":[` + strings.Join(entries, ",") + "]}",
	} {
		if diff := cmp.Diff(want, validated(t, text), cmp.AllowUnexported(checkedEvent{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for entry, pointer := range map[string]string{
		`{"Source":"aws.chime","DetailType":"x","Detail":{"a":1}}`:            "/Detail",
		`{"Source":"aws.chime","DetailType":"x","Detail":"7"}`:                "/Detail",
		`{"Source":"aws.chime","DetailType":"x","Detail":"{"}`:                "/Detail",
		`{"Source":"aws.chime","DetailType":"x","Detail":"{} {}"}`:            "/Detail",
		`{"Source":"aws.chime","DetailType":"x"}`:                             "/Detail",
		`{"Source":"","DetailType":"x","Detail":"{}"}`:                        "/Source",
		`{"Source":"a","DetailType":7,"Detail":"{}"}`:                         "/DetailType",
		`{"Source":"a","DetailType":"x","Detail":"{}","Time":"yesterday"}`:    "/Time",
		`{"Source":"a","DetailType":"x","Detail":"{}","Time":[]}`:             "/Time",
		`{"Source":"a","DetailType":"Other","Detail":"{}","Time":1773065310}`: "/detail-type",
	} {
		got := validated(t, "["+entries[0]+","+entry+","+entries[1]+"]")
		if len(got) != 3 || len(got[0].Problems)+len(got[2].Problems) != 0 || len(got[1].Problems) != 1 ||
			got[1].Problems[0].Pointer != pointer || got[1].Index != 1 {
			t.Errorf("%s: got %+v, want one problem, at %s of the event 1", entry, got, pointer)
		}
	}
}

// The entries of the project's test cases are read.
func TestCasesAreValidated(t *testing.T) {
	files, err := filepath.Glob("../../test/cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v (%v), want the files of test/cases", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var entries []json.RawMessage
		if err := json.Unmarshal(text, &entries); err != nil {
			t.Fatal(err)
		}
		got := validated(t, string(text))
		if len(got) != len(entries) {
			t.Errorf("%s: got %d events, want %d", file, len(got), len(entries))
		}
		for _, v := range got {
			if len(v.Functions) == 0 {
				t.Errorf("%s, event %d: got no function", file, v.Index)
			}
		}
	}
}

// A broken record among others is a problem of its own.
func TestBrokenWrappings(t *testing.T) {
	created := compact(t, example(t, "created"))
	got := validated(t,
		`{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":`+jsonText(created)+`},{"eventSource":"aws:odd"},`+
			`{"eventSource":"aws:sqs","messageId":"3","body":"no JSON"}]}`)
	faulty := 0
	for _, v := range got {
		if len(v.Problems) > 0 {
			faulty++
		}
	}
	if len(got) != 3 || faulty != 2 {
		t.Errorf("got %+v, want three events, two of them with problems", got)
	}
	deep := created
	for range 40 {
		deep = `[` + deep + `]`
	}
	for _, text := range []string{
		`{"queue":"rules","body":"{"}`,
		`{"queue":"rules","body":""}`,
		`{"Records":[]}`,
		`"{\"id\":"`,
		`{"a":` + jsonText(deep) + `}`,
		`{"queue":"rules","body":` + jsonText(deep) + `}`,
		`{"error":{"class":"not-found"}}`,
	} {
		if got := validated(t, text); len(got) != 1 || len(got[0].Problems) == 0 {
			t.Errorf("%.80s: got %+v, want one event with problems", text, got)
		}
	}
}

func utf16Of(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// A file may have an encoding that PowerShell writes; the error about any other names it.
func TestEncodings(t *testing.T) {
	text := strings.Replace(example(t, "created"), `"detail": {`, `"detail": {"note":"é 𝄞 ﹣",`, 1)
	want := validated(t, text)
	little := func(s string) string { return utf16Of(s, binary.LittleEndian) }
	big := func(s string) string { return utf16Of(s, binary.BigEndian) }
	for name, input := range map[string]string{
		"UTF-8 with the mark": "\uFEFF" + text, "UTF-16LE": little("\uFEFF" + text), "UTF-16BE": big("\uFEFF" + text),
		"UTF-16LE of lines": little("\uFEFF" + compact(t, text) + "\r\n"),
	} {
		if diff := cmp.Diff(want, validated(t, input), cmp.AllowUnexported(checkedEvent{})); diff != "" {
			t.Errorf("%s (-UTF-8 +got):\n%s", name, diff)
		}
	}
	for _, test := range []struct{ name, input, want string }{
		{"UTF-16LE without the mark", little(text), "looks like UTF-16 without a byte order mark (save it as UTF-8)"},
		{"UTF-16BE without the mark", big(text), "looks like UTF-16 without a byte order mark"},
		{"half a character", little("\uFEFF"+text) + "x", "is UTF-16 and ends within a character"},
		{"UTF-32LE", "\xFF\xFE\x00\x00{\x00\x00\x00", "is UTF-32"},
		{"UTF-32BE", "\x00\x00\xFE\xFF\x00\x00\x00{", "is UTF-32"},
		{"gzip", "\x1F\x8B\x08\x00", "is compressed with gzip"},
		{"zeros", "{\"a\":\x00", "bytes that are zero"},
	} {
		got := execute(nil, test.input, "events", "validate", "-")
		if got.code != exitFailed || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
			t.Errorf("%s: got exit code %d, %q and %q, want 1 and %q", test.name, got.code, got.stdout, got.stderr, test.want)
		}
	}
	got := execute(nil, strings.Replace(text, "é", "\xE9", 1), "events", "validate", "-")
	if got.code != exitDone || !strings.Contains(got.stderr, "is no UTF-8") {
		t.Errorf("Latin-1: got exit code %d and %q, want it valid, and a note", got.code, got.stderr)
	}
}

// The runbook's command for a dead letter works as it is written there.
func TestRunbookStepForADeadLetter(t *testing.T) {
	text, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	step := "`chimewatch dead-letters show ID -o json \\| chimewatch events validate -`"
	if !strings.Contains(string(text), step) {
		t.Fatalf("the runbook has no %s", step)
	}
	paused := compact(t, example(t, "paused"))
	broken := strings.Replace(paused, `"chime:MediaInsightsPaused"`, "7", 1)
	note := compact(t, example(t, "voice-tone-failure"))
	rule := sqs.Attribute{DataType: "String", StringValue: "arn:aws:events:us-east-1:111122223333:rule/r"}
	lost := map[string]sqs.Attribute{"RULE_ARN": rule}
	all := map[string]*sqs.Queue{"rules": sqs.New("rules"), "functions": sqs.New("functions"), "voice": sqs.New("voice")}
	service := sqs.NewService("111122223333", "us-east-1", all["rules"], all["functions"], all["voice"]).Handler()
	f := &fakeAWS{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
			service.ServeHTTP(w, r)
			return
		}
		f.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	url := server.URL + "/111122223333/"
	outputs := map[string]string{
		"rules": "RuleDeadLettersUrl", "functions": "FunctionDeadLettersUrl", "voice": "VoiceDeadLettersUrl",
	}
	for _, test := range []struct {
		name, queue, body string
		attributes        map[string]sqs.Attribute
		functions         string
		problem           string
	}{
		{"not delivered", "rules", paused, lost, "status", ""},
		{"not delivered, unusable", "rules", broken, lost, "status", "/detail/eventType"},
		{"failed", "functions", wrappings["failed invocation"](paused), nil, "status", ""},
		{"failed, unusable", "functions", wrappings["failed invocation"](broken), nil, "status", "/detail/eventType"},
		{"notification", "voice", note, nil, "voice", ""},
		{"notification of an unknown type", "voice", strings.Replace(note, "VoiceToneAnalysisStatus", "Odd", 1), nil,
			"voice", ""},
		{"notification that is none", "voice", "no JSON", nil, "voice", "is not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := all[test.queue].Send(test.body, test.attributes)
			// Only one queue, because each is waited for.
			f.outputs = map[string]string{outputs[test.queue]: url + test.queue, "VoiceFunctionName": "v"}
			shown := execute(nil, "", "dead-letters", "show", id, "-o", "json", "--region", "us-east-1", "--endpoint-url",
				server.URL)
			if shown.code != exitDone {
				t.Fatalf("got exit code %d and %q, want the dead letter", shown.code, shown.stderr)
			}
			got := execute(nil, shown.stdout, "events", "validate", "-")
			if (got.code == exitDone) != (test.problem == "") || !strings.Contains(got.stdout, test.problem) ||
				!strings.Contains(got.stdout, "  functions  "+test.functions+"\n") {
				t.Errorf("got exit code %d, %s and %s, want the functions %q and the problem %q", got.code, got.stdout, got.stderr,
					test.functions, test.problem)
			}
		})
	}
}
