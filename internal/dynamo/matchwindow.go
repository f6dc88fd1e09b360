package dynamo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// KeyOf implements rulematch.Repository.
func (s *Store) KeyOf(ev *chime.Event, grouped bool) rulematch.Key {
	rule := ev.RulesMatched.RuleName
	if group, ok := groupOf(ev); ok && grouped {
		return rulematch.Key{Partition: group, Rule: rule, Group: true}
	}
	return rulematch.Key{Partition: matchPartition(ev), Rule: rule}
}

// Unsent implements rulematch.Repository.
func (s *Store) Unsent(ctx context.Context, w rulematch.Window, ev *chime.Event) (rulematch.Unsent, error) {
	if w.Group {
		return s.unsentOfGroup(ctx, w, ev)
	}
	matches, err := s.MatchesOf(ctx, w.Key)
	if err != nil || len(matches) <= w.Matches {
		return rulematch.Unsent{}, err
	}
	return rulematch.Unsent{Count: len(matches) - w.Matches, Calls: len(matches), Body: matches[len(matches)-1].Body}, nil
}

// NewestUnsent implements rulematch.Repository.
func (s *Store) NewestUnsent(ctx context.Context, w rulematch.Window, u rulematch.Unsent) ([]byte, error) {
	if w.Group {
		return s.newestOfGroup(ctx, w, u)
	}
	return u.Body, nil
}

func windowKey(k rulematch.Key) item { return key(k.Partition, windowSK+k.Rule) }

// Window implements rulematch.Repository.
func (s *Store) Window(ctx context.Context, k rulematch.Key) (rulematch.Window, error) {
	it, err := s.get(ctx, windowKey(k))
	return rulematch.Window{Key: k, Notifications: numberIn(it, attrWindowSent), Matches: numberIn(it, attrWindowMatches),
		SentAt: timeIn(it, attrWindowAt), Open: it[attrState] != nil, Held: numberIn(it, attrWindowHeld), Days: daysIn(it)}, err
}

// SetSent implements rulematch.Repository.
func (s *Store) SetSent(ctx context.Context, was, is rulematch.Window) error {
	up := newUpdate()
	up.isNumber(attrWindowSent, was.Notifications)
	up.put(attrWindowSent, number(is.Notifications))
	up.put(attrWindowMatches, number(is.Matches))
	up.put(attrWindowAt, moment(is.SentAt))
	up.put(attrState, text(stateWindow+shardOf(is.Name())))
	up.put(attrFirst, moment(is.SentAt))
	s.expireBy(up, daysEnd(is.Days, is.SentAt))
	setDays(up, is.Days, s.expiredBefore(is.SentAt))
	err := s.updateIf(ctx, windowKey(is.Key), up, "cannot record what was sent of rule "+is.Rule)
	if err != nil {
		return unlessChanged(err)
	}
	return s.removeHeldDays(ctx, was, is)
}

// HoldBack implements rulematch.Repository.
func (s *Store) HoldBack(ctx context.Context, w rulematch.Window, ev *chime.Event) (held bool, err error) {
	up := newUpdate()
	up.present(attrState)
	up.is(attrWindowSent, number(w.Notifications))
	counted := []string{attrWindowHeld}
	if w.Group {
		counted = append(counted, attrWindowDayHeld+dayOf(ev))
	}
	for _, name := range counted {
		up.set(name, "if_not_exists("+name+", "+up.value(number(0))+") + "+up.value(number(1)))
	}
	err = s.updateIf(ctx, windowKey(w.Key), up, "cannot record that a match of rule "+w.Rule+" is held back")
	return err == nil, unlessChanged(err)
}

// EndWindow implements rulematch.Repository.
func (s *Store) EndWindow(ctx context.Context, w rulematch.Window) error {
	up := newUpdate()
	up.is(attrWindowSent, number(w.Notifications))
	up.isNumber(attrWindowHeld, w.Held)
	up.remove(attrState)
	up.remove(attrWindowHeld)
	for _, name := range w.Days.Held() {
		up.remove(attrWindowDayHeld + name)
	}
	return unlessChanged(s.updateIf(ctx, windowKey(w.Key), up, "cannot record that the window of rule "+w.Rule+" is over"))
}

// EndedWindows implements rulematch.Repository.
func (s *Store) EndedWindows(ctx context.Context, before time.Time) ([]rulematch.Window, error) {
	var ended []rulematch.Window
	var errs []error
	for k, err := range s.keys(ctx, span{index: byState, letter: stateWindow, to: before}) {
		var w rulematch.Window
		if err == nil {
			partition := textIn(k, attrPK)
			w, err = s.Window(ctx, rulematch.Key{Partition: partition, Rule: strings.TrimPrefix(textIn(k, attrSK), windowSK),
				Group: strings.HasPrefix(partition, matchGroupPK)})
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case w.Open && !w.SentAt.After(before): // the index is a moment behind
			ended = append(ended, w)
		}
	}
	return ended, errors.Join(errs...)
}

// MatchesOf reads, with consistent reads, the matches of a rule on a call, oldest first.
func (s *Store) MatchesOf(ctx context.Context, k rulematch.Key) ([]Match, error) {
	items, err := s.queryAll(ctx, k.Partition, matchSK)
	if err != nil {
		return nil, err
	}
	var matches []Match
	for _, it := range items {
		if textIn(it, attrMatchRule) != k.Rule {
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

// MatchNotifications returns what was told of the rules that matched on a call.
func (s *Store) MatchNotifications(ctx context.Context, c chime.CallFields) ([]notify.Notification, error) {
	var list []notify.Notification
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

// MatchQuery says which rule matches ListMatches returns.
type MatchQuery struct {
	// From and To bound when they matched, both included; zero means no bound.
	From, To time.Time
	// Limit is the most that a page holds; zero means 50.
	Limit int
	// Cursor is the next of the page before; empty for the first page.
	Cursor string
}

// ListMatches returns a page of rule matches, newest first, and the cursor of the
// page that follows, empty on the last one.
func (s *Store) ListMatches(ctx context.Context, q MatchQuery) (page []Match, next string, err error) {
	sp := span{index: byTime, letter: timeMatch, from: q.From, to: q.To}
	return listPage(ctx, s, sp, q.Limit, q.Cursor, func(it item) (Match, bool, error) {
		m, err := matchIn(it)
		return m, true, err
	})
}
