package handler

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/store"
)

// IncidentTable is what Incidents needs of the table; *store.Store has it.
type IncidentTable interface {
	Pipeline(ctx context.Context, id string) (pipeline.State, error)
	Join(context.Context, store.Failure, incident.Timing) (incident.Incident, error)
	Tally(ctx context.Context, id string) (incident.Tally, error)
	TryOnce(ctx context.Context, partition store.Partition, n store.Notification, owner string, send func(context.Context) error) (store.Notification, error)
	MarkTold(context.Context, incident.Incident, incident.Told) error
}

// Incidents takes failures into incidents and tells people of these: when one
// opens, from whoever sees its first failure; later, from the watch.
type Incidents struct {
	Table  IncidentTable
	Topic  Publisher
	Words  alert.Options
	Timing incident.Timing
	// Owner names the invocation.
	Owner func(context.Context) string
	Now   func() time.Time
}

// take joins a failure to its incident, and tells people if that is new to them.
// event is what the one event tells of the pipeline: cause and element are read
// off it alone, so that a failure joins the same incident whatever the table
// knew by then. f.State may know more, and does for the words.
func (n Incidents) take(ctx context.Context, f alert.Failure, event pipeline.State) error {
	own := f
	own.State = event
	i, err := n.Table.Join(ctx, store.Failure{
		Group: incident.Group{Scope: incident.ScopeOf(f.State), Element: elementOf(own)},
		Class: own.Class(), Reason: reasonOf(own), Losses: f.Losses(),
		Occurrence: incident.Occurrence{PipelineID: f.State.ID, CallID: f.State.CallID, At: f.At},
		Began:      began(f),
	}, n.Timing)
	if err != nil {
		return err
	}
	if i.Open() && i.Told.Openings <= i.Reopened {
		return n.tell(ctx, i, incident.TellOpening, &f)
	}
	return nil
}

// began tells when the failure began: events go on naming an element that failed
// long before them.
func began(f alert.Failure) time.Time {
	if since := time.UnixMilli(f.Element.UpdatedOn); f.Kind == alert.ElementFailure && since.Before(f.At) {
		return since
	}
	return f.At
}

// elementOf gives the element that a failure is about: the one that failed, or
// the gravest that fell with its pipeline.
func elementOf(f alert.Failure) string {
	if f.Element.Type != "" {
		return f.Element.Type
	}
	return incident.Gravest(f.State.FailingElements())
}

// tell publishes what an incident owes, once, and records that people know. When
// another invocation is at it, that one does.
func (n Incidents) tell(ctx context.Context, i incident.Incident, step incident.Step, f *alert.Failure) error {
	tally, err := n.Table.Tally(ctx, i.ID)
	if err != nil {
		return err
	}
	if step == incident.TellSummary && tally.Calls <= i.Told.Calls {
		return nil // nothing new
	}
	m := alert.News{Stage: stageOf(i, step), Incident: i, Tally: tally, Failure: f, Now: n.Now()}.Message(n.Words)
	sent, err := n.Table.TryOnce(ctx, store.PartitionOfIncident(i.Group), store.Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject, Calls: tally.Calls},
		n.Owner(ctx), func(ctx context.Context) error { return n.Topic.Publish(ctx, m) })
	if err != nil || sent.SentAt.IsZero() {
		return err
	}
	told := i.Told
	// What was sent may be older than what is recorded: another told more.
	told.At, told.Calls = later(i.Told.At, sent.SentAt), max(i.Told.Calls, sent.Calls)
	told.LastCalls = told.Calls - i.Told.Calls
	switch step {
	case incident.TellOpening:
		told.Openings = i.Reopened + 1
	case incident.TellSummary:
		told.Summaries++
	case incident.TellClosing:
		told.Closings = i.Reopened + 1
	}
	return n.Table.MarkTold(ctx, i, told)
}

func stageOf(i incident.Incident, step incident.Step) alert.Stage {
	switch {
	case step == incident.TellSummary:
		return alert.Summary
	case step == incident.TellClosing:
		return alert.Closing
	case i.Reopened > 0:
		return alert.Reopening
	}
	return alert.Opening
}

// reasonOf gives the raw reason, empty when the events gave none.
func reasonOf(f alert.Failure) string {
	if f.Element.StatusDetail != "" {
		return f.Element.StatusDetail
	}
	if f.State.Failure != nil {
		return f.State.Failure.Reason
	}
	return ""
}
