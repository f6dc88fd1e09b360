// Package handler is what each Lambda function does with one message. Handlers
// keep nothing between messages, and every message bears to be handled again.
package handler

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// Handler handles one message. An error sends the message back to Lambda, which
// tries again and at last puts it into the dead-letter queue.
type Handler func(context.Context, intake.Message) error

// Batch handles messages together and gives an error or nil for each, in their
// order. An error sends that message back, as Handler's does.
type Batch func(context.Context, []intake.Message) []error

// Publisher sends a message to people. An error means that it may not have
// been sent.
type Publisher interface {
	Publish(context.Context, notify.Message) error
}

// Counter counts by name, for metrics. It must be safe for concurrent use.
type Counter interface {
	Count(name string, n int)
}

// Sender sends a notification once for each id; *dynamo.Store does.
type Sender interface {
	Once(ctx context.Context, partition dynamo.Partition, n notify.Notification, owner string, send func(context.Context) error) error
}

// sendOnce publishes m unless that was done before.
func sendOnce(ctx context.Context, s Sender, p Publisher, partition dynamo.Partition, m notify.Message, owner string) error {
	n := notify.Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject}
	return s.Once(ctx, partition, n, owner, func(ctx context.Context) error { return p.Publish(ctx, m) })
}

// wrongKind is the error for an event that was routed to the wrong function.
func wrongKind(ev *chime.Event, want string) error {
	return apperr.New(apperr.Invalid, "event "+ev.ID, "is "+ev.DetailType+", not "+want, "check the rule that routed it here")
}
