package dynamo

import (
	"context"
	"strings"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// binding says which incident a pipeline has joined, and with what; the zero
// binding is none.
type binding struct {
	incident   string
	occurrence incident.Occurrence
}

// joined tells which incident the failure's pipeline has joined for the same
// element. It may be one of another group: what the calls share is not known
// from every event.
func (s *Store) joined(ctx context.Context, f Failure) (binding, error) {
	it, err := s.get(ctx, key(pipelineKey(f.Occurrence.PipelineID), linkSK+f.Group.Element))
	if err != nil || len(it) == 0 {
		return binding{}, err
	}
	o := f.Occurrence
	o.At, o.Seen = timeIn(it, attrLinkAt), timeIn(it, attrLinkSeen)
	return binding{textIn(it, attrLinkIncident), o}, nil
}

// take binds the failure's pipeline to an incident, on condition that it still
// is bound as it was.
func (s *Store) take(ctx context.Context, f Failure, id string, was binding) (took bool, err error) {
	it := key(pipelineKey(f.Occurrence.PipelineID), linkSK+f.Group.Element)
	it[attrLinkIncident], it[attrLinkAt], it[attrLinkSeen] = text(id), moment(f.Occurrence.At), moment(f.Occurrence.Seen)
	s.expire(it, f.Occurrence.Seen)
	up := newUpdate()
	if was.incident == "" {
		up.absent(attrPK)
	} else {
		up.is(attrLinkIncident, text(was.incident))
		up.is(attrLinkSeen, moment(was.occurrence.Seen))
	}
	return s.putIf(ctx, it, up, "cannot record which incident the pipeline belongs to")
}

// occur writes the occurrence, and returns the incident as it is then: with all that
// the failure says, and open if its end did not know the failure. A call that fails
// for several reasons has them all, in whichever order its events come.
func (s *Store) occur(ctx context.Context, id string, f Failure, o incident.Occurrence, t incident.Timing) (
	incident.Incident, error,
) {
	up := newUpdate()
	up.put(attrOccurrenceAt, moment(o.At))
	if o.CallID != "" {
		up.put(attrOccurrenceCall, text(o.CallID))
	}
	up.add(attrOccurrenceReasons, up.value(set([]string{f.why.ID})))
	s.expireBy(up, o.Seen)
	k := key(occurrencePK+id+"#"+shardOf(o.PipelineID), timeText(o.Seen)+"#"+o.PipelineID)
	if _, err := s.updateIf(ctx, k, up, "cannot store the occurrence"); err != nil {
		return incident.Incident{}, err
	}
	it, err := s.readIncident(ctx, id)
	if err != nil {
		return incident.Incident{}, err
	}
	i, err := s.extend(ctx, it, f)
	if err != nil {
		return i, err
	}
	if incident.Overlooked(i, o, t) {
		if err := s.reopen(ctx, i, o.At); err != nil {
			return i, err
		}
		return s.Incident(ctx, id)
	}
	return i, nil
}

// anonymous returns an occurrence that says only when a call failed, when that was
// handled, and the ids of the incident's reasons that it gave. Of its pipeline it has
// no id, so that Tally counts it as a call of its own.
func anonymous(it item) item {
	seen, _, _ := strings.Cut(textIn(it, attrSK), "#")
	left := key(textIn(it, attrPK), seen+"#")
	for _, name := range []string{attrOccurrenceAt, attrOccurrenceReasons, attrExpiry} {
		if value := it[name]; value != nil {
			left[name] = value
		}
	}
	return left
}
