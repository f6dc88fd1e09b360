package dynamo

import (
	"context"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The conditional updates of an incident. Each implements the method of the same name
// of incident.Repository.

// SetCause makes the cause better known.
func (s *Store) SetCause(ctx context.Context, i incident.Incident, c incident.Cause, reason string) error {
	up := &update{}
	up.is(attrClass, text(string(i.Class)))
	up.is(attrTarget, textOrNil(i.Target))
	up.put(attrClass, text(string(c.Class)))
	// A version that stored the first reason only knows it by the cause.
	up.putIfAbsent(attrReasons, reasonItems(i.Reasons))
	if i.Announced.Openings > 0 {
		up.putIfAbsent(attrAnnouncedSeverity, text(string(i.Announced.Severity)))
		up.putIfAbsent(attrAnnouncedReasons, set(i.Announced.Reasons))
	}
	up.put(attrTarget, textOrNil(c.Target))
	up.put(attrReason, textOrNil(reason))
	return s.updateIncident(ctx, i.ID, up)
}

// AddReason adds a reason.
func (s *Store) AddReason(ctx context.Context, i incident.Incident, r incident.Reason, room int) error {
	up := &update{}
	if i.FirstReasonOnly {
		up.absent(attrReasons)
		up.put(attrReasons, reasonItems(append(slices.Clone(i.Reasons), r)))
	} else {
		up.absent(attrReasons + "." + r.ID)
		up.require("size(" + attrReasons + ") < " + up.value(number(room)))
		up.put(attrReasons+"."+r.ID, reasonItem(r))
	}
	return s.updateIncident(ctx, i.ID, up)
}

// AddLosses adds losses.
func (s *Store) AddLosses(ctx context.Context, i incident.Incident, added []incident.Loss) error {
	names := []string{anyLoss}
	if len(added) > 0 {
		names = nil
	}
	for _, loss := range added {
		names = append(names, string(loss))
	}
	up := &update{}
	if incident.UnknownLosses(added) > 0 { // others may be added at the same moment
		most := up.value(number(2 * incident.MaxLosses))
		up.require("(attribute_not_exists(" + attrMoreLosses + ") OR size(" + attrMoreLosses + ") < " + most + ")")
	}
	up.add(attrMoreLosses, up.value(set(names)))
	return s.updateIncident(ctx, i.ID, up)
}

// Close closes an incident.
func (s *Store) Close(ctx context.Context, i incident.Incident, at time.Time) error {
	return s.updateIncident(ctx, i.ID, closing(i, at))
}

func closing(i incident.Incident, at time.Time) *update {
	up := &update{}
	up.absent(attrClosed)
	up.is(attrReopened, numberOrNil(i.Reopened))
	up.put(attrClosed, moment(at))
	return up
}

// Discard closes an incident that nobody was notified of.
func (s *Store) Discard(ctx context.Context, i incident.Incident, at time.Time) error {
	up := closing(i, at)
	up.absent(attrOpenings)
	up.put(attrClosings, number(1))
	up.remove(attrState)
	return s.updateIncident(ctx, i.ID, up)
}

// CancelClosing opens an incident whose closing was not announced.
func (s *Store) CancelClosing(ctx context.Context, i incident.Incident) error {
	up := &update{}
	up.is(attrClosed, moment(i.ClosedAt))
	up.is(attrClosings, numberOrNil(i.Announced.Closings))
	up.remove(attrClosed)
	return s.updateIncident(ctx, i.ID, up)
}

// Reopen opens a closed incident again.
func (s *Store) Reopen(ctx context.Context, i incident.Incident, failed time.Time) error {
	up := &update{}
	up.is(attrClosed, moment(i.ClosedAt))
	up.put(attrReopened, number(i.Reopened+1))
	up.put(attrState, text(stateIncident+shardOf(i.ID)))
	setActive(up, pipeline.Later(i.ActiveAt, failed))
	up.remove(attrClosed)
	return s.updateIncident(ctx, i.ID, up)
}

// SetActive makes lists show an incident by when a call last failed.
func (s *Store) SetActive(ctx context.Context, i incident.Incident, failed time.Time) error {
	up := &update{}
	up.is(attrFirst, moment(i.ActiveAt))
	setActive(up, failed)
	return s.updateIncident(ctx, i.ID, up)
}

// setActive makes both indexes list the incident by a time, and keeps when it opened.
func setActive(up *update, at time.Time) {
	up.put(attrFirst, moment(at))
	up.set(attrOpened, "if_not_exists("+attrOpened+", "+attrFirst+")")
}

// SetAnnounced records what was announced. An incident whose closing was announced
// leaves the index by state.
func (s *Store) SetAnnounced(ctx context.Context, i incident.Incident, a incident.Announced) error {
	up := &update{}
	for _, c := range []struct {
		name     string
		old, new int
	}{
		{attrOpenings, i.Announced.Openings, a.Openings}, {attrAdditions, i.Announced.Additions, a.Additions},
		{attrSummaries, i.Announced.Summaries, a.Summaries}, {attrClosings, i.Announced.Closings, a.Closings},
	} {
		up.is(c.name, numberOrNil(c.old))
		if c.new != c.old {
			up.put(c.name, number(c.new))
		}
	}
	up.put(attrAnnouncedAt, moment(a.At))
	up.put(attrAnnouncedCalls, number(a.Calls))
	up.put(attrAnnouncedLast, number(a.LastCalls))
	up.put(attrAnnouncedSeverity, textOrNil(a.Severity))
	up.put(attrAnnouncedReasons, set(a.Reasons))
	if a.Closings > i.Reopened {
		up.remove(attrState)
		up.present(attrClosed)
	}
	return s.updateIncident(ctx, i.ID, up)
}

// updateIncident updates an incident, unless it has expired: what is left would be an
// incident without a group.
func (s *Store) updateIncident(ctx context.Context, id string, up *update) error {
	k, ok := incidentKey(id)
	if !ok {
		return apperr.New(apperr.Invalid, "incident "+id, "is no incident's id", "list them with: chimewatch incidents list")
	}
	up.present(attrPK)
	up.put(attrExpiry, s.expiry(s.now().Add(incidentMargin)))
	return s.updateIf(ctx, k, up, "cannot store the change of incident "+id)
}
