package flows_test

import (
	"fmt"
	"math/rand"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// A thousand failures of one cause and some of another, each once or twice and in any
// order, handled by two processes: an incident and an opening for each cause, and the exact
// number of calls.
func TestFailureStormOpensOneIncidentPerCause(t *testing.T) {
	silenceLog(t)
	const calls, others = 1000, 60
	const deleted = "The bucket was deleted"
	world := faultinject.NewWorld(t, faultinject.Server(t))
	var events [][]byte
	random := rand.New(rand.NewSource(1))
	for n := range calls + others {
		reason := denied
		if n >= calls {
			reason = deleted
		}
		event := failedCall(fmt.Sprintf("p-%04d", n), reason, noon.Add(time.Duration(n)*time.Millisecond))
		for range 1 + random.Intn(3)/2 {
			events = append(events, event)
		}
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	var group errgroup.Group
	var next atomic.Int64
	for process := range 2 {
		p := world.Process()
		for n := range 4 {
			// Invocations that run at once have names of their own.
			v := newInvocation(p, noon, fmt.Sprint("invocation ", process, ".", n))
			group.Go(func() error {
				for n := next.Add(1) - 1; int(n) < len(events); n = next.Add(1) - 1 {
					if err := v.incidents().Handle(t.Context(), events[n]); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	v := newInvocation(world.Process(), noon, "reader")
	list := v.all(t)
	if len(list) != 2 {
		t.Fatalf("got %d incidents, want 2", len(list))
	}
	for _, i := range list {
		want := map[string]int{denied: calls, deleted: others}[i.Reason]
		if n := v.failedCalls(t, i.ID); n != want || !i.Open() || i.Announced.Openings != 1 {
			t.Errorf("incident %s (%s): got %d calls, open %v, %d openings announced, want %d, open, 1",
				i.ID, i.Reason, n, i.Open(), i.Announced.Openings, want)
		}
		if n := world.Topic.Times()["incident/"+i.ID+"/opening"]; n != 1 {
			t.Errorf("incident %s: got %d openings, want 1", i.ID, n)
		}
	}
	if n := len(world.Topic.Published()); n != 2 {
		t.Errorf("got %d messages, want an opening of each", n)
	}
}
