package handler

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/timeshare"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// LapseTable keeps consent whose time is over; *dynamo.Store does. It must be safe
// for concurrent use.
type LapseTable interface {
	Lapsed(ctx context.Context, now time.Time) ([]dynamo.Lapse, error)
	EndLapse(context.Context, dynamo.Lapse) error
}

// Lapses does, on a schedule, what is due for calls on which consent has run
// out, which no event reports: tasks that run under it are stopped. The message
// is not looked at. A call that cannot be settled, or that the service hangs on,
// takes no other one's time, and the next run finds it again. The order is another
// one at every run, so that even with hundreds that hang the others have their turn.
func Lapses(table LapseTable, calls Settler, now func() time.Time) Handler {
	return func(ctx context.Context, _ intake.Message) error {
		lapsed, err := table.Lapsed(ctx, now())
		rand.Shuffle(len(lapsed), func(i, j int) { lapsed[i], lapsed[j] = lapsed[j], lapsed[i] })
		errs := timeshare.Each(ctx, len(lapsed), callsAtOnce, func(ctx context.Context, i int) error {
			l := lapsed[i]
			if err := calls.Settle(ctx, voicetask.Trigger{Event: l.Event, TransactionID: l.TransactionID, CallID: l.CallID}); err != nil {
				return err
			}
			return table.EndLapse(ctx, l)
		})
		return errors.Join(append(errs, err)...)
	}
}
