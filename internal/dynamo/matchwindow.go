package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// matchPartitions are the beginnings of the partitions of rule matches.
var matchPartitions = map[rulematch.Scope]string{
	rulematch.Transaction: transactionPK, rulematch.Call: callPK,
	rulematch.Group: matchGroupPK, rulematch.OneMatch: matchPK,
}

// PartitionOfMatches is the partition of what belongs to a key: its matches, its window
// and the notifications. Matches of a group are each in a partition of their own.
func PartitionOfMatches(k rulematch.Key) Partition { return Partition(matchPartitions[k.Scope] + k.ID) }

func windowKey(k rulematch.Key) item { return key(string(PartitionOfMatches(k)), windowSK+k.Rule) }

// keyOfWindow returns the k with which windowKey returns it.
func keyOfWindow(it item) (k rulematch.Key) {
	k.Rule = strings.TrimPrefix(textIn(it, attrSK), windowSK)
	for scope, prefix := range matchPartitions {
		if id, ok := strings.CutPrefix(textIn(it, attrPK), prefix); ok {
			k.Scope, k.ID = scope, id
		}
	}
	return k
}

// Window implements rulematch.Repository.
func (s *Store) Window(ctx context.Context, k rulematch.Key) (rulematch.Window, error) {
	it, err := s.get(ctx, windowKey(k))
	return rulematch.Window{Key: k, Notifications: numberIn(it, attrWindowSent), Matches: numberIn(it, attrWindowMatches),
		SentAt: timeIn(it, attrWindowAt), Open: it[attrState] != nil,
		Held: numberIn(it, attrWindowHeld), Days: daysIn(it)}, err
}

// SetSent implements rulematch.Repository.
func (s *Store) SetSent(ctx context.Context, was, is rulematch.Window) error {
	up := &update{}
	up.is(attrWindowSent, numberOrNil(was.Notifications))
	up.put(attrWindowSent, number(is.Notifications))
	up.put(attrWindowMatches, number(is.Matches))
	up.put(attrWindowAt, moment(is.SentAt))
	up.put(attrState, text(stateWindow+shardOf(is.Name())))
	up.put(attrFirst, moment(is.SentAt))
	up.put(attrExpiry, s.expiry(daysEnd(is.Days, is.SentAt)))
	setDays(up, was, is, s.expiredBefore(is.SentAt))
	err := s.updateIf(ctx, windowKey(is.Key), up, "cannot record what was sent of rule "+is.Rule)
	if err != nil {
		return retry.IgnoreChanged(err)
	}
	return s.removeHeldDays(ctx, was, is)
}

// HoldBack implements rulematch.Repository.
func (s *Store) HoldBack(ctx context.Context, w rulematch.Window, day string) (held bool, err error) {
	up := &update{}
	up.present(attrState)
	up.is(attrWindowSent, number(w.Notifications))
	one := up.value(number(1))
	up.add(attrWindowHeld, one)
	if w.Scope == rulematch.Group {
		up.add(attrWindowDayHeld+day, one)
	}
	err = s.updateIf(ctx, windowKey(w.Key), up, "cannot record that a match of rule "+w.Rule+" is held back")
	return err == nil, retry.IgnoreChanged(err)
}

// EndWindow implements rulematch.Repository.
func (s *Store) EndWindow(ctx context.Context, w rulematch.Window) error {
	up := &update{}
	up.is(attrWindowSent, number(w.Notifications))
	up.is(attrWindowHeld, numberOrNil(w.Held))
	up.remove(attrState)
	up.remove(attrWindowHeld)
	for name, day := range w.Days {
		if day.Held > 0 {
			up.remove(attrWindowDayHeld + name)
		}
	}
	err := s.updateIf(ctx, windowKey(w.Key), up, "cannot record that the window of rule "+w.Rule+" is over")
	return retry.IgnoreChanged(err)
}

// OpenWindows implements rulematch.Repository.
func (s *Store) OpenWindows(ctx context.Context, before time.Time) ([]rulematch.Window, error) {
	var open []rulematch.Window
	var errs []error
	for k, err := range s.entriesIn(ctx, span{index: byState, letter: stateWindow, to: before}) {
		var w rulematch.Window
		if err == nil {
			w, err = s.Window(ctx, keyOfWindow(k))
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case w.Open: // the index is a moment behind
			open = append(open, w)
		}
	}
	return open, errors.Join(errs...)
}

// CountMatches implements rulematch.Repository.
func (s *Store) CountMatches(ctx context.Context, k rulematch.Key) (n int, newest []byte, err error) {
	items, err := s.queryAll(ctx, string(PartitionOfMatches(k)), matchSK)
	if err != nil {
		return 0, nil, err
	}
	items = slices.DeleteFunc(items, func(it item) bool { return textIn(it, attrMatchRule) != k.Rule })
	if len(items) > 0 {
		newest, err = unpack(items[len(items)-1][attrMatchBody])
	}
	return len(items), newest, err
}

// MatchNotifications returns the notifications about rule matches of a call.
func (s *Store) MatchNotifications(ctx context.Context, c chime.CallFields) ([]notify.Notification, error) {
	items, err := s.queryCall(ctx, c, notificationSK)
	return readEach(items, notificationIn), err
}

// MatchQuery says which rule matches ListMatches returns.
type MatchQuery struct {
	// From and To bound when they matched, both included; zero means no bound.
	From, To time.Time
	// Limit is the size of a page; zero means 50.
	Limit int
	// Cursor is what ListMatches returned with the page before; empty for the first page.
	Cursor string
}

// ListMatches returns a page of rule matches, newest first, and the cursor of the
// page that follows, empty on the last one.
func (s *Store) ListMatches(ctx context.Context, q MatchQuery) (page []Match, next string, err error) {
	sp := span{index: byTime, letter: timeMatch, from: q.From, to: q.To}
	return listPage(ctx, s, sp, q.Limit, q.Cursor, func(items []item) ([]Match, error) {
		return decodeEach(items, matchIn)
	})
}
