package dynamo

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// anyLoss in a set of losses is a failure that may cost anything.
const anyLoss = "*"

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
	put(it, attrElement, textOrNil(i.Element))
	put(it, attrTarget, textOrNil(i.Target))
	put(it, attrReason, textOrNil(i.Reason))
	put(it, attrLosses, textOrNil(strings.Join(first, "|")))
	put(it, attrMoreLosses, set(more))
	return it
}

// reasonItems returns the reasons of an incident as its item has them: a map, by their ids.
func reasonItems(reasons []incident.Reason) types.AttributeValue {
	items := item{}
	for _, r := range reasons {
		items[r.ID] = reasonItem(r)
	}
	return &types.AttributeValueMemberM{Value: items}
}

// reasonItem returns a reason as the map has it.
func reasonItem(r incident.Reason) types.AttributeValue {
	it := item{attrReasonClass: text(string(r.Class))}
	put(it, attrReasonTarget, textOrNil(r.Target))
	put(it, attrReasonText, textOrNil(r.Text))
	return &types.AttributeValueMemberM{Value: it}
}

// decodeReasons returns the reasons in an incident's item, sorted by id. An item of a version that
// stored the first one only has that one.
func decodeReasons(it item, i incident.Incident) []incident.Reason {
	m, ok := it[attrReasons].(*types.AttributeValueMemberM)
	if !ok {
		return []incident.Reason{incident.ReasonOf(i.Cause(), i.Reason)}
	}
	var list []incident.Reason
	for id, value := range m.Value {
		if r, ok := value.(*types.AttributeValueMemberM); ok {
			class, target := incident.Class(textIn(r.Value, attrReasonClass)), textIn(r.Value, attrReasonTarget)
			cause := incident.Cause{Class: class, Target: target}
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
	for _, loss := range setIn(it, attrMoreLosses) {
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

// decodeAnnounced returns what notifications have said. A version that did not record
// severity and reasons sent those of the first failure.
func decodeAnnounced(it item, i incident.Incident, first []incident.Loss) incident.Announced {
	a := incident.Announced{
		At: timeIn(it, attrAnnouncedAt), Calls: numberIn(it, attrAnnouncedCalls), LastCalls: numberIn(it, attrAnnouncedLast),
		Openings: numberIn(it, attrOpenings), Additions: numberIn(it, attrAdditions), Summaries: numberIn(it, attrSummaries),
		Closings: numberIn(it, attrClosings), Severity: incident.Severity(textIn(it, attrAnnouncedSeverity)),
		Reasons: setIn(it, attrAnnouncedReasons),
	}
	if a.Openings == 0 {
		return a
	}
	if a.Severity == "" {
		a.Severity = i.Cause().Severity(first)
	}
	if a.Reasons == nil {
		a.Reasons = []string{incident.ReasonOf(i.Cause(), i.Reason).ID}
	}
	return a
}
