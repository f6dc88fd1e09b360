package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/chimewatch/chimewatch/internal/fault"
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

// SQS is what Box needs of the queues; *sqs.Client has it.
type SQS interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
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
}

const (
	// hidden is for how long a letter that was read is kept from other readers,
	// unless it is put back before.
	hidden = 10 * time.Minute
	// most is how many messages SQS hands out at a time.
	most = 10
)

// Each calls do for the letters of all queues, one queue after the other, until
// it has seen all or do says that it is enough. A letter that is still there
// afterwards can be read by others at once, also when ctx has ended. The error
// is that of the queue, or of do, which ends the reading.
func (b Box) Each(ctx context.Context, do func(*Letter) (enough bool, err error)) (err error) {
	var read []*Letter
	defer func() { err = errors.Join(err, b.putBack(context.WithoutCancel(ctx), read)) }()
	seen := map[string]bool{}
	for _, q := range b.Queues {
		for {
			letters, err := b.receive(ctx, q)
			if err != nil {
				return err
			}
			read = append(read, letters...)
			fresh := false
			for _, l := range letters {
				if seen[l.ID] {
					continue // it took so long that what was read first is visible again
				}
				seen[l.ID], fresh = true, true
				if enough, err := do(l); enough || err != nil {
					return err
				}
			}
			if !fresh {
				break
			}
		}
	}
	return nil
}

func (b Box) receive(ctx context.Context, q Queue) ([]*Letter, error) {
	out, err := b.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: most, WaitTimeSeconds: int32(b.Wait.Seconds()), VisibilityTimeout: int32(hidden.Seconds()),
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "queue "+q.URL, "cannot be read", "")
	}
	letters := make([]*Letter, len(out.Messages))
	for i, m := range out.Messages {
		letters[i] = read(q, m)
		letters[i].judge(q, b.Functions)
	}
	return letters, nil
}

// putBack makes the letters that are still there visible again. Those that
// cannot be put back come back by themselves.
func (b Box) putBack(ctx context.Context, letters []*Letter) error {
	for _, l := range letters {
		if l.gone {
			continue
		}
		_, err := b.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &l.url, ReceiptHandle: &l.receipt, VisibilityTimeout: 0})
		var visible *types.MessageNotInflight
		if err != nil && !errors.As(err, &visible) {
			return fault.Wrap(err, fault.Internal, "queue "+l.url, fmt.Sprintf("does not take message %s back", l.ID), fmt.Sprintf("it comes back by itself within %s", hidden))
		}
	}
	return nil
}

// Redrive hands a letter to its function and, once that has handled it, deletes
// it. Nothing happens twice if it was handled before. It is an error when the
// function failed again, and when the letter has a Refusal, so that nothing is
// invoked; then the letter stays.
func (b Box) Redrive(ctx context.Context, l *Letter) error {
	if l.Function == "" {
		return fault.New(fault.Invalid, "dead letter "+l.ID, "does not tell which function it was for", "invoke the function with its body, and delete it")
	}
	if l.Refusal != "" {
		return fault.New(fault.Invalid, "dead letter "+l.ID, l.Refusal+": "+l.Function,
			"find out who sent it; delete it, or invoke the function yourself")
	}
	payload, err := l.payload()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "dead letter "+l.ID, "cannot be written as a queue's record", "")
	}
	out, err := b.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &l.Function, Payload: payload})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "function "+l.Function, "cannot be invoked", "")
	}
	if aws.ToString(out.FunctionError) != "" {
		return fault.New(fault.Invalid, "dead letter "+l.ID, "failed again: "+errorMessage(out.Payload), "")
	}
	var reply struct {
		Failures []struct{} `json:"batchItemFailures"`
	}
	if json.Unmarshal(out.Payload, &reply) == nil && len(reply.Failures) > 0 {
		return fault.New(fault.Invalid, "dead letter "+l.ID, fmt.Sprintf("failed again in %d of its records", len(reply.Failures)), "the function's log tells why")
	}
	return b.Delete(ctx, l)
}

// Delete takes a letter out of its queue for good.
func (b Box) Delete(ctx context.Context, l *Letter) error {
	if _, err := b.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: &l.receipt}); err != nil {
		return fault.Wrap(err, fault.Internal, "queue "+l.url, fmt.Sprintf("does not delete message %s", l.ID), "")
	}
	l.gone = true
	return nil
}
