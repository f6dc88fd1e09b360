package flows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// heartbeat returns limits with a heartbeat of an hour. Stale pipelines are not looked up.
func heartbeat() watchdog.Limits {
	l := limits
	l.Heartbeat, l.Silent = time.Hour, 100*day
	return l
}

// usualDay returns events of calls around a time, as many as on a busy day.
func usualDay(around time.Time) (events [][]byte) {
	add := func(minutes int) {
		at := around.Add(time.Duration(minutes) * time.Minute)
		events = append(events, stoppedCall("usual-"+fmt.Sprint(at.Unix()), at))
	}
	for n := -60; n <= 4; n += 2 {
		add(n)
	}
	for _, n := range []int{-140, -105, -75, 15, 45, 75} { // earlier and later, as no time zone is chosen
		add(n)
	}
	return events
}

// shortCall returns the events of a call of a minute.
func shortCall(at time.Time) [][]byte {
	id := "p" + fmt.Sprint(at.Unix())
	return [][]byte{runningCall(id, at), stoppedCall(id, at.Add(time.Minute))}
}

// wantNoSilence checks that the silence is over.
func (v *invocation) wantNoSilence(t *testing.T) {
	t.Helper()
	if since, err := v.store().ConditionSince(t.Context(), "silence"); err != nil || !since.IsZero() {
		t.Errorf("after a call: got silence since %s (%v), want none", since, err)
	}
}

func TestSilenceIsNotifiedOnceWhereEventsAreUsual(t *testing.T) {
	ahead := testCall{id: "ahead", connector: "abc"}
	inAYear := noon.AddDate(1, 0, 0)
	var manyInAYear [][]byte
	for n := range 25 {
		manyInAYear = append(manyInAYear, stoppedCall(fmt.Sprint("later", n), inAYear.AddDate(0, 0, n)))
	}
	twoHoursAgo, lastWeek := []time.Duration{2 * time.Hour}, []time.Duration{week}
	for _, tt := range []struct {
		name   string
		before []time.Duration // when calls were, before now
		usual  []time.Duration // which days were busy at this time, before now
		also   [][]byte
		quiet  string
		want   int
	}{
		{name: "an event within the hour", before: []time.Duration{30 * time.Minute}, usual: lastWeek},
		{name: "calls at this time a week ago", before: twoHoursAgo, usual: lastWeek, want: 1},
		{name: "one call at this time a week ago", before: []time.Duration{2 * time.Hour, week + 30*time.Minute}},
		{
			name:   "none at this time a week ago, as on a holiday",
			before: []time.Duration{2 * time.Hour, 8 * day}, usual: []time.Duration{day, 2 * day},
		},
		{
			name:   "none a week ago, but in the three weeks before",
			before: twoHoursAgo, usual: []time.Duration{2 * week, 3 * week, 4 * week}, want: 1,
		},
		{
			name:   "a table of a few days, with calls on both days before",
			before: twoHoursAgo, usual: []time.Duration{day, 2 * day}, want: 1,
		},
		{
			name:   "a table of a few days, with calls on one of them",
			before: twoHoursAgo, usual: []time.Duration{day},
		},
		{name: "no call ever"},
		{name: "quiet hours", before: twoHoursAgo, usual: lastWeek, quiet: "Wed 11:00-13:00"},
		{
			name:   "a call that begins in a year",
			before: twoHoursAgo, usual: lastWeek, want: 1,
			also: [][]byte{ahead.event(chime.EventInProgress, inAYear)},
		},
		{
			name:   "many calls that end in a year",
			before: twoHoursAgo, usual: lastWeek, want: 1,
			also: manyInAYear,
		},
		{
			name:   "a call that goes on in a year",
			before: twoHoursAgo, usual: lastWeek, want: 1,
			also: [][]byte{
				ahead.event(chime.EventInProgress, noon.Add(-2*time.Hour)), ahead.event(chime.EventPaused, inAYear),
			},
		},
		{
			name:   "a call of now that goes on in a year",
			before: twoHoursAgo, usual: lastWeek,
			also: [][]byte{
				ahead.event(chime.EventInProgress, noon.Add(-time.Minute)), ahead.event(chime.EventPaused, inAYear),
			},
		},
		{
			name:   "a clock that is a little ahead",
			before: twoHoursAgo, usual: lastWeek,
			also: [][]byte{ahead.event(chime.EventInProgress, minutes(4))},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := inNewWorld(t)
			for _, ago := range tt.before {
				v.record(t, shortCall(noon.Add(-ago))...)
			}
			for _, ago := range tt.usual {
				v.record(t, usualDay(noon.Add(-ago))...)
			}
			v.record(t, tt.also...)
			limits := heartbeat()
			limits.QuietHours = tt.quiet
			for n := range 3 {
				v.run(t, limits, minutes(n))
			}
			want := sent{}
			if tt.want > 0 {
				want["silence"] = tt.want
			}
			v.wantSent(t, "at noon", want)
			if tt.want == 0 {
				return
			}
			v.record(t, shortCall(minutes(3))...)
			v.run(t, limits, minutes(5))
			v.wantNoSilence(t)
			v.wantSent(t, "after a call", want)
		})
	}
}

// The notification says what the silence was compared with, by the clocks of the business.
func TestSilenceNotificationNamesItsComparison(t *testing.T) {
	v := inNewWorld(t)
	limits := limits
	limits.Heartbeat, limits.TimeZone = time.Hour, "America/New_York" // where clocks have changed three days before
	v.record(t, stoppedCall("last", noon.Add(-2*time.Hour)))
	for n := 1; n <= 3; n++ {
		v.record(t, usualDay(noon.AddDate(0, 0, -7*n).Add(time.Hour))...)
	}
	v.run(t, limits, noon)
	got := v.World.Topic.Published()
	const want = "calls came between 07:00 and 08:00 on the last three Wednesdays (times of America/New_York)"
	if len(got) != 1 || !strings.Contains(got[0].Body, want) {
		t.Errorf("got %v, want it to say %q", got, want)
	}
}

