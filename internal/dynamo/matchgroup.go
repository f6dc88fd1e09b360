package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// A match that names no call is stored in a partition of its own, and counted in its
// group. A group has no end, so its matches are counted by their day, each day in a
// partition of its own, and a notification costs what those days cost of which matches
// are held back. An item there has the id of the event and nothing about the call.

// membersPK is the partition in which the matches of a group and a day are counted.
func membersPK(k rulematch.Key, day string) string {
	return string(PartitionOfMatches(k)) + "#" + k.Rule + "#" + day
}

// addToGroup counts a match in its group; it is idempotent.
func (s *Store) addToGroup(ctx context.Context, k rulematch.Key, ev *chime.Event) error {
	it := key(membersPK(k, ev.Time.UTC().Format(rulematch.DayLayout)), memberSK+strings.TrimPrefix(matchKey(ev), matchSK))
	put(it, attrExpiry, s.expiry(ev.Time))
	return s.put(ctx, it, "cannot count a match of rule "+k.Rule)
}

func daysIn(it item) map[string]rulematch.Day {
	all := map[string]rulematch.Day{}
	for name := range it {
		day, kind := name[1:], name[:1]
		if _, err := time.Parse(rulematch.DayLayout, day); err != nil {
			continue
		}
		d := all[day]
		switch kind {
		case attrWindowDay:
			d.Sent = numberIn(it, name)
		case attrWindowDayHeld:
			d.Held = numberIn(it, name)
		}
		all[day] = d
	}
	return all
}

// daysEnd returns the time from which on the days are kept: at, or a later day.
func daysEnd(days map[string]rulematch.Day, at time.Time) time.Time {
	for name := range days {
		if day, err := time.Parse(rulematch.DayLayout, name); err == nil && day.AddDate(0, 0, 1).After(at) {
			at = day.AddDate(0, 0, 1)
		}
	}
	return at
}

// setDays makes an update record what was sent of each day. Days before a time, whose
// matches have expired, are removed.
func setDays(up *update, was, is rulematch.Window, before time.Time) {
	for _, name := range slices.Sorted(maps.Keys(is.Days)) {
		if was.Days[name].Held == 0 && name < before.UTC().Format(rulematch.DayLayout) {
			up.remove(attrWindowDay + name)
		} else if n := is.Days[name].Sent; n > 0 {
			up.put(attrWindowDay+name, number(n))
		}
	}
}

// expiredBefore is the time before which what matched has expired, some days ago, as
// DynamoDB deletes it within a few days; zero where nothing expires.
func (s *Store) expiredBefore(at time.Time) time.Time {
	if s.retention <= 0 {
		return time.Time{}
	}
	return at.Add(-s.retention).AddDate(0, 0, -7)
}

// removeHeldDays removes what was held back of the days of which nothing is any more,
// unless more was held back since was was read: the next notification then counts these
// days again.
func (s *Store) removeHeldDays(ctx context.Context, was, is rulematch.Window) error {
	up := &update{}
	for _, name := range slices.Sorted(maps.Keys(was.Days)) {
		if held := was.Days[name].Held; held > 0 && is.Days[name].Held == 0 {
			up.is(attrWindowDayHeld+name, number(held))
			up.remove(attrWindowDayHeld + name)
		}
	}
	if len(up.removes) == 0 {
		return nil
	}
	return retry.IgnoreChanged(s.updateIf(ctx, windowKey(is.Key), up, "cannot record what was sent of rule "+is.Rule))
}

// CountDay implements rulematch.Repository.
func (s *Store) CountDay(ctx context.Context, group rulematch.Key, day string) (int, error) {
	members, err := s.queryAll(ctx, membersPK(group, day), memberSK)
	return len(members), err
}

// NewestOfDay implements rulematch.Repository.
func (s *Store) NewestOfDay(ctx context.Context, group rulematch.Key, day string) ([]byte, error) {
	members, err := s.queryAll(ctx, membersPK(group, day), memberSK)
	if err != nil {
		return nil, err
	}
	for _, member := range slices.Backward(members) {
		at, id, _ := strings.Cut(strings.TrimPrefix(textIn(member, attrSK), memberSK), "#")
		it, err := s.get(ctx, key(matchPK+id, matchSK+at+"#"+id))
		if err != nil {
			return nil, err
		}
		if len(it) > 0 {
			return unpack(it[attrMatchBody])
		}
	}
	return nil, nil
}
