package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/deadletter"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// message is a message of a badQueue.
type message struct {
	id     string
	sentAt time.Time
	// held reports whether a reader has it, others whether that is another one.
	held, others bool
	receipt      string // the last one; no other works
	receives     int
	deleted      bool
	ghost        bool // delivered again after it was deleted
}

// badQueue is a standard queue that does everything that SQS may do: it delivers messages in any order, fewer than
// there are, and also hidden and deleted ones. Other readers have and delete messages.
type badQueue struct {
	t *rapid.T

	mu       sync.Mutex
	messages map[string][]*message // by URL
	// receives counts requests. The one with the number failing fails; 0 is none.
	receives, failing int
	cancel            func() // at the failing request, instead of an error
	stale             int
	removed           map[string]bool // the receipts of what the reader has deleted
	putBackDeleted    bool            // the visibility of one of these was changed
	single            bool            // it delivers what there is, and draws nothing
}

func (q *badQueue) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.receives++; q.receives == q.failing {
		if q.cancel == nil {
			return nil, errors.New("refused")
		}
		q.cancel()
	}
	var visible, hidden []*message
	for _, m := range q.messages[*in.QueueUrl] {
		switch {
		case !m.held && !m.deleted:
			visible = append(visible, m)
		case m.deleted && m.ghost, m.held && !m.others:
			hidden = append(hidden, m)
		}
	}
	var out []*message
	if q.single {
		out = visible
	} else if len(visible) > 0 && (len(hidden) == 0 || q.stale == 2 ||
		rapid.IntRange(0, 3).Draw(q.t, "anything new") > 0) {
		n := rapid.IntRange(1, min(len(visible), int(in.MaxNumberOfMessages))).Draw(q.t, "delivered")
		out = rapid.Permutation(visible).Draw(q.t, "order")[:n]
		q.stale = 0
	} else {
		q.stale++
	}
	hidden = append(hidden, out...)
	if again := !q.single && len(hidden) > 0 && q.stale <= 2; again && (len(out) == 0 && len(visible) > 0 ||
		rapid.Bool().Draw(q.t, "again")) {
		out = append(out, rapid.SampledFrom(hidden).Draw(q.t, "of these"))
	}
	answer := &sqs.ReceiveMessageOutput{}
	for _, m := range out {
		m.receives++
		m.held, m.receipt = true, fmt.Sprintf("%s/%d", m.id, m.receives)
		if m.ghost && m.deleted {
			m.deleted, m.ghost = false, false // it is there again until it is deleted again
		}
		answer.Messages = append(answer.Messages, types.Message{
			MessageId: &m.id, Body: aws.String(stateChange), ReceiptHandle: aws.String(m.receipt),
			Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(m.sentAt.UnixMilli(), 10)},
		})
	}
	if ctx.Err() != nil { // the messages are delivered, and lost
		return nil, ctx.Err()
	}
	return answer, nil
}

// find returns the message with a valid receipt handle.
func (q *badQueue) find(url, receipt string) *message {
	for _, m := range q.messages[url] {
		if m.receipt == receipt && !m.deleted {
			return m
		}
	}
	return nil
}

func (q *badQueue) ChangeMessageVisibility(
	_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.find(*in.QueueUrl, *in.ReceiptHandle)
	if q.removed[*in.ReceiptHandle] {
		q.putBackDeleted = true // check fails: this may be another goroutine
	}
	if m == nil {
		return nil, &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "Message does not exist"}
	}
	m.held = in.VisibilityTimeout > 0
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

func (q *badQueue) DeleteMessage(
	_ context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options),
) (*sqs.DeleteMessageOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m := q.find(*in.QueueUrl, *in.ReceiptHandle); m != nil {
		m.deleted = true
		if q.removed == nil {
			q.removed = map[string]bool{}
		}
		q.removed[m.receipt] = true
		m.ghost = m.receives < 3 && rapid.Bool().Draw(q.t, "ghost")
	}
	return &sqs.DeleteMessageOutput{}, nil
}

func (q *badQueue) GetQueueAttributes(
	_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	visible, hidden := 0, 0
	for _, m := range q.messages[*in.QueueUrl] {
		switch {
		case m.deleted:
		case m.held:
			hidden++
		default:
			visible++
		}
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"ApproximateNumberOfMessagesDelayed":    "0", "VisibilityTimeout": "300",
	}}, nil
}

// generated returns queues with messages, some of which other readers have.
func generated(t *rapid.T) (*badQueue, deadletter.Queues) {
	q := &badQueue{t: t, messages: map[string][]*message{}}
	queues := deadletter.Queues{SQS: q, Hide: time.Minute}
	for n := range rapid.IntRange(1, 3).Draw(t, "queues") {
		url := fmt.Sprint("https://queue/", n)
		queues.List = append(queues.List, deadletter.Queue{Name: fmt.Sprint(n), URL: url})
		for i := range rapid.IntRange(0, 25).Draw(t, "messages") {
			m := &message{id: fmt.Sprintf("%d-%d", n, i)}
			m.sentAt = time.UnixMilli(rapid.Int64Range(1_790_000_000_000, 1_790_000_100_000).Draw(t, "sent"))
			m.others = rapid.IntRange(0, 4).Draw(t, "who holds it") == 0
			m.held = m.others
			q.messages[url] = append(q.messages[url], m)
		}
	}
	return q, queues
}

