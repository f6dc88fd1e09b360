package lambdahost

import (
	"bytes"
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

// RequestContext says which invocation a Record is about and why it was given up.
type RequestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// ResponseContext says how the last attempt ended.
type ResponseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

// Encode gives the record as JSON with the payload's bytes left as they came.
func (r Record) Encode() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(r)
	return bytes.TrimSpace(b.Bytes()), err
}

// event is an asynchronous invocation over all its attempts. It has one request
// id for all of them, so that a function can tell a retry.
type event struct {
	id       string
	payload  []byte
	queuedAt time.Time
	attempts int
	last     outcome
}

// submit queues the event's next attempt; false when the host is closed.
func (h *Host) submit(f *function, e *event) bool {
	return f.queue.push(&job{id: e.id, payload: e.payload, done: func(o outcome) {
		e.attempts++
		e.last = o
		h.settle(f, e)
	}})
}

// settle decides what follows an attempt: nothing, another one, or the record.
func (h *Host) settle(f *function, e *event) {
	if e.last.failure == nil || h.closed() {
		h.pending.add(-1)
		return
	}
	if e.attempts > h.options.Retries {
		h.giveUp(f, e, RetriesExhausted)
		return
	}
	delay := h.options.RetryDelay << (e.attempts - 1)
	if time.Since(e.queuedAt)+delay > h.options.MaxAge {
		h.giveUp(f, e, EventAgeExceeded)
		return
	}
	time.AfterFunc(delay, func() {
		if !h.submit(f, e) {
			h.pending.add(-1)
		}
	})
}

func (h *Host) giveUp(f *function, e *event, condition string) {
	defer h.pending.add(-1)
	h.options.OnFailure(Record{
		Version:   "1.0",
		Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: RequestContext{
			RequestID: e.id, FunctionARN: f.ARN + ":$LATEST", Condition: condition, ApproximateInvokeCount: e.attempts,
		},
		RequestPayload:  e.payload,
		ResponseContext: ResponseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"},
		ResponsePayload: e.last.failure.Payload,
	})
}
