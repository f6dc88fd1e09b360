package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// A match that names no call is stored by itself, and counted in a group: the matches
// of one rule and configuration, or of one rule, account and Region. A group has no
// end, so its matches are counted by the day at which they matched, each day in a
// partition of its own, and a message costs what the days cost that something was
// held back of. An item there holds the id of the event and nothing of the call.
// groupOf returns the group of a match that names no call; ok is false for a match that
// names a call. Rehearsals have groups of their own.
func groupOf(ev *chime.Event) (partition string, ok bool) {
	if len(callPartitions(ev.RulesMatched.CallFields)) > 0 {
		return "", false
	}
	name := incident.ScopeOf(pipeline.State{Account: ev.Account, Region: ev.Region, ConfigurationARN: ev.RulesMatched.ConfigurationARN()})
	if chime.IsRehearsal(ev.ID) {
		name = chime.RehearsalPrefix + name
	}
	return matchGroupPK + chime.ShortID(name, maxCallInName), true
}

// membersPK is the partition in which the matches of a group and a day are counted.
func membersPK(k rulematch.Key, day string) string { return k.Partition + "#" + k.Rule + "#" + day }

func dayOf(ev *chime.Event) string { return ev.Time.UTC().Format(rulematch.DayFormat) }

// addToGroup counts a match in its group; it is idempotent.
func (s *Store) addToGroup(ctx context.Context, k rulematch.Key, ev *chime.Event) error {
	it := key(membersPK(k, dayOf(ev)), memberSK+strings.TrimPrefix(matchKey(ev), matchSK))
	s.expire(it, ev.Time)
	return s.put(ctx, it, "cannot count a match of rule "+k.Rule)
}

func daysIn(it item) rulematch.Days {
	var all rulematch.Days
	for name := range it {
		day, kind := name[1:], name[:1]
		if kind != attrWindowDay && kind != attrWindowDayHeld {
			continue
		}
		if _, err := time.Parse(rulematch.DayFormat, day); err != nil {
			continue // an attribute that has a name like these
		}
		if all == nil {
			all = rulematch.Days{}
		}
		d := all[day]
		if kind == attrWindowDay {
			d.Sent = numberIn(it, name)
		} else {
			d.Held = numberIn(it, name)
		}
		all[day] = d
	}
	return all
}

// daysEnd returns the time from which on the days are kept: at, or a later day.
func daysEnd(days rulematch.Days, at time.Time) time.Time {
	for name := range days {
		if day, err := time.Parse(rulematch.DayFormat, name); err == nil && day.AddDate(0, 0, 1).After(at) {
			at = day.AddDate(0, 0, 1)
		}
	}
	return at
}

// setDays makes an update record what was sent of each day. Days before a time, whose
// matches have expired, are removed.
func setDays(up *update, days rulematch.Days, before time.Time) {
	for _, name := range slices.Sorted(maps.Keys(days)) {
		switch day := days[name]; {
		case day.Held == 0 && name < before.UTC().Format(rulematch.DayFormat):
			up.remove(attrWindowDay + name)
		case day.Sent > 0:
			up.put(attrWindowDay+name, number(day.Sent))
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

// removeHeldDays records that all that was held back of some days was sent, unless more
// was held back since was was read: the next notification then counts them again.
func (s *Store) removeHeldDays(ctx context.Context, was, is rulematch.Window) error {
	up := newUpdate()
	for _, name := range was.Days.Held() {
		if is.Days[name].Complete {
			up.is(attrWindowDayHeld+name, number(was.Days[name].Held))
			up.remove(attrWindowDayHeld + name)
		}
	}
	if len(up.removes) == 0 {
		return nil
	}
	return unlessChanged(s.updateIf(ctx, windowKey(is.Key), up, "cannot record what was sent of rule "+is.Rule))
}

func (s *Store) unsentOfGroup(ctx context.Context, w rulematch.Window, ev *chime.Event) (rulematch.Unsent, error) {
	names := w.Days.Held()
	if ev != nil && !slices.Contains(names, dayOf(ev)) {
		names = append(names, dayOf(ev))
	}
	byDay := map[string]int{}
	for _, name := range names {
		members, err := s.queryAll(ctx, membersPK(w.Key, name), memberSK)
		if err != nil {
			return rulematch.Unsent{}, err
		}
		byDay[name] = len(members)
	}
	return rulematch.UnsentOfGroup(w, byDay), nil
}

// newestOfGroup reads the newest match of a day that is still in the table: those of
// a call that was erased are not.
func (s *Store) newestOfGroup(ctx context.Context, w rulematch.Window, u rulematch.Unsent) ([]byte, error) {
	members, err := s.queryAll(ctx, membersPK(w.Key, u.LastDay), memberSK)
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
