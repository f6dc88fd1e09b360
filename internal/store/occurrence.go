package store

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
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
	it, err := s.get(ctx, pipelineKey(f.Occurrence.PipelineID), joinedSK+f.Group.Element)
	if err != nil || len(it) == 0 {
		return binding{}, err
	}
	o := f.Occurrence
	o.At, o.Seen = timeIn(it, "a"), timeIn(it, attrSeen)
	return binding{textIn(it, "in"), o}, nil
}

// take binds the failure's pipeline to an incident, on condition that it still
// is bound as it was.
func (s *Store) take(ctx context.Context, f Failure, id string, was binding) (took bool, err error) {
	it := key(pipelineKey(f.Occurrence.PipelineID), joinedSK+f.Group.Element)
	it["in"], it["a"], it[attrSeen] = text(id), text(timeText(f.Occurrence.At)), text(timeText(f.Occurrence.Seen))
	s.expire(it, f.Occurrence.Seen)
	put := &dynamodb.PutItemInput{TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(" + attrPK + ")")}
	if was.incident != "" {
		put.ConditionExpression = aws.String("#in = :in AND " + attrSeen + " = :seen")
		put.ExpressionAttributeNames = map[string]string{"#in": "in"}
		put.ExpressionAttributeValues = item{":in": text(was.incident), ":seen": text(timeText(was.occurrence.Seen))}
	}
	_, err = s.db.PutItem(ctx, put)
	if isConditionFailure(err) {
		return false, nil
	}
	if err != nil {
		return false, s.failure(err, "cannot take which incident the pipeline belongs to")
	}
	return true, nil
}

// occur writes the occurrence, and gives the incident as it is then: with the
// class that the failure tells, and open if its end did not know the failure.
func (s *Store) occur(ctx context.Context, id string, f Failure, o incident.Occurrence, t incident.Timing) (incident.Incident, error) {
	it := key(occurrencePK+id+"#"+shardOf(o.PipelineID), timeText(o.Seen)+"#"+o.PipelineID)
	it["a"] = text(timeText(o.At))
	if o.CallID != "" {
		it["ci"] = text(o.CallID)
	}
	s.expire(it, o.Seen)
	if _, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: it}); err != nil {
		return incident.Incident{}, s.failure(err, "cannot take the occurrence")
	}
	i, err := s.Incident(ctx, id)
	if err != nil {
		return i, err
	}
	if i.Class == incident.Unknown && f.Class != incident.Unknown {
		up := newUpdate()
		up.require(attrClass + " = " + up.value(text(string(incident.Unknown))))
		up.set(attrClass, up.value(text(string(f.Class))))
		if f.Reason != "" {
			up.set(attrReason, up.value(text(f.Reason)))
		}
		switch err := s.changeIncident(ctx, id, up); {
		case errors.Is(err, errRaced):
		case err != nil:
			return i, err
		default:
			i.Class, i.Reason = f.Class, f.Reason
		}
	}
	if incident.Overlooked(i, o, t) {
		if err := s.reopen(ctx, i); err != nil {
			return i, err
		}
		return s.Incident(ctx, id)
	}
	return i, nil
}

// anonymous returns an occurrence that says only when a call failed and when that
// was handled. Of its pipeline it has no id, so that Tally counts it as a call of
// its own.
func anonymous(it item) item {
	seen, _, _ := strings.Cut(textIn(it, attrSK), "#")
	left := key(textIn(it, attrPK), seen+"#")
	for _, name := range []string{"a", attrExpiry} {
		if value := it[name]; value != nil {
			left[name] = value
		}
	}
	return left
}
