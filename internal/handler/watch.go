package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/store"
	"github.com/chimewatch/chimewatch/internal/watch"
)

// WatchTable is what Watch needs of the table; *store.Store has it.
type WatchTable interface {
	IncidentTable
	Sender
	Recorder
	Incidents(context.Context, store.IncidentQuery) ([]incident.Incident, string, error)
	Incident(ctx context.Context, id string) (incident.Incident, error)
	LastSeen(ctx context.Context, id string) (time.Time, error)
	CloseIncident(context.Context, incident.Incident) (incident.Incident, error)
	GoesOn(context.Context, incident.Incident) error
	Open(context.Context) ([]store.OpenPipeline, error)
	MarkAsked(ctx context.Context, id string, at time.Time) error
	History(ctx context.Context, id string) ([]store.Record, error)
	List(context.Context, store.Query) (store.Page, error)
	AnyBetween(ctx context.Context, from, to time.Time) (bool, error)
	Raise(ctx context.Context, name string) (time.Time, error)
	Raised(ctx context.Context, name string) (time.Time, error)
	Lower(ctx context.Context, name string, since time.Time) error
}

// PipelineAPI tells of pipelines; *chimeapi.Client does.
type PipelineAPI interface {
	GetPipeline(ctx context.Context, id string) (chimeapi.Pipeline, error)
}

// The pace of questions to the API, whose limit is shared with the calls
// themselves.
const (
	askMost  = 50                     // in one run
	askPause = 200 * time.Millisecond // between two
	askAgain = 15 * time.Minute       // about the same pipeline
	// askReserve is what a run keeps of its time for what comes after.
	askReserve = 10 * time.Second
	askFailed  = 3 // questions in one run that may come to nothing
)

// Watch is what runs every minute. Every part of it may be cut short anywhere:
// what it has done is in the table, and the next run goes on from there. Two
// runs at once do the same work twice and nothing else.
type Watch struct {
	Table     WatchTable
	API       PipelineAPI
	Incidents Incidents
	Limits    watch.Limits
	Counts    Counter
	// Account and Region name the place in words.
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
	// What people wait for comes first, what takes long last.
	return errors.Join(
		w.unrecovered(ctx, open),
		w.incidents(ctx),
		w.quota(ctx, open),
		w.lingering(ctx, open),
		w.heartbeat(ctx, open),
		w.doubts(ctx, open),
	)
}

func (w Watch) now() time.Time { return w.Incidents.Now() }

// unrecovered escalates temporary failures that last.
func (w Watch) unrecovered(ctx context.Context, open []store.OpenPipeline) error {
	var errs []error
	for _, p := range open {
		if element, since, yes := watch.Unrecovered(p.State, w.now(), w.Limits); yes {
			errs = append(errs, w.Incidents.take(ctx, alert.Failure{Kind: alert.TemporaryFailure, State: p.State, Element: element, At: since}, p.State))
		}
	}
	return errors.Join(errs...)
}

// incidents does what the incidents owe.
func (w Watch) incidents(ctx context.Context) error {
	var errs []error
	query := store.IncidentQuery{Owing: true}
	for {
		page, next, err := w.Table.Incidents(ctx, query)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, i := range page {
			errs = append(errs, w.settle(ctx, i))
		}
		if query.Cursor = next; next == "" {
			return errors.Join(errs...)
		}
	}
}

// settle does what one incident owes.
func (w Watch) settle(ctx context.Context, i incident.Incident) error {
	lastSeen, err := w.Table.LastSeen(ctx, i.ID)
	if err != nil {
		return err
	}
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
		if lastSeen, err = w.Table.LastSeen(ctx, i.ID); err != nil {
			return err
		}
		step = incident.TellClosing
	}
	if step == incident.TellClosing && incident.Overlooked(i, incident.Occurrence{Seen: lastSeen}, w.Incidents.Timing) {
		return w.Table.GoesOn(ctx, i) // a call failed between the look and the closing
	}
	if step == incident.Nothing {
		return nil
	}
	example, err := w.example(ctx, i)
	if err != nil {
		return err
	}
	return w.Incidents.tell(ctx, i, step, example)
}

