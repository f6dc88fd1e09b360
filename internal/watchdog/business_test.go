package watchdog_test

import (
	"math/rand"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// business is a place where calls are made, and what happens there.
type business struct {
	zone                string
	open, close         int           // minutes since midnight, Monday to Friday; both zero for all the time
	every               time.Duration // between two calls, on average
	regular             bool          // they come like clockwork, not at random
	lateStart, earlyEnd int           // by up to so many minutes
	holidays            []string
	begin               string // the first day
	weeks               int
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// opens are the hours of a day; ok is false on weekends and holidays.
func (b business) opens(day time.Time) (from, to time.Time, ok bool) {
	at := func(minutes int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, day.Location())
	}
	if b.close == 0 {
		return at(0), at(24 * 60), true
	}
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	return at(b.open), at(b.close), !weekend && !slices.Contains(b.holidays, day.Format(time.DateOnly))
}

// days are the noons of all days.
func (b business) days(t testing.TB) (list []time.Time) {
	first, err := time.ParseInLocation(time.DateOnly, b.begin, location(t, b.zone))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 7 * b.weeks {
		list = append(list, time.Date(first.Year(), first.Month(), first.Day()+n, 12, 0, 0, 0, first.Location()))
	}
	return list
}

// calls are the times at which calls begin, but in outages.
func (b business) calls(t testing.TB, random *rand.Rand, outages []watchdog.Span) (calls []time.Time) {
	for _, day := range b.days(t) {
		from, to, ok := b.opens(day)
		if !ok {
			continue
		}
		from = from.Add(time.Duration(random.Intn(b.lateStart+1)) * time.Minute)
		to = to.Add(-time.Duration(random.Intn(b.earlyEnd+1)) * time.Minute)
		for at := from; at.Before(to); {
			if !slices.ContainsFunc(outages, func(o watchdog.Span) bool { return !at.Before(o.From) && at.Before(o.To) }) {
				calls = append(calls, at)
			}
			if b.regular {
				at = at.Add(b.every)
			} else {
				at = at.Add(time.Duration(random.ExpFloat64() * float64(b.every)))
			}
		}
	}
	return calls
}

// asked answers questions about calls, of those that had come by now.
func asked(calls []time.Time, count *int) watchdog.CallsBegan {
	return func(s watchdog.Span, atLeast int) (bool, error) {
		*count++
		from, _ := slices.BinarySearchFunc(calls, s.From, time.Time.Compare)
		to, _ := slices.BinarySearchFunc(calls, s.To.Add(1), time.Time.Compare)
		return to-from >= atLeast, nil
	}
}

// pick returns all, or few with -short.
func pick[T any](all, few T) T {
	if testing.Short() {
		return few
	}
	return all
}

// watched runs the check every minute, every third with -short, and returns when it
// paged: once until a call comes, as the function does.
func watched(
	t testing.TB, b business, calls []time.Time, hours watchdog.Hours, heartbeat time.Duration,
) (pages []time.Time, maxAsks int) {
	t.Helper()
	all := b.days(t)
	next, paged := 0, false
	var last time.Time
	for now := all[0]; now.Before(all[len(all)-1]); now = now.Add(pick(time.Minute, 3*time.Minute)) {
		for ; next < len(calls) && !calls[next].After(now); next++ {
			last, paged = calls[next], false
		}
		if last.IsZero() || paged || now.Sub(last) < heartbeat {
			continue
		}
		asks := 0
		v, err := watchdog.Silence{Last: last, Now: now, Heartbeat: heartbeat, Hours: hours}.Judge(asked(calls[:next], &asks))
		if err != nil {
			t.Fatal(err)
		}
		if maxAsks = max(maxAsks, asks); v.Page {
			pages, paged = append(pages, now), true
		}
	}
	return pages, maxAsks
}
