package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Queue is a dead-letter queue.
type Queue struct {
	Name string // for people
	URL  string
	// Function is the function of its messages, if they do not name one. Such a message was delivered to the
	// function by a queue, unless it is the record of a failed invocation or a message that a topic could
	// not deliver.
	Function string
}

// SQS are the methods of *sqs.Client that Queues needs. It is called concurrently.
type SQS interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	ChangeMessageVisibility(
		context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

// Lambda is the method of *lambda.Client that Queues needs.
type Lambda interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Queues are the dead-letter queues of a stack. A value is not for concurrent use.
type Queues struct {
	SQS    SQS
	Lambda Lambda
	List   []Queue
	// Functions are those that Redrive may invoke.
	Functions Functions
	// Wait is how long to wait for a message before a queue counts as empty. SQS needs a second, because
	// only some of its servers answer at once (SQS developer guide, "Amazon SQS short and long polling").
	Wait time.Duration
	// Hide is how long a received message is hidden from other readers, in whole seconds; 0 means
	// DefaultHide. It is extended while the message is processed, so that it only matters if the
	// process is killed.
	Hide time.Duration
}

// DefaultHide is the default of Queues.Hide.
const DefaultHide = 45 * time.Second

// Hidden counts the messages that another reader has, so that they could not be read.
type Hidden struct {
	// Messages is computed from approximate numbers of SQS: messages that were deleted within the last minute may still
	// be counted.
	Messages int
	// Until is when they are visible again at the latest, unless their reader extends that; zero if
	// Messages is 0.
	Until time.Time
}

// ErrStop is returned by a function that Each calls, to end the reading without an error.
var ErrStop = errors.New("stop reading")

// Each calls do once for each message of all queues, one queue after the other, until ctx ends or do returns an
// error. do may Redrive or Delete the message. While do runs, the messages that were received are hidden
// from other readers; those that are left in their queue are visible again when Each returns, also if
// ctx has ended.
//
// If a queue cannot be read, Each reads the others. The error joins those of the queues and that of do.
// hidden is 0 if a queue was not read to its end.
func (q Queues) Each(ctx context.Context, do func(*Message) error) (hidden Hidden, err error) {
	r := q.startReading(ctx)
	var errs []error
	stopped := false
	for _, queue := range q.List {
		stopped, err = r.readQueue(ctx, queue, do)
		errs = append(errs, err)
		if stopped || ctx.Err() != nil {
			break
		}
	}
	hidden, err = r.end(ctx)
	errs = append(errs, err)
	if ended := ctx.Err(); ended != nil && !stopped && !errors.Is(errors.Join(errs...), ended) {
		errs = append(errs, ended) // between two requests, so that none failed
	}
	return hidden, errors.Join(errs...)
}

// Read returns the messages of all queues, newest first. They are visible to other readers then, so that they
// cannot be redriven or deleted any more: use Each for that. With an error it returns what could be read.
func (q Queues) Read(ctx context.Context) ([]*Message, Hidden, error) {
	var messages []*Message
	hidden, err := q.Each(ctx, func(m *Message) error {
		messages = append(messages, m)
		return nil
	})
	slices.SortStableFunc(messages, func(a, b *Message) int { return b.SentAt.Compare(a.SentAt) })
	return messages, hidden, err
}

// Count returns how many messages are in the queues, including those of other readers. The number is
// approximate for up to a minute after a change, as that of SQS.
func (q Queues) Count(ctx context.Context) (int, error) {
	sum := 0
	for _, queue := range q.List {
		n, _, err := q.count(ctx, queue.URL)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Redrive invokes the message's function, and deletes the message if the function succeeds. It is idempotent.
// If the function fails again it returns an error, and the message stays; also, without invoking the
// function, if the message has a Refusal.
func (q Queues) Redrive(ctx context.Context, m *Message) error {
	invalid := func(what, fix string) error {
		return apperr.New(apperr.Invalid, "dead letter "+m.ID, what, fix)
	}
	if m.Function == "" {
		return invalid("does not say which function it was for", "invoke the function with its body, and delete it")
	}
	if m.Refusal != "" {
		return invalid(m.Refusal+": "+m.Function, "find out who sent it; delete it, or invoke the function yourself")
	}
	payload, err := m.payload()
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "dead letter "+m.ID, "cannot be written as a queue's record", "")
	}
	out, err := q.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &m.Function, Payload: payload})
	if err != nil {
		return apperr.Wrap(err, apperr.Internal, "function "+m.Function, "cannot be invoked", "")
	}
	if aws.ToString(out.FunctionError) != "" {
		return invalid("failed again: "+errorMessage(out.Payload), "")
	}
	var reply struct {
		Failures []struct{} `json:"batchItemFailures"`
	}
	if json.Unmarshal(out.Payload, &reply) == nil && len(reply.Failures) > 0 {
		return invalid(fmt.Sprintf("failed again in %d of its records", len(reply.Failures)), "the function's log says why")
	}
	return q.Delete(ctx, m)
}

// Delete removes a message from its queue. It does not stop when ctx ends, so that it is known whether the
// message was deleted.
func (q Queues) Delete(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	_, err := q.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &m.url, ReceiptHandle: &m.receipt})
	if err != nil {
		return apperr.Wrap(err, apperr.Internal, "queue "+m.url, "does not delete message "+m.ID, "")
	}
	m.deleted = true
	return nil
}
