package lambdafn

import (
	"cmp"
	"fmt"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
)

// Source is the service that handed a message to Lambda.
type Source string

const (
	EventBridge Source = "EventBridge"
	SQS         Source = "SQS"
	SNS         Source = "SNS"
	Kinesis     Source = "Kinesis"
	// Direct is an invocation by a caller without an event source: Chime itself,
	// with a voice notification, or somebody with JSON of an unknown shape.
	Direct Source = "Direct"
)

var voiceSources = map[Source]chime.VoiceSource{SQS: chime.BySQS, SNS: chime.BySNS, Kinesis: chime.ByKinesis}

// Voice returns the source of a voice notification with that source. An unknown detail
// type looks like EventBridge's; such a notification came by an invocation.
func (s Source) Voice() chime.VoiceSource { return cmp.Or(voiceSources[s], chime.ByLambda) }

const (
	// MaxDepth is how many envelopes inside one another are opened. Redriving from a
	// queue adds two for each failure; nothing else needs more than four.
	MaxDepth = 16
	// MaxMessages is how many messages one payload may hold: the largest batch that
	// Lambda reads from a queue or a stream.
	MaxMessages = 10_000
)

// Message is one event or notification without its envelopes.
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
	// Redriven reports whether the message failed before and comes back from a
	// dead-letter queue.
	Redriven bool
}

// Failure is a record that could not be read.
type Failure struct {
	RecordID string
	Err      error
}

// Batch is what one payload holds.
type Batch struct {
	// Source is what handed over the payload; Direct where that is not known.
	Source   Source
	Messages []Message
	// Failures are the records that could not be read; all others are in Messages.
	Failures []Failure
	// Partial reports whether Lambda expects a partial batch response: the payload
	// is a batch of a queue or a stream.
	Partial bool
}

// Unwrap reads a payload of Lambda. It knows these shapes, one inside another up
// to MaxDepth:
//
//   - an EventBridge event or a voice notification (an object with a detail-type)
//   - Records of SQS, SNS or Kinesis, and such a record alone
//   - an SNS envelope (Type Notification, with a Message)
//   - a failed-invocation record, as Lambda writes it to an OnFailure destination;
//     for the batch of a stream, as Lambda writes it to a bucket
//   - a JSON array of any of these, and a JSON text that holds one of them
//
// JSON of any other shape is one message, so that its parser says what is wrong.
// An event is recognised before it is read to its end; whether the rest is well
// formed is for its parser to report.
//
// The error is an apperr.Error of class Invalid: the payload is empty, is not
// JSON (with the number of the byte), or holds no record at all. A record that
// is faulty by itself is one of the batch's Failures.
func Unwrap(payload []byte) (Batch, error) {
	u := unwrapper{batch: Batch{Messages: make([]Message, 0, 1)}}
	if err := u.unwrap(payload, envelope{path: "payload"}); err != nil {
		return Batch{}, err
	}
	if u.overflow {
		return Batch{}, apperr.New(apperr.Invalid, "payload",
			fmt.Sprintf("holds more than %d messages", MaxMessages), "send smaller batches")
	}
	if u.batch.Source == "" && len(u.batch.Messages) > 0 {
		u.batch.Source = u.batch.Messages[0].Source
	}
	u.batch.Source = cmp.Or(u.batch.Source, Direct)
	return u.batch, nil
}
