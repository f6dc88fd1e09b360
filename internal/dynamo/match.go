package dynamo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// Match is one stored rule match.
type Match struct {
	Time          time.Time
	ID            string
	RuleName      string
	Type          string
	CallID        string
	TransactionID string
	// Body is the event's bytes, unchanged.
	Body []byte
}

// matchKey is the sort key of a match: matches of a partition lie in the order of time.
func matchKey(ev *chime.Event) string { return matchSK + timeText(ev.Time) + "#" + ev.ID }

// RecordMatch stores a rule match; it is idempotent. ruleType is the inferred type
// of the rule. A match that names no call is counted in its group as well.
func (s *Store) RecordMatch(ctx context.Context, ev *chime.Event, ruleType string) error {
	rm := ev.RulesMatched
	if rm == nil {
		return apperr.New(apperr.Invalid, "event "+ev.ID, "is no rule match but "+ev.DetailType,
			"route it to the function for its detail-type")
	}
	if len(rm.RuleName) > maxRuleName {
		return apperr.New(apperr.Invalid, "event "+ev.ID,
			// A number behind "bytes" counts as one of bytes, and is not masked as a phone number.
			fmt.Sprintf("names the rule \"%.40s…\" of %d bytes, and no key has room for more than %d",
				rm.RuleName, len(rm.RuleName), maxRuleName),
			"the service allows 64 characters; the event is kept whole in the dead-letter queue")
	}
	body, err := pack(ev.Raw)
	if err != nil {
		return err
	}
	it := key(string(PartitionOfMatches(rulematch.KeyOf(ev, false))), matchKey(ev))
	it[attrMatchID], it[attrMatchRule], it[attrMatchType] = text(ev.ID), text(rm.RuleName), text(ruleType)
	it[attrMatchBody] = body
	it[attrTime], it[attrFirst] = text(timeMatch+shardOf(ev.ID)), moment(ev.Time)
	put(it, attrMatchCall, textOrNil(rm.CallID))
	put(it, attrMatchTransaction, textOrNil(rm.TransactionID))
	put(it, attrExpiry, s.expiry(ev.Time))
	if err := retry.IgnoreChanged(s.putIfAbsent(ctx, it, "cannot store the rule match")); err != nil {
		return err
	}
	if k := rulematch.KeyOf(ev, true); k.Scope == rulematch.Group {
		return s.addToGroup(ctx, k, ev)
	}
	return nil
}

// CallOf implements rulematch.Repository.
func (s *Store) CallOf(ctx context.Context, c chime.CallFields) (pipeline.State, error) {
	for _, pk := range callPartitions(c) {
		ids, err := s.pointers(ctx, pk)
		if err != nil {
			return pipeline.State{}, err
		}
		var newest pipeline.State
		for _, id := range ids {
			st, err := s.Pipeline(ctx, id)
			switch {
			case apperr.ClassOf(err) == apperr.NotFound:
			case err != nil:
				return pipeline.State{}, err
			case newest.ID == "" || st.CreatedAt.After(newest.CreatedAt):
				newest = st
			}
		}
		if newest.ID != "" {
			return newest, nil
		}
	}
	return pipeline.State{}, apperr.New(apperr.NotFound, "table "+s.table, "knows no pipeline of that call yet", "")
}

// Matches returns the rule matches of a call, oldest first.
func (s *Store) Matches(ctx context.Context, st pipeline.State) ([]Match, error) {
	items, err := s.queryCall(ctx, st.CallFields, matchSK)
	if err != nil {
		return nil, err
	}
	matches, err := decodeEach(items, matchIn)
	slices.SortStableFunc(matches, func(a, b Match) int { return a.Time.Compare(b.Time) })
	return matches, err
}

func matchIn(it item) (Match, error) {
	body, err := unpack(it[attrMatchBody])
	return Match{
		Time: timeIn(it, attrFirst), ID: textIn(it, attrMatchID), RuleName: textIn(it, attrMatchRule),
		Type: textIn(it, attrMatchType), CallID: textIn(it, attrMatchCall), TransactionID: textIn(it, attrMatchTransaction),
		Body: body,
	}, err
}
