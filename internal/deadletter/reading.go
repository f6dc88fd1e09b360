package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// maxReceived is how many messages SQS delivers at a time.
	maxReceived = 10
	// maxStale is how many times in a row a queue may deliver only what it has delivered
	// before, until its reading ends: letters do not stay hidden then.
	maxStale = 3
	// atOnce is how many requests change the visibility of letters at the same time.
	atOnce = 16
	// receiveLimit is how long a queue may need to deliver after the context has ended.
	receiveLimit = 3 * time.Second
	// endLimit is how long putting letters back may take after the context has ended.
	endLimit = 20 * time.Second
)

// reading is one pass over the queues of a box.
type reading struct {
	box     Box
	hide    time.Duration
	letters map[letterKey]*Letter // all that were received
	queues  []*queueReading

	// handles are what hides the letters that are not gone. They are shared with the
	// goroutine that extends the hiding.
	mu      sync.Mutex
	handles map[letterKey]string
	stop    func() // ends that goroutine, and waits for it
}

type letterKey struct{ url, id string }

// queueReading is what a pass knows of one queue.
type queueReading struct {
	url      string
	total    int           // messages before the first was received
	timeout  time.Duration // the queue's own visibility timeout
	countErr error
	received int  // messages, each counted once
	whole    bool // whether it was read to its end
}

func (b Box) startReading(ctx context.Context) *reading {
	r := &reading{
		box: b, hide: cmp.Or(b.Hide, DefaultHide),
		letters: map[letterKey]*Letter{}, handles: map[letterKey]string{},
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { r.keepHidden(ctx) })
	r.stop = func() { cancel(); done.Wait() }
	return r
}

// keepHidden extends the hiding of the letters until ctx ends. A letter whose hiding
// cannot be extended may be read by others meanwhile, which is no harm.
func (r *reading) keepHidden(ctx context.Context) {
	ticker := time.NewTicker(r.hide / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Not cut short, as it would then hide letters that were put back meanwhile.
			whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
			_, _ = r.changeVisibility(whole, r.hide)
			cancel()
		}
	}
}

