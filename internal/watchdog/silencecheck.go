package watchdog

import (
	"context"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// EventReader reads when events happened.
type EventReader interface {
	// EachPipeline calls do with what is known of each pipeline of a query, newest first,
	// until do returns true or limit pipelines were read. Events from the future are left
	// out, and pipelines that have no other. q.Limit is the size of the first page.
	EachPipeline(ctx context.Context, q pipeline.Query, limit int, do func(pipeline.State) bool) error
	History(ctx context.Context, id string) ([]pipeline.Record, error)
}

const (
	// maxScanned is how many pipelines are read, ours and of other places, to find some of
	// ours. More are read only where those of other places are many times ours.
	maxScanned = 1000
	// newestOurs is how many of our newest pipelines are read for the last event.
	newestOurs = 20
)

// checkSilence warns once that no event has come where there usually are some.
func (s Service) checkSilence(ctx context.Context, open []pipeline.OpenPipeline) error {
	if s.Limits.Heartbeat <= 0 {
		return nil
	}
	hours, err := NewHours(s.Limits.TimeZone, s.Limits.QuietHours)
	if err != nil {
		return err
	}
	last, err := s.lastEvent(ctx, open)
	if err != nil || last.IsZero() {
		return err
	}
	w := Warning{Condition: EventsMissing, LastEventAt: last, After: s.Limits.Heartbeat, Zone: hours.Zone()}
	return s.notifyWhile(ctx, &w, func(warned bool) (bool, error) {
		if warned { // what was usual on earlier days does not end it, only an event does
			return s.Now().Sub(last) >= s.Limits.Heartbeat, nil
		}
		silence := Silence{Last: last, Now: s.Now(), Heartbeat: s.Limits.Heartbeat, Hours: hours}
		verdict, err := silence.Judge(s.callsBegan(ctx))
		w.Compared, w.Weekly = verdict.Compared, verdict.Weekly
		return verdict.Page, err
	})
}

// callsBegan returns a function that costs a page of each shard of the index, and as many
// reads as calls were asked for.
func (s Service) callsBegan(ctx context.Context) CallsBegan {
	return func(span Span, atLeast int) (bool, error) {
		n := 0
		err := s.eachOfOurs(ctx, pipeline.Query{From: span.From, To: span.To, Limit: atLeast}, func(pipeline.State) bool {
			n++
			return n >= atLeast
		})
		return n >= atLeast, err
	}
}

// eachOfOurs calls do with our pipelines of a query, without rehearsals.
func (s Service) eachOfOurs(ctx context.Context, q pipeline.Query, do func(pipeline.State) bool) error {
	q.NoRehearsals = true
	return s.Repo.EachPipeline(ctx, q, maxScanned, func(st pipeline.State) bool { return s.ours(st) && do(st) })
}

// lastEvent returns when the newest event of our pipelines happened; zero when none is
// found. open are those that are open. Observations of the watchdog are no events.
func (s Service) lastEvent(ctx context.Context, open []pipeline.OpenPipeline) (last time.Time, err error) {
	var observed []pipeline.State // whose newest event is an observation
	look := func(st pipeline.State) {
		if o := st.Observation; o != nil && o.Order == st.Order {
			observed = append(observed, st)
		} else {
			last = pipeline.Later(last, st.UpdatedAt())
		}
	}
	for _, p := range open {
		look(p.State)
	}
	silent := func() bool { return s.Now().Sub(last) >= s.Limits.Heartbeat }
	if !silent() {
		return last, nil
	}
	n := 0
	q := pipeline.Query{To: s.Now().Add(pipeline.Skew), Limit: newestOurs}
	err = s.eachOfOurs(ctx, q, func(st pipeline.State) bool {
		look(st)
		n++
		return n == newestOurs || !silent()
	})
	if err != nil || n == 0 {
		return time.Time{}, err
	}
	slices.SortStableFunc(observed, func(a, b pipeline.State) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, st := range observed[:min(len(observed), 2*newestOurs)] {
		if !silent() {
			return last, nil
		}
		history, err := s.Repo.History(ctx, st.ID)
		if err != nil {
			return last, err
		}
		for _, r := range history {
			if !pipeline.Observed(r.EventType) && !pipeline.InFuture(r.Time, s.Now()) {
				last = pipeline.Later(last, r.Time)
			}
		}
	}
	return last, nil
}
