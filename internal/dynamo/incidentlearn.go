package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// What an incident learns from its failures besides their number is in its own item,
// which every failure reads anyway: so only a failure that says something new writes
// it, and an item stays small, however many calls fail.

const (
	// maxLosses is how many losses of elements of unknown types an incident keeps.
	maxLosses = 16
	// maxLossName is how many bytes of such a loss are kept.
	maxLossName = 200
	// anyLoss stands in a set of losses for a failure that may cost anything.
	anyLoss = "*"
)

// boundedLosses returns as many losses as are kept.
func boundedLosses(losses []incident.Loss) []incident.Loss {
	var list []incident.Loss
	for _, loss := range losses {
		if loss.Known() || len(list) < maxLosses {
			list = append(list, incident.Loss(strings.ToValidUTF8(string(loss[:min(len(loss), maxLossName)]), "")))
		}
	}
	return list
}

// incidentItem returns the item of an incident that opens.
func incidentItem(i incident.Incident) item {
	it, _ := incidentKey(i.ID)
	it[attrTime], it[attrState] = text(timeIncident+shardOf(i.ID)), text(stateIncident+shardOf(i.ID))
	it[attrFirst], it[attrOpened] = moment(i.ActiveAt), moment(i.OpenedAt)
	it[attrScope], it[attrClass], it[attrSeen] = text(i.Scope), text(string(i.Class)), moment(i.Seen)
	it[attrReasons] = reasonItems(i.Reasons)
	var first, more []string
	for _, loss := range i.Losses {
		if strings.Contains(string(loss), "|") {
			more = append(more, string(loss))
		} else {
			first = append(first, string(loss))
		}
	}
	if len(more) > 0 {
		it[attrMore] = set(more)
	}
	for name, value := range map[string]string{
		attrElement: i.Element, attrTarget: i.Target, attrReason: i.Reason, attrLosses: strings.Join(first, "|"),
	} {
		if value != "" {
			it[name] = text(value)
		}
	}
	return it
}

// reasonItems returns what an incident's item holds of its reasons.
func reasonItems(reasons []incident.Reason) types.AttributeValue {
	items := item{}
	for _, r := range reasons {
		items[r.ID] = reasonItem(r)
	}
	return &types.AttributeValueMemberM{Value: items}
}

// reasonItem returns what an incident's item holds of a reason besides its id.
func reasonItem(r incident.Reason) types.AttributeValue {
	it := item{attrReasonClass: text(string(r.Class))}
	for name, value := range map[string]string{attrReasonTarget: r.Target, attrReasonText: r.Text} {
		if value != "" {
			it[name] = text(value)
		}
	}
	return &types.AttributeValueMemberM{Value: it}
}

