package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/schemas"
)

// sendTo sends to a fake bus on this machine.
func sendTo(f *fakeAWS, args ...string) result {
	return execute(nil, "", append([]string{"send", "--region", "us-east-1", "--endpoint-url", f.URL}, args...)...)
}

func TestSend(t *testing.T) {
	const at = "--set=time=2026-03-09T14:08:30Z"
	for _, test := range []struct {
		name string
		args []string
		want map[string]any // of the entry; detail below it by dots
	}{
		{"as it is", []string{"paused", at}, map[string]any{
			"Source": "aws.chime", "DetailType": "Media Insights State Change", "EventBusName": "default", "Time": 1773065310.0,
			"detail.eventType": "chime:MediaInsightsPaused",
		}},
		{"fields of the detail", []string{"two-elements-recording", at, "--set", "detail.callId=abc",
			"--set", "detail.mediaInsightsPipelineElementStatuses.0.status=Failed"}, map[string]any{
			"detail.callId": "abc", "detail.mediaInsightsPipelineElementStatuses.0.status": "Failed",
		}},
		{"value with a comma", []string{"paused", at, "--set", "detail.note=a,b"}, map[string]any{"detail.note": "a,b"}},
		{"envelope", []string{"paused", at, "--set", "source=my.test", "--set", "detail-type=Other",
			"--set", `resources=["arn:one"]`}, map[string]any{
			"Source": "my.test", "DetailType": "Other", "Resources": []any{"arn:one"},
		}},
		{"source flag", []string{"paused", at, "--source", "my.test"}, map[string]any{"Source": "my.test"}},
		{"bus flag", []string{"paused", at, "--bus", "arn:aws:events:us-east-1:111122223333:event-bus/x"}, map[string]any{
			"EventBusName": "arn:aws:events:us-east-1:111122223333:event-bus/x",
		}},
		{"rules matched", []string{"rule-sentiment", at}, map[string]any{"DetailType": "Media Insights Rules Matched"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			got := sendTo(f, test.args...)
			if got.code != exitDone || len(f.entries) != 1 {
				t.Fatalf("got exit code %d, %d events and %q, want 0 and one event", got.code, len(f.entries), got.stderr)
			}
			entry := f.entries[0]
			detail, err := decodeAny(entry["Detail"].(string))
			if err != nil {
				t.Fatal(err)
			}
			entry["detail"] = detail
			for path, want := range test.want {
				if diff := cmp.Diff(want, lookUp(entry, path)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}

func TestSendOutput(t *testing.T) {
	f := newFakeAWS(t)
	args := []string{"paused", "--set", "time=2026-03-09T15:08:30+01:00"}
	got := sendTo(f, args...)
	want := "sent paused as event evt-1 (Media Insights State Change from aws.chime) to bus default\n"
	if got.stdout != want || got.stderr != "" {
		t.Errorf("got %q and %q, want %q and nothing on the error stream", got.stdout, got.stderr, want)
	}
	asJSON := sendTo(f, append(args, "-o", "json")...)
	want = `{
  "eventId": "evt-1",
  "name": "paused",
  "detailType": "Media Insights State Change",
  "source": "aws.chime",
  "time": "2026-03-09T14:08:30Z",
  "bus": "default"
}
`
	if diff := cmp.Diff(want, asJSON.stdout); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestSendSetsTheTime(t *testing.T) {
	f := newFakeAWS(t)
	before := time.Now().Add(-time.Second).Unix()
	sendTo(f, "paused")
	if got := int64(f.entries[0]["Time"].(float64)); got < before || got > time.Now().Unix() {
		t.Errorf("got the time %d, want that of now, at least %d", got, before)
	}
}

func TestSendWarns(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"schema", []string{"paused", "--set", "detail.eventType=7"},
			"chimewatch: the event does not follow its schema: /detail/eventType: found the number 7"},
		{"rehearsal", []string{"paused", "--source", "chimewatch.rehearsal"},
			"chimewatch: ids of rehearsals begin with \"rehearsal-\"; calls show finds them without it, too\n"},
		{"rules", []string{"paused", "--source", "my.test"},
			"chimewatch: no rule matches the event: no function will get it\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			got := sendTo(f, test.args...)
			if got.code != exitDone || len(f.entries) != 1 || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got exit code %d, %d events and %q, want 0, 1 and %q", got.code, len(f.entries), got.stderr, test.want)
			}
		})
	}
}

func TestSendToRealBus(t *testing.T) {
	f := newFakeAWS(t)
	// An address that leads to this machine without being one of its loopback
	// addresses, and so counts as AWS.
	endpoint := strings.Replace(f.URL, "127.0.0.1", "0.0.0.0", 1)
	send := func(args ...string) result {
		return execute(nil, "", append([]string{"send", "paused", "--region", "us-east-1", "--endpoint-url", endpoint},
			args...)...)
	}
	got := send()
	want := `chimewatch: AWS accepts no event with the source "aws.chime" from its customers: ` +
		"sending as chimewatch.rehearsal\n" +
		"chimewatch: ids of rehearsals begin with \"rehearsal-\"; calls show finds them without it, too\n"
	if got.code != exitDone || got.stderr != want || f.entries[0]["Source"] != "chimewatch.rehearsal" {
		t.Errorf("got exit code %d, %q and entries %v, want 0, %q and the source chimewatch.rehearsal", got.code, got.stderr,
			f.entries, want)
	}
	for _, args := range [][]string{{"--source", "aws.chime"}, {"--set", "source=aws.chime"}} {
		got := send(args...)
		if want := `AWS accepts no event with the source "aws.chime"`; got.code != exitUsage ||
			!strings.Contains(got.stderr, want) {
			t.Errorf("%v: got exit code %d and %q, want 2 and %q", args, got.code, got.stderr, want)
		}
	}
	if got := send("--source", "my.test"); got.code != exitDone || f.entries[1]["Source"] != "my.test" ||
		len(f.entries) != 2 {
		t.Errorf("got exit code %d and entries %v, want 0 and the source my.test in the second", got.code, f.entries)
	}
}

func TestSendRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"id", []string{"paused", "--set", "id=x"}, `the sender of an event cannot choose its "id", the bus does`},
		{"account", []string{"paused", "--set", "account=1"}, `cannot choose its "account"`},
		{"region", []string{"paused", "--set", "region=x"}, `cannot choose its "region"`},
		{"unknown field", []string{"paused", "--set", "color=x"}, `cannot choose its "color"`},
		{"time", []string{"paused", "--set", "time=now"}, "--set time: now is no time (write it like"},
		{"time as a number", []string{"paused", "--set", "time=1"}, "--set time: 1 is no time"},
		{"source", []string{"paused", "--set", "source=1"}, "--set source: an event bus accepts only text there"},
		{"detail-type", []string{"paused", "--set", "detail-type="},
			"--set detail-type: an event bus accepts only text there"},
		{"resources", []string{"paused", "--set", "resources=x"}, "--set resources: it is no array"},
		{"resource", []string{"paused", "--set", "resources=[1]"}, "--set resources.0: it is no text"},
		{"detail", []string{"paused", "--set", "detail=x"}, "detail is no object"},
		{"voice notification", []string{"voice-tone-failure"}, "voice notifications do not come over an event bus"},
		{"other voice notification", []string{"paused", "--set", "detail-type=SpeakerSearchStatus"},
			"do not come over an event bus"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			got := sendTo(f, test.args...)
			if got.code != exitUsage || !strings.Contains(got.stderr, test.want) || len(f.entries) != 0 {
				t.Errorf("got exit code %d, %q and %d events, want 2, %q and none", got.code, got.stderr, len(f.entries), test.want)
			}
		})
	}
}

