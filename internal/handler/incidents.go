package handler

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// IncidentTable is what Incidents needs of the table; *dynamo.Store has it.
type IncidentTable interface {
	Pipeline(ctx context.Context, id string) (pipeline.State, error)
	Join(context.Context, dynamo.Failure, incident.Timing) (incident.Incident, error)
	Tally(ctx context.Context, id string) (incident.Tally, error)
	TryOnce(ctx context.Context, partition dynamo.Partition, n dynamo.Notification, owner string, send func(context.Context) error) (dynamo.Notification, error)
	MarkTold(context.Context, incident.Incident, incident.Told) error
}

// Incidents records failures in incidents and notifies people of these: at once,
// from whoever handles the failure that is news; later, from the watch.
// incident.Next is the policy.
type Incidents struct {
	Table  IncidentTable
	Topic  Publisher
	Words  notify.Options
	Timing incident.Timing
	// Owner names the invocation.
	Owner func(context.Context) string
	Now   func() time.Time
}

// take records a failure in its incident, and sends a notification if it is one that
// people hear of at once. event is what the one event says of the pipeline: cause,
// reason and element are read off it alone, so that a failure joins the same incident
// whatever the table knew by then. f.State may know more, and does for the words.
func (n Incidents) take(ctx context.Context, f notify.Failure, event pipeline.State) error {
	own := f
	own.State = event
	cause := own.Cause()
	i, err := n.Table.Join(ctx, dynamo.Failure{
		Group: incident.Group{Scope: incident.ScopeOf(f.State), Element: elementOf(own)},
		Class: cause.Class, Target: cause.Target, Reason: reasonOf(own), Losses: f.Losses(),
		Occurrence: incident.Occurrence{PipelineID: f.State.ID, CallID: f.State.CallID, At: f.At},
		Began:      began(f),
	}, n.Timing)
	if err != nil {
		return err
	}
	step := incident.AtOnce(i)
	if step == incident.Nothing {
		return nil
	}
	r, _ := i.Another()
	if step == incident.TellReason && r.ID != incident.ReasonOf(cause, reasonOf(own)).ID {
		return n.tell(ctx, i, step, nil) // not this failure's reason: another's, which was not sent yet
	}
	return n.tell(ctx, i, step, &f)
}

// began returns when the failure began: events go on naming an element that failed
// long before them.
func began(f notify.Failure) time.Time {
	if since := time.UnixMilli(f.Element.UpdatedOn); f.Kind == notify.ElementFailure && since.Before(f.At) {
		return since
	}
	return f.At
}

// elementOf returns the element that a failure is about: the one that failed, or
// the gravest that fell with its pipeline.
func elementOf(f notify.Failure) string {
	if f.Element.Type != "" {
		return f.Element.Type
	}
	return incident.Gravest(f.State.FailingElements())
}

// tell sends the notification of a step, once, and records what people know then.
// When another invocation is sending it, that one does.
func (n Incidents) tell(ctx context.Context, i incident.Incident, step incident.Step, f *notify.Failure) error {
	tally, err := n.Table.Tally(ctx, i.ID)
	if err != nil {
		return err
	}
	if step == incident.TellSummary && tally.Calls <= i.Told.Calls && len(i.Untold()) == 0 {
		return nil // nothing new
	}
	news := notify.News{Stage: stageOf(i, step), Incident: i, Tally: tally, Failure: f, Now: n.Now()}
	news.Another, _ = i.Another()
	m := news.Message(n.Words)
	notification := dynamo.Notification{
		ID: m.ID, Kind: string(m.Kind), Subject: m.Subject, Calls: tally.Calls, Severity: i.Severity(),
	}
	for _, r := range i.Reasons {
		notification.Reasons = append(notification.Reasons, r.ID)
	}
	sent, err := n.Table.TryOnce(ctx, dynamo.PartitionOfIncident(i.Group), notification,
		n.Owner(ctx), func(ctx context.Context) error { return n.Topic.Publish(ctx, m) })
	if err != nil || sent.SentAt.IsZero() {
		return err
	}
	return n.Table.MarkTold(ctx, i, told(i, step, sent))
}

// told returns what people know once a message was sent. That may be older than what
// was to be sent now, and than what is recorded.
func told(i incident.Incident, step incident.Step, sent dynamo.Notification) incident.Told {
	told := i.Told.Learn(sent.Severity, sent.Reasons)
	switch step {
	case incident.TellGraver, incident.TellReason:
		// The next summary still counts from the last one.
		told.News++
		return told
	case incident.TellOpening:
		told.Openings = i.Reopened + 1
	case incident.TellSummary:
		told.Summaries++
	case incident.TellClosing:
		told.Closings = i.Reopened + 1
	}
	told.At, told.Calls = later(i.Told.At, sent.SentAt), max(i.Told.Calls, sent.Calls)
	told.LastCalls = told.Calls - i.Told.Calls
	return told
}

func stageOf(i incident.Incident, step incident.Step) notify.Stage {
	switch {
	case step == incident.TellSummary:
		return notify.Summary
	case step == incident.TellClosing:
		return notify.Closing
	case step == incident.TellGraver:
		return notify.GraverLoss
	case step == incident.TellReason:
		return notify.NewReason
	case i.Reopened > 0:
		return notify.Reopening
	}
	return notify.Opening
}

// reasonOf returns the raw reason, empty when the events gave none: that of the
// element, else of the pipeline, else of the first element that failed with it.
func reasonOf(f notify.Failure) string {
	if f.Element.StatusDetail != "" {
		return f.Element.StatusDetail
	}
	if f.State.Failure != nil && f.State.Failure.Reason != "" {
		return f.State.Failure.Reason
	}
	for _, e := range f.State.FailingElements() {
		if e.StatusDetail != "" {
			return e.StatusDetail
		}
	}
	return ""
}
