package rulematch

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Key is what matches are notified together by: a rule, and the call, or for matches
// that name no call, their group: the configuration, else the account and Region.
type Key struct {
	// Partition is where the table has the matches.
	Partition string
	Rule      string
	// Group reports whether it is a group.
	Group bool
}

// maxPartitionName is how many bytes of a call's id are in the id of a notification,
// whose key has room for a rule's name as well.
const maxPartitionName = 400

// Name returns the key in an id.
func (k Key) Name() string {
	_, name, _ := strings.Cut(k.Partition, "#")
	return chime.ShortID(name, maxPartitionName) + "/" + k.Rule
}

// Window is what was sent about a key, and what is held back.
type Window struct {
	Key
	// Notifications counts the notifications, Matches the matches that they counted.
	Notifications, Matches int
	// SentAt is when the last notification was sent, zero while there was none.
	SentAt time.Time
	// Open reports whether somebody has to end the window.
	Open bool
	// Held counts how often a match was held back, duplicates included. How many are held
	// back, the stored matches say.
	Held int
	// Days are set for a group, by day: a group never ends, so that a notification must
	// not count all of its matches.
	Days Days
}

// Holds reports whether a match is held back now: a window is open for the time length
// after the last notification.
func (w Window) Holds(now time.Time, length time.Duration) bool {
	return w.Open && now.Sub(w.SentAt) < length
}

// After returns the window after a notification about the matches of u was sent, which
// another process may have sent, with the matches that it knew of.
func (w Window) After(sent Sent, u Unsent) Window {
	w.Notifications, w.Matches, w.SentAt = w.Notifications+1, sent.Calls, sent.At
	if w.Group {
		w.Days = w.Days.after(sent.Tally, u.ByDay)
	}
	return w
}

// Unsent is what no notification has counted yet.
type Unsent struct {
	Count int
	// Calls and Tally are what the notification about it records: all matches so far, and
	// for a group the matches of each day.
	Calls int
	Tally string
	// ByDay are all matches of a group, and LastDay the day of the newest unsent one.
	ByDay   map[string]int
	LastDay string
	// Body is the newest match of a call.
	Body []byte
}

// CountedBy reports whether a notification counted all matches that u counts: another
// process may have sent it, and known fewer.
func (u Unsent) CountedBy(sent Sent) bool {
	if u.ByDay == nil {
		return sent.Calls >= u.Calls
	}
	counted := readTally(sent.Tally)
	for day, n := range u.ByDay {
		if counted[day] < n {
			return false
		}
	}
	return true
}

// UnsentOfGroup returns what of a group was not sent, by its matches on the days that
// were read.
func UnsentOfGroup(w Window, byDay map[string]int) Unsent {
	u := Unsent{ByDay: byDay}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		if more := byDay[day] - w.Days[day].Sent; more > 0 {
			u.Count += more
			u.LastDay = day
		}
	}
	u.Calls, u.Tally = w.Matches+u.Count, writeTally(byDay)
	return u
}

// DayFormat is how a day is written.
const DayFormat = "20060102"

// Days are what was sent of a group's matches, by the day on which they matched.
type Days map[string]Day

// Day is what was sent of the matches of one day.
type Day struct {
	Sent int // how many matches
	Held int // how often one was held back since
	// Complete reports whether all that was held back before was sent.
	Complete bool
}

// Held returns the days of which something is held back, sorted.
func (d Days) Held() []string {
	var names []string
	for name, day := range d {
		if day.Held > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// after returns the days after the matches of a tally were sent; all are those that
// were read before.
func (d Days) after(tally string, all map[string]int) Days {
	days := maps.Clone(d)
	if days == nil {
		days = Days{}
	}
	for name, n := range readTally(tally) {
		day := days[name]
		day.Sent, day.Complete = max(day.Sent, n), n >= all[name]
		days[name] = day
	}
	return days
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
