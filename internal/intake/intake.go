// Package intake is the one front door for Lambda payloads: it takes the
// wrapping off and hands on the messages inside, each with the bytes that its
// sender wrote, and it builds the reply that Lambda expects.
package intake

import (
	"fmt"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Source is the service that handed a message to Lambda.
type Source string

// The sources that are told apart.
const (
	EventBridge Source = "EventBridge"
	SQS         Source = "SQS"
	SNS         Source = "SNS"
	Kinesis     Source = "Kinesis"
	// Direct is an invocation without a service between: a voice notification
	// as the service invokes with it, or JSON of no known shape.
	Direct Source = "Direct"
)

const (
	// MaxDepth is how many wrappings are taken off one inside another. A queue
	// that is redriven adds two on each failure; nothing else needs more than four.
	MaxDepth = 16
	// MaxMessages is how many messages one payload may hold: the largest batch
	// that Lambda takes from a queue or a stream.
	MaxMessages = 10_000
)

// Message is one event or notification, unwrapped.
type Message struct {
	// Source is what first handed the message to Lambda: of a failed invocation
	// that comes back through a dead-letter queue, the invocation's own source.
	Source Source
	// RecordID is the identifier of the batch record that held the message: an
	// SQS or SNS message id or a Kinesis sequence number; empty elsewhere.
	RecordID string
	// Body is the JSON as the sender wrote it. It may share memory with the
	// payload, so neither may be changed.
	Body []byte
	// Redriven tells that the message failed before and comes back from a
	// dead-letter queue.
	Redriven bool
}

// Failure is a record that could not be unwrapped.
type Failure struct {
	RecordID string
	Err      error
}

// Batch is what one payload held.
type Batch struct {
	// Source is what handed the payload over; Direct where that cannot be told.
	Source   Source
	Messages []Message
	// Failures are the records that could not be unwrapped. Those beside them
	// are in Messages all the same.
	Failures []Failure
	// Partial tells that Lambda takes a reply for each record: the payload is a
	// batch from a queue or a stream.
	Partial bool
}

// Read unwraps a payload. These shapes are known, one inside another up to
// MaxDepth:
//
//   - an EventBridge event or a voice notification (an object with a detail-type)
//   - Records of SQS, SNS or Kinesis, and such a record alone
//   - an SNS envelope (Type Notification, with a Message)
//   - a failed-invocation record, as Lambda writes it to an OnFailure destination;
//     of a stream's batch, as it writes it to a bucket
//   - a JSON array of any of these, and a JSON text that holds one of them
//
// JSON of any other shape is handed on as one message, so that whoever parses
// it says what is wrong. An event is recognised without being read to its end;
// whether its rest is well formed is the parser's finding, too.
//
// The error is a apperr.Error of class Invalid: the payload is empty, is not
// JSON (it says at which byte), or holds no record at all. A record that is
// faulty by itself is one of the batch's Failures.
func Read(payload []byte) (Batch, error) {
	r := reader{batch: Batch{Messages: make([]Message, 0, 1)}}
	if err := r.unwrap(payload, wrapping{path: "payload"}); err != nil {
		return Batch{}, err
	}
	if r.overflow {
		return Batch{}, apperr.New(apperr.Invalid, "payload", fmt.Sprintf("holds more than %d messages", MaxMessages), "send smaller batches")
	}
	if r.batch.Source == "" {
		r.batch.Source = Direct
		if len(r.batch.Messages) > 0 {
			r.batch.Source = r.batch.Messages[0].Source
		}
	}
	return r.batch, nil
}
