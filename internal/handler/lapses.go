package handler

import (
	"context"
	"errors"
	"time"

	"github.com/chimewatch/chimewatch/internal/hold"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/store"
)

// LapseTable tells of consent whose time is over; *store.Store does.
type LapseTable interface {
	Lapsed(ctx context.Context, now time.Time) ([]store.Lapse, error)
	EndLapse(context.Context, store.Lapse) error
}

// Lapses does, on a schedule, what is due for calls on which consent has run
// out, of which no event tells: tasks that run under it are stopped. What cannot
// be done now is found again by the next run. The message is not looked at.
func Lapses(table LapseTable, calls Settler, now func() time.Time) Handler {
	return func(ctx context.Context, _ intake.Message) error {
		lapsed, err := table.Lapsed(ctx, now())
		errs := []error{err}
		for _, l := range lapsed {
			if !enoughTime(ctx) {
				break
			}
			if err := calls.Settle(ctx, hold.Trigger{Event: l.Event, TransactionID: l.TransactionID, CallID: l.CallID}); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, table.EndLapse(ctx, l))
		}
		return errors.Join(errs...)
	}
}