// While nobody calls, at night for instance, a run makes few calls to AWS; and few more
// when earlier days were busy, however many calls the table has.
func TestSilenceCheckMakesFewCalls(t *testing.T) {
	v := inNewWorld(t)
	limits := limits
	limits.Heartbeat = time.Hour
	cost := func(at time.Time) int {
		before := len(v.Injector.Calls())
		v.run(t, limits, at)
		return len(v.Injector.Calls()) - before
	}
	v.record(t, stoppedCall("last", noon.Add(-30*time.Minute)))
	none := cost(noon)
	v.record(t, stoppedCall("old", noon.AddDate(0, 0, -60)))
	for w := 1; w <= 4; w++ {
		for n := range 3 {
			v.record(t, usualDay(minutes(31).AddDate(0, 0, -7*w).Add(time.Duration(n)*time.Second))...)
		}
	}
	night, busy := cost(noon.Add(12*time.Hour)), cost(minutes(31))
	v.wantSent(t, "where earlier days were busy", sent{"silence": 1})
	t.Logf("calls of a run: %d without a silence, %d at night, %d when it notifies", none, night, busy)
	if night-none > 80 || busy-none > 400 {
		t.Errorf("got %d calls without a silence, want at most 80 more at night and 400 more where earlier days were busy; "+
			"got %d and %d", none, night, busy)
	}
}

// The events cease while calls go on. What the watch observes about those is no event: it
// neither ends the silence nor begins another.
func TestObservationsDoNotEndASilence(t *testing.T) {
	limits := limits
	limits.Heartbeat = time.Hour
	v := inNewWorld(t)
	for n := -90; n < 280; n += 2 {
		v.record(t, stoppedCall(fmt.Sprint("before", n), minutes(n).Add(-week)))
	}
	for n := range 3 {
		id := fmt.Sprint("p", n)
		v.record(t, runningCall(id, minutes(n)))
		v.api.known[id] = watchdog.Answer{Status: "Stopped"}
	}
	for n := 55; n < 180; n += 5 {
		v.run(t, limits, minutes(n))
	}
	if got := v.status(t, "p2"); got != pipeline.Stopped {
		t.Fatalf("got %s, want it observed: the test proves nothing", got)
	}
	v.wantSent(t, "within two hours", sent{"silence": 1})
	want := "Last event: " + minutes(2).Format("2006-01-02 15:04:05")
	if body := v.World.Topic.Published()[0].Body; !strings.Contains(body, want) {
		t.Errorf("got %s, want the last event", body)
	}
}

// Events from elsewhere or of a rehearsal, however many, neither end a silence nor cause
// one, nor make an hour one in which there usually are calls.
func TestSilenceCountsRealEventsOfThisAccountAndRegion(t *testing.T) {
	silenceLog(t)
	ago := func(all ...time.Duration) []time.Duration { return all }
	none, silence := sent{}, sent{"silence": 1}
	for _, other := range others {
		for _, tt := range []struct {
			name                   string
			ours, theirs           []time.Duration // when calls were, before now
			oursUsual, theirsUsual []time.Duration // which days were busy at this time, before now
			want                   sent
		}{
			{
				name: "only theirs go on",
				ours: ago(2 * time.Hour), oursUsual: ago(week), theirs: each(30, 50*time.Minute), want: silence,
			},
			{
				name: "ours go on behind many of theirs",
				ours: ago(50 * time.Minute), oursUsual: ago(week), theirs: each(30, 40*time.Minute), want: none,
			},
			{
				name: "theirs have ceased",
				ours: ago(30 * time.Minute), oursUsual: ago(week), theirsUsual: ago(week), want: none,
			},
			{
				name: "only theirs were there a week ago",
				ours: ago(2*time.Hour, 8*day), theirsUsual: ago(week), want: none,
			},
			{
				name: "theirs are older than a week, ours were there on both days before",
				ours: ago(2 * time.Hour), oursUsual: ago(day, 2*day), theirs: each(30, 8*day), want: silence,
			},
			{
				name: "only theirs were there on the days before",
				ours: ago(2 * time.Hour), theirsUsual: ago(day, 2*day), want: none,
			},
			{
				name:   "there are none of ours",
				theirs: each(3, 2*time.Hour), theirsUsual: ago(week), want: none,
			},
		} {
			t.Run(other.name+", "+tt.name, func(t *testing.T) {
				v := inNewWorld(t)
				for _, ago := range tt.ours {
					v.record(t, shortCall(noon.Add(-ago))...)
				}
				for _, ago := range tt.theirs {
					v.record(t, other.of(shortCall(noon.Add(-ago))...)...)
				}
				for _, ago := range tt.oursUsual {
					v.record(t, usualDay(noon.Add(-ago))...)
				}
				for _, ago := range tt.theirsUsual {
					v.record(t, other.of(usualDay(noon.Add(-ago))...)...)
				}
				for n := range 3 {
					v.run(t, heartbeat(), minutes(n))
				}
				v.wantSent(t, "at noon", tt.want)
			})
		}
	}
}

// each returns n times, a second apart.
func each(n int, from time.Duration) (times []time.Duration) {
	for i := range n {
		times = append(times, from-time.Duration(i)*time.Second)
	}
	return times
}
