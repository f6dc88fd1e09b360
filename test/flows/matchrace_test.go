package flows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// A process is killed after any of its calls, as it handles a match or ends a window, and
// another match comes before it retries; or another match comes just before any of its
// calls. Each match is counted once.
func TestMatchesDuringACrashOrRaceAreCounted(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for _, group := range []matchGroup{matchGroups[0], matchGroups[2]} {
		for _, when := range []string{firstMatch, heldBackMatch, endOfWindow} {
			t.Run(group.name+", "+when+", it is killed", func(t *testing.T) {
				for n, calls := 1, 1; n <= calls+1; n++ {
					r := newMatchRace(t, faultinject.NewWorld(t, db), group, when)
					calls = r.crash(n)
					r.check(n)
				}
			})
			t.Run(group.name+", "+when+", another match comes", func(t *testing.T) {
				for n, reached := 1, true; reached; n++ {
					r := newMatchRace(t, faultinject.NewWorld(t, db), group, when)
					reached = r.race(n)
					r.check(n)
				}
			})
		}
	}
}

// When a matchRace happens.
const (
	firstMatch    = "at the first match"
	heldBackMatch = "at a match that is held back"
	endOfWindow   = "at the end of a window"
)

// matchRace is a process that does a step, and another one that handles a match meanwhile.
type matchRace struct {
	t             *testing.T
	first, other  *invocation
	now           time.Time
	group         matchGroup
	matches       int // so far
	step, another func(context.Context, *rulematch.Service) error
}

func newMatchRace(t *testing.T, world *faultinject.World, group matchGroup, when string) *matchRace {
	t.Helper()
	r := &matchRace{
		t: t, now: noon, group: group,
		first: newInvocation(world.Process(), noon, "first"), other: newInvocation(world.Process(), noon, "other"),
	}
	r.step = r.match()
	if when != firstMatch {
		r.do(r.step, r.first)
		r.step = r.match()
	}
	if when == endOfWindow {
		r.do(r.step, r.first)
		r.now = noon.Add(matchWindow)
		r.step = func(ctx context.Context, s *rulematch.Service) error { return s.Run(ctx) }
	}
	r.first.setTime(r.now)
	r.other.setTime(r.now)
	r.another = r.match()
	return r
}

// match returns a step that handles a new match.
func (r *matchRace) match() func(context.Context, *rulematch.Service) error {
	r.matches++
	event := r.group.event(fmt.Sprint("m", r.matches), noon)
	return func(ctx context.Context, s *rulematch.Service) error { return s.Handle(ctx, event) }
}

// do runs a step that must not fail.
func (r *matchRace) do(step func(context.Context, *rulematch.Service) error, v *invocation) {
	r.t.Helper()
	if err := step(r.t.Context(), v.matches()); err != nil {
		r.t.Fatal(err)
	}
}

// crash kills the process after its n-th call, and retries after the other match. It
// returns how many calls the process made.
func (r *matchRace) crash(n int) (calls int) {
	r.t.Helper()
	before := len(r.first.Injector.Calls())
	r.first.Injector.InjectAt(n, faultinject.After)
	if err := r.step(r.t.Context(), r.first.matches()); err != nil && !errors.Is(err, faultinject.ErrKilled) {
		r.t.Fatal(err)
	}
	calls = len(r.first.Injector.Calls()) - before
	r.first.Injector.Revive()
	r.first.Injector.InjectAt(1<<20, faultinject.Before) // no more
	for _, v := range []*invocation{r.first, r.other} {
		v.setTime(r.now.Add(20 * time.Second)) // the claims of the dead process have expired
	}
	r.do(r.another, r.other)
	r.do(r.step, r.first)
	return calls
}

// race lets the other match come just before the n-th call of the process, and reports
// whether there is such a call.
func (r *matchRace) race(n int) bool {
	r.t.Helper()
	again := true
	reached := r.first.beforeCall(n, func() {
		service := r.other.matches()
		service.Wait = func(context.Context, time.Duration) error { return errFirstSends }
		err := r.another(r.t.Context(), service)
		if err != nil && !errors.Is(err, errFirstSends) {
			r.t.Error(err)
		}
		again = err != nil
	})
	r.do(r.step, r.first)
	if again {
		r.do(r.another, r.other)
	}
	return reached()
}

// errFirstSends ends the handling of a match that would wait for the first process, which
// goes on only afterwards.
var errFirstSends = errors.New("the first process is sending")

// check ends all windows, and compares the notifications with the matches.
func (r *matchRace) check(n int) {
	r.t.Helper()
	for end := range 4 {
		r.other.setTime(r.now.Add(time.Duration(6*end+6) * time.Minute))
		r.do(func(ctx context.Context, s *rulematch.Service) error { return s.Run(ctx) }, r.other)
	}
	l := newMatchLog()
	l.readNew(r.t, r.other.World, r.now)
	counted := 0
	for _, messages := range l.counted {
		for _, matches := range messages {
			counted += matches
		}
	}
	if counted != r.matches {
		r.t.Errorf("at call %d: notified of %d matches, want %d: %v", n, counted, r.matches, r.other.World.Topic.Times())
	}
}