// close closes an incident and gives it as it is then: still open when it goes
// on, closed also when another run has closed it.
func (w Watch) close(ctx context.Context, i incident.Incident) (incident.Incident, error) {
	closed, err := w.Table.CloseIncident(ctx, i)
	if fault.ClassOf(err) == fault.Conflict {
		return w.Table.Incident(ctx, i.ID)
	}
	return closed, err
}

// recovered tells whether a call of the incident's scope has got past where the
// others failed, after the last of them.
func (w Watch) recovered(ctx context.Context, i incident.Incident, lastSeen time.Time) (bool, error) {
	tally, err := w.Table.Tally(ctx, i.ID)
	if err != nil {
		return false, err
	}
	from := later(i.OpenedAt, tally.LastAt)
	if from.After(lastSeen) {
		from = lastSeen // no failure happened after it was handled, whatever its event says
	}
	// Newest first: what is over for good shows on the newest calls.
	page, err := w.Table.List(ctx, store.Query{From: from, Limit: recoveredAmong})
	if err != nil {
		return false, err
	}
	for _, st := range page.States {
		if incident.Succeeds(i.Group, st) {
			return true, nil
		}
	}
	return false, nil
}

// recoveredAmong is how many of the newest calls are looked at for one that succeeds.
const recoveredAmong = 200

// example gives the failure that the words can tell of, nil when its pipeline
// is not in the table.
func (w Watch) example(ctx context.Context, i incident.Incident) (*alert.Failure, error) {
	tally, err := w.Table.Tally(ctx, i.ID)
	if err != nil || len(tally.Examples) == 0 {
		return nil, err
	}
	first := tally.Examples[0]
	st, err := w.Table.Pipeline(ctx, first.PipelineID)
	if fault.ClassOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := alert.Failure{Kind: alert.PermanentFailure, State: st, At: first.At}
	switch {
	case st.Status == pipeline.CreateFailed:
		f.Kind = alert.CreateFailed
		return &f, nil
	case st.Status == pipeline.TemporarilyFailed:
		f.Kind = alert.TemporaryFailure
	case st.Status == pipeline.Failed || i.Element == "":
		return &f, nil // what has come since does not make it another failure
	default:
		f.Kind = alert.ElementFailure
	}
	f.Element.Type = i.Element
	for _, e := range st.Elements {
		if e.Type == i.Element {
			f.Element = e
		}
	}
	return &f, nil
}

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

