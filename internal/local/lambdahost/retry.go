package lambdahost

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
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

// deliver runs the attempts of an asynchronous invocation until one succeeds, or sends the
// record of the last one; a function with Once has one attempt and no record. All have one
// request id, by which a function can recognise a retry. It gives up when the host closes.
func (h *Host) deliver(f *function, payload []byte) {
	id, queuedAt, delay := awsprotocol.NewID(), time.Now(), h.options.RetryDelay
	for attempts := 1; ; attempts++ {
		_, err := f.invoke(h.closing, id, payload)
		var last *FunctionError
		condition := ""
		switch {
		case !errors.As(err, &last), h.closing.Err() != nil, f.Once:
			return
		case attempts > h.options.Retries:
			condition = RetriesExhausted
		case time.Since(queuedAt)+delay > h.options.MaxAge:
			condition = EventAgeExceeded
		}
		if condition != "" {
			h.options.OnFailure(Record{
				Version:   "1.0",
				Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
				RequestContext: RequestContext{
					RequestID: id, FunctionARN: f.ARN + ":$LATEST", Condition: condition, ApproximateInvokeCount: attempts,
				},
				RequestPayload:  payload,
				ResponseContext: ResponseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"},
				ResponsePayload: last.Payload,
			})
			return
		}
		select {
		case <-time.After(delay):
		case <-h.closing.Done():
			return
		}
		delay *= 2
	}
}
