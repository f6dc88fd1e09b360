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
	// Name is how people call it.
	Name string
	URL  string
	// Function is the function that its messages were for, where these do not tell.
	// A queue carried them to it, unless they are the record of a failed invocation
	// or what a topic could not deliver.
	Function string
}

// SQS is what Box needs of the queues; *sqs.Client has it. It is called from several
// goroutines at once.
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

// Lambda is what Box needs of the functions; *lambda.Client has it.
type Lambda interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Box is the dead-letter queues of a stack. It is not for concurrent use.
type Box struct {
	SQS    SQS
	Lambda Lambda
	Queues []Queue
	// Functions are those that letters may be redriven to.
	Functions Functions
	// Wait is how long to ask a queue for a message before it counts as empty: of
	// SQS a second, as an answer at once comes from some of its servers only (SQS
	// developer guide, "Amazon SQS short and long polling").
	Wait time.Duration
	// Hide is for how long a letter that was received is hidden from other readers, in
	// whole seconds; 0 means DefaultHide. It is extended for as long as the letter is
	// worked on, so that it only bounds for how long a letter stays hidden after the
	// process was killed.
	Hide time.Duration
}

// DefaultHide is the Hide of a Box that has none.
const DefaultHide = 45 * time.Second

// Hidden is how many letters could not be read because another reader has them.
type Hidden struct {
	// Letters is computed from numbers that SQS calls approximate: of letters that were
	// removed within the last minute some may still be counted.
	Letters int
	// Until is when they are visible again at the latest, unless their reader extends
	// that; zero where Letters is 0.
	Until time.Time
}

// Each calls do for the letters of all queues, one queue after the other, until it has
// called it for all, ctx has ended, or do returns an error. do is called once for each letter, however
// often SQS delivers it, and may Redrive or Delete it. While do runs, the letters that
// were received are hidden from other readers; those that are still in their queue can
// be received by others when Each returns, also when ctx has ended meanwhile.
//
// A queue that cannot be read does not keep Each from reading the others. The error
// joins what was wrong with queues and the error of do. hidden is 0 where a queue was
// not read to its end.
func (b Box) Each(ctx context.Context, do func(*Letter) error) (hidden Hidden, err error) {
	r := b.startReading(ctx)
	var errs []error
	for _, q := range b.Queues {
		stopped, err := r.readQueue(ctx, q, do)
		if err != nil {
			errs = append(errs, err)
		}
		if stopped || ctx.Err() != nil {
			break
		}
	}
	hidden, err = r.end(ctx)
	errs = append(errs, err)
	if ended := ctx.Err(); ended != nil && !errors.Is(errors.Join(errs...), ended) {
		errs = append(errs, ended) // between two requests, so that none failed
	}
	return hidden, errors.Join(errs...)
}

// Read returns the letters of all queues, newest first. They are visible to other readers
// when it returns, so that they cannot be redriven or deleted any more: Each is for that.
// With an error it returns what could be read.
func (b Box) Read(ctx context.Context) ([]*Letter, Hidden, error) {
	var letters []*Letter
	hidden, err := b.Each(ctx, func(l *Letter) error {
		letters = append(letters, l)
		return nil
	})
	slices.SortStableFunc(letters, func(a, b *Letter) int { return b.SentAt.Compare(a.SentAt) })
	return letters, hidden, err
}

// Count returns how many letters are in the queues, with those that other readers have.
// The number is approximate: SQS counts so for up to a minute after a change.
func (b Box) Count(ctx context.Context) (int, error) {
	sum := 0
	for _, q := range b.Queues {
		n, _, err := b.count(ctx, q.URL)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Redrive invokes a letter's function with it and, once that has handled it, deletes
// it. It is idempotent. It is an error when the function failed again, and when the
// letter has a Refusal, so that nothing is invoked; then the letter stays.
func (b Box) Redrive(ctx context.Context, l *Letter) error {
	if l.Function == "" {
		return apperr.New(apperr.Invalid, "dead letter "+l.ID, "does not say which function it was for",
			"invoke the function with its body, and delete it")
	}
	if l.Refusal != "" {
		return apperr.New(apperr.Invalid, "dead letter "+l.ID, l.Refusal+": "+l.Function,
			"find out who sent it; delete it, or invoke the function yourself")
	}
	payload, err := l.payload()
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "dead letter "+l.ID, "cannot be written as a queue's record", "")
	}
	out, err := b.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &l.Function, Payload: payload})
	if err != nil {
		return apperr.Wrap(err, apperr.Internal, "function "+l.Function, "cannot be invoked", "")
	}
	if aws.ToString(out.FunctionError) != "" {
		return apperr.New(apperr.Invalid, "dead letter "+l.ID, "failed again: "+errorMessage(out.Payload), "")
	}
	var reply struct {
		Failures []struct{} `json:"batchItemFailures"`
	}
	if json.Unmarshal(out.Payload, &reply) == nil && len(reply.Failures) > 0 {
		return apperr.New(apperr.Invalid, "dead letter "+l.ID,
			fmt.Sprintf("failed again in %d of its records", len(reply.Failures)), "the function's log says why")
	}
	return b.Delete(ctx, l)
}

// Delete removes a letter from its queue for good, also when ctx ends meanwhile: it must
// be known whether the letter is gone.
func (b Box) Delete(ctx context.Context, l *Letter) error {
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	_, err := b.SQS.DeleteMessage(whole, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: &l.receipt})
	if err != nil {
		return apperr.Wrap(err, apperr.Internal, "queue "+l.url, fmt.Sprintf("does not delete message %s", l.ID), "")
	}
	l.gone = true
	return nil
}
