package flows_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// A run of the watch that is killed is not retried, but the next one, of another invocation
// a minute later, completes its work.
func TestNextRunCompletesAKilledOne(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	play := func(t *testing.T, n int, how faultinject.Fault) (v *invocation, calls []string) {
		world := faultinject.NewWorld(t, db)
		v = newInvocation(world.Process(), noon, "first")
		unreportedEnds(t, v)
		v.fail(t, failedCall("p1", denied, minutes(110)))
		before := len(v.Injector.Calls())
		v.Injector.InjectAt(n, how)
		v.setTime(minutes(120))
		err := v.watch(limits).Run(t.Context())
		calls = v.Injector.Calls()[before:]
		if (err == nil) != (n == 0) {
			t.Fatalf("%s call %d: got %v", how, n, err)
		}
		for run := 1; run <= 2; run++ {
			next := newInvocation(world.Process(), noon, fmt.Sprint("run ", run))
			next.api = v.api
			next.run(t, limits, minutes(120+run))
		}
		return newInvocation(world.Process(), noon, "reader"), calls
	}
	reader, calls := play(t, 0, faultinject.Before)
	want := slices.Sorted(maps.Keys(sentIn(reader.World)))
	for n, call := range calls {
		if n > 0 && !faultinject.Writes(call) {
			continue
		}
		reader, _ := play(t, n+1, faultinject.After)
		where := fmt.Sprintf("%s call %d of %d, %s", faultinject.After, n+1, len(calls), call)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(sentIn(reader.World)))); diff != "" {
			t.Errorf("%s: notifications (-want +got):\n%s", where, diff)
		}
		reader.wantStatuses(t, where, wantEnds)
		for id := range wantEnds {
			history, err := reader.store().History(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			observed := slices.ContainsFunc(history, func(r pipeline.Record) bool {
				return strings.HasPrefix(r.EventType, "chimewatch:Observed")
			})
			if observed != (id != "runs") {
				t.Errorf("%s: pipeline %s: an observation in its history: %v", where, id, observed)
			}
		}
	}
}

// inOrder returns the work of a process that runs steps one after the other.
func inOrder(t *testing.T, v *invocation, steps []faultinject.Step) faultinject.Work {
	return faultinject.Work{Injector: v.Injector, Do: func() (err error) {
		for _, step := range steps {
			err = errors.Join(err, step(t.Context()))
		}
		return err
	}}
}

// Two runs of the watch at once have the effect of one.
func TestConcurrentRunsDoNotRepeatWork(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(8) {
		world := faultinject.NewWorld(t, db)
		first := newInvocation(world.Process(), noon, "first")
		unreportedEnds(t, first)
		lastingFailure(t, first)
		second := newInvocation(world.Process(), noon, "second")
		second.api = first.api
		var works []faultinject.Work
		for _, v := range []*invocation{first, second} {
			runs := v.watchSteps(limits, 2*time.Hour, 2*time.Hour+time.Minute, 2*time.Hour+2*time.Minute)
			works = append(works, inOrder(t, v, runs))
		}
		if err := errors.Join(faultinject.RunInterleaved(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for id, n := range world.Topic.Times() {
			if n != 1 {
				t.Errorf("seed %d: got message %s %d times, want once", seed, id, n)
			}
		}
		first.wantStatuses(t, fmt.Sprint("seed ", seed), wantEnds)
		for _, i := range first.all(t) {
			element, _, _ := strings.Cut(i.ID, "-")
			want := map[string]int{"pipeline": 1, "s3recordingsink": 1, "kinesisdatastreamsink": 1}[element]
			if n := first.failedCalls(t, i.ID); n != want {
				t.Errorf("seed %d: incident %s: got %d calls, want %d", seed, i.ID, n, want)
			}
		}
	}
}

// Of two processes that handle the same failures, one dies at some call, and is retried
// when the other has finished.
func TestCrashOfOneOfTwoProcesses(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	random := rand.New(rand.NewSource(1))
	for seed := range int64(25) {
		world := faultinject.NewWorld(t, db)
		var works []faultinject.Work
		var all []faultinject.Step
		for n := range 2 {
			v := newInvocation(world.Process(), noon, fmt.Sprint("process ", n))
			var events [][]byte
			for call := range 3 {
				events = append(events, failedCall(fmt.Sprint("p", (call+n)%3), denied, noon))
			}
			steps := v.failureSteps(events...)
			all = append(all, steps...)
			works = append(works, inOrder(t, v, steps))
		}
		works[0].Injector.InjectAt(1+random.Intn(25), []faultinject.Fault{faultinject.Before, faultinject.After}[seed%2])
		errs := faultinject.RunInterleaved(seed, works...)
		if !errors.Is(errs[0], faultinject.ErrKilled) || errs[1] != nil {
			t.Fatalf("seed %d: got %v, want the first killed, and only it", seed, errs)
		}
		works[0].Injector.Revive()
		for _, step := range all {
			if err := step(t.Context()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		reader := newInvocation(world.Process(), minutes(1), "watch")
		reader.run(t, limits, minutes(1)) // sends what the dead process claimed and did not send
		list := reader.all(t)
		if len(list) != 1 {
			t.Fatalf("seed %d: got %d incidents, want 1", seed, len(list))
		}
		if n := reader.failedCalls(t, list[0].ID); n != 3 {
			t.Errorf("seed %d: got %d calls, want 3", seed, n)
		}
		want := []string{"incident/" + list[0].ID + "/opening"}
		if got := slices.Collect(maps.Keys(world.Topic.Times())); !slices.Equal(got, want) {
			t.Errorf("seed %d: got the messages %v, want the opening", seed, got)
		}
	}
}
