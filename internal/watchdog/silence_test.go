package watchdog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/watchdog"
)

func TestJudge(t *testing.T) {
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
		{name: "a week ago, but nothing two weeks ago, which is all that is known",
			calls: join([]time.Time{now.Add(-16 * day)}, ago(week))},
		{name: "two weeks within the silence say nothing", calls: join(ago(3*week), ago(4*week)), last: 15 * day, want: true},
		{name: "on two of four", calls: join(old, ago(week), ago(4*week)), want: false},
		{name: "on three of four", calls: join(old, ago(week), ago(2*week), ago(4*week)), want: true},
		{name: "on both days before", calls: join(ago(day), ago(2*day)), want: true},
		{name: "on one of the days before", calls: join(ago(day)), want: false},
		{name: "only before this time of the day",
			calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return !at.Before(now.Add(-week)) })},
		{name: "only after it",
			calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return at.Before(now.Add(-week)) })},
		{name: "with a break like this", calls: slices.DeleteFunc(ago(week), func(at time.Time) bool {
			return at.After(now.Add(-week-50*time.Minute)) && at.Before(now.Add(-week+10*time.Minute))
		})},
		{name: "no silence yet", calls: ago(week), last: 59 * time.Minute},
		{name: "quiet hours now", calls: ago(week), quiet: "11:30-12:30"},
		{name: "a quiet day", calls: ago(week), quiet: "2026-03-11"},
		{name: "quiet now, on this day only", calls: ago(week), quiet: "2026-03-11 11:45-13:00"},
		{name: "an hour of calls is less than two", calls: ago(week), quiet: "Wed 09:10-10:45",
			last: 3 * time.Hour, beat: 2 * time.Hour},
		{name: "no calls have to come in quiet hours", quiet: "Wed 09:00-11:00", last: 4 * time.Hour, want: true,
			calls: slices.DeleteFunc(ago(week), func(at time.Time) bool { return at.Before(now.Add(-week - time.Hour)) })},
		{name: "a week ago was quiet then by choice", calls: join(old, ago(2*week), ago(3*week)),
			quiet: "2026-03-04 11:50-12:10", want: true},
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
			s := watchdog.Silence{
				Last: at.Add(-90 * time.Minute), Now: at, Heartbeat: time.Hour, Hours: mustHours(t, tc.zone, ""),
			}
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
