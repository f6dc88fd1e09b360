package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// All incidents of a group are in one partition, by number, so that the condition on the
// next number lets only one be opened at a time. Their occurrences are spread over shards
// of each incident: a storm writes those, and nothing else that is shared.

// incidentMargin is for how long an incident is kept beyond its last change. Its
// calls and notifications bear its id, which the next one of the group must not
// get before DynamoDB has deleted them: that takes days after they expire.
const incidentMargin = 14 * 24 * time.Hour

// newestIncidents is how many of a group's incidents are read at once: the one
// that a failure joins is among the newest.
const newestIncidents = 8

// manyIncidents is after how many one is joined that does not fit exactly, though
// an older one might.
const manyIncidents = 4 * newestIncidents

// incidentKey gives the key of an incident; ok is false for a text that is no
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

// Failure is one that joins an incident.
type Failure struct {
	Group incident.Group
	// Class and Target are those of its cause.
	Class  incident.Class
	Target string
	Reason string
	// Losses is what it costs; empty where that may be anything.
	Losses []incident.Loss
	// Occurrence is the call; its Seen and Reasons are not looked at.
	Occurrence incident.Occurrence
	// Began is when what the event says began, which may be before the event;
	// zero where that is not known.
	Began time.Time

	why incident.Reason // what Reason and the cause are, once the failure joins
}

func (f Failure) cause() incident.Cause { return incident.Cause{Class: f.Class, Target: f.Target} }

// Join records a failure in the incident that it belongs to, and opens or reopens
// one where there is none. It returns the incident as it is afterwards. The same
// failure any number of times, at once or after a crash, counts once. It costs one
// query, two writes and a read while the incident is open and knows the failure's
// reason, losses and cause; each of these that it does not know costs a write more.
func (s *Store) Join(ctx context.Context, f Failure, t incident.Timing) (incident.Incident, error) {
	f = fitting(f)
	f.Occurrence.Seen, f.why = s.now(), incident.ReasonOf(f.cause(), f.Reason)
	for attempt := range mergeAttempts {
		i, err := s.join(ctx, f, t)
		if err == nil || !errors.Is(err, errRaced) {
			return i, err
		}
		if err := pause(ctx, attempt); err != nil {
			return i, err
		}
	}
	return incident.Incident{}, apperr.New(apperr.Conflict, "table "+s.table,
		fmt.Sprintf("the incidents of %s were changed by others %d times in a row", f.Group.ID(), mergeAttempts), "try again")
}

// errRaced is a lost race: what was read is no longer so.
var errRaced = errors.New("another writer was faster")

func (s *Store) join(ctx context.Context, f Failure, t incident.Timing) (incident.Incident, error) {
	known, err := s.incidentsOf(ctx, f.Group, func(known []incident.Incident) bool {
		chosen, verdict := incident.Choose(known, f.cause(), s.now(), t)
		return verdict == incident.Joins && (len(known) >= manyIncidents || chosen.Cause() == f.cause())
	})
	if err != nil {
		return incident.Incident{}, err
	}
	chosen, verdict := incident.Choose(known, f.cause(), s.now(), t)
	learns := verdict != incident.Opens && chosen.Cause().Learns(f.cause())
	if verdict == incident.Joins && !learns {
		if took, err := s.take(ctx, f, chosen.ID, binding{}); err != nil {
			return incident.Incident{}, err
		} else if took {
			return s.occur(ctx, chosen.ID, f, f.Occurrence, t)
		}
	}
	// Before anything is opened or learned: the failure may have joined another.
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
	switch {
	case verdict == incident.Opens:
		chosen, err = s.open(ctx, f, known)
	case learns:
		// Before the failure is bound: if another has taught the incident another
		// cause, this failure belongs elsewhere.
		_, err = s.learn(ctx, chosen, f)
	}
	if err != nil {
		return incident.Incident{}, err
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
	q := query{pk: incidentPK + g.ID(), prefix: incidentSK, newestFirst: true, limit: newestIncidents}
	var known []incident.Incident
	for {
		items, next, err := s.page(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			known = append(known, decodeIncident(it))
		}
		if len(next) == 0 || enough(known) {
			return known, nil
		}
		q.after = next
	}
}

// open makes the next incident of the group, on condition that nobody else did.
func (s *Store) open(ctx context.Context, f Failure, known []incident.Incident) (incident.Incident, error) {
	next := 1
	if len(known) > 0 {
		_, last, _ := cutLast(known[0].ID, ".")
		n, err := strconv.Atoi(last)
		if err != nil {
			return incident.Incident{}, apperr.Wrap(err, apperr.Internal, "incident "+known[0].ID, "has no number", "")
		}
		next = n + 1
	}
	i := incident.Incident{
		ID: f.Group.ID() + "." + strconv.Itoa(next), Group: f.Group, Class: f.Class, Target: f.Target,
		Reason: f.why.Text, Reasons: []incident.Reason{f.why}, Losses: boundedLosses(f.Losses),
		OpenedAt: f.Occurrence.At, Seen: f.Occurrence.Seen, ActiveAt: f.Occurrence.At,
	}
	it := incidentItem(i)
	s.expire(it, s.now().Add(incidentMargin))
	done, err := s.putIfAbsent(ctx, it, "cannot store the incident")
	if err == nil && !done {
		err = errRaced
	}
	return i, err
}
