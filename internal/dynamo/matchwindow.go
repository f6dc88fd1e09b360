package dynamo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// RuleOnCall is a rule and what its matches are notified together by: the call, or
// for matches that name none, the group of RuleOnGroupOf. There is one message a
// window for each.
type RuleOnCall struct {
	// Call is the partition of the call, or of the group.
	Call Partition
	Rule string
}

// RuleOnCallOf returns the rule and the call of a match; ok is false when the
// match names no call, and is stored by itself.
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
	// Open reports whether there is a window that somebody has to end.
	Open bool

	held int
	days days // of a group
}

// After returns what people were told once a notification about the matches of u was
// sent, which another process may have done, with the matches that it knew of.
func (t Told) After(sent Notification, u Untold) Told {
	t.Notifications, t.Matches, t.At = t.Notifications+1, sent.Calls, sent.SentAt
	if t.isGroup() {
		t.days = t.days.after(sent.Tally, u.tally)
	}
	return t
}

// Untold is what people were not told of a rule on a call.
type Untold struct {
	// Count is how many matches nobody was told of.
	Count int
	// Calls and Tally are what the notification that tells of them has to have.
	Calls int
	Tally string

	tally map[string]int // of a group: all matches, by day
	last  string         // of a group: the day of the newest match that nobody was told of
	body  []byte         // of a call: the newest match
}

// ToldBy reports whether a notification tells of all matches that u counted: another
// process may have sent it, and known fewer.
func (u Untold) ToldBy(sent Notification) bool {
	if u.tally == nil {
		return sent.Calls >= u.Calls
	}
	told := readTally(sent.Tally)
	for day, n := range u.tally {
		if told[day] < n {
			return false
		}
	}
	return true
}

// Untold counts, with consistent reads, the matches of a rule on a call that people
// were not told of. ev is the match at hand; nil at the end of a window.
func (s *Store) Untold(ctx context.Context, t Told, ev *chime.Event) (Untold, error) {
	if t.isGroup() {
		return s.untoldOfGroup(ctx, t, ev)
	}
	matches, err := s.MatchesOf(ctx, t.RuleOnCall)
	if err != nil || len(matches) <= t.Matches {
		return Untold{}, err
	}
	return Untold{Count: len(matches) - t.Matches, Calls: len(matches), body: matches[len(matches)-1].Body}, nil
}

// NewestOf returns the body of the newest match that is counted in u; nil when it is
// not in the table any more.
func (s *Store) NewestOf(ctx context.Context, t Told, u Untold) ([]byte, error) {
	if t.isGroup() {
		return s.newestOfGroup(ctx, t, u)
	}
	return u.body, nil
}

func (r RuleOnCall) key() item { return key(string(r.Call), windowSK+r.Rule) }

// ToldOf reads, with a consistent read, what people were told.
func (s *Store) ToldOf(ctx context.Context, r RuleOnCall) (Told, error) {
	it, err := s.get(ctx, r.key())
	return Told{r, numberIn(it, attrWindowSent), numberIn(it, attrWindowMatches), timeIn(it, attrWindowAt), it[attrState] != nil,
		numberIn(it, attrWindowHeld), daysIn(it)}, err
}

// MarkMatchesTold records a message, unless another has recorded it meanwhile.
// From then on EndedWindows gives the rule on the call, until EndWindow.
func (s *Store) MarkMatchesTold(ctx context.Context, was, is Told) error {
	up := newUpdate()
	up.isNumber(attrWindowSent, was.Notifications)
	up.put(attrWindowSent, number(is.Notifications))
	up.put(attrWindowMatches, number(is.Matches))
	up.put(attrWindowAt, moment(is.At))
	up.put(attrState, text(stateWindow+shardOf(is.Name())))
	up.put(attrFirst, moment(is.At))
	s.expireBy(up, is.days.lasting(is.At))
	is.days.mark(up, s.expiredBefore(is.At))
	done, err := s.updateIf(ctx, is.key(), up, "cannot record what was sent of rule "+is.Rule)
	if err != nil || !done {
		return err
	}
	return s.settleDays(ctx, was, is)
}

// HoldBack records that a match, which is in the table, is held back; false when
// the window has ended since t was read, or another message was sent.
func (s *Store) HoldBack(ctx context.Context, t Told, ev *chime.Event) (held bool, err error) {
	up := newUpdate()
	up.present(attrState)
	up.is(attrWindowSent, number(t.Notifications))
	counted := []string{attrWindowHeld}
	if t.isGroup() {
		counted = append(counted, attrWindowDayHeld+dayOf(ev))
	}
	for _, name := range counted {
		up.set(name, "if_not_exists("+name+", "+up.value(number(0))+") + "+up.value(number(1)))
	}
	return s.updateIf(ctx, t.key(), up, "cannot record that a match of rule "+t.Rule+" is held back")
}

// EndWindow records that a window is over in which nothing was held back, unless
// something was since t was read, or another message was sent.
func (s *Store) EndWindow(ctx context.Context, t Told) error {
	up := newUpdate()
	up.is(attrWindowSent, number(t.Notifications))
	up.isNumber(attrWindowHeld, t.held)
	up.remove(attrState)
	up.remove(attrWindowHeld)
	for _, name := range t.days.held() {
		up.remove(attrWindowDayHeld + name)
	}
	_, err := s.updateIf(ctx, t.key(), up, "cannot record that the window of rule "+t.Rule+" is over")
	return err
}

// EndedWindows returns the rules on calls of which people were told before a time,
// and not since. Where some cannot be read, it returns the others and the error.
func (s *Store) EndedWindows(ctx context.Context, before time.Time) ([]Told, error) {
	var ended []Told
	var errs []error
	var positions [shards]position
	sp := span{index: byState, letter: stateWindow, to: before}
	for !allRead(positions) {
		keys, err := s.nextKeys(ctx, sp, &positions, 100)
		if err != nil {
			return ended, errors.Join(append(errs, err)...)
		}
		for _, k := range keys {
			told, err := s.ToldOf(ctx, RuleOnCall{Partition(textIn(k, attrPK)), strings.TrimPrefix(textIn(k, attrSK), windowSK)})
			switch {
			case err != nil:
				errs = append(errs, err)
			case told.Open && !told.At.After(before): // the index is a moment behind
				ended = append(ended, told)
			}
		}
	}
	return ended, errors.Join(errs...)
}

// MatchesOf reads, with consistent reads, the matches of a rule on a call, oldest first.
func (s *Store) MatchesOf(ctx context.Context, r RuleOnCall) ([]Match, error) {
	items, err := s.queryAll(ctx, string(r.Call), matchSK)
	if err != nil {
		return nil, err
	}
	var matches []Match
	for _, it := range items {
		if textIn(it, attrMatchRule) != r.Rule {
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
	sp := span{index: byTime, letter: timeMatch, from: q.From, to: q.To}
	for len(page) < q.Limit && !allRead(positions) {
		keys, err := s.nextKeys(ctx, sp, &positions, q.Limit-len(page))
		if err != nil {
			return nil, "", err
		}
		for _, k := range keys {
			it, err := s.get(ctx, k)
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
