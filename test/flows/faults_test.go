package flows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// steps returns a step for each event.
func steps(handle handler, events ...[]byte) (all []faultinject.Step) {
	for _, event := range events {
		all = append(all, func(ctx context.Context) error { return handle(ctx, event) })
	}
	return all
}

// stepAt returns a step at a time after noon.
func (v *invocation) stepAt(after time.Duration, do func(context.Context) error) faultinject.Step {
	return func(ctx context.Context) error {
		v.setTime(noon.Add(after))
		return do(ctx)
	}
}

// watchSteps returns a run of the watch at each of the times after noon.
func (v *invocation) watchSteps(l watchdog.Limits, after ...time.Duration) (all []faultinject.Step) {
	for _, d := range after {
		all = append(all, v.stepAt(d, func(ctx context.Context) error { return v.watch(l).Run(ctx) }))
	}
	return all
}

// failureSteps returns a step of the function failures for each event.
func (v *invocation) failureSteps(events ...[]byte) []faultinject.Step {
	return steps(v.incidents().Handle, events...)
}

// matchSteps returns a step of the function alerts for each event, and two runs that end
// windows.
func (v *invocation) matchSteps(events ...[]byte) []faultinject.Step {
	return append(steps(v.matches().Handle, events...),
		v.stepAt(5*time.Minute, v.matches().Run), v.stepAt(11*time.Minute, v.matches().Run))
}

// lastingFailure records a temporary failure that does not recover, a call that fails for
// good, and one that succeeds afterwards.
func lastingFailure(t testing.TB, v *invocation) {
	t.Helper()
	flaky := testCall{id: "flaky", connector: "abc", elements: element(chime.ElementKinesisSink, "TemporarilyFailed")}
	v.record(t, flaky.event(chime.EventTemporaryFailure, noon))
	v.fail(t, failedCall("p1", denied, noon))
	good := testCall{id: "good", connector: "abc", elements: element(chime.ElementKinesisSink, "InProgress")}
	v.record(t, good.event(chime.EventInProgress, minutes(8)))
}

// Each scenario ends the same, whichever of its calls has a fault.
func TestFaultAtAnyCallDoesNotChangeTheOutcome(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for _, tt := range []struct {
		name string
		// ignored is an attribute that may differ.
		ignored string
		// begin prepares the world, and returns the steps whose calls have faults.
		begin func(*testing.T, *invocation) []faultinject.Step
	}{
		{
			name: "failures that open and join",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				v.record(t, exampleBody(t, "in-progress"))
				other := testCall{id: "p2", connector: "c4tq9mzx1bd7ne0rw3yhk8", reason: denied} // the example's
				return v.failureSteps(exampleBody(t, "permanent-failure"), other.event(chime.EventPermanentFailure, noon))
			},
		},
		{
			name: "a failure that names only its pipeline",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				v.record(t, runningCall("p1", noon))
				return v.failureSteps(testCall{id: "p1"}.event(chime.EventPermanentFailure, noon.Add(time.Second)))
			},
		},
		{
			name: "a failed creation",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				return v.failureSteps(exampleBody(t, "create-failed"))
			},
		},
		{
			name: "two elements that failed",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				c := testCall{id: "p1", connector: "abc", elements: [][2]string{
					{chime.ElementRecordingSink, "Failed"}, {chime.ElementVoiceEnhancementSink, "NotSupported"},
				}}
				return v.failureSteps(c.event(chime.EventInProgress, noon))
			},
		},
		{
			name: "a failure that reopens",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				v.fail(t, failedCall("p1", denied, noon))
				v.record(t, runningCall("good", minutes(1)))
				v.run(t, limits, noon.Add(timing.Quiet))
				v.setTime(noon.Add(timing.Quiet + time.Minute))
				return v.failureSteps(failedCall("p2", denied, noon.Add(timing.Quiet)))
			},
		},
		{
			name: "a match of a call that is known",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				v.record(t, exampleBody(t, "temporary-failure"))
				return steps(v.matches().Handle, exampleBody(t, "rule-keyword-utterance"))
			},
		},
		{
			name: "matches of calls that are not known",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				return steps(v.matches().Handle, exampleBody(t, "rule-keyword-result"), exampleBody(t, "rule-sentiment"))
			},
		},
		{
			name: "matches of one rule on a call, and the end of their window",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				return v.matchSteps(ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon), ruleMatch("r2", "m3", noon))
			},
		},
		{
			name: "matches of one rule that name no call, and the end of their window",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				return v.matchSteps(unnamedMatch("r1", "m1", noon), unnamedMatch("r1", "m2", noon),
					unnamedMatch("r1", "m3", noon.Add(-26*time.Hour)), unnamedMatch("r2", "m4", noon))
			},
		},
		{
			name:    "the watch finds ends that no event reported",
			ignored: "w", // a question that failed is marked, so that others come first
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				unreportedEnds(t, v)
				return v.watchSteps(limits, 2*time.Hour)
			},
		},
		{
			name: "the watch reports a lasting failure, and closes",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				lastingFailure(t, v)
				return v.watchSteps(limits, 30*time.Minute)
			},
		},
		{
			name: "the watch sends an opening that is due",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				v.dieBeforePublish(t, failedCall("p1", denied, noon))
				return v.watchSteps(limits, time.Minute)
			},
		},
		{
			name: "conditions begin and end",
			begin: func(t *testing.T, v *invocation) []faultinject.Step {
				limits := limits
				limits.Quota = 1
				v.record(t, lingering.event(chime.EventInProgress, noon))
				stopped := testCall{id: lingering.id}.event(chime.EventStopped, minutes(15))
				return append(v.watchSteps(limits, 10*time.Minute),
					v.stepAt(20*time.Minute, func(ctx context.Context) error {
						return errors.Join(v.pipelines().Handle(ctx, stopped), v.watch(limits).Run(ctx))
					}))
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// A match that is handled twice counts as held back when it was notified already.
			ignored := []string{"hb", "h20260311", "h20260310", tt.ignored}
			faultinject.Check(t, db, func(t *testing.T, p *faultinject.Process) []faultinject.Step {
				return tt.begin(t, newInvocation(p, noon, "one"))
			}, ignored...)
		})
	}
}
