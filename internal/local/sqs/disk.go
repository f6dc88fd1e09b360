package sqs

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// Disk keeps the messages of a queue by their ids. A *journal.Journal does.
type Disk interface {
	Put(id string, value any) error
	Remove(ids ...string) error
}

// kept is a message as it lies on disk. What ReceiveMessage changes of a message is not
// kept: when the queue is opened again, its messages can be received at once, and their
// receives are counted from zero.
type kept struct {
	Body string `json:"body,omitempty"`
	// Bytes is the body where it is not UTF-8, which a text of JSON cannot say.
	Bytes      []byte               `json:"bytes,omitempty"`
	Attributes map[string]Attribute `json:"attributes,omitempty"`
	SentAt     time.Time            `json:"sentAt"`
	// NotBefore is the end of the delay with which the message was sent.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

func keep(m *Message) kept {
	k := kept{Attributes: m.Attributes, SentAt: m.SentAt}
	if utf8.ValidString(m.Body) {
		k.Body = m.Body
	} else {
		k.Bytes = []byte(m.Body)
	}
	if m.visibleAt.After(m.SentAt) {
		k.NotBefore = m.visibleAt
	}
	return k
}

// Open makes a queue of the messages that lie on disk, and keeps there what changes from
// then on. Messages older than the retention period are dropped, as SQS does. failed is
// called, with a lock held, when the disk fails: an SQS client is then refused, and a
// message that this process sends or deletes itself changes in memory only. An entry
// that is no message is an error of class Invalid.
func Open(name string, disk Disk, entries []journal.Entry, failed func(error)) (*Queue, error) {
	q := New(name)
	q.disk, q.failed = disk, failed
	var old []string
	for _, e := range entries {
		var k kept
		if err := json.Unmarshal(e.Value, &k); err != nil {
			return nil, apperr.Wrap(err, apperr.Invalid, "message "+e.ID+" of queue "+name, "cannot be read from the disk",
				"delete its line from the queue's file")
		}
		if time.Since(k.SentAt) > retention {
			old = append(old, e.ID)
			continue
		}
		m := &Message{ID: e.ID, Body: k.Body, Attributes: k.Attributes, SentAt: k.SentAt, visibleAt: k.NotBefore}
		if k.Bytes != nil {
			m.Body = string(k.Bytes)
		}
		q.messages = append(q.messages, m)
	}
	if len(old) > 0 {
		if err := disk.Remove(old...); err != nil {
			return nil, err
		}
	}
	return q, nil
}
