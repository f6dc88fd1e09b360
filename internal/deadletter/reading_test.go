package deadletter_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
)

func TestReadingLeavesEveryMessage(t *testing.T) {
	queues, rules, voice, _ := opened(t)
	for range 23 {
		rules.Send(stateChange, nil)
	}
	voice.Send(`{}`, nil)
	enough := errors.New("enough")
	read := func(limit int) (n int, err error) {
		_, err = queues.Each(t.Context(), func(*deadletter.Message) error {
			if n++; n == limit {
				return enough
			}
			return nil
		})
		return n, err
	}
	for _, limit := range []int{0, 3, 0} {
		want, wantErr := 24, error(nil)
		if limit > 0 {
			want, wantErr = limit, enough
		}
		if n, err := read(limit); n != want || !errors.Is(err, wantErr) {
			t.Errorf("got %d messages (%v), want %d (%v)", n, err, want, wantErr)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := queues.Each(ctx, func(*deadletter.Message) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to say that it was interrupted", err)
	}
	if n := visible(t, queues, queues.List[0]); n != 23 {
		t.Errorf("after an interruption: got %d messages at once, want 23: none may stay hidden", n)
	}
}

// Messages that another reader has are counted, and the others are read.
func TestHiddenMessagesAreCounted(t *testing.T) {
	queues, rules, _, _ := opened(t)
	for range 15 {
		rules.Send(stateChange, nil)
	}
	if _, err := queues.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &queues.List[0].URL, MaxNumberOfMessages: 10, VisibilityTimeout: 600,
	}); err != nil {
		t.Fatal(err)
	}
	messages, hidden, err := queues.Read(t.Context())
	if err != nil || len(messages) != 5 || hidden.Messages != 10 {
		t.Errorf("got %d messages and %d hidden (%v), want 5 and 10", len(messages), hidden.Messages, err)
	}
	if n := visible(t, queues, queues.List[0]); n != 5 {
		t.Errorf("got %d messages visible afterwards, want 5", n)
	}
}

// slowQueue has one message, whose visibility follows the clock.
type slowQueue struct {
	badQueue
	lock      sync.Mutex
	visibleAt time.Time
}

func (q *slowQueue) left() time.Duration {
	q.lock.Lock()
	defer q.lock.Unlock()
	return time.Until(q.visibleAt)
}

func (q *slowQueue) hide(seconds int32) {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.visibleAt = time.Now().Add(time.Duration(seconds) * time.Second)
}

func (q *slowQueue) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	if q.left() > 0 {
		return &sqs.ReceiveMessageOutput{}, nil
	}
	q.hide(in.VisibilityTimeout)
	return q.badQueue.ReceiveMessage(ctx, in, o...)
}

func (q *slowQueue) ChangeMessageVisibility(
	_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	q.hide(in.VisibilityTimeout)
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

// No other reader receives a message while its function runs, however long that takes; if the process is
// killed, the message is visible again within DefaultHide.
func TestMessagesStayHiddenWhileProcessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := &slowQueue{badQueue: badQueue{messages: map[string][]*message{}}}
		queues := deadletter.Queues{SQS: queue, List: []deadletter.Queue{{Name: "rules", URL: "https://queue/0"}}}
		queue.messages["https://queue/0"] = []*message{{id: "1"}}
		queue.badQueue.single = true
		if _, err := queues.Each(t.Context(), func(*deadletter.Message) error {
			for range 900 {
				time.Sleep(time.Second)
				left := queue.left()
				if left <= 0 || left > deadletter.DefaultHide || left > time.Minute {
					t.Fatalf("got a message that is hidden for %s from now on, want up to %s", left, deadletter.DefaultHide)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if left := queue.left(); left > 0 {
			t.Errorf("got a message that stays hidden for %s", left)
		}
	})
}

// refusing is a queue whose messages may only be read.
type refusing struct{ deadletter.SQS }

func (refusing) GetQueueAttributes(
	context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	return nil, errors.New("may not be counted")
}

func (refusing) ChangeMessageVisibility(
	context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	return nil, errors.New("may not be made visible")
}

// Missing permissions are an error, in addition to the messages that were read.
func TestMissingPermissionsAreErrors(t *testing.T) {
	queues, rules, _, _ := opened(t)
	for range 3 {
		rules.Send(stateChange, nil)
	}
	queues.SQS = refusing{queues.SQS}
	messages, _, err := queues.Read(t.Context())
	if len(messages) != 3 || err == nil || apperr.ClassOf(err) != apperr.Internal {
		t.Fatalf("got %d messages and %v, want all and an error", len(messages), err)
	}
	for _, want := range []string{"may not be counted", "may not be made visible", "and 2 more", "within 45s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

// interrupting is a function during which the command is interrupted.
type interrupting struct{ cancel func() }

func (f interrupting) Invoke(
	context.Context, *lambda.InvokeInput, ...func(*lambda.Options),
) (*lambda.InvokeOutput, error) {
	f.cancel()
	return &lambda.InvokeOutput{Payload: []byte("null")}, nil
}

// A message that was handled is deleted although the command is interrupted at that moment. The interruption is
// always an error.
func TestInterruptionWhileAMessageIsProcessed(t *testing.T) {
	queues, rules, _, _ := opened(t)
	rules.Send(given, nil)
	ctx, cancel := context.WithCancel(t.Context())
	queues.Lambda = interrupting{cancel}
	_, err := queues.Each(ctx, func(l *deadletter.Message) error { return queues.Redrive(ctx, l) })
	if left := len(rules.Messages()); left != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d messages and %v, want none and the interruption", left, err)
	}
	if _, err := (deadletter.Queues{}).Each(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of no queue, want the interruption", err)
	}
}
