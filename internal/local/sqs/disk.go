package sqs

import (
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// Disk stores the messages of a queue by their ids. *journal.Journal implements it.
type Disk interface {
	Put(id string, value any) error
	Remove(ids ...string) error
}

// stored is a message on disk. What ReceiveMessage changes of a message is not stored:
// when the queue is opened again, its messages are visible and were received zero times.
type stored struct {
	Body string `json:"body,omitempty"`
	// Bytes is the body where it is not UTF-8, which a JSON string cannot hold.
	Bytes      []byte               `json:"bytes,omitempty"`
	Attributes map[string]Attribute `json:"attributes,omitempty"`
	SentAt     time.Time            `json:"sentAt"`
	// NotBefore is the end of the delay with which the message was sent.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

func onDisk(m *Message) stored {
	k := stored{Attributes: m.Attributes, SentAt: m.SentAt}
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

// Open makes a queue of the messages on disk, and stores there what changes from then on.
// Messages older than the retention period are removed, as SQS does. failed is called,
// with a lock held, when the disk fails: the request of an SQS client is then refused,
// and Send and Delete change the queue in memory only. An entry that is not a message is
// an error of class Invalid.
func Open(name string, disk Disk, entries []journal.Entry, failed func(error)) (*Queue, error) {
	all, err := journal.Decode[stored](entries, "queue "+name+", message")
	if err != nil {
		return nil, err
	}
	q := New(name)
	q.disk, q.failed = disk, failed
	var old []string
	for i, k := range all {
		id := entries[i].ID
		if time.Since(k.SentAt) > retention {
			old = append(old, id)
			continue
		}
		m := &Message{ID: id, Body: k.Body, Attributes: k.Attributes, SentAt: k.SentAt, visibleAt: k.NotBefore}
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
