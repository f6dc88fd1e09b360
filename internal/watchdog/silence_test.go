package watchdog_test

import (
	"fmt"
	"math"
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
	closed := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || slices.Contains(b.holidays, day.Format(time.DateOnly))
	return at(b.open), at(b.close), !closed
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
func watched(t testing.TB, b business, calls []time.Time, hours watchdog.Hours, heartbeat time.Duration) (pages []time.Time, most int) {
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
		if most = max(most, asks); v.Page {
			pages, paged = append(pages, now), true
		}
	}
	return pages, most
}

func mustHours(t testing.TB, zone, quiet string) watchdog.Hours {
	t.Helper()
	h, err := watchdog.NewHours(zone, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Weeks of generated days, minute by minute: with opening hours, weekends, holidays,
// late starts, early ends and clock changes, and with outages of different lengths. The
// check pages once for each outage that lasts, within a bound, and for nothing else.
func TestSilenceIsPagedOnceForEachOutageAndForNothingElse(t *testing.T) {
	const heartbeat = time.Hour
	office := business{open: 8 * 60, close: 18 * 60, every: 90 * time.Second, lateStart: 45, earlyEnd: 25, weeks: 7}
	always := business{every: time.Minute, weeks: 7}
	in := func(b business, zone, begin string, holidays ...string) business {
		b.zone, b.begin, b.holidays = zone, begin, holidays
		return b
	}
	const officeHours = "Mon-Fri 18:00-08:00, Sat, Sun"
	for _, tc := range []struct {
		name string
		business
		chosenZone, quiet string
	}{
		{"New York in spring", in(office, "America/New_York", "2026-02-09"), "America/New_York", ""},
		{"New York in autumn", in(office, "America/New_York", "2026-10-05"), "America/New_York", ""},
		{"New York in spring, no zone chosen", in(office, "America/New_York", "2026-02-09"), "", ""},
		{"New York in autumn, no zone chosen", in(office, "America/New_York", "2026-10-05"), "", ""},
		{"Berlin in spring, with quiet hours and holidays", in(office, "Europe/Berlin", "2026-03-02", "2026-04-03", "2026-04-06"),
			"Europe/Berlin", officeHours + ",2026-04-03,04-06"},
		{"Berlin in autumn, no zone chosen", in(office, "Europe/Berlin", "2026-09-28"), "", ""},
		{"Lord Howe in autumn", in(office, "Australia/Lord_Howe", "2026-03-09"), "Australia/Lord_Howe", ""},
		{"Lord Howe in spring, no zone chosen", in(office, "Australia/Lord_Howe", "2026-09-07"), "", ""},
		{"day and night, over a clock change", in(always, "Europe/Berlin", "2026-03-02"), "Europe/Berlin", ""},
		{"day and night, no zone chosen", in(always, "America/New_York", "2026-10-05"), "", ""},
		{"day and night, quiet at night", in(always, "UTC", "2026-10-05"), "", "22:00-06:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			hours := mustHours(t, tc.chosenZone, tc.quiet)
			// The bound: an hour after the outage or the opening, and half an hour; without
			// a zone, an hour and a half more.
			slack, early := 30*time.Minute, 30*time.Minute
			if tc.chosenZone == "" {
				slack, early = slack+90*time.Minute, early+time.Hour
			}
			for seed := range pick[int64](4, 1) {
				random := rand.New(rand.NewSource(seed))
				var outages, must []watchdog.Span
				var due []time.Time
				for n, day := range tc.days(t) {
					from, to, ok := tc.opens(day)
					if !ok || n%8 != 3 || n == 3 && tc.quiet == "" && tc.close == 0 {
						continue // one every eight days
					}
					from = from.Add(time.Duration(tc.lateStart) * time.Minute)
					if tc.close == 0 {
						from = from.Add(7 * time.Hour)
					}
					begin := from.Add(time.Duration(random.Intn(300)-60) * time.Minute)
					o := watchdog.Span{From: begin, To: begin.Add(30 * time.Minute)}
					switch random.Intn(4) {
					case 0: // too short to be noticed
						outages = append(outages, o)
						continue
					case 1: // until the next day
						o.To = to.Add(17 * time.Hour)
					}
					if n < 21 || o.To.Before(to) { // while few weeks are known, it must not hide another day
						o.To = begin.Add(3*time.Hour + slack + time.Duration(random.Intn(120))*time.Minute)
					}
					by := o.From
					if by.Before(from) {
						by = from
					}
					for hours.Quiet(by) {
						by = by.Add(time.Minute)
					}
					if by = by.Add(heartbeat + slack); hours.Quiet(by) || by.After(o.To) || by.After(to.Add(-time.Duration(tc.earlyEnd)*time.Minute-early)) {
						continue // nobody promises that
					}
					outages, must, due = append(outages, o), append(must, o), append(due, by)
				}
				if len(must) < 2 {
					t.Fatalf("seed %d: got %d outages: the test proves nothing", seed, len(must))
				}
				calls := tc.calls(t, random, outages)
				pages, asks := watched(t, tc.business, calls, hours, heartbeat)
				for i, o := range must {
					in := func(p time.Time) bool { return !p.Before(o.From) && p.Before(o.To) }
					at := slices.IndexFunc(pages, in)
					if at < 0 || pages[at].After(due[i]) {
						t.Errorf("seed %d: outage from %s to %s: got pages %v, want one until %s", seed, o.From, o.To, pages, due[i])
					}
					if at >= 0 {
						pages = slices.Delete(pages, at, at+1)
					}
				}
				if len(pages) > 0 {
					t.Errorf("seed %d: got pages at %v, want none but for the outages %v", seed, pages, must)
				}
				if asks > 110 {
					t.Errorf("seed %d: got %d questions in one run, want at most 110", seed, asks)
				}
			}
		})
	}
}

// Where calls are few it takes longer, or is not noticed at all, and no pause is taken
// for an outage.
func TestSilenceOfFewCalls(t *testing.T) {
	for _, tc := range []struct {
		name    string
		every   time.Duration
		regular bool
		lasts   time.Duration // of the outage
		within  time.Duration // 0: not noticed
	}{
		{"every three hours, by the clock", 3 * time.Hour, true, 60 * time.Hour, 0},
		{"every three hours, at random", 3 * time.Hour, false, 60 * time.Hour, 0},
		{"every hour, at random", time.Hour, false, 60 * time.Hour, 40 * time.Hour},
		{"every 20 minutes, at random", 20 * time.Minute, false, 30 * time.Hour, 17 * time.Hour},
		{"every 10 minutes, at random", 10 * time.Minute, false, 9 * time.Hour, 6 * time.Hour},
		{"every 10 minutes, by the clock", 10 * time.Minute, true, 9 * time.Hour, 5 * time.Hour},
		{"every 5 minutes, by the clock", 5 * time.Minute, true, 3 * time.Hour, 70 * time.Minute},
		{"every 2 minutes, at random", 2 * time.Minute, false, 2 * time.Hour, 65 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for seed := range pick[int64](3, 1) {
				b := business{zone: "UTC", every: tc.every, regular: tc.regular, begin: "2026-05-04", weeks: 7}
				begin := b.days(t)[40].Add(time.Duration(seed) * 3 * time.Hour)
				calls := b.calls(t, rand.New(rand.NewSource(seed)), []watchdog.Span{{From: begin, To: begin.Add(tc.lasts)}})
				pages, _ := watched(t, b, calls, mustHours(t, "", ""), time.Hour)
				switch {
				case tc.within == 0 && len(pages) > 0:
					t.Errorf("seed %d: got pages at %v, want none", seed, pages)
				case tc.within > 0 && (len(pages) != 1 || pages[0].Before(begin) || pages[0].Sub(begin) > tc.within):
					t.Errorf("seed %d: got pages at %v, want one within %s of %s", seed, pages, tc.within, begin)
				}
			}
		})
	}
}

