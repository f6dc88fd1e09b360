package incident

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// activeWithin is how old the time may be by which lists show an incident.
const activeWithin = time.Minute

// Review does what is due for every incident: it sends summaries and what another
// process could not send, closes incidents whose calls succeed again, and announces
// that. It may be cut short anywhere; the next run goes on from there.
func (s *Service) Review(ctx context.Context) error {
	return s.Repo.DueIncidents(ctx, func(i Incident) error {
		newest, err := s.Repo.NewestOccurrence(ctx, i.ID)
		if err != nil {
			return err
		}
		err = s.review(ctx, i, newest.Seen)
		// Failures do not record themselves when one was the last: in a storm all of
		// them would write one item.
		if newest.At.Sub(i.ActiveAt) < activeWithin {
			return err
		}
		return errors.Join(err, retry.IgnoreChanged(s.Repo.SetActive(ctx, i, newest.At)))
	})
}

// review does what is due for one incident. lastSeen is when its newest failure was
// handled, zero when there is none.
func (s *Service) review(ctx context.Context, i Incident, lastSeen time.Time) error {
	now := s.Now()
	if lastSeen.IsZero() {
		if now.Sub(i.Seen) < s.Timing.Quiet {
			return nil // it was opened, and its first failure is being written
		}
		lastSeen = i.Seen // whoever opened it died; the event is a dead letter
	}
	kind := Next(i, lastSeen, now, s.Timing)
	if kind == Nothing {
		return nil
	}
	counts, err := s.Repo.CountOccurrences(ctx, i.ID)
	if err != nil {
		return err
	}
	if kind == Closing && i.Open() {
		switch recovered, err := s.recovered(ctx, i, counts, lastSeen); {
		case err != nil:
			return err
		case recovered:
			if i, lastSeen, err = s.close(ctx, i); err != nil || i.Open() {
				return err
			}
		case now.Sub(i.Announced.At) < s.Timing.Window:
			return nil
		default:
			kind = Summary
		}
	}
	if kind == Closing && i.ClosedWithout(lastSeen, s.Timing) {
		return retry.IgnoreChanged(s.Repo.CancelClosing(ctx, i)) // counts may lack a call that failed just before
	}
	example, err := s.example(ctx, i, kind, counts)
	if err != nil {
		return err
	}
	return s.notify(ctx, i, kind, counts, example)
}

// close closes an incident. It returns the incident as it is then, which another
// process may have closed or reopened, and when its newest failure was handled.
func (s *Service) close(ctx context.Context, i Incident) (Incident, time.Time, error) {
	at := s.Now()
	err := s.Repo.Close(ctx, i, at)
	if err == nil {
		i.ClosedAt = at
	} else if errors.Is(err, retry.ErrChanged) {
		i, err = s.Repo.Incident(ctx, i.ID)
	}
	if err != nil {
		return i, time.Time{}, err
	}
	newest, err := s.Repo.NewestOccurrence(ctx, i.ID)
	return i, newest.Seen, err
}

// recoveredAmong is how many of the newest calls are read to find one that succeeds.
const recoveredAmong = 200

// recovered reports whether a call of the incident's scope got past the place where
// the others failed, after the last of them. A rehearsed incident always has: nobody
// would rehearse calls that succeed until it is closed.
func (s *Service) recovered(
	ctx context.Context, i Incident, counts OccurrenceCounts, lastSeen time.Time,
) (found bool, err error) {
	if i.Rehearsal() {
		return true, nil
	}
	from := pipeline.Later(i.OpenedAt, counts.LastAt)
	if from.After(lastSeen) {
		from = lastSeen // no failure happened after it was handled, whatever its event says
	}
	to := s.Now().Add(pipeline.Skew)
	q := pipeline.Query{From: from, To: to, Limit: recoveredAmong, NoRehearsals: true}
	err = s.Repo.EachPipeline(ctx, q, recoveredAmong, func(st pipeline.State) bool {
		found = Succeeds(i.Group, st)
		return found
	})
	return found, err
}

// example returns a failure that an update of a kind describes: the incident's first, or
// the first of the reason that is new. It is nil where the table does not know its
// pipeline.
func (s *Service) example(
	ctx context.Context, i Incident, kind UpdateKind, counts OccurrenceCounts,
) (*Failure, error) {
	var first Occurrence
	if len(counts.Examples) > 0 {
		first = counts.Examples[0]
	}
	if kind == NewReason {
		urgent := i.UrgentReason()
		reasons, _ := i.CountReasons(counts)
		at := slices.IndexFunc(reasons, func(c ReasonCount) bool { return c.ID == urgent.ID })
		first = reasons[at].Example
	}
	if first.PipelineID == "" {
		return nil, nil
	}
	st, err := s.Repo.Pipeline(ctx, first.PipelineID)
	if apperr.ClassOf(err) == apperr.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	element := chime.Element{Type: i.Element}
	for _, e := range st.Elements {
		if e.Type == i.Element {
			element = e
		}
	}
	f := &Failure{Kind: PermanentFailure, State: st, Event: st, At: first.At} // whatever has come since
	switch {
	case st.Status == pipeline.CreateFailed:
		f.Kind = CreateFailed
	case st.Status == pipeline.TemporarilyFailed:
		f.Kind, f.Element = TemporaryFailure, element
	case st.Status != pipeline.Failed && i.Element != "":
		f.Kind, f.Element = ElementFailure, element
	}
	return f, nil
}
