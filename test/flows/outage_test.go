package flows_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// handling makes a step of each message.
func handling(h oneHandler, bodies ...[]byte) []faultinject.Step {
	var steps []faultinject.Step
	for _, body := range bodies {
		steps = append(steps, func(ctx context.Context) error { return h(ctx, lambdafn.Message{Body: body}) })
	}
	return steps
}

const denied = "Access denied when assuming resource access role"

func TestFaultAtAnyCallDoesNotChangeTheOutcome(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	const asking = "the watch finds what the events did not tell"
	cases := []struct {
		name  string
		begin func(*testing.T, *invocation) []faultinject.Step
	}{
		{"failures that open and join", func(t *testing.T, v *invocation) []faultinject.Step {
			v.record(t, exampleBody(t, "in-progress"))
			return handling(v.failures(), exampleBody(t, "permanent-failure"), phoned{id: "p2", connector: "c4tq9mzx1bd7ne0rw3yhk8", reason: denied}.event(chime.EventPermanentFailure, noon))
		}},
		{"a failure that knows nothing but its pipeline", func(t *testing.T, v *invocation) []faultinject.Step {
			v.record(t, phoned{id: "p1", connector: "abc"}.event(chime.EventInProgress, noon))
			return handling(v.failures(), phoned{id: "p1"}.event(chime.EventPermanentFailure, noon.Add(time.Second)))
		}},
		{"a failed creation", func(t *testing.T, v *invocation) []faultinject.Step {
			return handling(v.failures(), exampleBody(t, "create-failed"))
		}},
		{"two elements that failed", func(t *testing.T, v *invocation) []faultinject.Step {
			c := phoned{id: "p1", connector: "abc", elements: [][2]string{{"S3RecordingSink", "Failed"}, {"VoiceEnhancementSink", "NotSupported"}}}
			return handling(v.failures(), c.event(chime.EventInProgress, noon))
		}},
		{"a failure that reopens", func(t *testing.T, v *invocation) []faultinject.Step {
			v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
			v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, noon.Add(time.Minute)))
			v.run(t, limits, noon.Add(timing.Quiet))
			v.now.set(noon.Add(timing.Quiet + time.Minute))
			return handling(v.failures(), phoned{id: "p2", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon.Add(timing.Quiet)))
		}},
		{"a match of a call that is known", func(t *testing.T, v *invocation) []faultinject.Step {
			v.record(t, exampleBody(t, "temporary-failure"))
			return handling(v.alerts(), exampleBody(t, "rule-keyword-utterance"))
		}},
		{"matches of calls that are not", func(t *testing.T, v *invocation) []faultinject.Step {
			return handling(v.alerts(), exampleBody(t, "rule-keyword-result"), exampleBody(t, "rule-sentiment"))
		}},
		{"matches of one rule on a call, and the end of their window", func(t *testing.T, v *invocation) []faultinject.Step {
			steps := handling(v.alerts(), ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon), ruleMatch("r2", "m3", noon))
			for _, minutes := range []time.Duration{5, 11} {
				steps = append(steps, func(ctx context.Context) error {
					v.now.set(noon.Add(minutes * time.Minute))
					return v.matches().Run(ctx)
				})
			}
			return steps
		}},
		{"matches of one rule that name no call, and the end of their window", func(t *testing.T, v *invocation) []faultinject.Step {
			steps := handling(v.alerts(), unnamedMatch("r1", "m1", noon), unnamedMatch("r1", "m2", noon),
				unnamedMatch("r1", "m3", noon.Add(-26*time.Hour)), unnamedMatch("r2", "m4", noon))
			for _, minutes := range []time.Duration{5, 11} {
				steps = append(steps, func(ctx context.Context) error {
					v.now.set(noon.Add(minutes * time.Minute))
					return v.matches().Run(ctx)
				})
			}
			return steps
		}},
		{asking, func(t *testing.T, v *invocation) []faultinject.Step {
			missed(t, v)
			return watching(v, limits, 2*time.Hour)
		}},
		{"the watch escalates and closes", func(t *testing.T, v *invocation) []faultinject.Step {
			lasting(t, v)
			return watching(v, limits, 30*time.Minute)
		}},
		{"the watch tells what an incident owes", func(t *testing.T, v *invocation) []faultinject.Step {
			v.Line.DisturbCall("Publish", faultinject.Before) // the process dies, and is not tried again
			if err := v.failures()(t.Context(), lambdafn.Message{Body: phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon)}); !errors.Is(err, faultinject.ErrKilled) {
				t.Fatalf("got %v, want it killed", err)
			}
			v.Line.Revive()
			return watching(v, limits, time.Minute)
		}},
		{"the watch warns, and takes it back", func(t *testing.T, v *invocation) []faultinject.Step {
			v.record(t, phoned{id: "p1", elements: [][2]string{{chime.ElementVoiceAnalytics, "InProgress"}, {chime.ElementKinesisSink, "Stopped"}}}.event(chime.EventInProgress, noon))
			few := limits
			few.Quota = 1
			raise := watching(v, few, 10*time.Minute)
			lower := func(ctx context.Context) error {
				v.now.set(noon.Add(20 * time.Minute))
				return errors.Join(
					status(v.store(), quiet{})(ctx, lambdafn.Message{Body: phoned{id: "p1"}.event(chime.EventStopped, noon.Add(15*time.Minute))}),
					v.watch(few, quiet{}).Run(ctx))
			}
			return append(raise, lower)
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			left := []string{"hb", "h20260311", "h20260310"} // a match that comes twice is held back when people know of it
			if tc.name == asking {
				left = append(left, "w") // a question that failed is marked, so that others come first
			}
			begin := func(t *testing.T, p *faultinject.Process) []faultinject.Step {
				return tc.begin(t, invoked(p, noon, "one"))
			}
			faultinject.Check(t, db, begin, left...)
		})
	}
}