func TestSendRefusedByTheBus(t *testing.T) {
	for _, test := range []struct {
		name, answer, want string
	}{
		{"refused",
			`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException",` +
				`"ErrorMessage":"Not authorized for the source."}]}`,
			"chimewatch: bus default: refused the event: NotAuthorizedForSourceException: Not authorized for the source.\n"},
		{"throttled",
			`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded."}]}`,
			"chimewatch: bus default: too many events: Rate exceeded. (wait a little and try again)\n"},
		{"failed", `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"Oh."}]}`,
			"chimewatch: bus default: the service failed: Oh. (try again)\n"},
		{"no entry", `{"FailedEntryCount":0,"Entries":[]}`,
			"chimewatch: bus default: answered for 0 events, not for one (try again)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			f.putEvents = test.answer
			if got := sendTo(f, "paused"); got.code != exitFailed || got.stdout != "" || got.stderr != test.want {
				t.Errorf("got exit code %d, %q and %q, want 1, nothing and %q", got.code, got.stdout, got.stderr, test.want)
			}
		})
	}
}

func TestSendPrint(t *testing.T) {
	for _, e := range schemas.Examples() {
		got := execute(nil, "", "send", e.Name, "--print", "--set", "id=mine", "--set", "time=2026-03-09T14:08:30Z")
		var event struct{ ID, Time string }
		if err := json.Unmarshal([]byte(got.stdout), &event); err != nil || event.ID != "mine" ||
			event.Time != "2026-03-09T14:08:30Z" {
			t.Errorf("%s: got %q (%v), want the event with the two fields set", e.Name, got.stdout, err)
		}
		if checkedEvent := execute(nil, got.stdout, "events", "validate", "-"); checkedEvent.code != exitDone {
			t.Errorf("%s: got %s, want it valid", e.Name, checkedEvent.stdout)
		}
	}
}

func TestSendList(t *testing.T) {
	table := execute(nil, "", "send", "--list").stdout
	var list []map[string]string
	if err := json.Unmarshal([]byte(execute(nil, "", "send", "--list", "--output", "json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	examples := schemas.Examples()
	if len(list) != len(examples) || strings.Count(table, "\n") != len(examples)+1 {
		t.Errorf("got %d events in JSON and %d lines, want %d and one more", len(list), strings.Count(table, "\n"),
			len(examples))
	}
	for i, e := range examples {
		want := map[string]string{"name": e.Name, "schema": e.Schema, "summary": e.Summary}
		if diff := cmp.Diff(want, list[i]); diff != "" || !strings.Contains(table, e.Name) ||
			!strings.Contains(table, e.Summary) {
			t.Errorf("%s (-want +got):\n%s", e.Name, diff)
		}
	}
}

func decodeAny(text string) (any, error) {
	var value any
	err := json.Unmarshal([]byte(text), &value)
	return value, err
}

// lookUp returns the value at a path of names and indexes.
func lookUp(value any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch holder := value.(type) {
		case map[string]any:
			value = holder[part]
		case []any:
			var index int
			fmt.Sscan(part, &index)
			value = holder[index]
		default:
			return nil
		}
	}
	return value
}
