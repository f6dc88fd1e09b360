package flows_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// elsewhere returns events as they come from another account and Region.
func elsewhere(events ...[]byte) [][]byte {
	var list [][]byte
	for _, raw := range events {
		raw = bytes.ReplaceAll(raw, []byte("111122223333"), []byte("999988887777"))
		list = append(list, bytes.ReplaceAll(raw, []byte("us-east-1"), []byte("eu-central-1")))
	}
	return list
}

// rehearsed returns events as they come in a rehearsal.
func rehearsed(events ...[]byte) [][]byte {
	var list [][]byte
	for _, raw := range events {
		list = append(list, bytes.Replace(raw, []byte(`"source":"aws.chime"`), []byte(`"source":"chimewatch.rehearsal"`), 1))
	}
	return list
}

// others are the events that are not of this account and Region, or not real: how
// they are made, and what precedes the ids of their pipelines.
var others = []struct {
	name, prefix string
	of           func(...[]byte) [][]byte
}{
	{"of another account and Region", "", elsewhere},
	{"of another Region", "", func(events ...[]byte) (list [][]byte) {
		for _, raw := range events {
			list = append(list, bytes.ReplaceAll(raw, []byte("us-east-1"), []byte("us-west-2")))
		}
		return list
	}},
	{"of a rehearsal", chime.RehearsalPrefix, rehearsed},
}

// Of what is not ours or not real nobody is asked, it is never lost, and it does
// not count.
func TestWatchAsksOnlyAboutRealPipelinesOfItsAccountAndRegion(t *testing.T) {
	for _, other := range others {
		t.Run(other.name, func(t *testing.T) {
			v := onTable(t)
			lingering := phoned{id: "lingers", elements: [][2]string{
				{chime.ElementVoiceAnalytics, "InProgress"}, {chime.ElementKinesisSink, "Stopped"},
			}}
			v.record(t, other.of(lingering.event(chime.EventInProgress, noon))...)
			for n := range 30 {
				v.record(t, other.of(phoned{id: fmt.Sprint("p", n), connector: "abc"}.event(chime.EventInProgress, noon))...)
			}
			for _, id := range []string{"ours-1", "ours-2"} {
				v.record(t, phoned{id: id}.event(chime.EventInProgress, noon))
				v.api.known[id] = watchdog.Answer{Status: "InProgress"}
			}
			for _, minute := range []int{6, 62, 9 * 60} {
				counts, err := v.counts(t, limits, minutes(minute))
				if err != nil {
					t.Fatal(err)
				}
				if counts["ActivePipelines"] != 2 {
					t.Errorf("after %d minutes: got %d active pipelines, want our 2", minute, counts["ActivePipelines"])
				}
			}
			for _, id := range v.api.asked {
				if !strings.HasPrefix(id, "ours-") {
					t.Errorf("asked about %s", id)
				}
			}
			if len(v.api.asked) == 0 {
				t.Error("ours were not asked about: the test proves nothing")
			}
			for _, id := range []string{"p0", "p29", "lingers"} {
				if got := v.status(t, other.prefix+id); got != pipeline.InProgress {
					t.Errorf("%s: got %s, want it to stay %s", id, got, pipeline.InProgress)
				}
			}
			v.wantStages(t, "in nine hours", map[string]int{})
		})
	}
}

// A pipeline whose events name no account or Region is asked about, and so is one
// of another account where the watch does not know its own.
func TestWatchAsksAboutPipelinesOfUnknownPlace(t *testing.T) {
	v := onTable(t)
	unmarked := strings.NewReplacer("arn:aws:chime:us-east-1:111122223333:media-pipeline/", "",
		`"account":"111122223333",`, "", `"region":"us-east-1",`, "")
	v.record(t, []byte(unmarked.Replace(string(phoned{id: "unmarked"}.event(chime.EventInProgress, noon)))))
	v.record(t, elsewhere(phoned{id: "foreign"}.event(chime.EventInProgress, noon))...)
	sameRegion := phoned{id: "same-region"}.event(chime.EventInProgress, noon)
	v.record(t, bytes.ReplaceAll(sameRegion, []byte("111122223333"), []byte("999988887777")))
	v.run(t, limits, minutes(62))
	if got := fmt.Sprint(v.api.asked); got != "[unmarked]" {
		t.Errorf("asked about %s, want the one that says no place", got)
	}
	v.now.set(minutes(63))
	w := v.watch(limits, quiet{})
	w.Account = ""
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v.api.asked); got != "[unmarked same-region]" {
		t.Errorf("without its account: asked about %s, want the one of its Region, too", got)
	}
}

