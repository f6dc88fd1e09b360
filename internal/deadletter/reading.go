package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

const (
	maxReceived = 10 // messages that SQS delivers at a time
	// maxStale is how many times in a row a queue may deliver only known messages before reading ends. Some
	// queues deliver messages again and again although they are hidden.
	maxStale       = 3
	maxConcurrency = 16               // requests that change the visibility of messages
	receiveLimit   = 3 * time.Second  // for receiving after the context has ended
	endLimit       = 20 * time.Second // for making messages visible after the context has ended
)

// reading is one pass over the queues.
type reading struct {
	from     Queues
	hide     time.Duration
	messages map[messageKey]*Message // all that were received
	queues   []*queueReading

	// handles are the receipt handles of the messages that are hidden and not deleted. The goroutine that
	// extends the hiding reads them.
	mu      sync.Mutex
	handles map[messageKey]string
	stop    func() // ends that goroutine, and waits for it
}

type messageKey struct{ url, id string }

// queueReading is the state of the pass in one queue.
type queueReading struct {
	url      string
	total    int           // messages before the first was received
	timeout  time.Duration // the queue's own visibility timeout
	countErr error
	received int  // messages, each counted once
	complete bool // whether the queue was read to its end
}

func (q Queues) startReading(ctx context.Context) *reading {
	r := &reading{
		from: q, hide: cmp.Or(q.Hide, DefaultHide),
		messages: map[messageKey]*Message{}, handles: map[messageKey]string{},
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { r.keepHidden(ctx) })
	r.stop = func() { cancel(); done.Wait() }
	return r
}

// keepHidden extends the hiding of the messages until ctx ends. If it fails for a message, others may read
// it, which is harmless.
func (r *reading) keepHidden(ctx context.Context) {
	ticker := time.NewTicker(r.hide / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// It runs to its end: an interrupted request might hide messages later that were made visible meanwhile.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
			_, _ = r.changeVisibility(ctx, r.hide)
			cancel()
		}
	}
}

// changeVisibility hides all messages that are not deleted for a time from now on; 0 makes them visible. It
// returns how many messages it changed, by the URL of their queue. A message that another reader has or
// has deleted is no error.
func (r *reading) changeVisibility(ctx context.Context, timeout time.Duration) (map[string]int, error) {
	r.mu.Lock()
	handles := maps.Clone(r.handles)
	r.mu.Unlock()
	var mu sync.Mutex
	changed := map[string]int{}
	var errs []error
	var group errgroup.Group
	group.SetLimit(maxConcurrency)
	for key, handle := range handles {
		group.Go(func() error {
			_, err := r.from.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
				QueueUrl: &key.url, ReceiptHandle: &handle, VisibilityTimeout: int32(timeout.Seconds()),
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				changed[key.url]++
			case !notInFlight(err):
				errs = append(errs, apperr.Wrap(err, apperr.Internal, "queue "+key.url,
					fmt.Sprintf("message %s cannot be made visible again", key.id),
					fmt.Sprintf("it becomes visible by itself within %s", r.hide)))
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	if len(errs) > 1 {
		return changed, fmt.Errorf("%w; and %d more", errs[0], len(errs)-1)
	}
	return changed, errors.Join(errs...)
}

// notInFlight reports whether the visibility of a message could not be changed because it was deleted or is
// visible again (SQS API reference, ChangeMessageVisibility; for a deleted message SQS answers
// InvalidParameterValue).
func notInFlight(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains([]string{
		"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid",
	}, answer.ErrorCode())
}

// readQueue calls do for the messages of a queue. stopped reports whether do returned an error, or ErrStop.
func (r *reading) readQueue(ctx context.Context, q Queue, do func(*Message) error) (stopped bool, err error) {
	state := &queueReading{url: q.URL}
	r.queues = append(r.queues, state)
	if state.total, state.timeout, state.countErr = r.from.count(ctx, q.URL); ctx.Err() != nil {
		return false, cmp.Or(state.countErr, ctx.Err())
	}
	var errs []error
	for stale := 0; stale < maxStale; {
		received, err := r.receive(ctx, q)
		if err != nil {
			return false, errors.Join(append(errs, err)...)
		}
		if len(received) == 0 && ctx.Err() == nil {
			break
		}
		fresh, err := r.note(ctx, received)
		errs = append(errs, err)
		state.received += len(fresh)
		stale++
		if len(fresh) > 0 {
			stale = 0
		}
		for _, m := range fresh {
			if ctx.Err() != nil {
				break
			}
			err := do(m)
			if m.deleted {
				r.mu.Lock()
				delete(r.handles, messageKey{m.url, m.ID})
				r.mu.Unlock()
			}
			if err == ErrStop {
				return true, errors.Join(errs...)
			}
			if err != nil {
				return true, errors.Join(append(errs, err)...)
			}
		}
		if ctx.Err() != nil {
			return false, errors.Join(append(errs, ctx.Err())...)
		}
	}
	state.complete = true
	return false, errors.Join(errs...)
}

// receive returns the messages that a queue delivers. It does not cancel the request when ctx ends: the queue may have
// delivered messages by then, which would stay hidden.
func (r *reading) receive(ctx context.Context, q Queue) ([]*Message, error) {
	late, cancel := later(ctx, r.from.Wait+receiveLimit)
	defer cancel()
	out, err := r.from.SQS.ReceiveMessage(late, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: maxReceived, WaitTimeSeconds: int32(r.from.Wait.Seconds()),
		VisibilityTimeout: int32(r.hide.Seconds()), MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "queue "+q.URL, "cannot be read", "")
	}
	messages := make([]*Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = newMessage(q, m)
		messages[i].refuse(q, r.from.Functions)
	}
	return messages, nil
}

// later returns a context that ends some time after ctx.
func later(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-late.Done():
		case <-time.After(by):
			cancel()
		}
	})
	return late, func() { stop(); cancel() }
}

