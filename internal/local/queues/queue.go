// Package queues holds standard queues in memory and answers SQS clients.
package queues

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/wire"
)

// Attribute is a message attribute: a type such as String or Number, and a value.
type Attribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

// Message is a message that lies in a queue, in flight or not.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]Attribute
	SentAt     time.Time
	// Receives counts how often it was handed out.
	Receives int

	firstReceived time.Time
	visibleAt     time.Time
}

// Queue is a standard queue. Messages are handed out in the order in which they
// were sent, those whose visibility timeout ran out first. Its methods may be
// called from any goroutine.
type Queue struct {
	name    string
	created time.Time

	mu       sync.Mutex
	messages []*Message
	// changed is closed, and replaced, when a message may have become visible.
	changed chan struct{}
}

// New makes an empty queue.
func New(name string) *Queue {
	return &Queue{name: name, created: time.Now(), changed: make(chan struct{})}
}

// Name gives the queue's name.
func (q *Queue) Name() string { return q.name }

// Send puts a message at the queue's end and gives its id.
func (q *Queue) Send(body string, attributes map[string]Attribute) string {
	return q.send(body, attributes, 0)
}

func (q *Queue) send(body string, attributes map[string]Attribute, delay time.Duration) string {
	now := time.Now()
	m := &Message{ID: wire.NewID(), Body: body, Attributes: attributes, SentAt: now, visibleAt: now.Add(delay)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, m)
	q.announce()
	return m.ID
}

// Messages gives copies of all messages, oldest first, without taking them.
func (q *Queue) Messages() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]Message, len(q.messages))
	for i, m := range q.messages {
		all[i] = *m
	}
	return all
}

// receipt is what ReceiveMessage gives for a message and DeleteMessage takes.
func receipt(m *Message) string { return m.ID + "." + strconv.Itoa(m.Receives) }

// take hands out up to limit visible messages and hides them for the timeout.
func (q *Queue) take(limit int, timeout time.Duration) []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var taken []Message
	for _, m := range q.messages {
		if len(taken) == limit {
			break
		}
		if m.visibleAt.After(now) {
			continue
		}
		m.Receives++
		m.visibleAt = now.Add(timeout)
		if m.firstReceived.IsZero() {
			m.firstReceived = now
		}
		taken = append(taken, *m)
	}
	return taken
}

// waiting gives a channel that closes when something may have become visible,
// and the time at which the next hidden message does; zero when none is hidden.
func (q *Queue) waiting() (<-chan struct{}, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var next time.Time
	for _, m := range q.messages {
		if next.IsZero() || m.visibleAt.Before(next) {
			next = m.visibleAt
		}
	}
	return q.changed, next
}

// delete removes a message and says whether it was there.
func (q *Queue) delete(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.messages)
	q.messages = slices.DeleteFunc(q.messages, func(m *Message) bool { return m.ID == id })
	return len(q.messages) < before
}

// hide sets the time for which a message stays hidden and says whether it is there.
func (q *Queue) hide(id string, timeout time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if m.ID == id {
			m.visibleAt = time.Now().Add(timeout)
			q.announce()
			return true
		}
	}
	return false
}

func (q *Queue) purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = nil
}

// counts gives the numbers of messages that can be taken, that are in flight,
// and that were sent with a delay which still runs.
func (q *Queue) counts() (visible, inFlight, delayed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, m := range q.messages {
		switch {
		case !m.visibleAt.After(now):
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

// Receive hands out up to limit messages, hidden for the timeout, and waits for
// the first of them; none when ctx ended.
func (q *Queue) Receive(ctx context.Context, limit int, timeout time.Duration) []Message {
	for ctx.Err() == nil {
		if taken := q.await(ctx, limit, timeout, maxWait); len(taken) > 0 {
			return taken
		}
	}
	return nil
}

// Delete removes a message that was handed out.
func (q *Queue) Delete(id string) { q.delete(id) }

// Release lets a message be handed out again after a while.
func (q *Queue) Release(id string, after time.Duration) { q.hide(id, after) }
