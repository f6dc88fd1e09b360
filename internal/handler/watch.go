package handler

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// WatchTable is what Watch needs of the table; *dynamo.Store has it.
type WatchTable interface {
	Sender
	TryOnce(ctx context.Context, partition dynamo.Partition, n notify.Notification, owner string, send func(context.Context) error) (notify.Notification, error)
	pipeline.Recorder
	Open(context.Context) ([]dynamo.OpenPipeline, error)
	MarkAsked(ctx context.Context, id string, at time.Time) error
	History(ctx context.Context, id string) ([]dynamo.Record, error)
	Known(context.Context, pipeline.State) (known pipeline.State, ok bool, err error)
	List(context.Context, dynamo.Query) (dynamo.Page, error)
	Raise(ctx context.Context, name string) (time.Time, error)
	Raised(ctx context.Context, name string) (time.Time, error)
	Lower(ctx context.Context, name string, since time.Time) error
}

// Watch is what runs every minute. Every part of it may be cut short anywhere:
// what it has done is in the table, and the next run goes on from there. Two
// runs at once do the same work twice and nothing else.
type Watch struct {
	Table     WatchTable
	API       PipelineAPI
	Incidents *incident.Service
	Topic     Publisher
	Words     notify.Options
	Owner     func(context.Context) string
	Limits    watchdog.Limits
	Counts    Counter
	// Account and Region say which pipelines are ours, see watchdog.Ours, and name the
	// place in words. Either may be empty.
	Account, Region string
	// Wait waits between questions; time passes in a test without it.
	Wait func(context.Context, time.Duration) error
}

// Handle does one run. The message is not looked at.
func (w Watch) Handle(ctx context.Context, _ intake.Message) error {
	open, err := w.Table.Open(ctx)
	if err != nil {
		return errors.Join(err, w.Incidents.Review(ctx))
	}
	// Of what is not ours or not real nothing is known but its events.
	ours := slices.DeleteFunc(slices.Clone(open), func(p dynamo.OpenPipeline) bool { return !w.ours(p.State) })
	// What people wait for comes first, what takes long last.
	return errors.Join(
		w.unrecovered(ctx, open),
		w.Incidents.Review(ctx),
		w.quota(ctx, ours),
		w.lingering(ctx, ours),
		w.heartbeat(ctx, ours),
		w.doubts(ctx, ours),
	)
}

// ours is watchdog.Ours for the place where the watch runs.
func (w Watch) ours(st pipeline.State) bool { return watchdog.Ours(st, w.Account, w.Region) }

func (w Watch) now() time.Time { return w.Incidents.Now() }

// unrecovered escalates temporary failures that last.
func (w Watch) unrecovered(ctx context.Context, open []dynamo.OpenPipeline) error {
	var errs []error
	for _, p := range open {
		if element, since, yes := watchdog.Unrecovered(p.State, w.now(), w.Limits); yes {
			errs = append(errs, w.Incidents.RecordFailure(ctx, incident.Failure{
				Kind: incident.TemporaryFailure, State: p.State, Event: p.State, Element: element, At: since,
			}))
		}
	}
	return errors.Join(errs...)
}
