package incident

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// maxExact is after how many incidents of a group a failure joins one that does not
// fit exactly, though an older one might.
const maxExact = 32

// Record records a failure in the incident that it belongs to, opens or reopens one where
// there is none, and notifies nobody. It returns the incident as it is afterwards. It is
// idempotent: the same failure any number of times, at once or after a crash, counts
// once. It costs one query, two writes and a read while the incident is open and has the
// failure's reason, losses and cause; each of these that is new costs one more write.
func (s *Service) Record(ctx context.Context, r Report) (i Incident, err error) {
	r = r.bounded()
	r.Occurrence.Seen, r.Occurrence.Reasons = s.Now(), []string{r.why.ID}
	for attempt := 0; ; attempt++ {
		i, err = s.recordOnce(ctx, r)
		if !retry.Again(ctx, "incidents of "+r.Group.ID(), attempt, &err) {
			return i, err
		}
	}
}

// recordOnce tries it once. The order of the writes makes every crash safe: the
// incident, its membership, the occurrence. A retry finds what was written.
func (s *Service) recordOnce(ctx context.Context, r Report) (Incident, error) {
	group, err := s.Repo.GroupIncidents(ctx, r.Group, func(read []Incident) bool {
		i, decision := Choose(read, r.cause(), s.Now(), s.Timing)
		return decision == Joins && (len(read) >= maxExact || i.Cause() == r.cause())
	})
	if err != nil {
		return Incident{}, err
	}
	i, decision := Choose(group, r.cause(), s.Now(), s.Timing)
	refines := decision != Opens && i.Cause().RefinedBy(r.cause())
	if decision == Joins && !refines { // the usual case: there is nothing to prepare
		switch err := s.Repo.PutMembership(ctx, r.membership(i.ID), Membership{}); {
		case err == nil:
			return s.putOccurrence(ctx, i.ID, r)
		case !errors.Is(err, retry.ErrChanged):
			return Incident{}, err
		}
	}
	// The failure may belong to an incident already, also to one of another group: not
	// every event names all that calls share.
	was, err := s.Repo.Membership(ctx, r.Occurrence.PipelineID, r.Group.Element)
	if err != nil {
		return Incident{}, err
	}
	if was.IncidentID != "" {
		again := r
		again.Occurrence.At, again.Occurrence.Seen = was.At, was.Seen
		known, err := s.putOccurrence(ctx, was.IncidentID, again)
		if err != nil || !known.FailedAfterClose(r.Began) {
			return known, err
		}
	}
	switch {
	case decision == Opens:
		if i, err = r.opens(group); err == nil {
			err = s.Repo.PutIncident(ctx, i)
		}
	case refines: // before the membership: with another cause, the failure may belong elsewhere
		err = s.Repo.SetCause(ctx, i, r.cause(), r.why.Text)
	}
	if err != nil {
		return Incident{}, err
	}
	err = s.Repo.PutMembership(ctx, r.membership(i.ID), was)
	switch changed := errors.Is(err, retry.ErrChanged); {
	case changed && decision == Opens:
		return Incident{}, cmp.Or(s.discardUnannounced(ctx, r, i), err)
	case err != nil:
		return Incident{}, err
	case decision == Opens && s.Now().Sub(i.Seen) < s.Timing.Quiet:
		// i has all of the failure, and nobody closes an incident so soon.
		return i, s.Repo.PutOccurrence(ctx, i.ID, r.Occurrence)
	}
	return s.putOccurrence(ctx, i.ID, r)
}

func (r Report) membership(incidentID string) Membership {
	o := r.Occurrence
	return Membership{o.PipelineID, r.Group.Element, incidentID, o.At, o.Seen}
}

// opens returns the incident that the failure opens, the next of its group.
func (r Report) opens(group []Incident) (Incident, error) {
	number := 1
	if len(group) > 0 {
		newest := group[0].ID
		n, err := strconv.Atoi(newest[strings.LastIndexByte(newest, '.')+1:])
		if err != nil {
			return Incident{}, apperr.Wrap(err, apperr.Internal, "incident "+newest, "has no number", "")
		}
		number = n + 1
	}
	return Incident{
		ID: r.Group.ID() + "." + strconv.Itoa(number), Group: r.Group, Class: r.Class, Target: r.Target,
		Reason: r.why.Text, Reasons: []Reason{r.why}, Losses: r.Losses,
		OpenedAt: r.Occurrence.At, Seen: r.Occurrence.Seen, ActiveAt: r.Occurrence.At,
	}, nil
}

// discardUnannounced closes an incident that was opened for a failure which has come to
// belong to another one, unless its opening was announced. A failure that has joined it
// meanwhile reopens it, as it does any incident that was closed without knowing it.
func (s *Service) discardUnannounced(ctx context.Context, r Report, i Incident) error {
	m, err := s.Repo.Membership(ctx, r.Occurrence.PipelineID, r.Group.Element)
	if err != nil || m.IncidentID == i.ID {
		return err // the membership was written, and the answer got lost
	}
	i.ClosedAt = s.Now()
	if err := s.Repo.Discard(ctx, i, i.ClosedAt); err != nil {
		return err
	}
	newest, err := s.Repo.NewestOccurrence(ctx, i.ID)
	if err != nil || newest.Seen.IsZero() {
		return err
	}
	return s.Repo.Reopen(ctx, i, newest.At)
}

// putOccurrence stores the occurrence, and then adds to the incident what the report
// says that is new. Where the incident was closed without knowing the failure, it
// reopens the incident. It returns the incident as it is then.
func (s *Service) putOccurrence(ctx context.Context, id string, r Report) (i Incident, err error) {
	o := r.Occurrence
	if err := s.Repo.PutOccurrence(ctx, id, o); err != nil {
		return Incident{}, err
	}
	for attempt := 0; ; attempt++ {
		if i, err = s.Repo.Incident(ctx, id); err == nil {
			i, err = s.extend(ctx, i, r)
		}
		if !retry.Again(ctx, "incident "+id, attempt, &err) {
			break
		}
	}
	if err != nil || !i.ClosedWithout(o.Seen, s.Timing) {
		return i, err
	}
	if err := s.Repo.Reopen(ctx, i, o.At); err != nil {
		return i, err
	}
	return i.reopened(o.At), nil
}

// extend adds a reason, losses and a better known cause to an incident, as far as it
// does not have them, and returns the incident with these.
func (s *Service) extend(ctx context.Context, i Incident, r Report) (Incident, error) {
	has := slices.ContainsFunc(i.Reasons, func(k Reason) bool { return k.ID == r.why.ID })
	if room := i.Room(r.why); !has && len(i.Reasons) < room {
		if err := s.Repo.AddReason(ctx, i, r.why, room); err != nil {
			return i, err
		}
		i.Reasons = append(slices.Clone(i.Reasons), r.why)
		slices.SortFunc(i.Reasons, func(a, b Reason) int { return strings.Compare(a.ID, b.ID) })
	}
	if added, isNew := i.newLosses(r.Losses); isNew {
		if err := s.Repo.AddLosses(ctx, i, added); err != nil {
			return i, err
		}
		i.Losses = UnionOfLosses(i.Losses, added)
	}
	if i.Cause().RefinedBy(r.cause()) {
		if err := s.Repo.SetCause(ctx, i, r.cause(), r.why.Text); err != nil {
			return i, err
		}
		i.Class, i.Target, i.Reason = r.Class, r.Target, cmp.Or(r.why.Text, i.Reason)
	}
	return i, nil
}
