package handler

import (
	"context"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// quota publishes how many pipelines are active, and warns near the quota.
func (w Watch) quota(ctx context.Context, open []dynamo.OpenPipeline) error {
	w.Counts.Count("ActivePipelines", len(open))
	near := func(warned bool) (bool, error) { return watchdog.NearQuota(len(open), warned, w.Limits), nil }
	return w.once(ctx, "quota", near, func(since time.Time) notify.Message {
		return notify.Quota{Active: len(open), Quota: w.Limits.Quota, Account: w.Account, Region: w.Region, Since: since}.Message(w.Words)
	})
}

// lingering names pipelines that only a processor that was never deleted keeps.
func (w Watch) lingering(ctx context.Context, open []dynamo.OpenPipeline) error {
	var all []pipeline.State
	for _, p := range open {
		if watchdog.Lingers(p.State, w.now()) {
			all = append(all, p.State)
		}
	}
	any := func(bool) (bool, error) { return len(all) > 0, nil }
	return w.once(ctx, "lingering", any, func(since time.Time) notify.Message {
		return notify.Lingering{Pipelines: all, Account: w.Account, Region: w.Region, Since: since}.Message(w.Words)
	})
}

// heartbeat notifies once that no event has come where there usually are some.
func (w Watch) heartbeat(ctx context.Context, open []dynamo.OpenPipeline) error {
	if w.Limits.Heartbeat <= 0 {
		return nil
	}
	hours, err := watchdog.NewHours(w.Limits.TimeZone, w.Limits.QuietHours)
	if err != nil {
		return err
	}
	last, err := w.lastEvent(ctx, open)
	if err != nil || last.IsZero() {
		return err
	}
	var verdict watchdog.Verdict
	missed := func(said bool) (bool, error) {
		if said {
			return w.now().Sub(last) >= w.Limits.Heartbeat, nil
		}
		s := watchdog.Silence{Last: last, Now: w.now(), Heartbeat: w.Limits.Heartbeat, Hours: hours}
		var err error
		verdict, err = s.Judge(w.began(ctx))
		return verdict.Page, err
	}
	return w.once(ctx, "silence", missed, func(since time.Time) notify.Message {
		return notify.Silence{
			LastEventAt: last, After: w.Limits.Heartbeat, Compared: verdict.Compared, Weekly: verdict.Weekly, Zone: hours.Zone(),
			Account: w.Account, Region: w.Region, Since: since,
		}.Message(w.Words)
	})
}

// began returns the question whether so many of our calls began in a span, which
// costs a page of each shard of the index, and as many reads as calls were asked for.
func (w Watch) began(ctx context.Context) watchdog.Ask {
	return func(s watchdog.Span, atLeast int) (bool, error) {
		n := 0
		err := w.newest(ctx, dynamo.Query{From: s.From, To: s.To, Limit: atLeast}, func(pipeline.State) bool {
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
func (w Watch) lastEvent(ctx context.Context, open []dynamo.OpenPipeline) (last time.Time, err error) {
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
	if err := w.newest(ctx, dynamo.Query{To: w.now().Add(pipeline.Skew), Limit: newestOurs}, enough); err != nil || n == 0 {
		return time.Time{}, err
	}
	slices.SortStableFunc(observed, func(a, b pipeline.State) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, st := range observed[:min(len(observed), 2*newestOurs)] {
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
// returns true, or scanned pipelines were read; the first page has q.Limit. Rehearsals
// are not read at all.
func (w Watch) newest(ctx context.Context, q dynamo.Query, enough func(pipeline.State) bool) error {
	q.NoRehearsals = true
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

// once notifies of something that is so, once until it is over. is gets whether that
// was done.
func (w Watch) once(ctx context.Context, name string, is func(told bool) (bool, error), words func(since time.Time) notify.Message) error {
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
	_, err = w.Table.TryOnce(ctx, dynamo.PartitionOfLatch(name), notify.Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject},
		w.Owner(ctx), func(ctx context.Context) error { return w.Topic.Publish(ctx, m) })
	return err
}
