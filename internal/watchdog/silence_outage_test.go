package watchdog_test

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/watchdog"
)

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
		{"Berlin in spring, with quiet hours and holidays",
			in(office, "Europe/Berlin", "2026-03-02", "2026-04-03", "2026-04-06"),
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
					by = by.Add(heartbeat + slack)
					end := to.Add(-time.Duration(tc.earlyEnd)*time.Minute - early)
					if hours.Quiet(by) || by.After(o.To) || by.After(end) {
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

// Where calls are few, an outage is noticed later or not at all, and no pause is paged as an
// outage.
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

// A holiday that is not among the quiet hours looks like an outage: it is paged once. The
// same day a week later is compared with the other weeks.
func TestUnknownHolidayIsPagedOnce(t *testing.T) {
	b := business{
		zone: "Europe/Berlin", open: 8 * 60, close: 18 * 60, every: time.Minute,
		begin: "2026-03-02", weeks: 7, holidays: []string{"2026-04-03"},
	}
	aWeekLater := func(hour int) time.Time { return time.Date(2026, 4, 10, hour, 0, 0, 0, time.UTC) }
	outage := watchdog.Span{From: aWeekLater(8), To: aWeekLater(11)}
	calls := b.calls(t, rand.New(rand.NewSource(1)), []watchdog.Span{outage})
	pages, _ := watched(t, b, calls, mustHours(t, "Europe/Berlin", ""), time.Hour)
	if len(pages) != 2 || pages[0].Format(time.DateOnly) != b.holidays[0] ||
		pages[1].Before(outage.From) || pages[1].After(outage.To) {
		t.Errorf("got pages at %v, want one on the holiday and one for the outage", pages)
	}
}
