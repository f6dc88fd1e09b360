package dynamo

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// A match that names no call is stored by itself, and counted in a group: the matches
// of one rule and configuration, or of one rule, account and Region. A group has no
// end, so its matches are counted by the day at which they matched, each day in a
// partition of its own, and a message costs what the days cost that something was
// held back of. An item there holds the id of the event and nothing of the call.
// dayFormat is how a day is written, in keys and behind attrWindowDay and attrWindowDayHeld.
const dayFormat = "20060102"

// RuleOnGroupOf returns the rule of a match that names no call, and its group; ok is
// false for a match that names a call. Rehearsals have groups of their own.
func RuleOnGroupOf(ev *chime.Event) (r RuleOnCall, ok bool) {
	if len(callPartitions(ev.RulesMatched.CallFields)) > 0 {
		return RuleOnCall{}, false
	}
	name := incident.ScopeOf(pipeline.State{Account: ev.Account, Region: ev.Region, ConfigurationARN: ev.RulesMatched.ConfigurationARN()})
	if chime.IsRehearsal(ev.ID) {
		name = chime.RehearsalPrefix + name
	}
	return RuleOnCall{Partition(matchGroupPK + chime.ShortID(name, maxCallInName)), ev.RulesMatched.RuleName}, true
}

func (r RuleOnCall) isGroup() bool { return strings.HasPrefix(string(r.Call), matchGroupPK) }

// membersPK is the partition in which the matches of a group and a day are counted.
func (r RuleOnCall) membersPK(day string) string { return string(r.Call) + "#" + r.Rule + "#" + day }

func dayOf(ev *chime.Event) string { return ev.Time.UTC().Format(dayFormat) }

// addToGroup counts a match in its group; it is idempotent.
func (s *Store) addToGroup(ctx context.Context, r RuleOnCall, ev *chime.Event) error {
	it := key(r.membersPK(dayOf(ev)), memberSK+strings.TrimPrefix(matchKey(ev), matchSK))
	s.expire(it, ev.Time)
	return s.put(ctx, it, "cannot count a match of rule "+r.Rule)
}

// days are what people were told of a group's matches, by the day of these.
type days map[string]dayTold

type dayTold struct {
	told int // how many matches
	held int // how often one was held back since
	// final is set where all that was held back before is told of.
	final bool
}

func daysIn(it item) days {
	var all days
	for name := range it {
		day, kind := name[1:], name[:1]
		if kind != attrWindowDay && kind != attrWindowDayHeld {
			continue
		}
		if _, err := time.Parse(dayFormat, day); err != nil {
			continue // an attribute that has a name like these
		}
		if all == nil {
			all = days{}
		}
		d := all[day]
		if kind == attrWindowDay {
			d.told = numberIn(it, name)
		} else {
			d.held = numberIn(it, name)
		}
		all[day] = d
	}
	return all
}

// held returns the days of which something was held back, sorted.
func (d days) held() []string {
	var names []string
	for name, day := range d {
		if day.held > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// after returns the days once people were told of the matches of a tally, which was
// counted at the latest when all were.
func (d days) after(tally string, all map[string]int) days {
	is := maps.Clone(d)
	if is == nil {
		is = days{}
	}
	for name, n := range readTally(tally) {
		day := is[name]
		day.told, day.final = max(day.told, n), n >= all[name]
		is[name] = day
	}
	return is
}

// lasting returns the time from which on the days are kept: at, or a later day.
func (d days) lasting(at time.Time) time.Time {
	for name := range d {
		if day, err := time.Parse(dayFormat, name); err == nil && day.AddDate(0, 0, 1).After(at) {
			at = day.AddDate(0, 0, 1)
		}
	}
	return at
}

// mark makes an update record what was told of each day. Days before a time, whose
// matches have expired, are forgotten.
func (d days) mark(up *update, before time.Time) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		switch day := d[name]; {
		case day.held == 0 && name < before.UTC().Format(dayFormat):
			up.remove(attrWindowDay + name)
		case day.told > 0:
			up.put(attrWindowDay+name, number(day.told))
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

// settleDays records that people were told of all that was held back of some days,
// unless more was held back since was was read: the next message then counts them again.
func (s *Store) settleDays(ctx context.Context, was, is Told) error {
	up := newUpdate()
	for _, name := range was.days.held() {
		if is.days[name].final {
			up.is(attrWindowDayHeld+name, number(was.days[name].held))
			up.remove(attrWindowDayHeld + name)
		}
	}
	if len(up.removes) == 0 {
		return nil
	}
	_, err := s.updateIf(ctx, is.key(), up, "cannot record what was sent of rule "+is.Rule)
	return err
}

func (s *Store) untoldOfGroup(ctx context.Context, t Told, ev *chime.Event) (Untold, error) {
	names := t.days.held()
	if ev != nil && !slices.Contains(names, dayOf(ev)) {
		names = append(names, dayOf(ev))
		slices.Sort(names)
	}
	u := Untold{tally: map[string]int{}}
	for _, name := range names {
		members, err := s.queryAll(ctx, t.membersPK(name), memberSK)
		if err != nil {
			return Untold{}, err
		}
		u.tally[name] = len(members)
		if more := len(members) - t.days[name].told; more > 0 {
			u.Count += more
			u.last = name
		}
	}
	u.Calls, u.Tally = t.Matches+u.Count, writeTally(u.tally)
	return u, nil
}

// newestOfGroup reads the newest match of a day that is still in the table: those of
// a call that was erased are not.
func (s *Store) newestOfGroup(ctx context.Context, t Told, u Untold) ([]byte, error) {
	members, err := s.queryAll(ctx, t.membersPK(u.last), memberSK)
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

// writeTally writes how many matches of each day there are, so that readTally reads it.
func writeTally(tally map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		parts = append(parts, name+"="+strconv.Itoa(tally[name]))
	}
	return strings.Join(parts, " ")
}

func readTally(s string) map[string]int {
	tally := map[string]int{}
	for part := range strings.FieldsSeq(s) {
		name, count, _ := strings.Cut(part, "=")
		if n, err := strconv.Atoi(count); err == nil {
			tally[name] = n
		}
	}
	return tally
}