// Failures elsewhere and in rehearsals are told, with the place, or as what they
// are; those of this place are told as ever.
func TestFailuresElsewhereAndInRehearsalsAreNotified(t *testing.T) {
	flaky := func(id string) []byte {
		sink := [][2]string{{"KinesisDataStreamSink", "TemporarilyFailed"}}
		return phoned{id: "flaky-" + id, elements: sink}.event(chime.EventTemporaryFailure, noon)
	}
	bad := func(id string) []byte {
		return phoned{id: id, connector: "of-" + id, reason: denied}.event(chime.EventPermanentFailure, noon)
	}
	for _, other := range []struct {
		name, id, subject, body string
		of                      func(...[]byte) [][]byte
	}{
		{"elsewhere", "other", "[", "999988887777, eu-central-1", elsewhere},
		{"in a rehearsal", "same", "[rehearsal] ", "[rehearsal] ", rehearsed},
	} {
		t.Run(other.name, func(t *testing.T) {
			v := onTable(t)
			v.record(t, append(other.of(flaky(other.id), bad(other.id)), flaky("same"), bad("same"))...)
			v.fail(t, append(other.of(bad(other.id)), bad("same"))...)
			v.run(t, limits, minutes(5))
			v.wantStages(t, "after five minutes", map[string]int{"opening": 4})
			told := map[bool]int{}
			for _, m := range v.World.Topic.Published() {
				var texts map[string]string
				if err := json.Unmarshal([]byte(m.Body), &texts); err != nil {
					t.Fatal(err)
				}
				told[strings.Contains(texts["email"], other.body) && strings.HasPrefix(m.Subject, other.subject)]++
			}
			if told[true] != 2 || told[false] != 2 {
				t.Errorf("got %d of 4 messages that say so, want 2", told[true])
			}
		})
	}
}

// What comes from elsewhere or in a rehearsal neither ends a silence nor causes
// one, nor makes an hour one in which there usually are calls, however many there
// are.
func TestSilenceCountsRealEventsOfThisAccountAndRegion(t *testing.T) {
	const day = 24 * time.Hour
	beats := limits
	beats.Heartbeat, beats.Silent = time.Hour, 100*day
	call := func(ago time.Duration) [][]byte {
		c := phoned{id: "p" + ago.String(), connector: "abc"}
		at := noon.Add(-ago)
		return [][]byte{c.event(chime.EventInProgress, at), c.event(chime.EventStopped, at.Add(time.Minute))}
	}
	silenceLog(t)
	db := faultinject.Server(t)
	const half, week = 30 * time.Minute, 7 * day
	none, silence := map[string]int{}, map[string]int{"silence": 1}
	for _, other := range others {
		for _, tc := range []struct {
			name                     string
			ours, theirs             []time.Duration // when calls were, before now
			oursUsually, theirsUsual []time.Duration // which days were busy at this time
			want                     map[string]int
		}{
			{"only theirs go on", []time.Duration{2 * time.Hour}, many(30, 50*time.Minute), []time.Duration{week}, nil, silence},
			{"ours go on behind many of theirs", []time.Duration{50 * time.Minute}, many(30, 40*time.Minute), []time.Duration{week}, nil, none},
			{"theirs have ceased", []time.Duration{half}, nil, []time.Duration{week}, []time.Duration{week}, none},
			{"only theirs were there a week ago", []time.Duration{2 * time.Hour, 8 * day}, nil, nil, []time.Duration{week}, none},
			{"theirs are older than a week, ours were there on both days before",
				[]time.Duration{2 * time.Hour}, many(30, 8*day), []time.Duration{day, 2 * day}, nil, silence},
			{"only theirs were there on the days before", []time.Duration{2 * time.Hour}, nil, nil, []time.Duration{day, 2 * day}, none},
			{"there are none of ours", nil, many(3, 2*time.Hour), nil, []time.Duration{week}, none},
		} {
			t.Run(other.name+", "+tc.name, func(t *testing.T) {
				v := invoked(faultinject.NewWorld(t, db).Process(), noon, "one")
				for _, ago := range tc.ours {
					v.record(t, call(ago)...)
				}
				for _, ago := range tc.theirs {
					v.record(t, other.of(call(ago)...)...)
				}
				for _, ago := range tc.oursUsually {
					v.record(t, usualDay(noon.Add(-ago))...)
				}
				for _, ago := range tc.theirsUsual {
					v.record(t, other.of(usualDay(noon.Add(-ago))...)...)
				}
				for n := range 3 {
					v.run(t, beats, minutes(n))
				}
				v.wantStages(t, "at noon", tc.want)
			})
		}
	}
}