// check fails if a message is in a wrong state after a reading.
func (q *badQueue) check(done map[string]int, deleted map[string]bool) {
	q.t.Helper()
	if q.putBackDeleted {
		q.t.Fatal("the visibility of a message that the reader has deleted is changed")
	}
	for url, messages := range q.messages {
		for _, m := range messages {
			switch {
			case done[m.id] > 1:
				q.t.Fatalf("message %s was worked on %d times", m.id, done[m.id])
			case deleted[m.id] && !m.deleted:
				q.t.Fatalf("message %s was deleted and is in %s again", m.id, url)
			case m.held != m.others && !m.deleted:
				q.t.Fatalf("message %s stays hidden: %v, want %v", m.id, m.held, m.others)
			}
		}
	}
}

// For any behaviour of a queue, each message that no other reader has is processed once; those that are not
// deleted are visible again afterwards, and the others are counted.
func TestReadingHidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, queues := generated(t)
		done, deleted := map[string]int{}, map[string]bool{}
		came := 0
		hidden, err := queues.Each(t.Context(), func(l *deadletter.Message) error {
			done[l.ID]++
			switch rapid.IntRange(0, 4).Draw(t, "what is done") {
			case 0:
				deleted[l.ID] = true
				return queues.Delete(t.Context(), l)
			case 1: // another reader, who had it before, deletes it
				for _, m := range slices.Concat(slices.Collect(maps.Values(q.messages))...) {
					if m.id == l.ID {
						m.deleted = true
						deleted[l.ID] = true
					}
				}
			case 3: // another reader deletes what it has
				for _, m := range slices.Concat(slices.Collect(maps.Values(q.messages))...) {
					m.deleted = m.deleted || m.others
				}
			case 2: // while the last queue is read, one more message comes into the first
				if l.Queue == queues.List[len(queues.List)-1].Name && len(queues.List) > 1 {
					came++
					q.messages[queues.List[0].URL] = append(q.messages[queues.List[0].URL], &message{id: fmt.Sprint("late-", came)})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want, removed := 0, 0
		for _, messages := range q.messages {
			for _, m := range messages {
				switch {
				case m.others:
					if m.deleted {
						removed++
					} else {
						want++
					}
				case done[m.id] == 0 && !strings.HasPrefix(m.id, "late"):
					t.Fatalf("message %s was not worked on", m.id)
				}
			}
		}
		q.check(done, deleted)
		// If messages are sent and deleted while it reads, numbers alone do not determine which are hidden.
		if most := want + min(removed, came); hidden.Messages < want || hidden.Messages > most {
			t.Fatalf("got %d hidden, want %d to %d", hidden.Messages, want, most)
		}
		if (hidden.Messages > 0) == hidden.Until.IsZero() {
			t.Fatalf("got %d hidden until %s", hidden.Messages, hidden.Until)
		}
	})
}

// Read returns the messages of all queues by time, and the exact number of hidden ones.
func TestReadIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, queues := generated(t)
		began := time.Now()
		messages, hidden, err := queues.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		free, others := 0, 0
		for _, m := range slices.Concat(slices.Collect(maps.Values(q.messages))...) {
			if m.others {
				others++
			} else {
				free++
			}
		}
		if len(messages) != free || hidden.Messages != others {
			t.Fatalf("got %d messages and %d hidden, want %d and %d", len(messages), hidden.Messages, free, others)
		}
		if !slices.IsSortedFunc(messages, func(a, b *deadletter.Message) int { return b.SentAt.Compare(a.SentAt) }) {
			t.Fatal("got messages that are not newest first over all queues")
		}
		if others > 0 && hidden.Until.Before(began.Add(4*time.Minute)) { // the queue's own timeout is 300 s
			t.Fatalf("got hidden until %s, want as long as a reader of the queue may hide them", hidden.Until)
		}
		q.check(nil, nil)
	})
}

// A reading that fails or is interrupted leaves every message visible, too.
func TestReadingThatStopsHidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, queues := generated(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		calls, stop := 0, -1
		kind := rapid.SampledFrom([]string{"error of do", "interruption in do", "queue", "interruption"}).
			Draw(t, "what stops it")
		switch kind {
		case "error of do", "interruption in do":
			stop = rapid.IntRange(1, 30).Draw(t, "at message")
		default:
			q.failing = rapid.IntRange(1, 10).Draw(t, "at request")
			if kind == "interruption" {
				q.cancel = cancel
			}
		}
		done := map[string]int{}
		reason := errors.New("enough")
		_, err := queues.Each(ctx, func(l *deadletter.Message) error {
			done[l.ID]++
			if calls++; calls == stop {
				if kind == "interruption in do" {
					cancel()
					return nil // as a function that overlooks it
				}
				return reason
			}
			return nil
		})
		q.check(done, nil)
		switch stopped := calls == stop || q.receives >= q.failing && q.failing > 0; {
		case stopped && err == nil:
			t.Fatal("got no error, want why the reading stopped")
		case !stopped && err != nil:
			t.Fatal(err)
		case calls == stop && kind == "error of do" && !errors.Is(err, reason):
			t.Fatalf("got %v, want the error of do", err)
		case calls > stop && stop > 0:
			t.Fatal("got more calls after the error")
		}
		// A queue that cannot be read does not hide the others.
		if kind == "queue" && q.failing <= q.receives {
			unread := 0
			for _, of := range queues.List {
				for _, m := range q.messages[of.URL] {
					if !m.others && done[m.id] == 0 {
						unread++
						break
					}
				}
			}
			if unread > 1 {
				t.Fatalf("got messages of %d queues not read, want at most those of one", unread)
			}
		}
	})
}
