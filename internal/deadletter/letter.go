// Package deadletter reads what could not be handled, and hands it to its
// function once more.
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
	// ID is that of the message in its queue.
	ID string
	// Queue is the name of the queue that it lies in.
	Queue string
	// Function is the ARN or the name of the function that it was for, without a
	// qualifier; empty where the message does not tell. Where Refusal is set it is
	// whatever the message says.
	Function string
	// Refusal is why the letter is never handed to its function; empty where
	// nothing speaks against it.
	Refusal string
	// Reason is why it was given up; empty where the message does not tell.
	Reason string
	// SentAt is when it came into the queue.
	SentAt time.Time
	// EventID and DetailType are those of the event in it; empty where there is
	// none, or more than one.
	EventID, DetailType string
	// Body is what lies in the queue.
	Body string

	url, receipt string
	gone         bool
	// carried reports that a queue carried the body to the function.
	carried bool
}

// payload is what the letter's function is invoked with. It takes the body just
// as it is, but of what a queue carried it has to know that: a notification is
// kept under the way in which it came, and would be kept twice.
func (l *Letter) payload() ([]byte, error) {
	if !l.carried {
		return []byte(l.Body), nil
	}
	return json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": l.ID, "eventSource": "aws:sqs", "body": l.Body,
		"attributes": map[string]string{"DeadLetterQueueSourceArn": l.Queue}}}})
}

// record is the part of the record of a failed invocation that is read here
// (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
type record struct {
	// TopicARN is set in what a topic could not deliver.
	TopicARN       string `json:"TopicArn"`
	RequestContext struct {
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
	} `json:"requestContext"`
	ResponsePayload json.RawMessage `json:"responsePayload"`
}

// Reasons for which a letter is not handed to the function that it names.
const (
	notOfStack = "not a function of this stack"
	notOfQueue = "not the function of its queue"
)

// judge says of a letter whether the function that it names may be invoked. What a
// queue carries to one function is for that function: its sender writes the whole
// message, and must not choose another.
func (l *Letter) judge(q Queue, known Functions) {
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

// read makes a letter of a message. EventBridge says in attributes why it could
// not deliver an event (its user guide, "Using dead-letter queues to process
// undelivered events"), Lambda in the body.
func read(q Queue, m types.Message) *Letter {
	l := &Letter{
		ID: aws.ToString(m.MessageId), Queue: q.Name, Function: q.Function, SentAt: sentAt(m),
		Body: aws.ToString(m.Body), url: q.URL, receipt: aws.ToString(m.ReceiptHandle),
	}
	var r record
	if json.Unmarshal([]byte(l.Body), &r) == nil && r.RequestContext.FunctionARN != "" {
		l.Function = r.RequestContext.FunctionARN
		l.Reason = cmp.Or(errorMessage(r.ResponsePayload), r.RequestContext.Condition)
	}
	l.carried = q.Function != "" && r.RequestContext.FunctionARN == "" && r.TopicARN == ""
	attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	l.Function = cmp.Or(attribute("TARGET_ARN"), l.Function)
	if code := attribute("ERROR_CODE"); code != "" {
		l.Reason = strings.TrimSuffix(code+": "+attribute("ERROR_MESSAGE"), ": ")
	}
	l.EventID, l.DetailType = event(l.Body)
	return l
}

func sentAt(m types.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{} // no queue leaves it out when asked
	}
	return time.UnixMilli(ms).UTC()
}

// errorMessage reads what a function that failed answers.
func errorMessage(payload []byte) string {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failure) != nil {
		return ""
	}
	return failure.Message
}

// event tells which event a body is about, however it is wrapped.
func event(body string) (id, detailType string) {
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

// Is reports whether a name given by a person is the letter's: the id of the
// message, or that of the event in it.
func (l *Letter) Is(name string) bool {
	return name != "" && (name == l.ID || name == l.EventID)
}