// watching makes a step of a run of the watch at each of the times after noon.
func watching(v *invocation, l watchdog.Limits, after ...time.Duration) []faultinject.Step {
	var steps []faultinject.Step
	for _, d := range after {
		steps = append(steps, func(ctx context.Context) error {
			v.now.set(noon.Add(d))
			return v.watch(l, quiet{}).Run(ctx)
		})
	}
	return steps
}

// missed are pipelines whose end no event told.
func missed(t testing.TB, v *invocation) {
	for _, id := range []string{"stopped", "failed", "lost", "runs"} {
		c := phoned{id: id, connector: "abc", elements: [][2]string{{"S3RecordingSink", "InProgress"}}}
		v.record(t, c.event(chime.EventInProgress, noon))
	}
	sink := func(status string) []watchdog.AnswerElement {
		return []watchdog.AnswerElement{{Type: "S3RecordingSink", Status: status}}
	}
	v.api.known = map[string]watchdog.Answer{
		"stopped": {Status: "Stopped", Elements: sink("Stopped")}, "failed": {Status: "Failed", Elements: sink("Failed")},
		"runs": {Status: "InProgress", Elements: sink("InProgress")},
	}
}

// lasting is a temporary failure that does not recover, a call that fails for
// good, and one that succeeds afterwards.
func lasting(t testing.TB, v *invocation) {
	flaky := phoned{id: "flaky", connector: "abc", elements: [][2]string{{"KinesisDataStreamSink", "TemporarilyFailed"}}}
	v.record(t, flaky.event(chime.EventTemporaryFailure, noon))
	v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
	good := phoned{id: "good", connector: "abc", elements: [][2]string{{"KinesisDataStreamSink", "InProgress"}}}
	v.record(t, good.event(chime.EventInProgress, noon.Add(8*time.Minute)))
}