// note stores the handles of received messages, and returns the messages that are new. For a known message the newer
// handle is stored. A message that was deleted is deleted again: a server of SQS that was not reachable then may still
// have it (SQS API reference, DeleteMessage).
func (r *reading) note(ctx context.Context, received []*Message) (fresh []*Message, err error) {
	for _, m := range received {
		key := messageKey{m.url, m.ID}
		known := r.messages[key]
		if known != nil && known.deleted {
			known.receipt = m.receipt
			err = errors.Join(err, r.from.Delete(ctx, known))
			continue
		}
		r.mu.Lock()
		r.handles[key] = m.receipt
		r.mu.Unlock()
		if known != nil {
			known.receipt = m.receipt
			continue
		}
		r.messages[key] = m
		fresh = append(fresh, m)
	}
	return fresh, err
}

// end makes the messages visible that were not deleted, and returns how many could not be read.
func (r *reading) end(ctx context.Context) (Hidden, error) {
	r.stop()
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	visible, err := r.changeVisibility(whole, 0)
	if ctx.Err() != nil {
		return Hidden{}, err
	}
	hidden, countErr := r.hidden(ctx, visible)
	return hidden, errors.Join(countErr, err)
}

// hidden returns how many messages of the queues were not received, where visible is how many were made visible
// again. Two numbers are known: the first total without what was received, and the present total without
// what is visible again. New messages are only in the second, messages that another reader has deleted are
// only in the first, and messages that this reader deleted may still be in the second; so the smaller counts.
func (r *reading) hidden(ctx context.Context, visible map[string]int) (Hidden, error) {
	var sum Hidden
	var errs []error
	for _, state := range r.queues {
		if !state.complete {
			return Hidden{}, nil // which is an error already
		}
		now, _, err := r.from.count(ctx, state.url)
		if err = cmp.Or(state.countErr, err); err != nil {
			errs = append(errs, err)
			continue
		}
		if missing := min(state.total-state.received, now-visible[state.url]); missing > 0 {
			sum.Messages += missing
			until := time.Now().Add(max(state.timeout, r.hide)).UTC().Truncate(time.Second)
			if until.After(sum.Until) {
				sum.Until = until
			}
		}
	}
	return sum, errors.Join(errs...)
}

// count returns how many messages are in a queue, visible or not, and the queue's own visibility timeout.
func (q Queues) count(ctx context.Context, url string) (total int, timeout time.Duration, err error) {
	counted := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := q.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: append(counted, types.QueueAttributeNameVisibilityTimeout),
	})
	if err != nil {
		return 0, 0, apperr.Wrap(err, apperr.Internal, "queue "+url,
			"does not say how many messages it has, so that some may be with another reader", "")
	}
	for _, name := range counted {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, 0, apperr.Wrap(err, apperr.Internal, "queue "+url, "has no number "+string(name), "")
		}
		total += n
	}
	seconds, _ := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameVisibilityTimeout)]) // 0 if it has none
	return total, time.Duration(seconds) * time.Second, nil
}
