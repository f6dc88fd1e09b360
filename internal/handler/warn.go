package handler

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/store"
	"github.com/chimewatch/chimewatch/internal/watch"
)

// quota publishes how many pipelines are active, and warns near the quota.
func (w Watch) quota(ctx context.Context, open []store.OpenPipeline) error {
	w.Counts.Count("ActivePipelines", len(open))
	near := func(warned bool) (bool, error) { return watch.NearQuota(len(open), warned, w.Limits), nil }
	return w.once(ctx, "quota", near, func(since time.Time) alert.Message {
		return alert.Quota{Active: len(open), Quota: w.Limits.Quota, Account: w.Account, Region: w.Region, Since: since}.Message(w.Incidents.Words)
	})
}

// lingering names pipelines that only a processor that was never deleted keeps.
func (w Watch) lingering(ctx context.Context, open []store.OpenPipeline) error {
	var all []pipeline.State
	for _, p := range open {
		if watch.Lingers(p.State, w.now()) {
			all = append(all, p.State)
		}
	}
	any := func(bool) (bool, error) { return len(all) > 0, nil }
	return w.once(ctx, "lingering", any, func(since time.Time) alert.Message {
		return alert.Lingering{Pipelines: all, Account: w.Account, Region: w.Region, Since: since}.Message(w.Incidents.Words)
	})
}

// heartbeat says once that no event has come where there usually are some.
func (w Watch) heartbeat(ctx context.Context, open []store.OpenPipeline) error {
	if w.Limits.Heartbeat <= 0 {
		return nil
	}
	last, err := w.lastEvent(ctx, open)
	if err != nil || last.IsZero() {
		return err
	}
	missed := func(said bool) (bool, error) {
		if w.now().Sub(last) < w.Limits.Heartbeat || said {
			return said && w.now().Sub(last) >= w.Limits.Heartbeat, nil
		}
		return w.usuallyBusy(ctx)
	}
	return w.once(ctx, "silence", missed, func(since time.Time) alert.Message {
		return alert.Silence{LastEventAt: last, After: w.Limits.Heartbeat, Account: w.Account, Region: w.Region, Since: since}.Message(w.Incidents.Words)
	})
}

// newestOurs is how many of our newest pipelines are looked at for the last event.
const newestOurs = 20

// lastEvent returns when the newest event of our pipelines happened, of which open
// are those that are open; zero when none is found. What the watch itself observed
// is no event.
func (w Watch) lastEvent(ctx context.Context, open []store.OpenPipeline) (last time.Time, err error) {
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
	quiet := func() bool { return w.now().Sub(last) >= w.Limits.Heartbeat }
	if !quiet() {
		return last, nil // there is no silence, and nothing more to find out
	}
	n := 0
	enough := func(st pipeline.State) bool {
		look(st)
		n++
		return n == newestOurs || !quiet()
	}
	if err := w.newest(ctx, store.Query{To: w.now().Add(pipeline.Skew)}, enough); err != nil || n == 0 {
		return time.Time{}, err
	}
	for _, st := range observed {
		if !quiet() {
			return last, nil
		}
		history, err := w.Table.History(ctx, st.ID)
		if err != nil {
			return last, err
		}
		for _, r := range history {
			if !pipeline.Observed(r.EventType) && !pipeline.InFuture(r.Time, w.now()) {
				last = later(last, r.Time)
			}
		}
	}
	return last, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// scanned is how many pipelines a run looks at, ours and of other places, for some
// of ours. More are looked at only where those of other places are many times ours.
const scanned = 1000

// newest calls enough with our pipelines of a query, newest first, until it
// returns true, or scanned pipelines were read. Rehearsals are not read at all.
func (w Watch) newest(ctx context.Context, q store.Query, enough func(pipeline.State) bool) error {
	q.NoRehearsals, q.Limit = true, newestOurs
	for read := 0; read < scanned; {
		page, err := w.Table.List(ctx, q)
		if err != nil {
			return err
		}
		for _, st := range page.States {
			if !w.ours(st) {
				continue
			}
			st, known, err := w.Table.Known(ctx, st) // no event from the future has come
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

// usuallyBusy reports whether our calls began in this span of the day a week ago; or,
// while the table is not that old, on both days before.
func (w Watch) usuallyBusy(ctx context.Context) (bool, error) {
	const day = 24 * time.Hour
	between := func(from, to time.Time) (any bool, err error) {
		err = w.newest(ctx, store.Query{From: from, To: to}, func(pipeline.State) bool {
			any = true
			return true
		})
		return any, err
	}
	ago := func(days int) (bool, error) {
		to := w.now().Add(-time.Duration(days) * day)
		return between(to.Add(-w.Limits.Heartbeat), to)
	}
	if busy, err := ago(7); busy || err != nil {
		return busy, err
	}
	if older, err := between(time.Time{}, w.now().Add(-7*day)); older || err != nil {
		return false, err
	}
	if busy, err := ago(1); !busy || err != nil {
		return false, err
	}
	return ago(2)
}

// once tells people of something that is so, once until it is over. is is told
// whether they were told.
func (w Watch) once(ctx context.Context, name string, is func(told bool) (bool, error), words func(since time.Time) alert.Message) error {
	since, err := w.Table.Raised(ctx, name)
	if err != nil {
		return err
	}
	yes, err := is(!since.IsZero())
	switch {
	case err != nil:
		return err
	case !yes && since.IsZero():
		return nil
	case !yes:
		return w.Table.Lower(ctx, name, since)
	}
	if since, err = w.Table.Raise(ctx, name); err != nil {
		return err
	}
	m := words(since)
	_, err = w.Table.TryOnce(ctx, store.PartitionOfLatch(name), store.Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject},
		w.Incidents.Owner(ctx), func(ctx context.Context) error { return w.Incidents.Topic.Publish(ctx, m) })
	return err
}
