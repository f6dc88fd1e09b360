// Package sqs stands in for SQS: standard queues, in memory and on disk, for SQS clients.
package sqs

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// Attribute is a message attribute.
type Attribute = awsprotocol.Attribute

// Message is a message in a queue, in flight or not.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]Attribute
	SentAt     time.Time
	// Receives is how often it was received.
	Receives int

	firstReceived time.Time
	visibleAt     time.Time
}

func (m *Message) visible() bool { return !m.visibleAt.After(time.Now()) }

// Queue is a standard queue. Messages are received in the order in which they were sent.
// Its methods may be called from any goroutine.
type Queue struct {
	name    string
	created time.Time
	disk    Disk
	failed  func(error)

	mu       sync.Mutex
	messages []*Message
	// changed is closed, and replaced, when a message may have become visible.
	changed chan struct{}
}

// New makes an empty queue in memory.
func New(name string) *Queue {
	return &Queue{name: name, created: time.Now(), disk: (*journal.Journal)(nil), failed: func(error) {},
		changed: make(chan struct{})}
}

// Name returns the queue's name.
func (q *Queue) Name() string { return q.name }

// Send puts a message at the queue's end and returns its id. A message that cannot be
// stored on disk is in the queue all the same: see Open.
func (q *Queue) Send(body string, attributes map[string]Attribute) string {
	id, _ := q.send(body, attributes, 0, true) // q.failed has the error
	return id
}

// send puts a message at the queue's end, visible after the delay. Where it cannot be
// stored on disk, it is in the queue only with evenInMemory.
func (q *Queue) send(body string, attributes map[string]Attribute, delay time.Duration,
	evenInMemory bool) (string, error) {
	now := time.Now()
	m := &Message{ID: awsprotocol.NewID(), Body: body, Attributes: attributes, SentAt: now, visibleAt: now.Add(delay)}
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.disk.Put(m.ID, onDisk(m))
	if err != nil {
		q.failed(err)
	}
	if err == nil || evenInMemory {
		q.messages = append(q.messages, m)
		q.announce()
	}
	return m.ID, err
}

// Messages returns copies of all messages, oldest first. It does not receive them.
func (q *Queue) Messages() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]Message, len(q.messages))
	for i, m := range q.messages {
		all[i] = *m
	}
	return all
}

// Receive waits for messages and returns up to limit of them, hidden from other
// receivers for the timeout; none when ctx ended.
func (q *Queue) Receive(ctx context.Context, limit int, timeout time.Duration) []Message {
	for ctx.Err() == nil {
		if received := q.receive(ctx, limit, timeout, maxWait); len(received) > 0 {
			return received
		}
	}
	return nil
}

// receive is Receive with a limit to the wait.
func (q *Queue) receive(ctx context.Context, limit int, timeout, wait time.Duration) []Message {
	for deadline := time.Now().Add(wait); ; {
		received, changed, next := q.receiveNow(limit, timeout)
		left := time.Until(deadline)
		if len(received) > 0 || left <= 0 {
			return received
		}
		if !next.IsZero() {
			left = min(left, time.Until(next))
		}
		select {
		case <-changed:
		case <-time.After(left):
		case <-ctx.Done():
			return nil
		}
	}
}

// receiveNow returns up to limit visible messages and hides them for the timeout.
// changed is closed when another may have become visible without a wait; next is when
// the first of the others does by itself, zero where there is none.
func (q *Queue) receiveNow(limit int, timeout time.Duration) (received []Message, changed <-chan struct{},
	next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, m := range q.messages {
		if len(received) < limit && m.visible() {
			m.Receives++
			m.visibleAt = now.Add(timeout)
			if m.firstReceived.IsZero() {
				m.firstReceived = now
			}
			received = append(received, *m)
		} else if next.IsZero() || m.visibleAt.Before(next) {
			next = m.visibleAt
		}
	}
	return received, q.changed, next
}

// Delete removes a message, which need not be there. One that cannot be removed from the
// disk is gone from the queue all the same, and comes back with the next Open.
func (q *Queue) Delete(id string) { _ = q.delete(id, true) } // q.failed has the error

func (q *Queue) delete(id string, evenFromMemory bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.disk.Remove(id)
	if err != nil {
		q.failed(err)
	}
	if err == nil || evenFromMemory {
		q.messages = slices.DeleteFunc(q.messages, func(m *Message) bool { return m.ID == id })
	}
	return err
}

// Hide sets how long a message in flight stays hidden, 0 to make it visible at once. It
// reports whether the message is in flight: it was received and is hidden since.
func (q *Queue) Hide(id string, timeout time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if m.ID == id && m.Receives > 0 && !m.visible() {
			m.visibleAt = time.Now().Add(timeout)
			q.announce()
			return true
		}
	}
	return false
}

// counts returns the numbers of messages that are visible, in flight, and sent with a
// delay that is not over.
func (q *Queue) counts() (visible, inFlight, delayed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		switch {
		case m.visible():
			visible++
		case m.Receives > 0:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

// announce wakes those that wait for a message. The caller holds the lock.
func (q *Queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}
