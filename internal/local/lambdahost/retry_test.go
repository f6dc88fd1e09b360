package lambdahost_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

func TestAsynchronousFailuresAreRetriedAndRecorded(t *testing.T) {
	for _, tc := range []struct {
		name      string
		do        string
		errorType string
	}{
		{"an error", "fail", "errorString"},
		{"a panic", "panic", "string"},
		{"a crash", "exit", "Runtime.ExitError"},
		{"a timeout", "hang", "Sandbox.Timedout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h, records := start(t, func(o *lambdahost.Options) { o.Functions[0].Timeout = 500 * time.Millisecond })
			payload := []byte(`{ "do":"` + tc.do + `", "n":12345678901234567890, "s":"<&>" }`)
			if err := h.Enqueue("probe", payload); err != nil {
				t.Fatal(err)
			}
			drain(t, h)
			got := records()
			if len(got) != 1 {
				t.Fatalf("records: got %d, want 1", len(got))
			}
			r := got[0]
			if len(r.RequestContext.RequestID) != 36 || r.Timestamp == "" {
				t.Errorf("got request id %q and timestamp %q, want both", r.RequestContext.RequestID, r.Timestamp)
			}
			r.RequestContext.RequestID = ""
			want := lambdahost.RequestContext{FunctionARN: probeARN + ":$LATEST", Condition: lambdahost.RetriesExhausted,
				ApproximateInvokeCount: 3}
			if diff := cmp.Diff(want, r.RequestContext); diff != "" {
				t.Errorf("request context (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(payload), string(r.RequestPayload)); diff != "" {
				t.Errorf("request payload (-want +got):\n%s", diff)
			}
			var answer struct{ ErrorType string }
			if err := json.Unmarshal(r.ResponsePayload, &answer); err != nil || answer.ErrorType != tc.errorType {
				t.Errorf("response payload: got %s (%v), want error type %s", r.ResponsePayload, err, tc.errorType)
			}
			if c := h.Counts()["probe"]; c.Invocations != 3 || c.Errors != 3 {
				t.Errorf("counts: got %+v, want 3 invocations and 3 errors", c)
			}
		})
	}
}

func TestFailureOfAFunctionThatRunsOnceIsNotRetried(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.Functions[0].Once = true })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	if c := h.Counts()["probe"]; c.Invocations != 1 || c.Errors != 1 || len(records()) != 0 {
		t.Errorf("got %+v and %d records, want one failed invocation and no record", c, len(records()))
	}
}

func TestRecordJSON(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.Retries = -1 })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	r := records()[0]
	r.Timestamp, r.RequestContext.RequestID = "T", "R"
	encoded, err := awsprotocol.EncodeJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1.0","timestamp":"T","requestContext":{"requestId":"R","functionArn":"` + probeARN +
		`:$LATEST",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":1},"requestPayload":{"do":"fail"},` +
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
		`"responsePayload":{"errorMessage":"asked to fail","errorType":"errorString"}}`
	if diff := cmp.Diff(want, string(encoded)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRetryKeepsTheRequestID(t *testing.T) {
	h, records := start(t, nil)
	if err := h.Enqueue("probe", do("fail once")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	if got := records(); len(got) != 0 {
		t.Errorf("records: got %+v, want none, because the second attempt had the first one's id", got)
	}
	if c := h.Counts()["probe"]; c.Invocations != 2 || c.Errors != 1 {
		t.Errorf("counts: got %+v, want 2 invocations and 1 error", c)
	}
}

func TestOldEventIsNotRetried(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.MaxAge, o.RetryDelay = time.Millisecond, time.Second })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	got := records()
	if len(got) != 1 || got[0].RequestContext.Condition != lambdahost.EventAgeExceeded ||
		got[0].RequestContext.ApproximateInvokeCount != 1 {
		t.Errorf("got %+v, want one record after one attempt, condition %s", got, lambdahost.EventAgeExceeded)
	}
}