// A holiday that nobody told the check of looks like an outage: it is paged once. The
// same day a week later is compared with the other weeks.
func TestHolidayThatIsNotChosenIsPagedOnce(t *testing.T) {
	b := business{zone: "Europe/Berlin", open: 8 * 60, close: 18 * 60, every: time.Minute, begin: "2026-03-02", weeks: 7, holidays: []string{"2026-04-03"}}
	outage := watchdog.Span{From: time.Date(2026, 4, 10, 8, 0, 0, 0, time.UTC), To: time.Date(2026, 4, 10, 11, 0, 0, 0, time.UTC)} // a week later
	calls := b.calls(t, rand.New(rand.NewSource(1)), []watchdog.Span{outage})
	pages, _ := watched(t, b, calls, mustHours(t, "Europe/Berlin", ""), time.Hour)
	if len(pages) != 2 || pages[0].Format(time.DateOnly) != "2026-04-03" || pages[1].Before(outage.From) || pages[1].After(outage.To) {
		t.Errorf("got pages at %v, want one on the holiday and one for the outage", pages)
	}
}

func TestSilenceIsJudged(t *testing.T) {
	now := time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC) // a Wednesday
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	busy := func(around time.Time) (calls []time.Time) {
		for at := around.Add(-5 * time.Hour); at.Before(around.Add(3 * time.Hour)); at = at.Add(2 * time.Minute) {
			calls = append(calls, at)
		}
		return calls
	}
	join := func(lists ...[]time.Time) []time.Time {
		all := slices.Concat(lists...)
		slices.SortFunc(all, time.Time.Compare)
		return all
	}
	ago := func(d time.Duration) []time.Time { return busy(now.Add(-d)) }
	old := []time.Time{now.Add(-60 * day)} // the table is old
	for _, tc := range []struct {
		name  string
		calls []time.Time
		quiet string
		last  time.Duration // before now; 90 minutes where it is zero
		beat  time.Duration // an hour where it is zero
		want  bool
	}{
		{name: "no other day", want: false},
		{name: "a week ago", calls: ago(week), want: true},
		{name: "a week ago, but nothing two weeks ago", calls: join(old, ago(week)), want: false},
		{name: "nothing a week ago, as on a holiday", calls: join(ago(2*week), ago(3*week), ago(4*week)), want: true},
		{name: "nothing a week and two weeks ago", calls: join(ago(3*week), ago(4*week)), want: false},
		{name: "a week ago, but nothing two weeks ago, which is all that is known", calls: join([]time.Time{now.Add(-16 * day)}, ago(week))},
		{name: "two weeks within the silence say nothing", calls: join(ago(3*week), ago(4*week)), last: 15 * day, want: true},
		{name: "on two of four", calls: join(old, ago(week), ago(4*week)), want: false},
		{name: "on three of four", calls: join(old, ago(week), ago(2*week), ago(4*week)), want: true},
		{name: "on both days before", calls: join(ago(day), ago(2*day)), want: true},
		{name: "on one of the days before", calls: join(ago(day)), want: false},
		{name: "only before this time of the day", calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return !at.Before(now.Add(-week)) })},
		{name: "only after it", calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return at.Before(now.Add(-week)) })},
		{name: "with a break like this", calls: slices.DeleteFunc(ago(week), func(at time.Time) bool {
			return at.After(now.Add(-week-50*time.Minute)) && at.Before(now.Add(-week+10*time.Minute))
		})},
		{name: "no silence yet", calls: ago(week), last: 59 * time.Minute},
		{name: "quiet hours now", calls: ago(week), quiet: "11:30-12:30"},
		{name: "a quiet day", calls: ago(week), quiet: "2026-03-11"},
		{name: "quiet now, on this day only", calls: ago(week), quiet: "2026-03-11 11:45-13:00"},
		{name: "an hour of calls is less than two", calls: ago(week), quiet: "Wed 09:10-10:45", last: 3 * time.Hour, beat: 2 * time.Hour},
		{name: "no calls have to come in quiet hours", quiet: "Wed 09:00-11:00", last: 4 * time.Hour, want: true,
			calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return at.Before(now.Add(-week - time.Hour)) })},
		{name: "a week ago was quiet then by choice", calls: join(old, ago(2*week), ago(3*week)), quiet: "2026-03-04 11:50-12:10", want: true},
		{name: "quiet time is no silence", calls: ago(week), quiet: "Wed 10:35-11:10"},
		{name: "quiet time is no silence, but enough is left", calls: ago(week), quiet: "Wed 10:35-10:50", want: true},
		{name: "quiet hours ended just now", calls: ago(week), quiet: "Wed 09:00-11:30", last: 5 * time.Hour},
		{name: "a week ago was quiet by choice", calls: join(old, ago(2*week), ago(3*week)), quiet: "2026-03-04", want: true},
	} {
		for _, zone := range []string{"", "Etc/GMT"} { // none is chosen, and one with the same clocks
			t.Run(tc.name+", zone "+zone, func(t *testing.T) {
				if tc.last == 0 {
					tc.last = 90 * time.Minute
				}
				if tc.beat == 0 {
					tc.beat = time.Hour
				}
				asks := 0
				s := watchdog.Silence{Last: now.Add(-tc.last), Now: now, Heartbeat: tc.beat, Hours: mustHours(t, zone, tc.quiet)}
				v, err := s.Judge(asked(tc.calls, &asks))
				if err != nil || v.Page != tc.want || v.Page && len(v.Compared) == 0 {
					t.Errorf("got %+v (%v), want a page: %v", v, err, tc.want)
				}
			})
		}
	}
	t.Run("a table of a few days", func(t *testing.T) {
		for _, tc := range []struct {
			name, now, zone string
			busy            []int // days before
			want            bool
		}{
			{"on a Sunday, only Saturday is like it", "2026-03-15 12:00", "Etc/GMT", []int{1, 2, 3}, false},
			{"on a Friday evening", "2026-03-13 20:00", "Etc/GMT", []int{1, 2}, true},
			{"on a Friday evening, which is a Saturday elsewhere", "2026-03-13 20:00", "", []int{1, 2}, false},
			{"on a Friday morning, wherever that is", "2026-03-13 09:00", "", []int{1, 2}, true},
			{"on a Monday, the days before the weekend are like it", "2026-03-16 14:00", "", []int{4, 5}, true},
			{"on a Saturday, none is like it", "2026-03-14 12:00", "Etc/GMT", []int{1, 2, 3}, false},
		} {
			at, err := time.Parse("2006-01-02 15:04", tc.now)
			if err != nil {
				t.Fatal(err)
			}
			var calls []time.Time
			for _, days := range tc.busy {
				calls = join(calls, busy(at.AddDate(0, 0, -days)))
			}
			s := watchdog.Silence{Last: at.Add(-90 * time.Minute), Now: at, Heartbeat: time.Hour, Hours: mustHours(t, tc.zone, "")}
			if v, err := s.Judge(asked(calls, new(int))); err != nil || v.Page != tc.want {
				t.Errorf("%s: got %+v (%v), want a page: %v", tc.name, v, err, tc.want)
			}
		}
	})
	t.Run("an error is returned", func(t *testing.T) {
		s := watchdog.Silence{Last: now.Add(-2 * time.Hour), Now: now, Heartbeat: time.Hour}
		for fail := 1; fail < 12; fail++ {
			n, calls := 0, ago(week)
			_, err := s.Judge(func(span watchdog.Span, atLeast int) (bool, error) {
				if n++; n == fail {
					return true, fmt.Errorf("question %d", n)
				}
				return asked(calls, new(int))(span, atLeast)
			})
			if (err != nil) != (n >= fail) {
				t.Errorf("question %d fails: got %v after %d", fail, err, n)
			}
		}
	})
}

