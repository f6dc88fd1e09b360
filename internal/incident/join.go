package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// maxExact is after how many incidents of a group a failure joins one that does not
// fit exactly, though an older one might.
const maxExact = 32

// Joiner records failures in incidents, and notifies nobody. It has no state of its
// own; any number of goroutines and processes may record failures at once.
type Joiner struct {
	Repo   Repository
	Timing Timing
	Now    func() time.Time
}

// Join records a failure in the incident that it belongs to, and opens or reopens one
// where there is none. It returns the incident as it is afterwards. It is idempotent:
// the same failure any number of times, at once or after a crash, counts once. It
// costs one query, two writes and a read while the incident is open and has the
// failure's reason, losses and cause; each of these that is new costs one more write.
func (j Joiner) Join(ctx context.Context, r Report) (Incident, error) {
	r = r.bounded()
	r.Occurrence.Seen, r.Occurrence.Reasons = j.Now(), []string{r.why().ID}
	for attempt := range retry.Attempts {
		i, err := j.join(ctx, r)
		if !errors.Is(err, retry.ErrChanged) {
			return i, err
		}
		if err := retry.Pause(ctx, attempt); err != nil {
			return i, err
		}
	}
	return Incident{}, apperr.New(apperr.Conflict, "incidents of "+r.Group.ID(),
		fmt.Sprintf("were changed by others %d times in a row", retry.Attempts), "try again")
}

// join tries it once. The order of the writes makes every crash safe: the incident,
// its membership, the occurrence. A retry finds what was written.
func (j Joiner) join(ctx context.Context, r Report) (Incident, error) {
	group, err := j.Repo.GroupIncidents(ctx, r.Group, func(read []Incident) bool {
		i, decision := Choose(read, r.cause(), j.Now(), j.Timing)
		return decision == Joins && (len(read) >= maxExact || i.Cause() == r.cause())
	})
	if err != nil {
		return Incident{}, err
	}
	i, decision := Choose(group, r.cause(), j.Now(), j.Timing)
	refines := decision != Opens && i.Cause().RefinedBy(r.cause())
	if decision == Joins && !refines { // the usual case: there is nothing to prepare
		err := j.Repo.PutMembership(ctx, r.membership(i.ID), Membership{})
		if !errors.Is(err, retry.ErrChanged) {
			return j.occur(ctx, i.ID, r, r.Occurrence, err)
		}
	}
	// The failure may belong to an incident already, also to one of another group: not
	// every event names all that calls share.
	was, err := j.Repo.Membership(ctx, r.Occurrence.PipelineID, r.Group.Element)
	if err != nil {
		return Incident{}, err
	}
	if was.IncidentID != "" {
		o := r.Occurrence
		o.At, o.Seen = was.At, was.Seen
		known, err := j.occur(ctx, was.IncidentID, r, o, nil)
		if err != nil || !known.FailedAfterClose(r.Began) {
			return known, err
		}
	}
	switch {
	case decision == Opens:
		i, err = j.open(ctx, r, group)
	case refines: // before the membership: with another cause, the failure may belong elsewhere
		err = j.Repo.SetCause(ctx, i, r.cause(), r.why().Text)
	}
	if err != nil {
		return Incident{}, err
	}
	err = j.Repo.PutMembership(ctx, r.membership(i.ID), was)
	if errors.Is(err, retry.ErrChanged) && decision == Opens {
		if failed := j.discard(ctx, r, i); failed != nil {
			err = failed
		}
	}
	return j.occur(ctx, i.ID, r, r.Occurrence, err)
}

func (r Report) membership(incidentID string) Membership {
	return Membership{PipelineID: r.Occurrence.PipelineID, Element: r.Group.Element, IncidentID: incidentID,
		At: r.Occurrence.At, Seen: r.Occurrence.Seen}
}

// open stores the next incident of the group.
func (j Joiner) open(ctx context.Context, r Report, group []Incident) (Incident, error) {
	next := 1
	if len(group) > 0 {
		n, err := strconv.Atoi(group[0].ID[strings.LastIndexByte(group[0].ID, '.')+1:])
		if err != nil {
			return Incident{}, apperr.Wrap(err, apperr.Internal, "incident "+group[0].ID, "has no number", "")
		}
		next = n + 1
	}
	why := r.why()
	i := Incident{
		ID: r.Group.ID() + "." + strconv.Itoa(next), Group: r.Group, Class: r.Class, Target: r.Target,
		Reason: why.Text, Reasons: []Reason{why}, Losses: r.Losses,
		OpenedAt: r.Occurrence.At, Seen: r.Occurrence.Seen, ActiveAt: r.Occurrence.At,
	}
	return i, j.Repo.PutIncident(ctx, i)
}

