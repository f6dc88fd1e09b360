package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
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

// occur writes the occurrence, and returns the incident as it is then: with all that
// the failure says, and open if its end did not know the failure. A call that fails
// for several reasons has them all, in whichever order its events come.
func (s *Store) occur(ctx context.Context, id string, f Failure, o incident.Occurrence, t incident.Timing) (
	incident.Incident, error,
) {
	up := newUpdate()
	up.set("a", up.value(text(timeText(o.At))))
	if o.CallID != "" {
		up.set("ci", up.value(text(o.CallID)))
	}
	up.add(attrReasons, up.value(&types.AttributeValueMemberSS{Value: []string{f.why.ID}}))
	s.expireBy(up, o.Seen)
	k := key(occurrencePK+id+"#"+shardOf(o.PipelineID), timeText(o.Seen)+"#"+o.PipelineID)
	if _, err := s.db.UpdateItem(ctx, up.input(s.table, k)); err != nil {
		return incident.Incident{}, s.failure(err, "cannot store the occurrence")
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
	for _, name := range []string{"a", attrReasons, attrExpiry} {
		if value := it[name]; value != nil {
			left[name] = value
		}
	}
	return left
}
