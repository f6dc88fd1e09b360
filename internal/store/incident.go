package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/incident"
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
	attrReason    = "rn"
	attrLosses    = "lo" // losses, separated by |
	attrSeen      = "se" // of a pipeline's joining, too
	attrClosed    = "z"
	attrReopened  = "rp"
	attrToldAt    = "ta"
	attrToldCalls = "tc"
	attrToldLast  = "tl"
	attrOpenings  = "n0"
	attrSummaries = "n1"
	attrClosings  = "n2"
)

// incidentMargin is for how long an incident is kept beyond its last change. Its
// calls and notifications bear its id, which the next one of the group must not
// get before DynamoDB has deleted them: that takes days after they expire.
const incidentMargin = 14 * 24 * time.Hour

// newestIncidents is how many of a group's incidents are read at once: the one
// that a failure joins is among the newest.
const newestIncidents = 8

// incidentKey gives the key of an incident; ok is false for a text that is no
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

// Failure is one that joins an incident.
type Failure struct {
	Group  incident.Group
	Class  incident.Class
	Reason string
	Losses []incident.Loss
	// Occurrence is the call; its Seen is not looked at.
	Occurrence incident.Occurrence
	// Began is when what the event tells began, which may be before the event;
	// zero where that is not known.
	Began time.Time
}

// Join takes a failure into the incident that it belongs to, and opens or
// reopens one where there is none. It gives the incident as it is afterwards.
// The same failure any number of times, at once or after a crash, counts once.
// It costs one query, two writes and a read while the incident is open.
func (s *Store) Join(ctx context.Context, f Failure, t incident.Timing) (incident.Incident, error) {
	f = fitting(f)
	f.Occurrence.Seen = s.now()
	for attempt := range mergeAttempts {
		i, err := s.join(ctx, f, t)
		if err == nil || !errors.Is(err, errRaced) {
			return i, err
		}
		if err := pause(ctx, attempt); err != nil {
			return i, err
		}
	}
	return incident.Incident{}, fault.New(fault.Conflict, "table "+s.table,
		fmt.Sprintf("the incidents of %s were changed by others %d times in a row", f.Group.ID(), mergeAttempts), "try again")
}

// errRaced is a lost race: what was read is no longer so.
var errRaced = errors.New("another writer was faster")

func (s *Store) join(ctx context.Context, f Failure, t incident.Timing) (incident.Incident, error) {
	known, err := s.incidentsOf(ctx, f.Group, func(known []incident.Incident) bool {
		_, verdict := incident.Choose(known, f.Class, s.now(), t)
		return verdict == incident.Joins
	})
	if err != nil {
		return incident.Incident{}, err
	}
	chosen, verdict := incident.Choose(known, f.Class, s.now(), t)
	if verdict == incident.Joins {
		if took, err := s.take(ctx, f, chosen.ID, binding{}); err != nil {
			return incident.Incident{}, err
		} else if took {
			return s.occur(ctx, chosen.ID, f, f.Occurrence, t)
		}
	}
	// Before anything is opened: the failure may have joined one that is over.
	bound, err := s.joined(ctx, f)
	if err != nil {
		return incident.Incident{}, err
	}
	if bound.incident != "" {
		i, err := s.occur(ctx, bound.incident, f, bound.occurrence, t)
		if err != nil || !incident.Anew(i, f.Began) {
			return i, err
		}
	}
	if verdict == incident.Opens {
		if chosen, err = s.open(ctx, f, known); err != nil {
			return incident.Incident{}, err
		}
	}
	took, err := s.take(ctx, f, chosen.ID, bound)
	if err == nil && !took && verdict == incident.Opens {
		err = s.withdraw(ctx, f, chosen)
	}
	if err != nil {
		return incident.Incident{}, err
	}
	if !took {
		return incident.Incident{}, errRaced
	}
	return s.occur(ctx, chosen.ID, f, f.Occurrence, t) // reopens what is over
}