// many returns n times, of seconds one after another.
func many(n int, from time.Duration) (times []time.Duration) {
	for i := range n {
		times = append(times, from-time.Duration(i)*time.Second)
	}
	return times
}

// A rehearsal of a call that succeeds does not end a real incident, and no number
// of rehearsals hides the real call that does. A rehearsed incident is over when
// the rehearsal is.
func TestRehearsalsDoNotCloseOrProlongARealIncident(t *testing.T) {
	v := onTable(t)
	bad := phoned{id: "bad", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon)
	good := phoned{id: "good", connector: "abc"}
	v.fail(t, bad)
	v.fail(t, rehearsed(bad)...)
	if list := v.all(t); len(list) != 2 || list[0].Rehearsal() == list[1].Rehearsal() {
		t.Fatalf("got %+v, want an incident and a rehearsal of one", list)
	}
	open := func() string {
		var words []string
		for _, i := range v.all(t) {
			if i.Open() {
				words = append(words, fmt.Sprintf("rehearsal %v", i.Rehearsal()))
			}
		}
		return strings.Join(words, ", ")
	}
	v.run(t, limits, minutes(9))
	if got := open(); !strings.Contains(got, ", ") {
		t.Errorf("before the quiet time is over: got open %q, want both", got)
	}
	v.record(t, rehearsed(good.event(chime.EventInProgress, minutes(9)))...)
	v.run(t, limits, minutes(10))
	v.wantStages(t, "after the quiet time", map[string]int{"opening": 2, "closing": 1})
	if got := open(); got != "rehearsal false" {
		t.Errorf("after a rehearsal of a call that succeeds: got open %q, want the real one", got)
	}
	v.record(t, good.event(chime.EventInProgress, minutes(11)))
	for n := range 250 { // the watch looks at the 200 newest
		noise := phoned{id: fmt.Sprint("noise", n), connector: "xyz"}
		v.record(t, rehearsed(noise.event(chime.EventInProgress, minutes(12)))...)
	}
	v.run(t, watchdog.Limits{Silent: time.Hour, Recovery: time.Hour, Quota: 20}, minutes(13))
	if got := open(); got != "" {
		t.Errorf("after a real call that succeeds, and many rehearsals: got open %q, want none", got)
	}
	v.wantStages(t, "at last", map[string]int{"opening": 2, "closing": 2})
}

// A temporary failure of which nobody will hear more, as its end was missed and
// nobody may be asked, is not taken up run after run for ever.
func TestTemporaryFailuresElsewhereAreCheckedForALimitedTime(t *testing.T) {
	for _, other := range others {
		t.Run(other.name, func(t *testing.T) {
			v := onTable(t)
			v.record(t, other.of(phoned{id: "flaky", connector: "abc"}.event(chime.EventTemporaryFailure, noon))...)
			writes := func(at time.Time) (n int) {
				before := len(v.Line.Calls())
				v.run(t, limits, at)
				for _, call := range v.Line.Calls()[before:] {
					if faultinject.Writes(call) {
						n++
					}
				}
				return n
			}
			if n := writes(minutes(5)); n == 0 {
				t.Error("got no write, want it told")
			}
			v.run(t, limits, minutes(9*60))
			if n := writes(minutes(9*60 + 1)); n != 0 {
				t.Errorf("after nine hours: got %d writes, want none", n)
			}
			if opened := stages(v.World)["opening"]; opened != 1 {
				t.Errorf("got it told %d times, want once", opened)
			}
		})
	}
}
