package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// withdraw ends an incident that was opened for a failure which is in another
// one by now, unless people know of it: they need not hear of this one. A failure
// that has joined it meanwhile makes it go on, as Overlooked does for later ones.
func (s *Store) withdraw(ctx context.Context, f Failure, i incident.Incident) error {
	if bound, err := s.joined(ctx, f); err != nil || bound.incident == i.ID {
		return err // the answer that it took it got lost
	}
	i.ClosedAt = s.now()
	up := newUpdate()
	up.absent(attrOpenings)
	up.absent(attrClosed)
	up.put(attrClosed, moment(i.ClosedAt))
	up.put(attrClosings, number(1))
	up.remove(attrState)
	if err := s.changeIncident(ctx, i.ID, up); err != nil {
		return err
	}
	newest, err := s.Newest(ctx, i.ID)
	if err != nil || newest.Seen.IsZero() {
		return err
	}
	return s.reopen(ctx, i, newest.At)
}

// reopen makes a closed incident open again because of a failure, on condition that
// it still is as it was read.
func (s *Store) reopen(ctx context.Context, i incident.Incident, failed time.Time) error {
	up := newUpdate()
	up.is(attrClosed, moment(i.ClosedAt))
	up.put(attrReopened, number(i.Reopened+1))
	up.put(attrState, text(stateIncident+shardOf(i.ID)))
	setActive(up, later(i.ActiveAt, failed))
	up.remove(attrClosed)
	return s.changeIncident(ctx, i.ID, up)
}

// setActive makes both indexes list the incident by a time, and keeps when it opened.
func setActive(up *update, at time.Time) {
	up.put(attrFirst, moment(at))
	up.set(attrOpened, "if_not_exists("+attrOpened+", "+attrFirst+")")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// MarkActive records that a call of the incident failed at a time, by which it is
// listed then. It does nothing when another has recorded something meanwhile, and
// when the time is earlier than what is recorded.
func (s *Store) MarkActive(ctx context.Context, i incident.Incident, failed time.Time) error {
	if !failed.After(i.ActiveAt) {
		return nil
	}
	up := newUpdate()
	up.is(attrFirst, moment(i.ActiveAt))
	setActive(up, failed)
	if err := s.changeIncident(ctx, i.ID, up); err != nil && !errors.Is(err, errRaced) {
		return err
	}
	return nil
}

// CloseIncident records that an incident was found to be over at a time. It is
// an error of class Conflict when it was not as i says any more.
func (s *Store) CloseIncident(ctx context.Context, i incident.Incident) (incident.Incident, error) {
	now := s.now()
	up := newUpdate()
	up.absent(attrClosed)
	up.isNumber(attrReopened, i.Reopened)
	up.put(attrClosed, moment(now))
	err := s.changeIncident(ctx, i.ID, up)
	if errors.Is(err, errRaced) {
		return i, apperr.Wrap(err, apperr.Conflict, "incident "+i.ID, "cannot be closed", "it is looked at again")
	}
	i.ClosedAt = now
	return i, err
}

// GoesOn takes an end back that people were not told of: a call failed while it
// was recorded. It does nothing when the incident is not as i says any more.
func (s *Store) GoesOn(ctx context.Context, i incident.Incident) error {
	up := newUpdate()
	up.is(attrClosed, moment(i.ClosedAt))
	up.isNumber(attrClosings, i.Told.Closings)
	up.remove(attrClosed)
	if err := s.changeIncident(ctx, i.ID, up); err != nil && !errors.Is(err, errRaced) {
		return err
	}
	return nil
}

// MarkTold records what people were told; told has at least one count more than
// i has. It does nothing when another has recorded something meanwhile: what was
// told belongs together.
func (s *Store) MarkTold(ctx context.Context, i incident.Incident, told incident.Told) error {
	up := newUpdate()
	for _, c := range []struct {
		name     string
		old, new int
	}{
		{attrOpenings, i.Told.Openings, told.Openings}, {attrNews, i.Told.News, told.News},
		{attrSummaries, i.Told.Summaries, told.Summaries}, {attrClosings, i.Told.Closings, told.Closings},
	} {
		up.isNumber(c.name, c.old)
		if c.new != c.old {
			up.put(c.name, number(c.new))
		}
	}
	up.put(attrToldAt, moment(told.At))
	up.put(attrToldCalls, number(told.Calls))
	up.put(attrToldLast, number(told.LastCalls))
	if told.Severity != "" {
		up.put(attrToldGrave, text(string(told.Severity)))
	}
	if len(told.Reasons) > 0 {
		up.put(attrToldWhy, set(told.Reasons))
	}
	if told.Closings > i.Reopened {
		up.remove(attrState) // it owes nothing any more
		up.present(attrClosed)
	}
	if err := s.changeIncident(ctx, i.ID, up); err != nil && !errors.Is(err, errRaced) {
		return err
	}
	return nil
}

// changeIncident updates an incident, unless it has expired: what is left would be an
// incident without a group. It returns errRaced when a condition does not hold.
func (s *Store) changeIncident(ctx context.Context, id string, up *update) error {
	k, ok := incidentKey(id)
	if !ok {
		return apperr.New(apperr.Invalid, "incident "+id, "is no incident's id", "list them with: chimewatch incidents list")
	}
	up.present(attrPK)
	s.expireBy(up, s.now().Add(incidentMargin))
	done, err := s.updateIf(ctx, k, up, "cannot store the change of incident "+id)
	if err == nil && !done {
		err = errRaced
	}
	return err
}