// A run that is killed is not tried again, but the next one, of another
// invocation a minute later, picks up where it stopped.
func TestNextRunCompletesAKilledOne(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	play := func(t *testing.T, n int, how faultinject.How) (*faultinject.World, []string) {
		world := faultinject.NewWorld(t, db)
		v := invoked(world.Process(), noon, "first")
		missed(t, v)
		v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon.Add(time.Hour+50*time.Minute)))
		before := len(v.Line.Calls())
		v.Line.Disturb(n, how)
		v.now.set(noon.Add(2 * time.Hour))
		err := v.watch(limits, quiet{}).Run(t.Context())
		calls := v.Line.Calls()[before:]
		if (err == nil) != (n == 0) {
			t.Fatalf("%s call %d: got %v", how, n, err)
		}
		for run := 1; run <= 2; run++ {
			next := invoked(world.Process(), noon, fmt.Sprint("run ", run))
			next.api = v.api
			next.run(t, limits, noon.Add(2*time.Hour+time.Duration(run)*time.Minute))
		}
		return world, calls
	}
	undisturbed, calls := play(t, 0, faultinject.Before)
	told := func(w *faultinject.World) []string { return slices.Sorted(maps.Keys(stages(w))) }
	for n, call := range calls {
		if how := faultinject.After; n == 0 || faultinject.Writes(call) {
			world, _ := play(t, n+1, how)
			where := fmt.Sprintf("%s call %d of %d, %s", how, n+1, len(calls), call)
			if diff := cmp.Diff(told(undisturbed), told(world)); diff != "" {
				t.Errorf("%s: people were told something else, want (-), got (+):\n%s", where, diff)
			}
			v := invoked(world.Process(), noon, "reader")
			for id, want := range map[string]pipeline.Status{"stopped": pipeline.Stopped, "failed": pipeline.Failed, "lost": pipeline.Lost, "runs": pipeline.InProgress} {
				if got := v.status(t, id); got != want {
					t.Errorf("%s: pipeline %s: got %s, want %s", where, id, got, want)
				}
				history, err := v.store().History(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				observed := slices.ContainsFunc(history, func(r pipeline.Record) bool { return strings.HasPrefix(r.EventType, "chimewatch:Observed") })
				if observed != (id != "runs") {
					t.Errorf("%s: pipeline %s: an observation in its history: %v", where, id, observed)
				}
			}
		}
	}
}

