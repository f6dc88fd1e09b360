package flows_test

import (
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

// others are events that are not of this account and Region, or not real: of makes them,
// and prefix precedes the ids of their pipelines.
var others = []struct {
	name, prefix string
	of           func(...[]byte) [][]byte
}{
	{"of another account and Region", "", elsewhere},
	{"of another Region", "", func(events ...[]byte) [][]byte { return replaced(events, region, "us-west-2") }},
	{"of a rehearsal", chime.RehearsalPrefix, rehearsed},
}

// The watch does not ask the API about pipelines of other places or of a rehearsal: they
// are never lost, and do not count as active.
func TestWatchAsksOnlyAboutRealPipelinesOfItsAccountAndRegion(t *testing.T) {
	for _, other := range others {
		t.Run(other.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.record(t, other.of(lingering.event(chime.EventInProgress, noon))...)
			for n := range 30 {
				v.record(t, other.of(runningCall(fmt.Sprint("p", n), noon))...)
			}
			for _, id := range []string{"ours-1", "ours-2"} {
				v.record(t, testCall{id: id}.event(chime.EventInProgress, noon))
				v.api.known[id] = watchdog.Answer{Status: "InProgress"}
			}
			for _, minute := range []int{6, 62, 9 * 60} {
				counted, err := v.runCounting(t, limits, minutes(minute))
				if err != nil {
					t.Fatal(err)
				}
				if n := counted["ActivePipelines"]; n != 2 {
					t.Errorf("after %d minutes: got %d active pipelines, want our 2", minute, n)
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
			for _, id := range []string{"p0", "p29", lingering.id} {
				if got := v.status(t, other.prefix+id); got != pipeline.InProgress {
					t.Errorf("%s: got %s, want it to stay %s", id, got, pipeline.InProgress)
				}
			}
			v.wantSent(t, "in nine hours", sent{})
		})
	}
}

// The watch asks about a pipeline whose events name no account or Region, and about one of
// another account if it does not know its own.
func TestWatchAsksAboutPipelinesOfUnknownPlace(t *testing.T) {
	v := inNewWorld(t)
	event := func(id string) [][]byte { return [][]byte{testCall{id: id}.event(chime.EventInProgress, noon)} }
	v.record(t, replaced(event("unmarked"), pipelineARN, "",
		`"account":"`+account+`",`, "", `"region":"`+region+`",`, "")...)
	v.record(t, elsewhere(event("foreign")...)...)
	v.record(t, replaced(event("same-region"), account, "999988887777")...)
	v.run(t, limits, minutes(62))
	if got := fmt.Sprint(v.api.asked); got != "[unmarked]" {
		t.Errorf("asked about %s, want the one that names no place", got)
	}
	v.setTime(minutes(63))
	w := v.watch(limits)
	w.Account = ""
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v.api.asked); got != "[unmarked same-region]" {
		t.Errorf("without its account: asked about %s, want the one of its Region, too", got)
	}
}

// Failures elsewhere are notified with their place, failures in rehearsals as rehearsals,
// and those of this place as usual.
func TestFailuresElsewhereAndInRehearsalsAreNotified(t *testing.T) {
	flaky := func(id string) []byte {
		sink := element(chime.ElementKinesisSink, "TemporarilyFailed")
		return testCall{id: "flaky-" + id, elements: sink}.event(chime.EventTemporaryFailure, noon)
	}
	bad := func(id string) []byte {
		return testCall{id: id, connector: "of-" + id, reason: denied}.event(chime.EventPermanentFailure, noon)
	}
	for _, other := range []struct {
		name, id, subject, body string
		of                      func(...[]byte) [][]byte
	}{
		{name: "elsewhere", id: "other", subject: "[", body: "999988887777, eu-central-1", of: elsewhere},
		{name: "in a rehearsal", id: "same", subject: "[rehearsal] ", body: "[rehearsal] ", of: rehearsed},
	} {
		t.Run(other.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.record(t, append(other.of(flaky(other.id), bad(other.id)), flaky("same"), bad("same"))...)
			v.fail(t, append(other.of(bad(other.id)), bad("same"))...)
			v.run(t, limits, minutes(5))
			v.wantSent(t, "after five minutes", sent{"opening": 4})
			marked := 0
			for _, m := range v.World.Topic.Published() {
				var texts map[string]string
				if err := json.Unmarshal([]byte(m.Body), &texts); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(texts["email"], other.body) && strings.HasPrefix(m.Subject, other.subject) {
					marked++
				}
			}
			if n := len(v.World.Topic.Published()); n != 4 || marked != 2 {
				t.Errorf("got %d of %d messages that say so, want 2 of 4", marked, n)
			}
		})
	}
}

