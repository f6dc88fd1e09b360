package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/schemas"
)

// sendFileTo sends a text as the standard input to a fake bus on this machine.
func sendFileTo(f *fakeAWS, text string, args ...string) result {
	return execute(nil, text, append([]string{"send", "--file=-", "--region", "us-east-1", "--endpoint-url", f.URL},
		args...)...)
}

// The entry that is sent has the fields of the event in the file, in any wrapping, and its detail byte for
// byte.
func TestSendFile(t *testing.T) {
	paused := strings.Replace(compact(t, example(t, "paused")), `"detail":{`, `"detail":{"twice":1,"twice":1.50,`, 1)
	var event struct {
		Time       string
		DetailType string `json:"detail-type"`
		Detail     json.RawMessage
	}
	if err := json.Unmarshal([]byte(paused), &event); err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{"bare": paused, "entry": entryOf(t, paused), "entries": "[" + entryOf(t, paused) + "]",
		"mark": "\uFEFF" + paused}
	for name, wrap := range wrappings {
		forms[name] = wrap(paused)
	}
	for name, text := range forms {
		f := newFakeAWS(t)
		got := sendFileTo(f, text)
		if got.code != exitDone || len(f.entries) != 1 || got.stderr != "" ||
			got.stdout != "sent event 0 of - as event evt-1 (Media Insights State Change from aws.chime) to bus default\n" {
			t.Errorf("%s: got exit code %d, %q, %q and %d events, want 0 and one", name, got.code, got.stdout, got.stderr,
				len(f.entries))
			continue
		}
		if e := f.entries[0]; e["Detail"] != string(event.Detail) || e["DetailType"] != event.DetailType ||
			e["Source"] != "aws.chime" {
			t.Errorf("%s: got %v, want the event's fields", name, e)
		}
	}
}

