package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// The items of incidents. All incidents of a group are in one partition, by
// number, so that the condition on the next number lets only one be opened at a
// time. Their occurrences are spread over shards of each incident: a storm
// writes those, and nothing else that is shared.
const (
	groupPK      = "K#" // group id; sort key incidentSK and the number
	incidentSK   = "I#"
	occurrencePK = "O#" // incident id, #, shard; sort key the time it was handled, #, pipeline id
	joinedSK     = "F#" // under a pipeline: element; which incident it joined
)

// The attributes of an incident.
const (
	attrScope     = "sc"
	attrElement   = "et"
	attrClass     = "cl"
	attrTarget    = "tg"
	attrReason    = "rn"
	attrReasons   = "rs" // its reasons by id, see reasonItem; of an occurrence, the ids
	attrLosses    = "lo" // losses of the first failure, separated by |
	attrMore      = "ls" // losses of the others, a set; anyLoss where they may be any
	attrOpened    = "oa" // absent in what was opened by a version that had it in c
	attrSeen      = "se" // of a pipeline's joining, too
	attrClosed    = "z"
	attrReopened  = "rp"
	attrToldAt    = "ta"
	attrToldCalls = "tc"
	attrToldLast  = "tl"
	attrOpenings  = "n0"
	attrSummaries = "n1"
	attrClosings  = "n2"
	attrNews      = "n3"
	attrToldGrave = "tv"
	attrToldWhy   = "tr" // ids of reasons, a set

	attrMemberOf = "in" // of a membership: the incident's id
	attrHappened = "a"  // of an occurrence and a membership: when the call failed
	attrCallID   = "ci" // of an occurrence
)

// incidentMargin is for how long an incident is kept beyond its last change. Its
// calls and notifications bear its id, which the next one of the group must not
// get before DynamoDB has deleted them: that takes days after they expire.
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
	return key(groupPK+group, incidentSK+fmt.Sprintf("%08d", n)), true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func number(n int) types.AttributeValue { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

func numberIn(it item, name string) int {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(v.Value)
	if err != nil {
		return 0
	}
	return n
}

// GroupIncidents implements incident.Repository.
func (s *Store) GroupIncidents(ctx context.Context, g incident.Group, enough func([]incident.Incident) bool) ([]incident.Incident, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(incidentPage),
		KeyConditionExpression:    aws.String(attrPK + " = :p AND begins_with(" + attrSK + ", :s)"),
		ExpressionAttributeValues: item{":p": text(groupPK + g.ID()), ":s": text(incidentSK)},
	}
	var list []incident.Incident
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, s.failure(err, "cannot be queried for incidents")
		}
		for _, it := range out.Items {
			list = append(list, decodeIncident(it))
		}
		if len(out.LastEvaluatedKey) == 0 || enough(list) {
			return list, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// PutIncident implements incident.Repository.
func (s *Store) PutIncident(ctx context.Context, i incident.Incident) error {
	it := incidentItem(i)
	s.expire(it, s.now().Add(incidentMargin))
	return s.putIfAbsent(ctx, it, "cannot store the incident")
}

// putIfAbsent puts an item, on condition that there is none with its key: else the
// error is retry.ErrChanged. what says what failed in any other error.
func (s *Store) putIfAbsent(ctx context.Context, it item, what string) error {
	return s.put(ctx, &dynamodb.PutItemInput{
		Item: it, ConditionExpression: aws.String("attribute_not_exists(" + attrPK + ")"),
	}, what)
}

func (s *Store) put(ctx context.Context, in *dynamodb.PutItemInput, what string) error {
	in.TableName = &s.table
	_, err := s.db.PutItem(ctx, in)
	return s.conditional(err, what)
}

// updateIf updates an item on the conditions of the update: where one does not hold,
// the error is retry.ErrChanged.
func (s *Store) updateIf(ctx context.Context, key item, up *update, what string) error {
	_, err := s.db.UpdateItem(ctx, up.input(s.table, key))
	return s.conditional(err, what)
}

// conditional returns the error of a conditional write.
func (s *Store) conditional(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case isConditionFailure(err):
		return retry.ErrChanged
	}
	return s.failure(err, what)
}

// Membership implements incident.Repository.
func (s *Store) Membership(ctx context.Context, pipelineID, element string) (incident.Membership, error) {
	it, err := s.get(ctx, pipelineKey(pipelineID), joinedSK+element)
	if err != nil || len(it) == 0 {
		return incident.Membership{}, err
	}
	return incident.Membership{PipelineID: pipelineID, Element: element, IncidentID: textIn(it, attrMemberOf),
		At: timeIn(it, attrHappened), Seen: timeIn(it, attrSeen)}, nil
}

// PutMembership implements incident.Repository.
func (s *Store) PutMembership(ctx context.Context, m, was incident.Membership) error {
	it := key(pipelineKey(m.PipelineID), joinedSK+m.Element)
	it[attrMemberOf], it[attrHappened], it[attrSeen] = text(m.IncidentID), text(timeText(m.At)), text(timeText(m.Seen))
	s.expire(it, m.Seen)
	const what = "cannot store which incident the pipeline belongs to"
	if was.IncidentID == "" {
		return s.putIfAbsent(ctx, it, what)
	}
	return s.put(ctx, &dynamodb.PutItemInput{
		Item: it, ConditionExpression: aws.String("#in = :in AND " + attrSeen + " = :seen"),
		ExpressionAttributeNames:  map[string]string{"#in": attrMemberOf},
		ExpressionAttributeValues: item{":in": text(was.IncidentID), ":seen": text(timeText(was.Seen))},
	}, what)
}

// PutOccurrence implements incident.Repository. A call that fails for several reasons
// has them all, in whichever order its events come.
func (s *Store) PutOccurrence(ctx context.Context, incidentID string, o incident.Occurrence) error {
	up := newUpdate()
	up.set(attrHappened, up.value(text(timeText(o.At))))
	if o.CallID != "" {
		up.set(attrCallID, up.value(text(o.CallID)))
	}
	up.add(attrReasons, up.value(&types.AttributeValueMemberSS{Value: o.Reasons}))
	s.expireBy(up, o.Seen)
	k := key(occurrencePK+incidentID+"#"+shardOf(o.PipelineID), timeText(o.Seen)+"#"+o.PipelineID)
	return s.updateIf(ctx, k, up, "cannot store the occurrence")
}

// anonymous returns an occurrence that says only when a call failed, when that was
// handled, and the ids of its reasons. It has no pipeline's id, so that CountOccurrences counts it
// as a call of its own.
func anonymous(it item) item {
	seen, _, _ := strings.Cut(textIn(it, attrSK), "#")
	left := key(textIn(it, attrPK), seen+"#")
	for _, name := range []string{attrHappened, attrReasons, attrExpiry} {
		if value := it[name]; value != nil {
			left[name] = value
		}
	}
	return left
}
