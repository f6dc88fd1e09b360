package eventbridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	localeventbridge "github.com/chimewatch/chimewatch/internal/local/eventbridge"
)

// delivery is one event that a function received.
type delivery struct {
	function string
	event    []byte
}

// fixture is a bus with three rules; the function "absent" does not exist.
type fixture struct {
	bus         *localeventbridge.Bus
	url         string
	client      *eventbridge.Client
	refusal     error // of the function "absent"
	deliveries  []delivery
	deadLetters []localeventbridge.DeadLetter
	sent        []string
	order       []string // what was done, "sent" or "delivered"
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{refusal: apperr.New(apperr.NotFound, "function absent", "it is not there", "")}
	f.bus = localeventbridge.New(localeventbridge.Options{
		Account: "123456789012", Region: "us-east-1",
		Rules: eventrule.Rules{
			{Name: "every-call", Function: "status", Pattern: eventrule.Pattern{"detail-type": eventrule.Values{"Call"}}},
			{Name: "chime-calls", Function: "status", Pattern: eventrule.Pattern{"source": eventrule.Values{"aws.chime"}}},
			{Name: "to-nobody", Function: "absent", Pattern: eventrule.Pattern{"detail-type": eventrule.Values{"Lost"}}},
		},
		Invoke: func(function string, event []byte) error {
			if function == "absent" {
				return f.refusal
			}
			f.deliveries = append(f.deliveries, delivery{function, event})
			f.order = append(f.order, "delivered")
			return nil
		},
		Sent: func(event []byte) {
			f.sent = append(f.sent, string(event))
			f.order = append(f.order, "sent")
		},
		Undeliverable: func(d localeventbridge.DeadLetter) { f.deadLetters = append(f.deadLetters, d) },
	})
	server := httptest.NewServer(f.bus.Handler())
	t.Cleanup(server.Close)
	f.url = server.URL
	f.client = eventbridge.New(eventbridge.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	return f
}

func (f *fixture) put(t *testing.T, entries ...types.PutEventsRequestEntry) *eventbridge.PutEventsOutput {
	t.Helper()
	out, err := f.client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func entry(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{
		Source: aws.String("test.calls"), DetailType: aws.String("Call"),
		Detail: aws.String(`{"n": 12345678901234567890, "s": "<&>"}`),
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestPutEventsBuildsTheEnvelope(t *testing.T) {
	f := newFixture(t)
	out := f.put(t, entry(func(e *types.PutEventsRequestEntry) {
		e.Time = aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		e.Resources = []string{"arn:one"}
	}))
	if out.FailedEntryCount != 0 || len(out.Entries) != 1 || len(f.deliveries) != 1 {
		t.Fatalf("got reply %+v and %d deliveries, want one of each", out, len(f.deliveries))
	}
	want := `{"version":"0","id":"` + aws.ToString(out.Entries[0].EventId) +
		`","detail-type":"Call","source":"test.calls",` +
		`"account":"123456789012","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:one"],` +
		`"detail":{"n":12345678901234567890,"s":"<&>"}}`
	if diff := cmp.Diff(want, string(f.deliveries[0].event)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestPutEventsFillsTimeAndResources(t *testing.T) {
	f := newFixture(t)
	before := time.Now().Add(-time.Second)
	f.put(t, entry(nil))
	var got struct {
		Time      time.Time
		Resources []string
	}
	if err := json.Unmarshal(f.deliveries[0].event, &got); err != nil {
		t.Fatal(err)
	}
	if got.Time.Before(before) || got.Time.After(time.Now()) || got.Resources == nil {
		t.Errorf("got time %s and resources %v, want the time of now and an empty list", got.Time, got.Resources)
	}
}

func TestEachMatchedRuleInvokesOnce(t *testing.T) {
	f := newFixture(t)
	f.put(t, entry(func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.chime") }))
	f.put(t, entry(func(e *types.PutEventsRequestEntry) { e.DetailType = aws.String("Unheard of") }))
	if got := len(f.deliveries); got != 2 {
		t.Errorf("deliveries: got %d, want 2, one for each of the rules that match the first event", got)
	}
	_, _ = f.bus.Counts()
	events, matches := f.bus.Counts() // counting does not end with the first look
	if diff := cmp.Diff(map[string]int{"every-call": 1, "chime-calls": 1, "to-nobody": 0}, matches); events != 2 ||
		diff != "" {
		t.Errorf("counts: got %d events, want 2; matches (-want +got):\n%s", events, diff)
	}
}

func TestUndeliverableEventHasAnErrorCode(t *testing.T) {
	for class, want := range map[apperr.Class]string{
		apperr.NotFound: "NO_RESOURCE", apperr.Invalid: "INVALID_PARAMETER", apperr.Throttled: "THROTTLING",
		apperr.Unavailable: "ERROR_FROM_TARGET", apperr.Conflict: "ERROR_FROM_TARGET", apperr.Internal: "ERROR_FROM_TARGET",
	} {
		f := newFixture(t)
		f.refusal = apperr.New(class, "function absent", "it refuses", "")
		if err := f.bus.Put([]byte(`{"id":"1","detail-type":"Lost"}`)); err != nil {
			t.Fatal(err)
		}
		if len(f.deadLetters) != 1 || f.deadLetters[0].ErrorCode != want {
			t.Errorf("%s: got %+v, want the code %s", class, f.deadLetters, want)
		}
	}
}

func TestUndeliverableEvent(t *testing.T) {
	f := newFixture(t)
	event := []byte(`{"id":"1", "detail-type":"Lost"}`)
	if err := f.bus.Put(event); err != nil {
		t.Fatal(err)
	}
	want := []localeventbridge.DeadLetter{{
		Event:     event,
		RuleARN:   "arn:aws:events:us-east-1:123456789012:rule/to-nobody",
		TargetARN: "arn:aws:lambda:us-east-1:123456789012:function:absent",
		ErrorCode: "NO_RESOURCE", ErrorDetail: "function absent: it is not there",
	}}
	if diff := cmp.Diff(want, f.deadLetters); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

func TestPutEventsRefusesEntryByEntry(t *testing.T) {
	for _, tc := range []struct {
		name, code, text string
		change           func(*types.PutEventsRequestEntry)
	}{
		{"no source", "InvalidArgument", "Source", func(e *types.PutEventsRequestEntry) { e.Source = nil }},
		{"no detail type", "InvalidArgument", "DetailType", func(e *types.PutEventsRequestEntry) { e.DetailType = nil }},
		{"no detail", "InvalidArgument", "Detail", func(e *types.PutEventsRequestEntry) { e.Detail = nil }},
		{"detail that is no JSON", "MalformedDetail", "",
			func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("{") }},
		{"detail that is a list", "MalformedDetail", "",
			func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("[]") }},
		{"detail that is null", "MalformedDetail", "",
			func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("null") }},
		{"a source of another service", "NotAuthorizedForSourceException", "aws.s3",
			func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.s3") }},
		{"another bus", "ResourceNotFoundException", "mine",
			func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("mine") }},
		{"a time before 1970", "InvalidArgument", "Time",
			func(e *types.PutEventsRequestEntry) { e.Time = aws.Time(time.Unix(-1, 0)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			out := f.put(t, entry(tc.change), entry(nil))
			bad := out.Entries[0]
			if aws.ToString(bad.ErrorCode) != tc.code || !strings.Contains(aws.ToString(bad.ErrorMessage), tc.text) ||
				bad.EventId != nil {
				t.Errorf("entry 0: got %+v, want code %s with %q", bad, tc.code, tc.text)
			}
			if out.FailedEntryCount != 1 || out.Entries[1].EventId == nil || len(f.deliveries) != 1 {
				t.Errorf("got %d failed, entry 1 %+v and %d deliveries; want the good entry to go through alone",
					out.FailedEntryCount, out.Entries[1], len(f.deliveries))
			}
		})
	}
}

func TestPutEventsRefusesTheRequest(t *testing.T) {
	for _, tc := range []struct {
		name    string
		entries []types.PutEventsRequestEntry
	}{
		{"no entry", []types.PutEventsRequestEntry{}},
		{"eleven entries", make([]types.PutEventsRequestEntry, 11)},
		{"too many bytes", []types.PutEventsRequestEntry{entry(func(e *types.PutEventsRequestEntry) {
			e.Detail = aws.String(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`)
		})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			_, err := f.client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: tc.entries})
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" {
				t.Errorf("got %v, want a ValidationException", err)
			}
		})
	}
}

func TestUnknownOperationIsNamed(t *testing.T) {
	f := newFixture(t)
	_, err := f.client.ListRules(t.Context(), &eventbridge.ListRulesInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" || !strings.Contains(api.ErrorMessage(),
		"PutEvents") {
		t.Errorf("got %v, want an UnknownOperationException that names PutEvents", err)
	}
}

func TestPutRefusesInvalidEvents(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct{ name, event string }{
		{"truncated", `{"id":`}, {"a list", `[]`}, {"not UTF-8", "{\"id\":\"\xff\"}"}, {"nothing", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := apperr.ClassOf(f.bus.Put([]byte(tc.event))); got != apperr.Invalid {
				t.Errorf("got class %q, want %q", got, apperr.Invalid)
			}
		})
	}
}
