package watchdog

import (
	"context"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// quota publishes how many pipelines are active, and warns near the quota.
func (w Service) quota(ctx context.Context, open []pipeline.OpenPipeline) error {
	w.Counts.Count("ActivePipelines", len(open))
	near := func(warned bool) (bool, error) { return NearQuota(len(open), warned, w.Limits), nil }
	return w.notifyWhile(ctx, near, func() Warning {
		return Warning{Condition: QuotaNear, Active: len(open), Quota: w.Limits.Quota}
	}, QuotaNear)
}

// lingering names pipelines that only a processor that was never deleted keeps.
func (w Service) lingering(ctx context.Context, open []pipeline.OpenPipeline) error {
	var all []pipeline.State
	for _, p := range open {
		if Lingers(p.State, w.Now()) {
			all = append(all, p.State)
		}
	}
	any := func(bool) (bool, error) { return len(all) > 0, nil }
	return w.notifyWhile(ctx, any, func() Warning { return Warning{Condition: PipelinesLinger, Pipelines: all} }, PipelinesLinger)
}

// silence notifies once that no event has come where there usually are some.
func (w Service) silence(ctx context.Context, open []pipeline.OpenPipeline) error {
	if w.Limits.Heartbeat <= 0 {
		return nil
	}
	hours, err := NewHours(w.Limits.TimeZone, w.Limits.QuietHours)
	if err != nil {
		return err
	}
	last, err := w.lastEvent(ctx, open)
	if err != nil || last.IsZero() {
		return err
	}
	var verdict Verdict
	missed := func(said bool) (bool, error) {
		if said {
			return w.Now().Sub(last) >= w.Limits.Heartbeat, nil
		}
		s := Silence{Last: last, Now: w.Now(), Heartbeat: w.Limits.Heartbeat, Hours: hours}
		var err error
		verdict, err = s.Judge(w.began(ctx))
		return verdict.Page, err
	}
	return w.notifyWhile(ctx, missed, func() Warning {
		return Warning{Condition: EventsMissing, LastEventAt: last, After: w.Limits.Heartbeat,
			Compared: verdict.Compared, Weekly: verdict.Weekly, Zone: hours.Zone()}
	}, EventsMissing)
}

// began returns the question whether so many of our calls began in a span, which
// costs a page of each shard of the index, and as many reads as calls were asked for.
func (w Service) began(ctx context.Context) Ask {
	return func(s Span, atLeast int) (bool, error) {
		n := 0
		err := w.newest(ctx, pipeline.Query{From: s.From, To: s.To, Limit: atLeast}, func(pipeline.State) bool {
			n++
			return n >= atLeast
		})
		return n >= atLeast, err
	}
}

// newestOurs is how many of our newest pipelines are looked at for the last event.
const newestOurs = 20

// lastEvent returns when the newest event of our pipelines happened, of which open
// are those that are open; zero when none is found. What the watch itself observed
// is no event, nor is one of the future: what Open and newest return has none.
func (w Service) lastEvent(ctx context.Context, open []pipeline.OpenPipeline) (last time.Time, err error) {
	var observed []pipeline.State
	look := func(st pipeline.State) {
		if o := st.Observation; o != nil && o.Order == st.Order {
			observed = append(observed, st)
		} else {
			last = later(last, st.UpdatedAt())
		}
	}
	for _, p := range open {
		look(p.State)
	}
	quiet := func() bool { return w.Now().Sub(last) >= w.Limits.Heartbeat }
	if !quiet() {
		return last, nil // there is no silence, and nothing more to find out
	}
	n := 0
	enough := func(st pipeline.State) bool {
		look(st)
		n++
		return n == newestOurs || !quiet()
	}
	if err := w.newest(ctx, pipeline.Query{To: w.Now().Add(pipeline.Skew), Limit: newestOurs}, enough); err != nil || n == 0 {
		return time.Time{}, err
	}
	slices.SortStableFunc(observed, func(a, b pipeline.State) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, st := range observed[:min(len(observed), 2*newestOurs)] {
		if !quiet() {
			return last, nil
		}
		history, err := w.Pipelines.History(ctx, st.ID)
		if err != nil {
			return last, err
		}
		for _, r := range history {
			if !pipeline.Observed(r.EventType) && !pipeline.InFuture(r.Time, w.Now()) {
				last = later(last, r.Time)
			}
		}
	}
	return last, nil
}

// scanned is how many pipelines a run looks at, ours and of other places, for some
// of ours. More are looked at only where those of other places are many times ours.
const scanned = 1000

// newest calls enough with our pipelines of a query, newest first, until it
// returns true, or scanned pipelines were read; the first page has q.Limit. Rehearsals
// are not read at all.
func (w Service) newest(ctx context.Context, q pipeline.Query, enough func(pipeline.State) bool) error {
	q.NoRehearsals = true
	for read := 0; read < scanned; {
		page, err := w.Pipelines.List(ctx, q)
		if err != nil {
			return err
		}
		for _, st := range page.States {
			if !w.ours(st) {
				continue
			}
			st, known, err := w.Pipelines.Known(ctx, st) // no event from the future has come
			if err != nil {
				return err
			}
			if known && enough(st) {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		read += len(page.States)
		q.Cursor, q.Limit = page.Next, 100 // the first page is mostly enough
	}
	return nil
}

// A Condition is true for a while, and is notified once when it begins.
type Condition string

// The conditions.
const (
	QuotaNear       Condition = "quota"
	PipelinesLinger Condition = "lingering"
	EventsMissing   Condition = "silence"
)

// Warning is a condition that people are notified of.
type Warning struct {
	Condition Condition
	// Since is when it was noticed. It names the notification.
	Since           time.Time
	Account, Region string

	// Active and Quota are how many pipelines are active and may be, of QuotaNear.
	Active, Quota int
	// Pipelines are those of PipelinesLinger.
	Pipelines []pipeline.State

	// Of EventsMissing: the last event, for how long there was none, and the times at
	// which calls came on earlier days, newest first; Weekly is set where these are the
	// same day of earlier weeks. None are known where a warning is sent once more. Zone
	// is the time zone of the business; nil is UTC.
	LastEventAt time.Time
	After       time.Duration
	Compared    []Span
	Weekly      bool
	Zone        *time.Location
}

// notifyWhile sends one warning when a condition becomes true, and clears the condition
// when it becomes false. holds reports whether it is true; it gets whether the warning
// was sent.
func (w Service) notifyWhile(ctx context.Context, holds func(warned bool) (bool, error), warning func() Warning, c Condition) error {
	since, err := w.Conditions.ConditionSince(ctx, string(c))
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
		return w.Conditions.ClearCondition(ctx, string(c), since)
	}
	if since, err = w.Conditions.SetCondition(ctx, string(c)); err != nil {
		return err
	}
	message := warning()
	message.Since, message.Account, message.Region = since, w.Account, w.Region
	return w.Notifier.Warn(ctx, message)
}