// lastEvent tells when the newest event of any pipeline happened, zero when
// there is none in the table. What the watch itself observed is no event.
func (w Watch) lastEvent(ctx context.Context, open []store.OpenPipeline) (last time.Time, err error) {
	page, err := w.Table.List(ctx, store.Query{Limit: 20})
	if err != nil {
		return last, err
	}
	states := page.States
	for _, p := range open {
		states = append(states, p.State)
	}
	var observed []pipeline.State
	for _, st := range states {
		if o := st.Observation; o != nil && o.Order == st.Order {
			observed = append(observed, st)
		} else {
			last = later(last, st.UpdatedAt())
		}
	}
	for _, st := range observed {
		if w.now().Sub(last) < w.Limits.Heartbeat {
			return last, nil // there is no silence, and nothing more to find out
		}
		history, err := w.Table.History(ctx, st.ID)
		if err != nil {
			return last, err
		}
		for _, r := range history {
			if !pipeline.Observed(r.EventType) {
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

// usuallyBusy tells whether calls began in this span of the day a week ago; or,
// while the table is not that old, on both days before.
func (w Watch) usuallyBusy(ctx context.Context) (bool, error) {
	const day = 24 * time.Hour
	ago := func(days int) (bool, error) {
		to := w.now().Add(-time.Duration(days) * day)
		return w.Table.AnyBetween(ctx, to.Add(-w.Limits.Heartbeat), to)
	}
	if busy, err := ago(7); busy || err != nil {
		return busy, err
	}
	if older, err := w.Table.AnyBetween(ctx, time.Time{}, w.now().Add(-7*day)); older || err != nil {
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

// doubts asks the API about open pipelines whose state is to be doubted, those
// first that were not asked about for the longest. It stops when the API is
// pressed, when several questions came to nothing or when time runs short; the
// next run goes on with the others.
func (w Watch) doubts(ctx context.Context, open []store.OpenPipeline) error {
	asked, left := 0, 0
	var failed []error
	pressed := false
	for _, p := range open {
		why := watch.Doubt(p.State, w.now(), w.Limits)
		if why == "" || w.now().Sub(p.AskedAt) < askAgain {
			continue
		}
		if pressed || len(failed) == askFailed || asked == askMost || !enoughTime(ctx) {
			left++
			continue
		}
		if asked > 0 {
			if err := w.Wait(ctx, askPause); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
		asked++
		if err := w.ask(ctx, p.State, why); err != nil {
			failed, pressed = append(failed, err), fault.ClassOf(err) == fault.Throttled
		}
	}
	w.Counts.Count("PipelinesAsked", asked)
	w.Counts.Count("PipelinesNotYetAsked", left)
	return errors.Join(failed...)
}

func enoughTime(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return !has || time.Until(deadline) > askReserve
}

// question asks the API, and does not wait longer for the answer than the run
// has time.
func (w Watch) question(ctx context.Context, id string) (chimeapi.Pipeline, error) {
	if deadline, has := ctx.Deadline(); has {
		within, cancel := context.WithDeadline(ctx, deadline.Add(-askReserve))
		defer cancel()
		ctx = within
	}
	return w.API.GetPipeline(ctx, id)
}

// ask asks the API about one pipeline, and keeps what it tells that is news.
// What it tells of failures is taken in first: once it is kept, nobody asks again.
func (w Watch) ask(ctx context.Context, st pipeline.State, why string) error {
	p, err := w.question(ctx, st.ID)
	answer := watch.Answer{Gone: fault.ClassOf(err) == fault.NotFound, Status: p.Status, ConfigurationARN: p.ConfigurationARN, Metadata: p.Metadata}
	if err != nil && !answer.Gone {
		err = fmt.Errorf("pipeline %s: %w", st.ID, err)
		if fault.ClassOf(err) == fault.Throttled {
			return err
		}
		// The next run asks again, but all others first: it must not keep them from their turn.
		return errors.Join(err, w.Table.MarkAsked(ctx, st.ID, w.now().Add(-askAgain)))
	}
	for _, e := range p.Elements {
		answer.Elements = append(answer.Elements, watch.AnswerElement(e))
	}
	ev, err := watch.Observation(st, answer, why, w.now())
	if err != nil {
		return err
	}
	observed, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	if watch.News(st, observed) {
		for _, f := range failuresIn(observed) {
			for _, known := range st.FailingElements() {
				if known.Type == f.Element.Type {
					f.Element = known // which says since when
				}
			}
			f.State, f.At = pipeline.Merge(st, observed), ev.Time
			if err := w.Incidents.take(ctx, f, observed); err != nil {
				return err
			}
		}
		if err := w.Table.RecordStateChange(ctx, ev); err != nil {
			return err
		}
		w.Counts.Count("Observations", 1)
		slog.InfoContext(ctx, "a pipeline was not as its events told", "pipeline", st.ID, "was", string(st.Status), "observed", ev.StateChange.EventType, "because", why)
	}
	if observed.Status.Ended() {
		return nil // nobody asks about it any more
	}
	return w.Table.MarkAsked(ctx, st.ID, w.now())
}