// discard closes an incident that was opened for a failure which has come to belong to
// another one, unless people know of it. A failure that has joined it meanwhile
// reopens it, as it does any incident that was closed without knowing the failure.
func (j Joiner) discard(ctx context.Context, r Report, i Incident) error {
	m, err := j.Repo.Membership(ctx, r.Occurrence.PipelineID, r.Group.Element)
	if err != nil || m.IncidentID == i.ID {
		return err // the membership was written, and the answer got lost
	}
	i.ClosedAt = j.Now()
	if err := j.Repo.Discard(ctx, i, i.ClosedAt); err != nil {
		return err
	}
	newest, err := j.Repo.NewestOccurrence(ctx, i.ID)
	if err != nil || newest.Seen.IsZero() {
		return err
	}
	return j.Repo.Reopen(ctx, i, newest.At)
}

// occur records the occurrence, unless err is set, and returns the incident as it is
// then: with all that the failure adds to it, and open if whoever closed it did not
// know the failure.
func (j Joiner) occur(ctx context.Context, id string, r Report, o Occurrence, err error) (Incident, error) {
	if err == nil {
		err = j.Repo.PutOccurrence(ctx, id, o)
	}
	if err != nil {
		return Incident{}, err
	}
	i, err := j.Repo.Incident(ctx, id)
	if err != nil {
		return i, err
	}
	if i, err = j.extend(ctx, i, r); err != nil {
		return i, err
	}
	if i.Reopens(Recurrence{Cause: r.cause(), Member: true, Seen: o.Seen}, j.Timing) {
		if err := j.Repo.Reopen(ctx, i, o.At); err != nil {
			return i, err
		}
		return j.Repo.Incident(ctx, id)
	}
	return i, nil
}

// extend adds to an incident what it does not have of a report: a reason, losses, a
// better known cause. It returns the incident with all of these.
func (j Joiner) extend(ctx context.Context, i Incident, r Report) (Incident, error) {
	for attempt := range retry.Attempts {
		extended, err := j.extendOnce(ctx, i, r)
		if !errors.Is(err, retry.ErrChanged) {
			return extended, err
		}
		if err := retry.Pause(ctx, attempt); err != nil {
			return i, err
		}
		if i, err = j.Repo.Incident(ctx, i.ID); err != nil {
			return i, err
		}
	}
	return i, apperr.New(apperr.Conflict, "incident "+i.ID,
		fmt.Sprintf("was changed by others %d times in a row", retry.Attempts), "try again")
}

func (j Joiner) extendOnce(ctx context.Context, i Incident, r Report) (Incident, error) {
	why := r.why()
	known := slices.ContainsFunc(i.Reasons, func(k Reason) bool { return k.ID == why.ID })
	if room := i.Room(why); !known && len(i.Reasons) < room {
		if err := j.Repo.AddReason(ctx, i, why, room); err != nil {
			return i, err
		}
		i.Reasons = append(slices.Clone(i.Reasons), why)
		slices.SortFunc(i.Reasons, func(a, b Reason) int { return strings.Compare(a.ID, b.ID) })
	}
	if union := UnionOfLosses(i.Losses, r.Losses); !slices.Equal(union, i.Losses) {
		added := i.newLosses(r.Losses)
		if len(union) == 0 || len(added) > 0 {
			if len(union) == 0 {
				added = nil
			}
			if err := j.Repo.AddLosses(ctx, i, added); err != nil {
				return i, err
			}
			i.Losses = UnionOfLosses(i.Losses, added)
		}
	}
	if i.Cause().RefinedBy(r.cause()) {
		if err := j.Repo.SetCause(ctx, i, r.cause(), why.Text); err != nil {
			return i, err
		}
		i.Class, i.Target = r.Class, r.Target
		if why.Text != "" {
			i.Reason = why.Text
		}
	}
	return i, nil
}