// A rehearsal of a call that succeeds does not close a real incident, and no number of
// rehearsals hides the real call that does. A rehearsed incident closes with a rehearsed
// success.
func TestRehearsalsDoNotCloseOrProlongARealIncident(t *testing.T) {
	v := inNewWorld(t)
	bad := failedCall("bad", denied, noon)
	v.fail(t, bad)
	v.fail(t, rehearsed(bad)...)
	if list := v.all(t); len(list) != 2 || list[0].Rehearsal() == list[1].Rehearsal() {
		t.Fatalf("got %+v, want an incident and a rehearsal of one", list)
	}
	open := func() string {
		var list []string
		for _, i := range v.all(t) {
			if i.Open() {
				list = append(list, fmt.Sprintf("rehearsal %v", i.Rehearsal()))
			}
		}
		return strings.Join(list, ", ")
	}
	v.run(t, limits, minutes(9))
	if got := open(); !strings.Contains(got, ", ") {
		t.Errorf("before the quiet time is over: got open %q, want both", got)
	}
	v.record(t, rehearsed(runningCall("good", minutes(9)))...)
	v.run(t, limits, minutes(10))
	v.wantSent(t, "after the quiet time", sent{"opening": 2, "closing": 1})
	if got := open(); got != "rehearsal false" {
		t.Errorf("after a rehearsal of a call that succeeds: got open %q, want the real one", got)
	}
	v.record(t, runningCall("good", minutes(11)))
	for n := range 250 { // the watch looks at the 200 newest
		noise := testCall{id: fmt.Sprint("noise", n), connector: "xyz"}
		v.record(t, rehearsed(noise.event(chime.EventInProgress, minutes(12)))...)
	}
	v.run(t, watchdog.Limits{Silent: time.Hour, Recovery: time.Hour, Quota: 20}, minutes(13))
	if got := open(); got != "" {
		t.Errorf("after a real call that succeeds, and many rehearsals: got open %q, want none", got)
	}
	v.wantSent(t, "in the end", sent{"opening": 2, "closing": 2})
}

// A temporary failure elsewhere whose end was missed, and about which the API is not asked,
// is notified once, and not checked in every later run.
func TestTemporaryFailuresElsewhereAreCheckedForALimitedTime(t *testing.T) {
	for _, other := range others {
		t.Run(other.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.record(t, other.of(testCall{id: "flaky", connector: "abc"}.event(chime.EventTemporaryFailure, noon))...)
			writes := func(at time.Time) (n int) {
				before := len(v.Injector.Calls())
				v.run(t, limits, at)
				for _, call := range v.Injector.Calls()[before:] {
					if faultinject.Writes(call) {
						n++
					}
				}
				return n
			}
			if n := writes(minutes(5)); n == 0 {
				t.Error("got no write, want it notified")
			}
			v.run(t, limits, minutes(9*60))
			if n := writes(minutes(9*60 + 1)); n != 0 {
				t.Errorf("after nine hours: got %d writes, want none", n)
			}
			if opened := sentIn(v.World)["opening"]; opened != 1 {
				t.Errorf("got %d openings, want one", opened)
			}
		})
	}
}