// Two runs of the watch at once do the work of one.
func TestConcurrentRunsDoNotRepeatWork(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(8) {
		world := faultinject.NewWorld(t, db)
		first := invoked(world.Process(), noon, "first")
		missed(t, first)
		lasting(t, first)
		second := invoked(world.Process(), noon, "second")
		second.api = first.api
		var works []faultinject.Work
		for _, v := range []*invocation{first, second} {
			steps := watching(v, limits, 2*time.Hour, 2*time.Hour+time.Minute, 2*time.Hour+2*time.Minute)
			works = append(works, faultinject.Work{Line: v.Line, Do: func() (err error) {
				for _, step := range steps {
					err = errors.Join(err, step(t.Context()))
				}
				return err
			}})
		}
		if err := errors.Join(faultinject.Interleave(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for id, n := range world.Topic.Times() {
			if n != 1 {
				t.Errorf("seed %d: got message %s %d times, want once", seed, id, n)
			}
		}
		for id, want := range map[string]pipeline.Status{"stopped": pipeline.Stopped, "failed": pipeline.Failed, "lost": pipeline.Lost, "runs": pipeline.InProgress} {
			if got := first.status(t, id); got != want {
				t.Errorf("seed %d: pipeline %s: got %s, want %s", seed, id, got, want)
			}
		}
		for _, i := range first.all(t) {
			tally, err := first.store().CountOccurrences(t.Context(), i.ID)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"pipeline": 1, "s3recordingsink": 1, "kinesisdatastreamsink": 1}[strings.Split(i.ID, "-")[0]]
			if tally.Calls != want {
				t.Errorf("seed %d: incident %s: got %d calls, want %d", seed, i.ID, tally.Calls, want)
			}
		}
	}
}

// Of two processes that get the same failures, one dies somewhere and is tried
// again when the other is done.
func TestCrashOfOneOfTwoProcesses(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	random := rand.New(rand.NewSource(1))
	for seed := range int64(25) {
		world := faultinject.NewWorld(t, db)
		var works []faultinject.Work
		var all []faultinject.Step
		for n := range 2 {
			v := invoked(world.Process(), noon, fmt.Sprint("process ", n))
			var events [][]byte
			for call := range 3 {
				events = append(events, phoned{id: fmt.Sprint("p", (call+n)%3), connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
			}
			steps := handling(v.failures(), events...)
			all = append(all, steps...)
			works = append(works, faultinject.Work{Line: v.Line, Do: func() (err error) {
				for _, step := range steps {
					err = errors.Join(err, step(t.Context()))
				}
				return err
			}})
		}
		works[0].Line.Disturb(1+random.Intn(25), []faultinject.How{faultinject.Before, faultinject.After}[seed%2])
		errs := faultinject.Interleave(seed, works...)
		if !errors.Is(errs[0], faultinject.ErrKilled) || errs[1] != nil {
			t.Fatalf("seed %d: got %v, want the first killed, and only it", seed, errs)
		}
		works[0].Line.Revive()
		for _, step := range all {
			if err := step(t.Context()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		reader := invoked(world.Process(), noon.Add(time.Minute), "watch")
		reader.run(t, limits, noon.Add(time.Minute)) // tells what the dead one claimed and did not send
		list := reader.all(t)
		if len(list) != 1 {
			t.Fatalf("seed %d: got %d incidents, want 1", seed, len(list))
		}
		tally, err := reader.store().CountOccurrences(t.Context(), list[0].ID)
		if err != nil || tally.Calls != 3 {
			t.Errorf("seed %d: got %d calls (%v), want 3", seed, tally.Calls, err)
		}
		if got := slices.Collect(maps.Keys(world.Topic.Times())); !slices.Equal(got, []string{"incident/" + list[0].ID + "/opening"}) {
			t.Errorf("seed %d: got the messages %v, want the opening", seed, got)
		}
	}
}

// An event that names no Voice Connector counts once, whether it is handled
// before or after the table knows the call.
func TestDuplicateFailureIsCountedOnce(t *testing.T) {
	silenceLog(t)
	v := invoked(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon, "one")
	bare := phoned{id: "p1"}.event(chime.EventPermanentFailure, noon.Add(time.Second))
	v.fail(t, bare)
	v.record(t, phoned{id: "p1", connector: "abc"}.event(chime.EventInProgress, noon))
	v.fail(t, bare)
	v.fail(t, phoned{id: "p2", connector: "abc"}.event(chime.EventPermanentFailure, noon), bare) // now there is one to join
	calls := map[string]int{}
	for _, i := range v.all(t) {
		tally, err := v.store().CountOccurrences(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		calls[i.Scope] = tally.Calls
	}
	if diff := cmp.Diff(map[string]int{"region/111122223333/us-east-1": 1, "voice-connector/abc": 1}, calls); diff != "" {
		t.Errorf("calls by scope, want (-), got (+):\n%s", diff)
	}
}

// A thousand failures of one cause and some of another, each up to three times
// and in any order, handled by two processes: an opening for each cause, and
// the exact count.
func TestFailureStormOpensOneIncidentPerCause(t *testing.T) {
	silenceLog(t)
	const calls, others = 1000, 60
	world := faultinject.NewWorld(t, faultinject.Server(t))
	var events [][]byte
	random := rand.New(rand.NewSource(1))
	for n := range calls + others {
		c := phoned{id: fmt.Sprintf("p-%04d", n), connector: "abc", reason: denied}
		if n >= calls {
			c.reason = "The bucket was deleted"
		}
		event := c.event(chime.EventPermanentFailure, noon.Add(time.Duration(n)*time.Millisecond))
		for range 1 + random.Intn(3)/2 {
			events = append(events, event)
		}
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	var group errgroup.Group
	var at atomic.Int64
	for process := range 2 {
		p := world.Process()
		for n := range 4 {
			// Invocations that run at once have names of their own.
			v := invoked(p, noon, fmt.Sprint("invocation ", process, ".", n))
			group.Go(func() error {
				for n := at.Add(1) - 1; int(n) < len(events); n = at.Add(1) - 1 {
					if err := v.failures()(t.Context(), lambdafn.Message{Body: events[n]}); err != nil {
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
	v := invoked(world.Process(), noon, "reader")
	list := v.all(t)
	if len(list) != 2 {
		t.Fatalf("got %d incidents, want 2", len(list))
	}
	for _, i := range list {
		want := map[string]int{denied: calls, "The bucket was deleted": others}[i.Reason]
		tally, err := v.store().CountOccurrences(t.Context(), i.ID)
		if err != nil || tally.Calls != want || !i.Open() || i.Announced.Openings != 1 {
			t.Errorf("incident %s (%s): got %d calls, open %v, %d openings told (%v), want %d, open, 1", i.ID, i.Reason, tally.Calls, i.Open(), i.Announced.Openings, err, want)
		}
		if n := world.Topic.Times()["incident/"+i.ID+"/opening"]; n != 1 {
			t.Errorf("incident %s: got %d openings, want 1", i.ID, n)
		}
	}
	if n := len(world.Topic.Published()); n != 2 {
		t.Errorf("got %d messages, want an opening of each", n)
	}
}
