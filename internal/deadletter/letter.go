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

// Letter is a message in a dead-letter queue.
type Letter struct {
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

// payload returns the payload for the letter's function: the body. What a queue delivered is wrapped in a
// record of a queue, because a voice notification is stored under its source, and would be stored twice.
func (l *Letter) payload() ([]byte, error) {
	if !l.fromQueue {
		return []byte(l.Body), nil
	}
	return json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": l.ID, "eventSource": "aws:sqs", "body": l.Body,
		"attributes": map[string]string{"DeadLetterQueueSourceArn": l.Queue},
	}}})
}

// Reasons why Redrive does not invoke the function that a letter names.
const (
	notOfStack = "not a function of this stack"
	notOfQueue = "not the function of its queue"
)

// refuse sets Refusal if the function that the letter names must not be invoked: one outside of the stack, and
// one that is not that of the queue, because the sender of such a message writes all of it.
func (l *Letter) refuse(q Queue, known Functions) {
	if l.Function == "" {
		return
	}
	name, unqualified, ofStack := known.find(l.Function)
	switch {
	case !ofStack:
		l.Refusal = notOfStack
	case q.Function != "" && name != q.Function:
		l.Refusal = notOfQueue
	default:
		l.Function = unqualified
	}
}

// newLetter returns the letter of a message. Why it became one is in attributes, if EventBridge could not
// deliver an event (EventBridge user guide, "Using dead-letter queues to process undelivered events"), or in
// the body, for a failed invocation (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
func newLetter(q Queue, m types.Message) *Letter {
	l := &Letter{
		ID: aws.ToString(m.MessageId), Queue: q.Name, Function: q.Function, SentAt: sentAt(m),
		Body: aws.ToString(m.Body), url: q.URL, receipt: aws.ToString(m.ReceiptHandle),
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
	if json.Unmarshal([]byte(l.Body), &record) == nil && request.FunctionARN != "" {
		l.Function = request.FunctionARN
		l.Reason = cmp.Or(errorMessage(record.ResponsePayload), request.Condition)
	}
	l.fromQueue = q.Function != "" && request.FunctionARN == "" && record.TopicARN == ""
	attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	l.Function = cmp.Or(attribute("TARGET_ARN"), l.Function)
	if code := attribute("ERROR_CODE"); code != "" {
		l.Reason = strings.TrimSuffix(code+": "+attribute("ERROR_MESSAGE"), ": ")
	}
	l.EventID, l.DetailType = eventIn(l.Body)
	return l
}

func sentAt(m types.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{} // every queue has it, if it is asked for
	}
	return time.UnixMilli(ms).UTC()
}

// errorMessage returns the message in the answer of a failed function.
func errorMessage(payload []byte) string {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failure) != nil {
		return ""
	}
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
	if json.Unmarshal(batch.Messages[0].Body, &envelope) != nil {
		return "", ""
	}
	id, _ = envelope.ID.(string)
	detailType, _ = envelope.DetailType.(string)
	return id, detailType
}

// Is reports whether id is that of the message or of the event in it.
func (l *Letter) Is(id string) bool { return id != "" && (id == l.ID || id == l.EventID) }
