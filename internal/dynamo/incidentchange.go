package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// The conditional updates of an incident. Each implements the method of the same name
// of incident.Repository.

// SetCause makes the cause better known.
func (s *Store) SetCause(ctx context.Context, i incident.Incident, c incident.Cause, reason string) error {
	up := newUpdate()
	up.require(attrClass + " = " + up.value(text(string(i.Class))))
	up.unchanged(attrTarget, textOrNothing(attrTarget, i.Target))
	up.set(attrClass, up.value(text(string(c.Class))))
	// A version that kept the first reason only knows it by the cause.
	keep := func(attr string, value types.AttributeValue) {
		up.set(attr, "if_not_exists("+attr+", "+up.value(value)+")")
	}
	keep(attrReasons, reasonItems(i.Reasons))
	if i.Announced.Openings > 0 {
		keep(attrToldGrave, text(string(i.Announced.Severity)))
		keep(attrToldWhy, &types.AttributeValueMemberSS{Value: i.Announced.Reasons})
	}
	if c.Target != "" {
		up.set(attrTarget, up.value(text(c.Target)))
	}
	if reason != "" {
		up.set(attrReason, up.value(text(reason)))
	}
	return s.updateIncident(ctx, i.ID, up)
}

// AddReason adds a reason.
func (s *Store) AddReason(ctx context.Context, i incident.Incident, r incident.Reason, room int) error {
	up := newUpdate()
	if i.FirstReasonOnly {
		up.require("attribute_not_exists(" + attrReasons + ")")
		up.set(attrReasons, up.value(reasonItems(append(slices.Clone(i.Reasons), r))))
	} else {
		up.require("attribute_not_exists(" + attrReasons + "." + r.ID + ")")
		up.require("size(" + attrReasons + ") < " + up.value(number(room)))
		up.set(attrReasons+"."+r.ID, up.value(reasonItem(r)))
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
	up := newUpdate()
	if incident.UnknownLosses(added) > 0 { // others may be added at the same moment
		most := up.value(number(2 * incident.MaxLosses))
		up.require("(attribute_not_exists(" + attrMore + ") OR size(" + attrMore + ") < " + most + ")")
	}
	up.add(attrMore, up.value(&types.AttributeValueMemberSS{Value: names}))
	return s.updateIncident(ctx, i.ID, up)
}

// Close closes an incident.
func (s *Store) Close(ctx context.Context, i incident.Incident, at time.Time) error {
	up := newUpdate()
	up.require("attribute_not_exists(" + attrClosed + ")")
	up.unchanged(attrReopened, numberOrNothing(attrReopened, i.Reopened))
	up.set(attrClosed, up.value(text(timeText(at))))
	return s.updateIncident(ctx, i.ID, up)
}

// Discard closes an incident that nobody was notified of.
func (s *Store) Discard(ctx context.Context, i incident.Incident, at time.Time) error {
	up := newUpdate()
	up.require("attribute_not_exists(" + attrOpenings + ")")
	up.require("attribute_not_exists(" + attrClosed + ")")
	up.unchanged(attrReopened, numberOrNothing(attrReopened, i.Reopened))
	up.set(attrClosed, up.value(text(timeText(at))))
	up.set(attrClosings, up.value(number(1)))
	up.remove(attrState)
	return s.updateIncident(ctx, i.ID, up)
}

// CancelClosing opens an incident whose closing was not announced.
func (s *Store) CancelClosing(ctx context.Context, i incident.Incident) error {
	up := newUpdate()
	up.require(attrClosed + " = " + up.value(text(timeText(i.ClosedAt))))
	up.unchanged(attrClosings, numberOrNothing(attrClosings, i.Announced.Closings))
	up.remove(attrClosed)
	return s.updateIncident(ctx, i.ID, up)
}

// Reopen opens a closed incident again.
func (s *Store) Reopen(ctx context.Context, i incident.Incident, failed time.Time) error {
	up := newUpdate()
	up.require(attrClosed + " = " + up.value(text(timeText(i.ClosedAt))))
	up.set(attrReopened, up.value(number(i.Reopened+1)))
	up.set(attrState, up.value(text("I"+shardOf(i.ID))))
	setActive(up, later(i.ActiveAt, failed))
	up.remove(attrClosed)
	return s.updateIncident(ctx, i.ID, up)
}

// SetActive makes lists show an incident by when a call last failed.
func (s *Store) SetActive(ctx context.Context, i incident.Incident, failed time.Time) error {
	up := newUpdate()
	up.require(attrFirst + " = " + up.value(text(timeText(i.ActiveAt))))
	setActive(up, failed)
	return s.updateIncident(ctx, i.ID, up)
}

// setActive makes both indexes list the incident by a time, and keeps when it opened.
func setActive(up *update, at time.Time) {
	up.set(attrFirst, up.value(text(timeText(at))))
	up.set(attrOpened, "if_not_exists("+attrOpened+", "+attrFirst+")")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// SetAnnounced records what was announced. An incident whose closing was announced
// leaves the index by state.
func (s *Store) SetAnnounced(ctx context.Context, i incident.Incident, a incident.Announced) error {
	up := newUpdate()
	for _, c := range []struct {
		name     string
		old, new int
	}{
		{attrOpenings, i.Announced.Openings, a.Openings}, {attrNews, i.Announced.Additions, a.Additions},
		{attrSummaries, i.Announced.Summaries, a.Summaries}, {attrClosings, i.Announced.Closings, a.Closings},
	} {
		up.unchanged(c.name, numberOrNothing(c.name, c.old))
		if c.new != c.old {
			up.set(c.name, up.value(number(c.new)))
		}
	}
	up.set(attrToldAt, up.value(text(timeText(a.At))))
	up.set(attrToldCalls, up.value(number(a.Calls)))
	up.set(attrToldLast, up.value(number(a.LastCalls)))
	if a.Severity != "" {
		up.set(attrToldGrave, up.value(text(string(a.Severity))))
	}
	if len(a.Reasons) > 0 {
		up.set(attrToldWhy, up.value(&types.AttributeValueMemberSS{Value: a.Reasons}))
	}
	if a.Closings > i.Reopened {
		up.remove(attrState)
		up.require("attribute_exists(" + attrClosed + ")")
	}
	return s.updateIncident(ctx, i.ID, up)
}

// unlessChanged returns err unless it says that a condition did not hold.
func unlessChanged(err error) error {
	if errors.Is(err, retry.ErrChanged) {
		return nil
	}
	return err
}

// numberOrNothing and textOrNothing are items as if read, with a value that is absent
// while it is zero.
func numberOrNothing(name string, n int) item {
	if n == 0 {
		return item{}
	}
	return item{name: number(n)}
}

func textOrNothing(name, value string) item {
	if value == "" {
		return item{}
	}
	return item{name: text(value)}
}

// updateIncident updates an incident, unless it has expired: what is left would be an
// incident without a group.
func (s *Store) updateIncident(ctx context.Context, id string, up *update) error {
	k, ok := incidentKey(id)
	if !ok {
		return apperr.New(apperr.Invalid, "incident "+id, "is no incident's id", "list them with: chimewatch incidents list")
	}
	up.require("attribute_exists(" + attrPK + ")")
	s.expireBy(up, s.now().Add(incidentMargin))
	return s.updateIf(ctx, k, up, "cannot store the change of incident "+id)
}
