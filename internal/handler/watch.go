package handler

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// WatchTable is what Watch needs of the table; *dynamo.Store has it.
type WatchTable interface {
	IncidentTable
	Sender
	Recorder
	Incidents(context.Context, dynamo.IncidentQuery) ([]incident.Incident, string, error)
	Incident(ctx context.Context, id string) (incident.Incident, error)
	Newest(ctx context.Context, id string) (incident.Occurrence, error)
	MarkActive(ctx context.Context, i incident.Incident, failed time.Time) error
	CloseIncident(context.Context, incident.Incident) (incident.Incident, error)
	GoesOn(context.Context, incident.Incident) error
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
	Incidents Incidents
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
		return errors.Join(err, w.incidents(ctx))
	}
	// Of what is not ours or not real nothing is known but its events.
	ours := slices.DeleteFunc(slices.Clone(open), func(p dynamo.OpenPipeline) bool { return !w.ours(p.State) })
	// What people wait for comes first, what takes long last.
	return errors.Join(
		w.unrecovered(ctx, open),
		w.incidents(ctx),
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
			errs = append(errs, w.Incidents.take(ctx, notify.Failure{Kind: notify.TemporaryFailure, State: p.State, Element: element, At: since}, p.State))
		}
	}
	return errors.Join(errs...)
}

// incidents does what has to be done about incidents.
func (w Watch) incidents(ctx context.Context) error {
	var errs []error
	query := dynamo.IncidentQuery{Owing: true}
	for {
		page, next, err := w.Table.Incidents(ctx, query)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, i := range page {
			newest, err := w.Table.Newest(ctx, i.ID)
			if err == nil {
				err = errors.Join(w.settle(ctx, i, newest.Seen), w.active(ctx, i, newest.At))
			}
			errs = append(errs, err)
		}
		if query.Cursor = next; next == "" {
			return errors.Join(errs...)
		}
	}
}

// active makes lists show an incident by when a call failed of it last. Failures do
// not do that themselves: a storm of them would all write one item.
func (w Watch) active(ctx context.Context, i incident.Incident, failed time.Time) error {
	if failed.Sub(i.ActiveAt) < activeWithin {
		return nil
	}
	return w.Table.MarkActive(ctx, i, failed)
}

// activeWithin is how old the time may be by which lists show an incident.
const activeWithin = time.Minute

// settle does what has to be done about one incident. lastSeen is when its newest
// failure was handled, zero when there is none.
func (w Watch) settle(ctx context.Context, i incident.Incident, lastSeen time.Time) (err error) {
	if lastSeen.IsZero() {
		if w.now().Sub(i.Seen) < w.Incidents.Timing.Quiet {
			return nil // opened, and its first failure is on its way into the table
		}
		lastSeen = i.Seen // whoever opened it died; its event is a dead letter
	}
	step := incident.Next(i, lastSeen, w.now(), w.Incidents.Timing)
	if step == incident.Close {
		switch over, err := w.recovered(ctx, i, lastSeen); {
		case err != nil:
			return err
		case !over && w.now().Sub(i.Told.At) < w.Incidents.Timing.Window:
			return nil
		case !over:
			step = incident.TellSummary
		}
	}
	if step == incident.Close {
		if i, err = w.close(ctx, i); err != nil || i.Open() {
			return err
		}
		newest, err := w.Table.Newest(ctx, i.ID)
		if err != nil {
			return err
		}
		lastSeen, step = newest.Seen, incident.TellClosing
	}
	if step == incident.TellClosing && incident.Overlooked(i, incident.Occurrence{Seen: lastSeen}, w.Incidents.Timing) {
		return w.Table.GoesOn(ctx, i) // a call failed between the look and the closing
	}
	if step == incident.Nothing {
		return nil
	}
	example, err := w.example(ctx, i, step)
	if err != nil {
		return err
	}
	return w.Incidents.tell(ctx, i, step, example)
}

// close closes an incident and returns it as it is then: still open when it goes
// on, closed also when another run has closed it.
func (w Watch) close(ctx context.Context, i incident.Incident) (incident.Incident, error) {
	closed, err := w.Table.CloseIncident(ctx, i)
	if apperr.ClassOf(err) == apperr.Conflict {
		return w.Table.Incident(ctx, i.ID)
	}
	return closed, err
}

// recovered reports whether a call of the incident's scope has got past where the
// others failed, after the last of them. A rehearsed incident has nothing to
// recover: nobody would rehearse calls that succeed until it is over.
func (w Watch) recovered(ctx context.Context, i incident.Incident, lastSeen time.Time) (bool, error) {
	if i.Rehearsal() {
		return true, nil
	}
	tally, err := w.Table.Tally(ctx, i.ID)
	if err != nil {
		return false, err
	}
	from := later(i.OpenedAt, tally.LastAt)
	if from.After(lastSeen) {
		from = lastSeen // no failure happened after it was handled, whatever its event says
	}
	// Newest first: what is over for good shows on the newest calls.
	page, err := w.Table.List(ctx, dynamo.Query{From: from, To: w.now().Add(pipeline.Skew), Limit: recoveredAmong, NoRehearsals: true})
	if err != nil {
		return false, err
	}
	for _, st := range page.States {
		st, known, err := w.Table.Known(ctx, st) // nothing from the future is a success
		if err != nil {
			return false, err
		}
		if known && incident.Succeeds(i.Group, st) {
			return true, nil
		}
	}
	return false, nil
}

// recoveredAmong is how many of the newest calls are looked at for one that succeeds.
const recoveredAmong = 200

// example returns a failure for the words of a step: the incident's first, or the
// first of the reason that is new. It is nil when its pipeline is not in the table.
func (w Watch) example(ctx context.Context, i incident.Incident, step incident.Step) (*notify.Failure, error) {
	tally, err := w.Table.Tally(ctx, i.ID)
	if err != nil || len(tally.Examples) == 0 {
		return nil, err
	}
	first := tally.Examples[0]
	if r, another := i.Another(); another && step == incident.TellReason {
		first = exampleOf(i, tally, r)
	}
	if first.PipelineID == "" {
		return nil, nil
	}
	st, err := w.Table.Pipeline(ctx, first.PipelineID)
	if apperr.ClassOf(err) == apperr.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := notify.Failure{Kind: notify.PermanentFailure, State: st, At: first.At}
	switch {
	case st.Status == pipeline.CreateFailed:
		f.Kind = notify.CreateFailed
		return &f, nil
	case st.Status == pipeline.TemporarilyFailed:
		f.Kind = notify.TemporaryFailure
	case st.Status == pipeline.Failed || i.Element == "":
		return &f, nil // what has come since does not make it another failure
	default:
		f.Kind = notify.ElementFailure
	}
	f.Element.Type = i.Element
	for _, e := range st.Elements {
		if e.Type == i.Element {
			f.Element = e
		}
	}
	return &f, nil
}

// exampleOf returns the first call that failed for a reason; the zero Occurrence when
// there is none.
func exampleOf(i incident.Incident, tally incident.Tally, r incident.Reason) incident.Occurrence {
	given, _ := i.Given(tally)
	for _, g := range given {
		if g.ID == r.ID {
			return g.Example
		}
	}
	return incident.Occurrence{}
}