func TestSendFileOfMany(t *testing.T) {
	var entries, want []string
	for _, e := range schemas.Examples() {
		if strings.HasPrefix(e.Schema, "media-") || e.Schema == "consent" {
			entries = append(entries, entryOf(t, string(e.Body)))
			want = append(want, compact(t, string(e.Body)))
		}
	}
	file := filepath.Join(t.TempDir(), "entries.json")
	if err := os.WriteFile(file, []byte("["+strings.Join(entries, ",\n")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFakeAWS(t)
	args := []string{"send", "--file", file, "--region", "us-east-1", "--endpoint-url", f.URL, "-o", "json"}
	got := execute(nil, "", args...)
	var list []sentEvent
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || len(list) != len(want) ||
		len(f.entries) != len(want) {
		t.Fatalf("got exit code %d, %s and %s (%v), want %d events", got.code, got.stdout, got.stderr, err, len(want))
	}
	for i, text := range want {
		var event struct{ Detail any }
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		detail, err := decodeAny(f.entries[i]["Detail"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(event.Detail, detail); diff != "" || list[i].Name != fmt.Sprintf("event %d of %s", i, file) {
			t.Errorf("event %d: got the name %q and (-want +got):\n%s", i, list[i].Name, diff)
		}
	}
	// The bus refuses the third: what was sent before is said, and the rest is not sent.
	f.entries = nil
	f.putEvents = `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"No."}]}`
	if got := execute(nil, "", args...); got.code != exitFailed || len(f.entries) != 1 {
		t.Errorf("got exit code %d and %d events, want 1 and that none follows the refused one", got.code, len(f.entries))
	}
	f.entries = nil
	for _, set := range [][]string{{"--set", "detail.callId=x"}, {"created"}} {
		if got := execute(nil, "", append(args, set...)...); got.code != exitUsage || len(f.entries) != 0 {
			t.Errorf("%v: got exit code %d, %q and %d events, want 2 and none", set, got.code, got.stderr, len(f.entries))
		}
	}
}

func TestSendFileChanged(t *testing.T) {
	f := newFakeAWS(t)
	paused := entryOf(t, example(t, "paused"))
	got := sendFileTo(f, paused, "--set", "detail.callId=mine", "--set", "time=2026-03-09T14:08:30Z",
		"--source", "chimewatch.rehearsal")
	if got.code != exitDone || len(f.entries) != 1 {
		t.Fatalf("got exit code %d, %q and %d events, want 0 and one", got.code, got.stderr, len(f.entries))
	}
	e := f.entries[0]
	if !strings.Contains(e["Detail"].(string), `"callId":"mine"`) || e["Time"] != 1773065310.0 ||
		e["Source"] != "chimewatch.rehearsal" {
		t.Errorf("got %v, want the fields that were set", e)
	}
	printed := sendFileTo(f, paused, "--print", "--set", "id=mine")
	if event := printed.stdout; len(f.entries) != 1 || !strings.Contains(event, `"id": "mine"`) {
		t.Errorf("got %s, want the event printed and not sent", event)
	}
}

func TestSendFileRefuses(t *testing.T) {
	paused := compact(t, example(t, "paused"))
	without := func(name string) string { return strings.Replace(paused, `"`+name+`":`, `"no":`, 1) }
	for _, test := range []struct {
		name, text string
		want       string
	}{
		{"a voice notification", example(t, "voice-tone-failure"),
			"event 0 of -, detail-type: voice notifications do not come over an event bus"},
		{"no source", without("source"), "event 0 of -, source: an event bus accepts only text there"},
		{"no detail", without("detail"), "event 0 of -, detail: "},
		{"no event", " ", "-: there is no event in it"},
		{"no object", "7", "event 0 of -: cannot be sent: is no object"},
		{"no JSON", "{", "-: is not JSON at line 1"},
		{"a good one and a bad one", paused + "[" + without("source") + "]", "event 1 of -, source"},
		{"a bad entry", `[{"Source":"a","DetailType":"b","Detail":"7"}]`,
			"event 0 of -: cannot be sent: /Detail: is no text that holds a JSON object"},
		{"a bad time", strings.Replace(paused, `"time":"`, `"time":"x`, 1), "event 0 of -, time: "},
		{"UTF-32", "\xFF\xFE\x00\x00", "-: is UTF-32"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			got := sendFileTo(f, test.text)
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) || len(f.entries) != 0 {
				t.Errorf("got exit code %d, %q and %d events, want 1, %q and none", got.code, got.stderr, len(f.entries), test.want)
			}
		})
	}
}

// AWS accepts no event of its own sources: a real event is sent as a rehearsal only if --source says so.
func TestSendFileToARealBus(t *testing.T) {
	f := newFakeAWS(t)
	endpoint := strings.Replace(f.URL, "127.0.0.1", "0.0.0.0", 1) // which counts as AWS
	send := func(name string, args ...string) result {
		return execute(nil, example(t, name),
			append([]string{"send", "--file=-", "--region", "us-east-1", "--endpoint-url", endpoint}, args...)...)
	}
	got := send("paused")
	for _, want := range []string{
		`AWS accepts no event with the source "aws.chime" from its customers`, "--source chimewatch.rehearsal",
		"dead-letters redrive",
	} {
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || len(f.entries) != 0 {
			t.Errorf("got exit code %d, %q and %d events, want 2, %q and none", got.code, got.stderr, len(f.entries), want)
		}
	}
	if got := send("paused", "--source", "chimewatch.rehearsal"); got.code != exitDone || len(f.entries) != 1 {
		t.Errorf("as a rehearsal: got exit code %d and %q, want it sent", got.code, got.stderr)
	}
	if got := send("consent-denied"); got.code != exitDone || len(f.entries) != 2 {
		t.Errorf("consent: got exit code %d and %q, want it sent", got.code, got.stderr)
	}
}

func TestSendFileWarns(t *testing.T) {
	f := newFakeAWS(t)
	paused := compact(t, example(t, "paused"))
	faulty := strings.Replace(paused, `"eventType":"`, `"eventType":7,"x":"`, 1)
	got := sendFileTo(f, paused+faulty+strings.Replace(paused, "aws.chime", "my.own", 1))
	want := "chimewatch: event 1 of - does not follow its schema: /detail/eventType: found the number 7, expected text: " +
		"the name of the new state, such as chime:MediaInsightsInProgress\n" +
		"chimewatch: event 2 of - does not follow its schema: /source: found \"my.own\", expected \"aws.chime\" or " +
		"\"chimewatch.rehearsal\": the sender of the event\n" +
		"chimewatch: no rule matches event 2 of -: no function will get it\n"
	if got.code != exitDone || got.stderr != want || len(f.entries) != 3 {
		t.Errorf("got exit code %d, %d events and %q, want %q", got.code, len(f.entries), got.stderr, want)
	}
}
