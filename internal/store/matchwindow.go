package store

import (
	"context"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// toldSK begins the sort key of what people were told of a rule's matches on a
// call; it lies in the partition of the matches.
const toldSK = "R#"

// attrHeld counts how often a match was held back, one that came once more
// included. It only tells that something was: how many, the matches tell.
const attrHeld = "hb"

// toldByState is the letter of the by-state index while a window is open.
const toldByState = "R"

// RuleOnCall is a rule and the call that it matches on: both, because people
// hear of it once a window.
type RuleOnCall struct {
	// Call is where the matches are kept, and what was told of them.
	Call Partition
	Rule string
}

// RuleOnCallOf gives the rule and the call of a match; ok is false when the
// match names no call, and is kept by itself.
func RuleOnCallOf(ev *chime.Event) (r RuleOnCall, ok bool) {
	return RuleOnCall{Partition(matchPartition(ev)), ev.RulesMatched.RuleName}, len(callPartitions(ev.RulesMatched.CallFields)) > 0
}

// Name tells the call and the rule in an id.
func (r RuleOnCall) Name() string {
	_, call, _ := strings.Cut(string(r.Call), "#")
	return chime.ShortID(call, maxCallInName) + "/" + r.Rule
}

// Told is what people were told of a rule on a call.
type Told struct {
	RuleOnCall
	// Notifications counts the messages, Matches the matches that they told of.
	Notifications, Matches int
	// At is when the last message was sent, zero while there was none.
	At time.Time
	// Open tells that whoever ends the window will look for what is held back.
	Open bool

	held int
}

func (r RuleOnCall) key() item { return key(string(r.Call), toldSK+r.Rule) }

// ToldOf reads, with a consistent read, what people were told.
func (s *Store) ToldOf(ctx context.Context, r RuleOnCall) (Told, error) {
	k := r.key()
	it, err := s.get(ctx, textIn(k, attrPK), textIn(k, attrSK))
	return Told{r, numberIn(it, attrOpenings), numberIn(it, attrToldCalls), timeIn(it, attrToldAt), it[attrState] != nil, numberIn(it, attrHeld)}, err
}

// MarkMatchesTold records a message, unless another has recorded it meanwhile.
// From then on EndedWindows gives the rule on the call, until EndWindow.
func (s *Store) MarkMatchesTold(ctx context.Context, was, is Told) error {
	up := newUpdate()
	up.unchanged(attrOpenings, numberOrNothing(attrOpenings, was.Notifications))
	up.set(attrOpenings, up.value(number(is.Notifications)))
	up.set(attrToldCalls, up.value(number(is.Matches)))
	up.set(attrToldAt, up.value(text(timeText(is.At))))
	up.set(attrState, up.value(text(toldByState+shardOf(is.Name()))))
	up.set(attrFirst, up.value(text(timeText(is.At))))
	s.expireBy(up, is.At)
	_, err := s.db.UpdateItem(ctx, up.input(s.table, is.key()))
	if err != nil && !isConditionFailure(err) {
		return s.failure(err, "cannot take what was told of rule "+is.Rule)
	}
	return nil
}

// HoldBack records that a match, which is in the table, is held back; false when
// the window has ended since t was read, or another message was sent.
func (s *Store) HoldBack(ctx context.Context, t Told) (held bool, err error) {
	up := newUpdate()
	up.require("attribute_exists(" + attrState + ")")
	up.require(attrOpenings + " = " + up.value(number(t.Notifications)))
	up.set(attrHeld, "if_not_exists("+attrHeld+", "+up.value(number(0))+") + "+up.value(number(1)))
	_, err = s.db.UpdateItem(ctx, up.input(s.table, t.key()))
	if err != nil && !isConditionFailure(err) {
		return false, s.failure(err, "cannot take that a match of rule "+t.Rule+" is held back")
	}
	return err == nil, nil
}

// EndWindow records that a window is over in which nothing was held back, unless
// something was since t was read, or another message was sent.
func (s *Store) EndWindow(ctx context.Context, t Told) error {
	up := newUpdate()
	up.require(attrOpenings + " = " + up.value(number(t.Notifications)))
	up.unchanged(attrHeld, numberOrNothing(attrHeld, t.held))
	up.remove(attrState)
	up.remove(attrHeld)
	_, err := s.db.UpdateItem(ctx, up.input(s.table, t.key()))
	if err != nil && !isConditionFailure(err) {
		return s.failure(err, "cannot take that the window of rule "+t.Rule+" is over")
	}
	return nil
}

// EndedWindows gives the rules on calls of which people were told before a time,
// and not since.
func (s *Store) EndedWindows(ctx context.Context, before time.Time) ([]Told, error) {
	var ended []Told
	var positions [shards]position
	sp := span{index: indexByState, attr: attrState, letter: toldByState, to: before}
	for !allRead(positions) {
		keys, err := s.nextKeys(ctx, sp, &positions, 100)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			told, err := s.ToldOf(ctx, RuleOnCall{Partition(textIn(k, attrPK)), strings.TrimPrefix(textIn(k, attrSK), toldSK)})
			if err != nil {
				return nil, err
			}
			if !told.At.After(before) { // the index is a moment behind
				ended = append(ended, told)
			}
		}
	}
	return ended, nil
}

// MatchesOf reads, with consistent reads, the matches of a rule on a call, oldest first.
func (s *Store) MatchesOf(ctx context.Context, r RuleOnCall) ([]Match, error) {
	items, err := s.queryAll(ctx, string(r.Call), matchSK)
	if err != nil {
		return nil, err
	}
	var matches []Match
	for _, it := range items {
		if textIn(it, "rn") != r.Rule {
			continue
		}
		m, err := matchIn(it)
		if err != nil {
			return nil, err
		}
		matches = append(matches, m)
	}
	return matches, nil
}

// MatchNotifications gives what was told of the rules that matched on a call.
func (s *Store) MatchNotifications(ctx context.Context, c chime.CallFields) ([]Notification, error) {
	var list []Notification
	for _, pk := range callPartitions(c) {
		items, err := s.queryAll(ctx, pk, noticeSK)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			list = append(list, notificationIn(it))
		}
	}
	return list, nil
}

// MatchQuery says which rule matches ListMatches gives.
type MatchQuery struct {
	// From and To bound when they matched, both included; zero means no bound.
	From, To time.Time
	// Limit is the most that a page holds; zero means 50.
	Limit int
	// Cursor is the next of the page before; empty for the first page.
	Cursor string
}

// ListMatches gives a page of rule matches, newest first, and the cursor of the
// page that follows, empty on the last one.
func (s *Store) ListMatches(ctx context.Context, q MatchQuery) (page []Match, next string, err error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	positions, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	sp := span{index: indexByTime, attr: attrTime, letter: "A", from: q.From, to: q.To}
	for len(page) < q.Limit && !allRead(positions) {
		keys, err := s.nextKeys(ctx, sp, &positions, q.Limit-len(page))
		if err != nil {
			return nil, "", err
		}
		for _, k := range keys {
			it, err := s.get(ctx, textIn(k, attrPK), textIn(k, attrSK))
			if err != nil {
				return nil, "", err
			}
			if len(it) == 0 {
				continue
			}
			m, err := matchIn(it)
			if err != nil {
				return nil, "", err
			}
			page = append(page, m)
		}
	}
	if !allRead(positions) {
		next = writeCursor(positions)
	}
	return page, next, nil
}
