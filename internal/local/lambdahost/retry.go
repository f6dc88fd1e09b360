package lambdahost

import (
	"encoding/json"
	"time"
)

// Conditions of a Record.
const (
	RetriesExhausted = "RetriesExhausted"
	EventAgeExceeded = "EventAgeExceeded"
)

// Record is what Lambda sends to a function's OnFailure destination (Lambda
// developer guide, "Capturing records of Lambda asynchronous invocations").
type Record struct {
	Version         string          `json:"version"`
	Timestamp       string          `json:"timestamp"`
	RequestContext  RequestContext  `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponseContext ResponseContext `json:"responseContext"`
	ResponsePayload json.RawMessage `json:"responsePayload"`
}

// RequestContext is the invocation of a Record, and why it is not tried again.
type RequestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// ResponseContext is how the last attempt ended.
type ResponseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

// event is an asynchronous invocation with all its attempts. They have one request id, by
// which a function can recognise a retry.
type event struct {
	id       string
	payload  []byte
	queuedAt time.Time
	attempts int
}

// attempt queues the event's next attempt; false when the host is closed.
func (h *Host) attempt(f *function, e *event) bool {
	return f.queue.push(newInvocation(e.id, e.payload, func(o outcome) {
		e.attempts++
		h.finish(f, e, o)
	}))
}

// finish decides what follows an attempt: nothing, another one, or the record.
func (h *Host) finish(f *function, e *event, o outcome) {
	delay := h.options.RetryDelay << (e.attempts - 1)
	switch {
	case o.failure == nil || h.closing.Err() != nil:
	case e.attempts > h.options.Retries:
		h.recordFailure(f, e, o.failure, RetriesExhausted)
	case time.Since(e.queuedAt)+delay > h.options.MaxAge:
		h.recordFailure(f, e, o.failure, EventAgeExceeded)
	default:
		time.AfterFunc(delay, func() {
			if !h.attempt(f, e) {
				h.pending.Add(-1)
			}
		})
		return
	}
	h.pending.Add(-1)
}

func (h *Host) recordFailure(f *function, e *event, last *FunctionError, condition string) {
	h.options.OnFailure(Record{
		Version:   "1.0",
		Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: RequestContext{
			RequestID: e.id, FunctionARN: f.ARN + ":$LATEST", Condition: condition, ApproximateInvokeCount: e.attempts,
		},
		RequestPayload:  e.payload,
		ResponseContext: ResponseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"},
		ResponsePayload: last.Payload,
	})
}
