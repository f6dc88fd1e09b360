// Package deadletter reads dead letters and redrives them to their functions.
package deadletter

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// Message is a message in a dead-letter queue.
type Message struct {
	ID    string // of the message
	Queue string // the name of its queue
	// Function is the ARN or the name of its function, without a qualifier; empty if the message does not
	// say it. If Refusal is set, it is what the message says.
	Function string
	// Refusal is why Redrive does not invoke the function; empty if it may.
	Refusal string
	// Reason is why the message became a dead letter; empty if it does not say it.
	Reason string
	// SentAt is when it was sent to the queue.
	SentAt time.Time
	// EventID and DetailType are those of the event in it; empty if it has none, or several.
	EventID, DetailType string
	Body                string

	url, receipt string
	deleted      bool
	fromQueue    bool // whether a queue delivered the body to the function
}

// payload returns the payload for the message's function: the body. What a queue delivered is wrapped in a
// record of a queue, because a voice notification is stored under its source, and would be stored twice.
func (m *Message) payload() ([]byte, error) {
	if !m.fromQueue {
		return []byte(m.Body), nil
	}
	return json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": m.ID, "eventSource": "aws:sqs", "body": m.Body,
		"attributes": map[string]string{"DeadLetterQueueSourceArn": m.Queue},
	}}})
}

// Reasons why Redrive does not invoke the function that a message names.
const (
	notOfStack = "not a function of this stack"
	notOfQueue = "not the function of its queue"
)

// refuse sets Refusal if the function that the message names must not be invoked: one outside of the stack, and
// one that is not that of the queue, because the sender of such a message writes all of it.
func (m *Message) refuse(q Queue, known Functions) {
	if m.Function == "" {
		return
	}
	name, unqualified, ofStack := known.find(m.Function)
	switch {
	case !ofStack:
		m.Refusal = notOfStack
	case q.Function != "" && name != q.Function:
		m.Refusal = notOfQueue
	default:
		m.Function = unqualified
	}
}

// newMessage reads a message as SQS returns it. Why it is a dead letter is in attributes, if EventBridge could not
// deliver an event (EventBridge user guide, "Using dead-letter queues to process undelivered events"), or in
// the body, for a failed invocation (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
func newMessage(q Queue, raw types.Message) *Message {
	// An error is impossible: every queue has the time, if it is asked for.
	sentAt, _ := strconv.ParseInt(raw.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	m := &Message{
		ID: aws.ToString(raw.MessageId), Queue: q.Name, Function: q.Function, SentAt: time.UnixMilli(sentAt).UTC(),
		Body: aws.ToString(raw.Body), url: q.URL, receipt: aws.ToString(raw.ReceiptHandle),
	}
	var record struct {
		TopicARN       string `json:"TopicArn"` // of what a topic could not deliver
		RequestContext struct {
			FunctionARN string `json:"functionArn"`
			Condition   string `json:"condition"`
		} `json:"requestContext"`
		ResponsePayload json.RawMessage `json:"responsePayload"`
	}
	request := &record.RequestContext
	if json.Unmarshal([]byte(m.Body), &record) == nil && request.FunctionARN != "" {
		m.Function = request.FunctionARN
		m.Reason = cmp.Or(errorMessage(record.ResponsePayload), request.Condition)
	}
	m.fromQueue = q.Function != "" && request.FunctionARN == "" && record.TopicARN == ""
	attribute := func(name string) string { return aws.ToString(raw.MessageAttributes[name].StringValue) }
	m.Function = cmp.Or(attribute("TARGET_ARN"), m.Function)
	if code := attribute("ERROR_CODE"); code != "" {
		m.Reason = strings.TrimSuffix(code+": "+attribute("ERROR_MESSAGE"), ": ")
	}
	m.EventID, m.DetailType = eventIn(m.Body)
	return m
}

// errorMessage returns the message in the answer of a failed function.
func errorMessage(payload []byte) string {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	_ = json.Unmarshal(payload, &failure) // the message stays empty
	return failure.Message
}

// eventIn returns id and detail type of the event in a body, in any wrapping.
func eventIn(body string) (id, detailType string) {
	batch, err := lambdafn.Unwrap([]byte(body))
	if err != nil || len(batch.Messages) != 1 {
		return "", ""
	}
	var envelope struct {
		ID         any `json:"id"`
		DetailType any `json:"detail-type"`
	}
	_ = json.Unmarshal(batch.Messages[0].Body, &envelope) // both stay empty
	id, _ = envelope.ID.(string)
	detailType, _ = envelope.DetailType.(string)
	return id, detailType
}

// Is reports whether id is that of the message or of the event in it.
func (m *Message) Is(id string) bool { return id != "" && (id == m.ID || id == m.EventID) }
