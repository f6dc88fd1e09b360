package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// All incidents of a group are in one partition, by number, so that the condition on the
// next number lets only one be opened at a time. Their occurrences are spread over shards
// of each incident: a storm writes those, and nothing else that is shared.

// incidentMargin is how much longer than other items an incident is kept after its last change.
// Its calls and notifications have its id, which no other incident of the group may have before
// DynamoDB has deleted them, some days after they expire.
const incidentMargin = 14 * 24 * time.Hour

// incidentPage is how many of a group's incidents are read at once: the one that a
// failure joins is among the newest.
const incidentPage = 8

// incidentKey returns the key of an incident; ok is false for a text that is no
// incident's id.
func incidentKey(id string) (item, bool) {
	group, number, found := cutLast(id, ".")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 {
		return nil, false
	}
	return key(incidentPK+group, incidentSK+fmt.Sprintf("%08d", n)), true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// GroupIncidents implements incident.Repository.
func (s *Store) GroupIncidents(
	ctx context.Context, g incident.Group, enough func([]incident.Incident) bool,
) ([]incident.Incident, error) {
	q := query{pk: incidentPK + g.ID(), prefix: incidentSK, newestFirst: true, limit: incidentPage}
	var list []incident.Incident
	for items, err := range s.pages(ctx, q) {
		if err != nil {
			return nil, err
		}
		if list = append(list, readEach(items, decodeIncident)...); enough(list) {
			break
		}
	}
	return list, nil
}

// PutIncident implements incident.Repository.
func (s *Store) PutIncident(ctx context.Context, i incident.Incident) error {
	it := incidentItem(i)
	put(it, attrExpiry, s.expiry(s.now().Add(incidentMargin)))
	return s.putIfAbsent(ctx, it, "cannot store the incident")
}

// Membership implements incident.Repository.
func (s *Store) Membership(ctx context.Context, pipelineID, element string) (incident.Membership, error) {
	it, err := s.get(ctx, key(pipelineKey(pipelineID), membershipSK+element))
	if err != nil || len(it) == 0 {
		return incident.Membership{}, err
	}
	return incident.Membership{PipelineID: pipelineID, Element: element, IncidentID: textIn(it, attrMemberOf),
		At: timeIn(it, attrMemberAt), Seen: timeIn(it, attrMemberSeen)}, nil
}

// PutMembership implements incident.Repository.
func (s *Store) PutMembership(ctx context.Context, m, was incident.Membership) error {
	it := key(pipelineKey(m.PipelineID), membershipSK+m.Element)
	it[attrMemberOf], it[attrMemberAt], it[attrMemberSeen] = text(m.IncidentID), moment(m.At), moment(m.Seen)
	put(it, attrExpiry, s.expiry(m.Seen))
	up := &update{}
	if was.IncidentID == "" {
		up.absent(attrPK)
	} else {
		up.is(attrMemberOf, text(was.IncidentID))
		up.is(attrMemberSeen, moment(was.Seen))
	}
	return s.putIf(ctx, it, up, "cannot store which incident the pipeline belongs to")
}

// PutOccurrence implements incident.Repository. A call that fails for several reasons
// has them all, in whichever order its events come.
func (s *Store) PutOccurrence(ctx context.Context, incidentID string, o incident.Occurrence) error {
	up := &update{}
	up.put(attrOccurrenceAt, moment(o.At))
	up.put(attrOccurrenceCall, textOrNil(o.CallID))
	up.add(attrOccurrenceReasons, up.value(set(o.Reasons)))
	up.put(attrExpiry, s.expiry(o.Seen))
	k := key(occurrencePK+incidentID+"#"+shardOf(o.PipelineID), timeText(o.Seen)+"#"+o.PipelineID)
	return s.updateIf(ctx, k, up, "cannot store the occurrence")
}

// anonymous returns an occurrence that says only when a call failed, when that was
// handled, and the ids of its reasons. It has no pipeline's id, so that CountOccurrences counts it
// as a call of its own.
func anonymous(it item) item {
	seen, _, _ := strings.Cut(textIn(it, attrSK), "#")
	left := key(textIn(it, attrPK), seen+"#")
	for _, name := range []string{attrOccurrenceAt, attrOccurrenceReasons, attrExpiry} {
		put(left, name, it[name])
	}
	return left
}