// Whatever is drawn: as long as there is quiet time only, or no silence, nothing is paged,
// and the check does not ask; and the answer does not depend on the heartbeat's unit.
func TestBusyTimeIsWhatQuietHoursLeave(t *testing.T) {
	for _, zone := range []string{"UTC", "America/New_York", "Australia/Lord_Howe"} {
		random := rand.New(rand.NewSource(1))
		for _, quiet := range []string{"", "18:00-08:00", "Mon-Fri 18:00-08:00,Sat,Sun", "2026-04-05", "Sat-Mon,22:30-01:15", "2026-04-01..2026-04-10 12:00-13:00", "Fri 20:00-04:00,04-05"} {
			h := mustHours(t, zone, quiet)
			for range pick(40, 8) {
				from := time.Date(2026, 3, 1, 0, random.Intn(60*24*50), 0, 0, time.UTC)
				to := from.Add(time.Duration(random.Intn(60*24*4)) * time.Minute)
				want := 0
				for at := from; at.Before(to); at = at.Add(time.Minute) {
					if !h.Quiet(at) {
						want++
					}
				}
				if got := h.Busy(from, to); math.Round(got.Minutes()) != float64(want) {
					t.Fatalf("%s, %q: got %s of %s to %s, want %d minutes", zone, quiet, got, from, to, want)
				}
			}
		}
	}
}
