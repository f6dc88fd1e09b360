package watchdog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Service runs the scheduled checks: what no event reports. Every part of it may be cut
// short anywhere: what it has done is in the table, and the next run continues. Two runs
// at once do the same work twice and nothing else.
type Service struct {
	Pipelines  Pipelines
	Conditions Conditions
	Incidents  Incidents
	API        API
	Notifier   Notifier
	Limits     Limits
	Counts     Counter
	// Account and Region say which pipelines are ours, see Ours, and are named in
	// notifications. Either may be empty.
	Account, Region string
	Now             func() time.Time
	// Wait waits between two requests to the API; in tests no time passes.
	Wait func(context.Context, time.Duration) error
}

// Pipelines reads and stores the state of pipelines.
type Pipelines interface {
	pipeline.Recorder
	// Open returns all open pipelines: those about which the API was not asked for the
	// longest first.
	Open(context.Context) ([]pipeline.OpenPipeline, error)
	// MarkAsked records that the API was asked about a pipeline at a time.
	MarkAsked(ctx context.Context, id string, at time.Time) error
	History(ctx context.Context, id string) ([]pipeline.Record, error)
	// Known returns what is known of a pipeline without events from the future; ok is
	// false where that is nothing.
	Known(context.Context, pipeline.State) (known pipeline.State, ok bool, err error)
	List(context.Context, pipeline.Query) (pipeline.Page, error)
}

// Conditions stores what is true for a while.
type Conditions interface {
	// SetCondition sets a condition, and returns since when it has been set: the same
	// time for all that set it, until it is cleared.
	SetCondition(ctx context.Context, name string) (since time.Time, err error)
	// ConditionSince returns since when a condition has been set; zero when it is not.
	ConditionSince(ctx context.Context, name string) (time.Time, error)
	// ClearCondition clears a condition that was set at a time, and no later one.
	ClearCondition(ctx context.Context, name string, since time.Time) error
}

// Incidents records failures and reviews incidents; *incident.Service does.
type Incidents interface {
	RecordFailure(context.Context, incident.Failure) error
	Review(context.Context) error
}

// API asks the Chime API about a pipeline. That it knows none is an answer.
type API interface {
	Ask(ctx context.Context, id string) (Answer, error)
}

// Notifier sends a warning once for each Since, however often and by however many
// processes it is called.
type Notifier interface {
	Warn(context.Context, Warning) error
}

// Counter counts by name, for metrics. It must be safe for concurrent use.
type Counter interface {
	Count(name string, n int)
}

// Run runs all checks once, what people wait for first and what takes long last.
func (w Service) Run(ctx context.Context) error {
	open, err := w.Pipelines.Open(ctx)
	if err != nil {
		return errors.Join(err, w.Incidents.Review(ctx))
	}
	// Of what is not ours or not real nothing is known but its events.
	ours := slices.DeleteFunc(slices.Clone(open), func(p pipeline.OpenPipeline) bool { return !w.ours(p.State) })
	return errors.Join(
		w.unrecovered(ctx, open),
		w.Incidents.Review(ctx),
		w.quota(ctx, ours),
		w.lingering(ctx, ours),
		w.silence(ctx, ours),
		w.stalePipelines(ctx, ours),
	)
}

// ours is Ours for the account and Region that the watchdog runs in.
func (w Service) ours(st pipeline.State) bool { return Ours(st, w.Account, w.Region) }

// unrecovered escalates temporary failures that last.
func (w Service) unrecovered(ctx context.Context, open []pipeline.OpenPipeline) error {
	var errs []error
	for _, p := range open {
		if element, since, yes := Unrecovered(p.State, w.Now(), w.Limits); yes {
			errs = append(errs, w.Incidents.RecordFailure(ctx, incident.Failure{
				Kind: incident.TemporaryFailure, State: p.State, Event: p.State, Element: element, At: since,
			}))
		}
	}
	return errors.Join(errs...)
}
