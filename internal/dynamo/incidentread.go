package dynamo

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func decodeIncident(it item) incident.Incident {
	group := strings.TrimPrefix(textIn(it, attrPK), incidentPK)
	n, err := strconv.Atoi(strings.TrimPrefix(textIn(it, attrSK), incidentSK))
	if err != nil {
		n = 0 // no key of ours; its id finds nothing
	}
	i := incident.Incident{
		ID:    group + "." + strconv.Itoa(n),
		Group: incident.Group{Scope: textIn(it, attrScope), Element: textIn(it, attrElement)},
		Class: incident.Class(textIn(it, attrClass)), Target: textIn(it, attrTarget), Reason: textIn(it, attrReason),
		OpenedAt: timeIn(it, attrOpened), ActiveAt: timeIn(it, attrFirst), Seen: timeIn(it, attrSeen),
		ClosedAt: timeIn(it, attrClosed), Reopened: numberIn(it, attrReopened),
	}
	if i.OpenedAt.IsZero() { // of a version that listed incidents by when they opened
		i.OpenedAt = i.ActiveAt
	}
	i.Reasons = decodeReasons(it, i)
	i.FirstReasonOnly = it[attrReasons] == nil
	var first []incident.Loss
	i.Losses, first = decodeLosses(it)
	i.Announced = decodeAnnounced(it, i, first)
	return i
}

// Incident returns an incident by its id, with a consistent read; an error of
// class NotFound when there is none.
func (s *Store) Incident(ctx context.Context, id string) (incident.Incident, error) {
	if k, ok := incidentKey(id); ok {
		if it, err := s.get(ctx, k); err != nil {
			return incident.Incident{}, err
		} else if len(it) > 0 {
			return decodeIncident(it), nil
		}
	}
	return incident.Incident{}, apperr.New(apperr.NotFound, "table "+s.table, "knows no incident "+id,
		"list them with: chimewatch incidents list")
}

// IncidentsOf returns the ids of the incidents that a pipeline has joined.
func (s *Store) IncidentsOf(ctx context.Context, pipelineID string) ([]string, error) {
	items, err := s.queryAll(ctx, pipelineKey(pipelineID), membershipSK)
	return readEach(items, func(it item) string { return textIn(it, attrMemberOf) }), err
}

// IncidentNotifications returns the notifications about an incident, oldest first, and last
// those that are being sent.
func (s *Store) IncidentNotifications(ctx context.Context, i incident.Incident) ([]notify.Notification, error) {
	items, err := s.queryAll(ctx, string(PartitionOfIncident(i.Group)), notificationSK)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(readEach(items, notificationIn), func(n notify.Notification) bool {
		return !strings.HasPrefix(n.ID, "incident/"+i.ID+"/")
	})
	slices.SortStableFunc(list, func(a, b notify.Notification) int {
		if a.SentAt.IsZero() != b.SentAt.IsZero() {
			return b.SentAt.Compare(a.SentAt)
		}
		return a.SentAt.Compare(b.SentAt)
	})
	return list, nil
}

// NewestOccurrence returns the newest times of an incident's failures, those that were handled
// last: when one was handled, and when one happened, which is never later. Both are
// zero when there is none yet. It costs a few reads, however many failures there are.
func (s *Store) NewestOccurrence(ctx context.Context, id string) (newest incident.Occurrence, err error) {
	for shard := range shards {
		items, _, err := s.page(ctx, query{pk: occurrencePK + id + "#" + strconv.Itoa(shard), newestFirst: true, limit: 1})
		if err != nil {
			return newest, err
		}
		for _, it := range items {
			o := occurrenceIn(it)
			newest.Seen = pipeline.Later(newest.Seen, o.Seen)
			if o.At.After(o.Seen) {
				o.At = o.Seen // its clock was wrong
			}
			newest.At = pipeline.Later(newest.At, o.At)
		}
	}
	return newest, nil
}

func occurrenceIn(it item) incident.Occurrence {
	seen, id, _ := strings.Cut(textIn(it, attrSK), "#")
	return incident.Occurrence{
		PipelineID: id, CallID: textIn(it, attrOccurrenceCall), At: timeIn(it, attrOccurrenceAt), Seen: readTime(seen),
		Reasons: setIn(it, attrOccurrenceReasons),
	}
}

// CountOccurrences implements incident.Repository.
func (s *Store) CountOccurrences(ctx context.Context, id string) (incident.OccurrenceCounts, error) {
	var all []incident.Occurrence
	for shard := range shards {
		items, err := s.queryAll(ctx, occurrencePK+id+"#"+strconv.Itoa(shard), "")
		if err != nil {
			return incident.OccurrenceCounts{}, err
		}
		all = append(all, readEach(items, occurrenceIn)...)
	}
	return incident.CountOccurrences(all), nil
}

// IncidentQuery says which incidents Incidents returns.
type IncidentQuery struct {
	// Due selects those that are open, or whose closing was not announced.
	Due bool
	// From and To bound ActiveAt, both included; zero means no bound.
	From, To time.Time
	// Limit is how many a page has at most; zero means 50.
	Limit int
	// Cursor is the next of the page before; empty for the first page.
	Cursor string
}

// Incidents returns a page of incidents, the latest ActiveAt first, and the cursor of
// the page that follows, empty on the last one.
func (s *Store) Incidents(ctx context.Context, q IncidentQuery) (page []incident.Incident, next string, err error) {
	sp := span{index: byTime, letter: timeIncident, from: q.From, to: q.To}
	if q.Due {
		sp.index, sp.letter = byState, stateIncident
	}
	return listPage(ctx, s, sp, q.Limit, q.Cursor, func(items []item) ([]incident.Incident, error) {
		return readEach(items, decodeIncident), nil
	})
}

// DueIncidents implements incident.Repository.
func (s *Store) DueIncidents(ctx context.Context, do func(incident.Incident) error) error {
	var errs []error
	for query := (IncidentQuery{Due: true}); ; {
		page, next, err := s.Incidents(ctx, query)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, i := range page {
			errs = append(errs, do(i))
		}
		if query.Cursor = next; next == "" {
			return errors.Join(errs...)
		}
	}
}
