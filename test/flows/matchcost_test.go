package flows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A storm of matches that name no call is one message, and one with the exact count.
func TestStormOfUnnamedMatchesIsTwoMessages(t *testing.T) {
	v := inNewWorld(t)
	for n := range 60 {
		v.match(t, unnamedMatch("storm", fmt.Sprint("m", n), noon))
	}
	v.match(t, unnamedMatch("storm", "m7", noon))
	v.endWindows(t, minutes(5))
	v.endWindows(t, minutes(11))
	if held := v.heldBack(t); len(held) != 2 || held[0] != 0 || held[1] != 58 {
		t.Errorf("got messages that count %v others, want [0 58]", held)
	}
	body := v.World.Topic.Published()[1].Body
	for _, want := range []string{"58 more matches of this rule", "does not say on which call"} {
		if !strings.Contains(body, want) {
			t.Errorf("got %s, want it to say %q", body, want)
		}
	}
}

// What a group costs does not grow with its age: a match that is held back, and the message
// at the end of a window, make as many calls after weeks of matches, also where no window
// ends without another match, and where matches come twice.
func TestCostOfAMatchDoesNotGrowWithItsGroup(t *testing.T) {
	for _, rests := range []bool{true, false} {
		v := inNewWorld(t)
		cost := func(at time.Time) int {
			v.setTime(at)
			id := at.Format("0102")
			v.match(t, unnamedMatch("r1", "a"+id, at))
			before := len(v.Injector.Calls())
			v.match(t, unnamedMatch("r1", "b"+id, at))
			v.endWindows(t, at.Add(5*time.Minute))
			n := len(v.Injector.Calls()) - before
			v.match(t, unnamedMatch("r1", "b"+id, at))
			if rests {
				v.endWindows(t, at.Add(11*time.Minute))
			}
			return n
		}
		cost(noon)
		second := cost(noon.AddDate(0, 0, 1))
		for day := 2; day < 16; day++ {
			if n := cost(noon.AddDate(0, 0, day)); n > second {
				t.Fatalf("rests: %v, after %d days: got %d calls, want %d as on the second", rests, day, n, second)
			}
		}
		if n := len(v.heldBack(t)); n != 32 {
			t.Errorf("rests: %v: got %d messages, want 2 a day", rests, n)
		}
	}
}