// changeVisibility hides all letters that are not gone for a time from now on; 0 makes
// them visible. It returns the number of those it could do that for, by the URL of their
// queue. A letter that another reader has or has removed by now is no error.
func (r *reading) changeVisibility(ctx context.Context, timeout time.Duration) (map[string]int, error) {
	r.mu.Lock()
	handles := make(map[letterKey]string, len(r.handles))
	for key, handle := range r.handles {
		handles[key] = handle
	}
	r.mu.Unlock()
	var mu sync.Mutex
	changed := map[string]int{}
	var errs []error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for key, handle := range handles {
		group.Go(func() error {
			_, err := r.box.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
				QueueUrl: &key.url, ReceiptHandle: &handle, VisibilityTimeout: int32(timeout.Seconds()),
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				changed[key.url]++
			case !notOurs(err):
				errs = append(errs, apperr.Wrap(err, apperr.Internal, "queue "+key.url,
					fmt.Sprintf("message %s cannot be put back", key.id),
					fmt.Sprintf("it comes back by itself within %s", r.hide)))
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

// notOurs reports whether the visibility of a message could not be changed because it
// is not in flight any more: it was removed, or is visible again (SQS API reference,
// ChangeMessageVisibility; for a message that is gone SQS answers InvalidParameterValue).
func notOurs(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains([]string{
		"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid",
	}, answer.ErrorCode())
}

// readQueue calls do for the letters of a queue. stopped reports that do returned the
// error.
func (r *reading) readQueue(ctx context.Context, q Queue, do func(*Letter) error) (stopped bool, err error) {
	of := &queueReading{url: q.URL}
	r.queues = append(r.queues, of)
	if of.total, of.timeout, of.countErr = r.box.count(ctx, q.URL); ctx.Err() != nil {
		return false, cmp.Or(of.countErr, ctx.Err())
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
		fresh, err := r.hold(ctx, received)
		errs = append(errs, err)
		of.received += len(fresh)
		stale++
		if len(fresh) > 0 {
			stale = 0
		}
		for _, l := range fresh {
			if ctx.Err() != nil {
				break
			}
			err := do(l)
			if l.gone {
				r.mu.Lock()
				delete(r.handles, letterKey{l.url, l.ID})
				r.mu.Unlock()
			}
			if err != nil {
				return true, errors.Join(append(errs, err)...)
			}
		}
		if ctx.Err() != nil {
			return false, errors.Join(append(errs, ctx.Err())...)
		}
	}
	of.whole = true
	return false, errors.Join(errs...)
}

// receive returns what a queue delivers. It does not drop the request when ctx ends: the
// queue might have delivered letters by then, which would stay hidden.
func (r *reading) receive(ctx context.Context, q Queue) ([]*Letter, error) {
	late, cancel := later(ctx, r.box.Wait+receiveLimit)
	defer cancel()
	out, err := r.box.SQS.ReceiveMessage(late, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: maxReceived, WaitTimeSeconds: int32(r.box.Wait.Seconds()),
		VisibilityTimeout: int32(r.hide.Seconds()), MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "queue "+q.URL, "cannot be read", "")
	}
	letters := make([]*Letter, len(out.Messages))
	for i, m := range out.Messages {
		letters[i] = read(q, m)
		letters[i].judge(q, r.box.Functions)
	}
	return letters, nil
}

// later returns a context that ends a time after another.
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

// hold notes letters that were received, and returns those that are new. Of one that
// was received before, the newer handle counts. One that was deleted is deleted once
// more: a server of SQS that was away then may still have it (SQS API reference,
// DeleteMessage).
func (r *reading) hold(ctx context.Context, received []*Letter) (fresh []*Letter, err error) {
	for _, l := range received {
		key := letterKey{l.url, l.ID}
		known := r.letters[key]
		if known != nil && known.gone {
			known.receipt = l.receipt
			err = errors.Join(err, r.box.Delete(ctx, known))
			continue
		}
		r.mu.Lock()
		r.handles[key] = l.receipt
		r.mu.Unlock()
		if known != nil {
			known.receipt = l.receipt
			continue
		}
		r.letters[key] = l
		fresh = append(fresh, l)
	}
	return fresh, err
}

// end makes the letters visible that are still there, and returns how many could not
// be read.
func (r *reading) end(ctx context.Context) (Hidden, error) {
	r.stop()
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	back, err := r.changeVisibility(whole, 0)
	if ctx.Err() != nil {
		return Hidden{}, err
	}
	hidden, countErr := r.hidden(ctx, back)
	return hidden, errors.Join(countErr, err)
}

// hidden returns how many letters of the queues were not received, where back is how many
// were put back. Two counts say so: what there was at first without what was received, and
// what there is now without what was put back. What came meanwhile is in the second only,
// what another reader has removed meanwhile is in the first only, and what this one has
// removed may still be in the second; so the lesser counts.
func (r *reading) hidden(ctx context.Context, back map[string]int) (Hidden, error) {
	var sum Hidden
	var errs []error
	for _, of := range r.queues {
		if !of.whole {
			return Hidden{}, nil // that is an error already
		}
		now, _, err := r.box.count(ctx, of.url)
		if err = cmp.Or(of.countErr, err); err != nil {
			errs = append(errs, err)
			continue
		}
		if missing := min(of.total-of.received, now-back[of.url]); missing > 0 {
			sum.Letters += missing
			until := time.Now().Add(max(of.timeout, r.hide)).UTC().Truncate(time.Second)
			if until.After(sum.Until) {
				sum.Until = until
			}
		}
	}
	return sum, errors.Join(errs...)
}

// count returns how many messages are in a queue, visible or not, and the queue's own
// visibility timeout.
func (b Box) count(ctx context.Context, url string) (total int, timeout time.Duration, err error) {
	counted := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := b.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
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
	seconds, _ := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameVisibilityTimeout)]) // 0 where it has none
	return total, time.Duration(seconds) * time.Second, nil
}
