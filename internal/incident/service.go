package incident

import (
	"context"
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// Service records failures in incidents, and notifies people of these: at once, when
// the failure that it records is news (RecordFailure); later, on a schedule (Review).
type Service struct {
	Repo     Repository
	Notifier Notifier
	Timing   Timing
	Counts   pipeline.Counter
	Now      func() time.Time
}

// Notifier sends a notification once, however often and by however many processes it
// is called. It returns what the notification said that was sent, which another process
// may have sent; At is zero while another process is sending it.
type Notifier interface {
	Notify(context.Context, Update) (Sent, error)
}

// Update is what a notification about an incident says.
type Update struct {
	Kind     UpdateKind
	Incident Incident
	Counts   OccurrenceCounts
	// Failure is the failure that it opened with, or an example; nil where none is known.
	Failure *Failure
	// UrgentReason is the reason that an update of the kind NewReason is about.
	UrgentReason Reason
	// Now is when the update is made.
	Now time.Time
}

// UpdateKind is what happened to an incident, and what has to be done about it: to send
// a notification of it.
type UpdateKind string

// The kinds of updates.
const (
	Nothing    UpdateKind = ""
	Opening    UpdateKind = "opening"
	Reopening  UpdateKind = "reopening"
	Summary    UpdateKind = "summary"
	Closing    UpdateKind = "closing"
	NewReason  UpdateKind = "new-reason"  // calls of an open incident fail for another cause as well
	GraverLoss UpdateKind = "graver-loss" // calls lose something more severe than before
)

// Sent is what a notification said.
type Sent struct {
	At       time.Time
	Calls    int
	Severity Severity
	// Reasons are the ids of the reasons that it listed.
	Reasons []string
}

// Handle records the failures that one event reports: a permanent failure, a failed
// creation, and each failed element. EventBridge's rules send it events in which they
// saw a failure; one in which none can be read is an error, so that it does not pass in
// silence. An event without a readable time failed when it is handled.
func (s *Service) Handle(ctx context.Context, event []byte) error {
	ev, err := chime.ParseAt(event, s.Now())
	if err != nil {
		return err
	}
	st, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	failures := FailuresIn(ev, st)
	if len(failures) == 0 {
		return apperr.New(apperr.Invalid, "event "+ev.ID,
			fmt.Sprintf("a rule saw a failure in it, and none can be read: it is a %q of the type %q, "+
				"with %d elements that could be read",
				ev.DetailType, ev.StateChange.EventType, len(ev.StateChange.Elements)),
			"look at its mediaInsightsPipelineElementStatuses; it is kept whole in the dead-letter queue")
	}
	// Some events lack the call, or what ran when the pipeline failed.
	known, err := s.Repo.Pipeline(ctx, st.ID)
	if err != nil && apperr.ClassOf(err) != apperr.NotFound {
		return err
	}
	known.Failure = nil // the notification is about this event's failure
	all := pipeline.Merge(known, st)
	for _, f := range failures {
		f.State, f.Event, f.At = all, st, pipeline.Believed(ev.Time, s.Now())
		if err := s.RecordFailure(ctx, f); err != nil {
			return err
		}
		s.Counts.Count("Failures", 1)
	}
	return nil
}

// RecordFailure records a failure in its incident, and sends a notification if one is
// due at once. It is the one entry for failures, and idempotent.
func (s *Service) RecordFailure(ctx context.Context, f Failure) error {
	r := f.Report()
	i, err := s.Record(ctx, r)
	if err != nil {
		return err
	}
	kind := AtOnce(i)
	if kind == Nothing {
		return nil
	}
	counts, err := s.Repo.CountOccurrences(ctx, i.ID)
	if err != nil {
		return err
	}
	example := &f
	if kind == NewReason && i.UrgentReason().ID != r.bounded().why.ID {
		example = nil // it is another failure's reason, which was not sent yet
	}
	return s.notify(ctx, i, kind, counts, example)
}

// notify sends an update, and records what people know then. Where another process is
// sending it, that one records it. A summary of nothing new is not sent.
func (s *Service) notify(ctx context.Context, i Incident, kind UpdateKind, counts OccurrenceCounts, f *Failure) error {
	if kind == Summary && counts.Calls <= i.Announced.Calls && len(i.Unannounced()) == 0 {
		return nil
	}
	sent, err := s.Notifier.Notify(ctx, Update{
		Kind: kind, Incident: i, Counts: counts, Failure: f, UrgentReason: i.UrgentReason(), Now: s.Now(),
	})
	if err != nil || sent.At.IsZero() {
		return err
	}
	return retry.IgnoreChanged(s.Repo.SetAnnounced(ctx, i, i.announcedBy(sent, kind)))
}
