package eventbridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
)

// What is just allowed goes through, and comes out of the other end.
func TestPutEventsAcceptsTheBounds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*types.PutEventsRequestEntry)
		time   string // of the event; empty: any
	}{
		{"the first second", func(e *types.PutEventsRequestEntry) { e.Time = aws.Time(time.Unix(0, 0)) },
			"1970-01-01T00:00:00Z"},
		{"a fraction of a second", func(e *types.PutEventsRequestEntry) {
			e.Time = aws.Time(time.Unix(1_764_038_040, 999_000_000))
		}, "2025-11-25T02:34:00Z"},
		{"the bus by its name", func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("default") }, ""},
		{"the bus by its ARN", func(e *types.PutEventsRequestEntry) {
			e.EventBusName = aws.String("arn:aws:events:us-east-1:123456789012:event-bus/default")
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			out := f.put(t, entry(tc.change))
			if out.FailedEntryCount != 0 || len(f.deliveries) != 1 {
				t.Fatalf("got %+v and %d deliveries, want one", out.Entries, len(f.deliveries))
			}
			var got struct{ Time string }
			if err := json.Unmarshal(f.deliveries[0].event, &got); err != nil || tc.time != "" && got.Time != tc.time {
				t.Errorf("got the time %q (%v), want %q", got.Time, err, tc.time)
			}
		})
	}
}

func TestPutEventsRefusesBeyondTheBounds(t *testing.T) {
	for _, tc := range []struct {
		name, code, text string
		change           func(*types.PutEventsRequestEntry)
	}{
		{"the bus of another Region", "ResourceNotFoundException",
			"Event bus arn:aws:events:us-west-2:123456789012:event-bus/default does not exist; the local stack has the bus " +
				"default.",
			func(e *types.PutEventsRequestEntry) {
				e.EventBusName = aws.String("arn:aws:events:us-west-2:123456789012:event-bus/default")
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			got := f.put(t, entry(tc.change)).Entries[0]
			if aws.ToString(got.ErrorCode) != tc.code || !strings.HasPrefix(aws.ToString(got.ErrorMessage), tc.text) {
				t.Errorf("got %s: %s, want %s: %s", aws.ToString(got.ErrorCode), aws.ToString(got.ErrorMessage), tc.code, tc.text)
			}
			if len(f.deliveries)+len(f.sent) > 0 {
				t.Errorf("got %d deliveries, and %d calls of Sent, for what was refused", len(f.deliveries), len(f.sent))
			}
		})
	}
}

func TestPutEventsAcceptsTenEntries(t *testing.T) {
	f := newFixture(t)
	var entries []types.PutEventsRequestEntry
	for range 10 {
		entries = append(entries, entry(nil))
	}
	if out := f.put(t, entries...); out.FailedEntryCount != 0 || len(out.Entries) != 10 || len(f.deliveries) != 10 {
		t.Errorf("got %+v and %d deliveries, want ten", out, len(f.deliveries))
	}
	for i, event := range f.sent {
		if event != string(f.deliveries[i].event) {
			t.Errorf("Sent: got %s, want %s", event, f.deliveries[i].event)
		}
	}
	if got := strings.Join(f.order, " "); got != strings.TrimSpace(strings.Repeat("sent delivered ", 10)) {
		t.Errorf("got %s, want Sent called for each event before it is delivered", got)
	}
}

// EventBridge counts source, detail type, detail and resources of all entries by their bytes, and 14 for a time
// (user guide, "Calculating PutEvents event entry size"); their sum may be one MiB.
func TestPutEventsCountsTheSize(t *testing.T) {
	f := newFixture(t)
	const limit = 1 << 20
	for _, tt := range []struct{ entries, resources, times int }{{1, 0, 0}, {1, 2, 0}, {2, 1, 1}, {3, 3, 2}} {
		for more := range 2 {
			size, resources, times := 0, tt.resources, tt.times
			text := func(n int) string {
				size += n
				return strings.Repeat("s", n)
			}
			var entries []types.PutEventsRequestEntry
			for i := range tt.entries {
				e := types.PutEventsRequestEntry{
					Source: aws.String(text(100 + i)), DetailType: aws.String(text(1000 + i)), Detail: aws.String("{}"),
				}
				size += len("{}")
				for ; resources > 0 && (i > 0 || tt.entries == 1); resources-- {
					e.Resources = append(e.Resources, text(10_000+resources))
				}
				if times > 0 {
					e.Time = aws.Time(time.Unix(1, 0))
					size += 14
					times--
				}
				entries = append(entries, e)
			}
			*entries[0].Source += strings.Repeat("s", limit-size+more)
			_, err := f.client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
			var api smithy.APIError
			refused := errors.As(err, &api) && api.ErrorCode() == "ValidationException"
			if refused != (more > 0) || err != nil && !refused {
				t.Errorf("%+v: got %v of %d bytes, want it refused: %t", tt, err, limit+more, more > 0)
			}
		}
	}
}

// post sends a request that no client of the SDK would send.
func (f *fixture) post(t *testing.T, body string) (header http.Header, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Header, string(text)
}

// The last second is that of the year 9999, which RFC 3339 can express; the SDK cannot send it.
func TestPutEventsAcceptsTimesToTheEndOf9999(t *testing.T) {
	f := newFixture(t)
	const request = `{"Entries":[{"Source":"s","DetailType":"Call","Detail":"{}","Time":%d}]}`
	header, answer := f.post(t, fmt.Sprintf(request, 253402300799))
	if len(f.sent) != 1 || !strings.Contains(f.sent[0], `"time":"9999-12-31T23:59:59Z"`) {
		t.Errorf("got %s, and the events %v", answer, f.sent)
	}
	if got := header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		t.Errorf("got an answer of type %q, want that of the request", got)
	}
	_, answer = f.post(t, fmt.Sprintf(request, 253402300800))
	if len(f.sent) != 1 || !strings.Contains(answer,
		"Parameter Time is not valid. Reason: 253402300800 is not an epoch second.") {
		t.Errorf("got %s, and the events %v; want the first second of 10000 refused", answer, f.sent)
	}
}