// incidentsOf reads a group's incidents, newest first, until enough of them.
func (s *Store) incidentsOf(ctx context.Context, g incident.Group, enough func([]incident.Incident) bool) ([]incident.Incident, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(newestIncidents),
		KeyConditionExpression:    aws.String(attrPK + " = :p AND begins_with(" + attrSK + ", :s)"),
		ExpressionAttributeValues: item{":p": text(groupPK + g.ID()), ":s": text(incidentSK)},
	}
	var known []incident.Incident
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, s.failure(err, "cannot be queried for incidents")
		}
		for _, it := range out.Items {
			known = append(known, decodeIncident(it))
		}
		if len(out.LastEvaluatedKey) == 0 || enough(known) {
			return known, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// open makes the next incident of the group, on condition that nobody else did.
func (s *Store) open(ctx context.Context, f Failure, known []incident.Incident) (incident.Incident, error) {
	next := 1
	if len(known) > 0 {
		_, last, _ := cutLast(known[0].ID, ".")
		n, err := strconv.Atoi(last)
		if err != nil {
			return incident.Incident{}, fault.Wrap(err, fault.Internal, "incident "+known[0].ID, "has no number", "")
		}
		next = n + 1
	}
	i := incident.Incident{
		ID: f.Group.ID() + "." + strconv.Itoa(next), Group: f.Group, Class: f.Class, Reason: f.Reason, Losses: f.Losses,
		OpenedAt: f.Occurrence.At, Seen: f.Occurrence.Seen,
	}
	it, _ := incidentKey(i.ID)
	it[attrTime], it[attrState], it[attrFirst] = text("I"+shardOf(i.ID)), text("I"+shardOf(i.ID)), text(timeText(i.OpenedAt))
	it[attrScope], it[attrClass], it[attrSeen] = text(i.Scope), text(string(i.Class)), text(timeText(i.Seen))
	losses := make([]string, len(i.Losses))
	for n, loss := range i.Losses {
		losses[n] = string(loss)
	}
	for name, value := range map[string]string{attrElement: i.Element, attrReason: i.Reason, attrLosses: strings.Join(losses, "|")} {
		if value != "" {
			it[name] = text(value)
		}
	}
	s.expire(it, s.now().Add(incidentMargin))
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(" + attrPK + ")")})
	if isConditionFailure(err) {
		return i, errRaced
	}
	if err != nil {
		return i, s.failure(err, "cannot take the incident")
	}
	return i, nil
}

// withdraw ends an incident that was opened for a failure which is in another
// one by now, unless people know of it: they need not hear of this one. A failure
// that has joined it meanwhile makes it go on, as Overlooked does for later ones.
func (s *Store) withdraw(ctx context.Context, f Failure, i incident.Incident) error {
	if bound, err := s.joined(ctx, f); err != nil || bound.incident == i.ID {
		return err // the answer that it took it got lost
	}
	i.ClosedAt = s.now()
	up := newUpdate()
	up.require("attribute_not_exists(" + attrOpenings + ")")
	up.require("attribute_not_exists(" + attrClosed + ")")
	up.set(attrClosed, up.value(text(timeText(i.ClosedAt))))
	up.set(attrClosings, up.value(number(1)))
	up.remove(attrState)
	if err := s.changeIncident(ctx, i.ID, up); err != nil {
		return err
	}
	if last, err := s.LastSeen(ctx, i.ID); err != nil || last.IsZero() {
		return err
	}
	return s.reopen(ctx, i)
}

// reopen makes a closed incident open again, on condition that it still is as
// it was read.
func (s *Store) reopen(ctx context.Context, i incident.Incident) error {
	up := newUpdate()
	up.require(attrClosed + " = " + up.value(text(timeText(i.ClosedAt))))
	up.set(attrReopened, up.value(number(i.Reopened+1)))
	up.set(attrState, up.value(text("I"+shardOf(i.ID))))
	up.remove(attrClosed)
	return s.changeIncident(ctx, i.ID, up)
}

// CloseIncident records that an incident was found to be over at a time. It is
// an error of class Conflict when it was not as i says any more.
func (s *Store) CloseIncident(ctx context.Context, i incident.Incident) (incident.Incident, error) {
	now := s.now()
	up := newUpdate()
	up.require("attribute_exists(" + attrPK + ")")
	up.require("attribute_not_exists(" + attrClosed + ")")
	up.unchanged(attrReopened, numberOrNothing(attrReopened, i.Reopened))
	up.set(attrClosed, up.value(text(timeText(now))))
	err := s.changeIncident(ctx, i.ID, up)
	if errors.Is(err, errRaced) {
		return i, fault.Wrap(err, fault.Conflict, "incident "+i.ID, "cannot be closed", "it is looked at again")
	}
	i.ClosedAt = now
	return i, err
}

// GoesOn takes an end back that people were not told of: a call failed while it
// was recorded. It does nothing when the incident is not as i says any more.
func (s *Store) GoesOn(ctx context.Context, i incident.Incident) error {
	up := newUpdate()
	up.require(attrClosed + " = " + up.value(text(timeText(i.ClosedAt))))
	up.unchanged(attrClosings, numberOrNothing(attrClosings, i.Told.Closings))
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
		{attrOpenings, i.Told.Openings, told.Openings}, {attrSummaries, i.Told.Summaries, told.Summaries}, {attrClosings, i.Told.Closings, told.Closings},
	} {
		up.unchanged(c.name, numberOrNothing(c.name, c.old))
		if c.new != c.old {
			up.set(c.name, up.value(number(c.new)))
		}
	}
	up.set(attrToldAt, up.value(text(timeText(told.At))))
	up.set(attrToldCalls, up.value(number(told.Calls)))
	up.set(attrToldLast, up.value(number(told.LastCalls)))
	if told.Closings > i.Reopened {
		up.remove(attrState) // it owes nothing any more
		up.require("attribute_exists(" + attrClosed + ")")
	}
	if err := s.changeIncident(ctx, i.ID, up); err != nil && !errors.Is(err, errRaced) {
		return err
	}
	return nil
}

// numberOrNothing is an item as if read, with a count that is absent while zero.
func numberOrNothing(name string, n int) item {
	if n == 0 {
		return item{}
	}
	return item{name: number(n)}
}

func (s *Store) changeIncident(ctx context.Context, id string, up *update) error {
	k, ok := incidentKey(id)
	if !ok {
		return fault.New(fault.Invalid, "incident "+id, "is no incident's id", "list them with: chimewatch incidents list")
	}
	s.expireBy(up, s.now().Add(incidentMargin))
	_, err := s.db.UpdateItem(ctx, up.input(s.table, k))
	if isConditionFailure(err) {
		return errRaced
	}
	if err != nil {
		return s.failure(err, "cannot take the change of incident "+id)
	}
	return nil
}
