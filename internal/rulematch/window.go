package rulematch

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Window is what was sent about the matches of a key, and what was held back since. It
// opens when a notification is sent, and lasts for Service.Window.
type Window struct {
	Key
	// Notifications counts the notifications, Matches the matches that they counted.
	Notifications, Matches int
	// SentAt is when the last notification was sent; zero before the first.
	SentAt time.Time
	// Open reports whether Service.Run has to end the window.
	Open bool
	// Held counts how often a match was held back, duplicates included: a match that comes
	// while the window is ended changes it. How many matches are unsent, the stored
	// matches say.
	Held int
	// Days are set for a group: it never ends, so a notification must not count all of its
	// matches again, but only those of the days of which some are held back.
	Days map[string]Day
}

// Day is what was sent of a group's matches of one day, written as DayLayout.
type Day struct {
	Sent int // how many matches
	Held int // how often one was held back since, duplicates included
}

// DayLayout is how a day is written.
const DayLayout = "20060102"

func dayOf(ev *chime.Event) string { return ev.Time.UTC().Format(DayLayout) }

// Step is what to do about the matches of a window.
type Step string

const (
	Notify   Step = "notify"    // of all that is unsent
	HoldBack Step = "hold back" // the match that arrived
	End      Step = "end"       // the window, in which nothing was held back
	Nothing  Step = "nothing"
)

// Next decides what to do when a match arrives, or, where arrives is false, in a
// scheduled run. length is how long windows last; zero means that windows are disabled,
// and that those that are still open end at once. unsent is how many stored matches,
// including the one that arrived, no notification has counted; while the window lasts it
// does not matter.
func (w Window) Next(now time.Time, length time.Duration, arrives bool, unsent int) Step {
	switch {
	case w.lasts(now, length) && arrives:
		return HoldBack
	case w.lasts(now, length), !w.Open && !arrives:
		return Nothing
	case unsent > 0:
		return Notify
	case arrives: // it is a duplicate
		return Nothing
	}
	return End
}

func (w Window) lasts(now time.Time, length time.Duration) bool {
	return w.Open && now.Sub(w.SentAt) < length
}

// after returns the window after a notification was sent, which another process may have
// sent, and counted other matches than all.
func (w Window) after(sent Sent, all Tally) Window {
	w.Notifications, w.Matches, w.SentAt = w.Notifications+1, sent.Matches, sent.At
	if w.Scope != Group {
		return w
	}
	days := map[string]Day{}
	maps.Copy(days, w.Days)
	for name, n := range sent.Days {
		day := days[name]
		if day.Sent = max(day.Sent, n); n >= all.Days[name] {
			day.Held = 0
		}
		days[name] = day
	}
	w.Days = days
	return w
}

// Tally is how many matches of a key there are, sent ones included, as a notification
// records it.
type Tally struct {
	Matches int
	// Days are, for a group, how many there are of each day that was counted.
	Days DayCounts
}

// covers reports whether t counted all that u did.
func (t Tally) covers(u Tally) bool {
	for day, n := range u.Days {
		if t.Days[day] < n {
			return false
		}
	}
	return len(u.Days) > 0 || t.Matches >= u.Matches
}

// DayCounts are numbers of matches by day.
type DayCounts map[string]int

// String writes the counts so that ParseDayCounts reads them: "20260311=2 20260312=1".
func (c DayCounts) String() string {
	parts := make([]string, 0, len(c))
	for _, day := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, day+"="+strconv.Itoa(c[day]))
	}
	return strings.Join(parts, " ")
}

// ParseDayCounts reads counts; what is no count is left out.
func ParseDayCounts(text string) DayCounts {
	counts := DayCounts{}
	for part := range strings.FieldsSeq(text) {
		day, count, _ := strings.Cut(part, "=")
		if n, err := strconv.Atoi(count); err == nil {
			counts[day] = n
		}
	}
	return counts
}