// decodeReasons returns the reasons that an incident's item holds, by id. One of a
// version that kept the first only has that one.
func decodeReasons(it item, i incident.Incident) []incident.Reason {
	m, ok := it[attrReasons].(*types.AttributeValueMemberM)
	if !ok {
		return []incident.Reason{incident.ReasonOf(i.Cause(), i.Reason)}
	}
	var list []incident.Reason
	for id, value := range m.Value {
		if r, ok := value.(*types.AttributeValueMemberM); ok {
			cause := incident.Cause{Class: incident.Class(textIn(r.Value, attrReasonClass)), Target: textIn(r.Value, attrReasonTarget)}
			list = append(list, incident.Reason{ID: id, Cause: cause, Text: textIn(r.Value, attrReasonText)})
		}
	}
	slices.SortFunc(list, func(a, b incident.Reason) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// decodeLosses returns what an incident's failures cost, and what its first one did.
func decodeLosses(it item) (all, first []incident.Loss) {
	for _, loss := range strings.FieldsFunc(textIn(it, attrLosses), func(r rune) bool { return r == '|' }) {
		first = append(first, incident.Loss(loss))
	}
	var more []incident.Loss
	for _, loss := range setIn(it, attrMore) {
		if loss == anyLoss {
			return nil, first
		}
		more = append(more, incident.Loss(loss))
	}
	switch {
	case len(first) == 0:
		return more, more // all of its names have the separator in them, if there are any
	case len(more) == 0:
		return first, first
	}
	return incident.UnionOfLosses(first, more), first
}

// decodeTold returns what people know of an incident. A version that did not record
// severity and reasons told those of the first failure.
func decodeTold(it item, i incident.Incident, first []incident.Loss) incident.Told {
	told := incident.Told{
		At: timeIn(it, attrToldAt), Calls: numberIn(it, attrToldCalls), LastCalls: numberIn(it, attrToldLast),
		Openings: numberIn(it, attrOpenings), News: numberIn(it, attrNews), Summaries: numberIn(it, attrSummaries),
		Closings: numberIn(it, attrClosings), Severity: incident.Severity(textIn(it, attrToldGrave)),
		Reasons: setIn(it, attrToldWhy),
	}
	if told.Openings == 0 {
		return told
	}
	if told.Severity == "" {
		told.Severity = i.Cause().Severity(first)
	}
	if told.Reasons == nil {
		told.Reasons = []string{incident.ReasonOf(i.Cause(), i.Reason).ID}
	}
	return told
}

// learn makes the cause of a failure, which says more, that of the incident, on
// condition that its cause is as it was read.
func (s *Store) learn(ctx context.Context, i incident.Incident, f Failure) (incident.Incident, error) {
	up := newUpdate()
	up.is(attrClass, text(string(i.Class)))
	up.isText(attrTarget, i.Target)
	up.put(attrClass, text(string(f.Class)))
	// A version that kept the first reason only knows it by the cause.
	up.putIfAbsent(attrReasons, reasonItems(i.Reasons))
	if i.Told.Openings > 0 {
		up.putIfAbsent(attrToldGrave, text(string(i.Told.Severity)))
		up.putIfAbsent(attrToldWhy, set(i.Told.Reasons))
	}
	i.Class, i.Target = f.Class, f.Target
	if f.Target != "" {
		up.put(attrTarget, text(f.Target))
	}
	if f.why.Text != "" {
		up.put(attrReason, text(f.why.Text))
		i.Reason = f.why.Text
	}
	return i, s.changeIncident(ctx, i.ID, up)
}

// extend adds to an incident, as it was read, what a failure of it says that it does
// not know yet: a better known cause, a reason, losses. It returns the incident with
// all of these.
func (s *Store) extend(ctx context.Context, it item, f Failure) (incident.Incident, error) {
	i := decodeIncident(it)
	for attempt := range mergeAttempts {
		extended, err := s.extendOnce(ctx, it, f)
		if !errors.Is(err, errRaced) {
			return extended, err
		}
		if err := pause(ctx, attempt); err != nil {
			return i, err
		}
		if it, err = s.readIncident(ctx, i.ID); err != nil {
			return i, err
		}
	}
	return i, apperr.New(apperr.Conflict, "incident "+i.ID,
		fmt.Sprintf("was changed by others %d times in a row", mergeAttempts), "try again")
}

func (s *Store) extendOnce(ctx context.Context, it item, f Failure) (incident.Incident, error) {
	_, keepsReasons := it[attrReasons]
	i, err := s.addReason(ctx, decodeIncident(it), f.why, keepsReasons)
	if err == nil {
		i, err = s.addLosses(ctx, i, boundedLosses(f.Losses))
	}
	if err == nil && i.Cause().Learns(f.cause()) {
		i, err = s.learn(ctx, i, f)
	}
	return i, err
}

// addReason adds a reason that the incident does not have, as long as there is room.
func (s *Store) addReason(ctx context.Context, i incident.Incident, r incident.Reason, keepsReasons bool) (
	incident.Incident, error,
) {
	known := slices.ContainsFunc(i.Reasons, func(k incident.Reason) bool { return k.ID == r.ID })
	room := i.Room(r)
	if known || len(i.Reasons) >= room {
		return i, nil
	}
	i.Reasons = append(slices.Clone(i.Reasons), r)
	slices.SortFunc(i.Reasons, func(a, b incident.Reason) int { return strings.Compare(a.ID, b.ID) })
	up := newUpdate()
	if keepsReasons {
		up.absent(attrReasons + "." + r.ID)
		up.require("size(" + attrReasons + ") < " + up.value(number(room)))
		up.put(attrReasons+"."+r.ID, reasonItem(r))
	} else { // the item of a version that kept the first only
		up.absent(attrReasons)
		up.put(attrReasons, reasonItems(i.Reasons))
	}
	return i, s.changeIncident(ctx, i.ID, up)
}

// addLosses adds losses that the incident does not have, as far as there is room:
// for those that are known here there always is.
func (s *Store) addLosses(ctx context.Context, i incident.Incident, losses []incident.Loss) (incident.Incident, error) {
	union := incident.UnionOfLosses(i.Losses, losses)
	if slices.Equal(union, i.Losses) {
		return i, nil
	}
	up := newUpdate()
	if len(union) == 0 {
		i.Losses = nil
		up.add(attrMore, up.value(set([]string{anyLoss})))
		return i, s.changeIncident(ctx, i.ID, up)
	}
	others := countOthers(i.Losses)
	var added []incident.Loss
	for _, loss := range losses {
		switch {
		case slices.Contains(i.Losses, loss):
		case loss.Known():
			added = append(added, loss)
		case others < maxLosses:
			others++
			added = append(added, loss)
		}
	}
	if len(added) == 0 {
		return i, nil
	}
	if countOthers(added) > 0 { // others may be added at the same moment
		most := up.value(number(2 * maxLosses))
		up.require("(attribute_not_exists(" + attrMore + ") OR size(" + attrMore + ") < " + most + ")")
	}
	names := make([]string, len(added))
	for n, loss := range added {
		names[n] = string(loss)
	}
	i.Losses = incident.UnionOfLosses(i.Losses, added)
	up.add(attrMore, up.value(set(names)))
	return i, s.changeIncident(ctx, i.ID, up)
}

// countOthers counts the losses that are not known here.
func countOthers(losses []incident.Loss) (n int) {
	for _, loss := range losses {
		if !loss.Known() {
			n++
		}
	}
	return n
}
