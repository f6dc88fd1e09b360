package flows_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// beforeCall makes a process run do just before its n-th AWS call from now. reached reports
// whether it came to that.
func (v *invocation) beforeCall(n int, do func()) (reached func() bool) {
	var calls atomic.Int64
	v.Injector.Intercept = func(string) error {
		if calls.Add(1) == int64(n) {
			do()
		}
		return nil
	}
	return func() bool { return calls.Load() >= int64(n) }
}

// quietIncident is a world with an open incident that a run of the watch would close, and
// two processes in it.
func quietIncident(t *testing.T) (failures, watch *invocation) {
	t.Helper()
	world := faultinject.NewWorld(t, faultinject.Server(t))
	failures = newInvocation(world.Process(), noon, "failures")
	failures.fail(t, failedCall("p1", denied, noon))
	failures.record(t, runningCall("good", minutes(1)))
	failures.setTime(minutes(10))
	return failures, newInvocation(world.Process(), minutes(10), "watch")
}

// A failure is handled before any call of a run that closes its incident: the incident does
// not stay closed.
func TestFailureDuringClosingKeepsTheIncidentOpen(t *testing.T) {
	silenceLog(t)
	keptOpen, reopened := 0, 0
	for n := 1; ; n++ {
		failures, watch := quietIncident(t)
		reached := watch.beforeCall(n, func() { failures.fail(t, failedCall("p2", denied, minutes(10))) })
		watch.run(t, limits, minutes(10))
		if !reached() {
			break
		}
		failures.run(t, limits, minutes(10).Add(time.Second))
		i := failures.all(t)[0]
		if !i.Open() {
			t.Errorf("before call %d: the incident is closed, though a call failed just now", n)
		}
		if i.Reopened > 0 {
			reopened++
		} else if sentIn(failures.World)["closing"] == 0 {
			keptOpen++
		}
	}
	if reopened == 0 || keptOpen == 0 {
		t.Errorf("it was reopened %d times and kept open %d times: want both, or the test proves little", reopened, keptOpen)
	}
}

// Before a run closes a quiet incident, another run closes it, and the cause recurs: no
// closing is sent.
func TestNoClosingIsSentForAReopenedIncident(t *testing.T) {
	silenceLog(t)
	reopened := 0
	for n := 1; ; n++ {
		failures, watch := quietIncident(t)
		again := false
		reached := watch.beforeCall(n, func() {
			i := failures.all(t)[0]
			if !i.Open() {
				return
			}
			if err := failures.store().Close(t.Context(), i, failures.clock.Now()); err != nil {
				t.Fatal(err)
			}
			failures.fail(t, failedCall("p2", denied, minutes(10)))
			again = true
			reopened++
		})
		watch.run(t, limits, minutes(10))
		if !reached() {
			break
		}
		closings := sentIn(failures.World)["closing"]
		if i := failures.all(t)[0]; again && (!i.Open() || closings > 0) {
			t.Errorf("before call %d: the incident is open: %t, %d closings sent; want it open, and none",
				n, i.Open(), closings)
		}
	}
	if reopened < 3 {
		t.Errorf("it was reopened in %d runs: the test proves little", reopened)
	}
}
