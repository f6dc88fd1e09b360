package watchdog

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// A Condition holds for a while. People are warned once when it begins.
type Condition string

// The conditions. Their names are in the table.
const (
	QuotaNear       Condition = "quota"
	PipelinesLinger Condition = "lingering"
	EventsMissing   Condition = "silence"
)

// ConditionStore stores since when conditions hold.
type ConditionStore interface {
	// SetCondition sets a condition, and returns since when it has been set: the same
	// time for all that set it, until it is cleared.
	SetCondition(ctx context.Context, name string) (since time.Time, err error)
	// ConditionSince returns since when a condition has been set; zero when it is not.
	ConditionSince(ctx context.Context, name string) (time.Time, error)
	// ClearCondition clears a condition that was set at a time, and no later one.
	ClearCondition(ctx context.Context, name string, since time.Time) error
}

// Warning is what a notification about a condition says.
type Warning struct {
	Condition Condition
	// Since is when the condition was noticed. It distinguishes warnings.
	Since           time.Time
	Account, Region string

	// Active and Quota are how many pipelines are active and may be, of QuotaNear.
	Active, Quota int
	// Pipelines are those of PipelinesLinger.
	Pipelines []pipeline.State

	// Of EventsMissing: when the last event happened, for how long there may be none, and
	// the times at which calls came on earlier days, see Verdict; none are known where a
	// warning is sent again. Zone is the time zone of the business; nil is UTC.
	LastEventAt time.Time
	After       time.Duration
	Compared    []Span
	Weekly      bool
	Zone        *time.Location
}

// Notifier sends a warning once for each Since, however often and by however many
// processes it is called.
type Notifier interface {
	Warn(context.Context, Warning) error
}

// notifyWhile sends w when its condition begins to hold, and clears the condition when it
// does not hold any more. holds gets whether the warning was sent; it may complete w.
func (s Service) notifyWhile(ctx context.Context, w *Warning, holds func(warned bool) (bool, error)) error {
	since, err := s.Repo.ConditionSince(ctx, string(w.Condition))
	if err != nil {
		return err
	}
	yes, err := holds(!since.IsZero())
	switch {
	case err != nil:
		return err
	case !yes && since.IsZero():
		return nil
	case !yes:
		return s.Repo.ClearCondition(ctx, string(w.Condition), since)
	}
	if w.Since, err = s.Repo.SetCondition(ctx, string(w.Condition)); err != nil {
		return err
	}
	w.Account, w.Region = s.Account, s.Region
	return s.Notifier.Warn(ctx, *w) // again, too: the run before may have died here
}
