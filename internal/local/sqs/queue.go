// Package sqs holds standard queues, in memory and on disk, and answers SQS clients.
package sqs

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
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
// kept on disk is in the queue all the same: see Open.
func (q *Queue) Send(body string, attributes map[string]Attribute) string {
	m := newMessage(body, attributes, 0)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.disk.Put(m.ID, keep(m)); err != nil {
		q.failed(err)
	}
	q.add(m)
	return m.ID
}

// send puts a message at the queue's end, if it can be kept on disk.
func (q *Queue) send(body string, attributes map[string]Attribute, delay time.Duration) (id string, err error) {
	m := newMessage(body, attributes, delay)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.disk.Put(m.ID, keep(m)); err != nil {
		q.failed(err)
		return "", err
	}
	q.add(m)
	return m.ID, nil
}

func newMessage(body string, attributes map[string]Attribute, delay time.Duration) *Message {
	now := time.Now()
	return &Message{ID: awsprotocol.NewID(), Body: body, Attributes: attributes, SentAt: now, visibleAt: now.Add(delay)}
}

// add puts a message at the end. The caller holds the lock.
func (q *Queue) add(m *Message) {
	q.messages = append(q.messages, m)
	q.announce()
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

// delete removes a message, which need not be there, if it can be removed from the disk.
func (q *Queue) delete(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.disk.Remove(id); err != nil {
		q.failed(err)
		return err
	}
	q.drop(id)
	return nil
}

// drop removes a message from memory. The caller holds the lock.
func (q *Queue) drop(id string) {
	q.messages = slices.DeleteFunc(q.messages, func(m *Message) bool { return m.ID == id })
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

// hideInFlight is hide for a message that was received and is hidden since; false where
// there is none.
func (q *Queue) hideInFlight(id string, timeout time.Duration) bool {
	q.mu.Lock()
	inFlight := slices.ContainsFunc(q.messages, func(m *Message) bool {
		return m.ID == id && m.Receives > 0 && m.visibleAt.After(time.Now())
	})
	q.mu.Unlock()
	return inFlight && q.hide(id, timeout)
}

func (q *Queue) purge() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := make([]string, len(q.messages))
	for i, m := range q.messages {
		ids[i] = m.ID
	}
	if err := q.disk.Remove(ids...); err != nil {
		q.failed(err)
		return err
	}
	q.messages = nil
	return nil
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

// Delete removes a message that was handed out. One that cannot be removed from the
// disk is gone from the queue all the same, and comes back with the next Open.
func (q *Queue) Delete(id string) {
	if q.delete(id) != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.drop(id)
	}
}

// Release lets a message be handed out again after a while.
func (q *Queue) Release(id string, after time.Duration) { q.hide(id, after) }
