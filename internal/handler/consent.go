package handler

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Ledger is where consent is entered; *store.Store has it.
type Ledger interface {
	Enter(context.Context, consent.Entry) error
}

// Settler does what is due for a call; *voicetask.Keeper does. It must be safe for
// concurrent use.
type Settler interface {
	Settle(context.Context, voicetask.Trigger) error
}

// callsAtOnce is how many calls are settled side by side. It bounds the requests
// that the table and the service get at once, and with timeshare.Each how long one
// call may take when there are many.
const callsAtOnce = 8

// Consent enters what people decided into the call's ledger, and does what is
// due by it. An event that cannot be taken as it is meant changes nothing.
func Consent(ledger Ledger, calls Settler, counts Counter, now func() time.Time) Handler {
	return func(ctx context.Context, m intake.Message) error {
		e, err := consent.Parse(m.Body, now())
		if err != nil {
			return err
		}
		if err := ledger.Enter(ctx, e); err != nil {
			return err
		}
		counts.Count("ConsentDecisions", 1)
		return calls.Settle(ctx, voicetask.Trigger{Event: e.Event, TransactionID: e.TransactionID, CallID: e.CallID})
	}
}
