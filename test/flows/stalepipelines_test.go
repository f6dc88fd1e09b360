package flows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// unreportedEnds records pipelines of which no event reports the end. wantEnds is what the
// watch finds.
func unreportedEnds(t testing.TB, v *invocation) {
	t.Helper()
	sink := func(status string) []watchdog.AnswerElement {
		return []watchdog.AnswerElement{{Type: chime.ElementRecordingSink, Status: status}}
	}
	for _, id := range []string{"stopped", "failed", "lost", "runs"} {
		c := testCall{id: id, connector: "abc", elements: element(chime.ElementRecordingSink, "InProgress")}
		v.record(t, c.event(chime.EventInProgress, noon))
	}
	v.api.known = map[string]watchdog.Answer{
		"stopped": {Status: "Stopped", Elements: sink("Stopped")},
		"failed":  {Status: "Failed", Elements: sink("Failed")},
		"runs":    {Status: "InProgress", Elements: sink("InProgress")},
	}
}

var wantEnds = map[string]pipeline.Status{
	"stopped": pipeline.Stopped, "failed": pipeline.Failed, "lost": pipeline.Lost, "runs": pipeline.InProgress,
}

func TestWatchFindsEndsThatNoEventReported(t *testing.T) {
	v := inNewWorld(t)
	unreportedEnds(t, v)
	v.run(t, limits, minutes(59))
	if len(v.api.asked) != 0 {
		t.Errorf("within the hour: asked about %v, want none", v.api.asked)
	}
	v.run(t, limits, minutes(61))
	v.run(t, limits, minutes(62))
	slices.Sort(v.api.asked)
	if want := []string{"failed", "lost", "runs", "stopped"}; !slices.Equal(v.api.asked, want) {
		t.Errorf("asked about %v, want each once: %v", v.api.asked, want)
	}
	v.wantStatuses(t, "after an hour", wantEnds)
	for id := range wantEnds {
		st, err := v.store().Pipeline(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ended := st.Observation != nil; ended != (id != "runs") || ended && !st.EndedAt().Equal(minutes(61)) {
			t.Errorf("%s: observed %+v, ended %s, want it observed at the time of the run", id, st.Observation, st.EndedAt())
		}
		history, err := v.store().History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		const reason = `"observedBecause":"without an event for over 1h0m0s"`
		if last := history[len(history)-1]; id != "runs" && !strings.Contains(string(last.Body), reason) {
			t.Errorf("%s: the last of its history is %s, want an observation with its reason", id, last.Body)
		}
	}
	v.wantSent(t, "of the one that failed", sent{"opening": 1})
	v.record(t, stoppedCall("lost", minutes(30))) // the event was only late
	if got := v.status(t, "lost"); got != pipeline.Stopped {
		t.Errorf("after the late event: got %s, want %s", got, pipeline.Stopped)
	}
	v.run(t, limits, minutes(77))
	if n := len(v.api.asked); n != 5 || v.api.asked[4] != "runs" {
		t.Errorf("a quarter of an hour later: asked %v, want the one that runs once more", v.api.asked)
	}
}

// stalePipelines records n pipelines, p0 and so on, of which only the API knows that they
// have stopped.
func stalePipelines(t *testing.T, n int) (v *invocation, stopped map[string]pipeline.Status) {
	t.Helper()
	v, stopped = inNewWorld(t), map[string]pipeline.Status{}
	for n := range n {
		id := fmt.Sprint("p", n)
		v.record(t, runningCall(id, noon.Add(time.Duration(n)*time.Second)))
		v.api.known[id] = watchdog.Answer{Status: "Stopped"}
		stopped[id] = pipeline.Stopped
	}
	return v, stopped
}

// wantNamed checks that an error names each of these.
func wantNamed(t *testing.T, when string, err error, names ...string) {
	t.Helper()
	for _, name := range names {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want it to name %q", when, err, name)
		}
	}
}

// A run that the API throttles ends, and the next one asks about the others first.
func TestWatchPausesWhenTheAPIThrottles(t *testing.T) {
	v, stopped := stalePipelines(t, 3)
	v.api.errors = map[string]error{"p1": apiError(429)}
	counted, err := v.runCounting(t, limits, minutes(120))
	wantNamed(t, "throttled", err, "pipeline p1", "GetMediaPipeline")
	if apperr.ClassOf(err) != apperr.Throttled {
		t.Errorf("got %v, want it of class throttled", err)
	}
	if !slices.Equal(v.api.asked, []string{"p0", "p1"}) || counted["PipelinesAsked"] != 2 ||
		counted["PipelinesNotYetAsked"] != 1 {
		t.Errorf("asked %v, counted %v; want p0 and p1, and one left", v.api.asked, counted)
	}
	v.api.errors = nil
	counted, err = v.runCounting(t, limits, minutes(121))
	if err != nil || counted["Observations"] != 2 || !slices.Equal(v.api.asked[2:], []string{"p2", "p1"}) {
		t.Errorf("the next run: asked %v, counted %v (%v); want p2, and p1 after it", v.api.asked[2:], counted, err)
	}
	v.wantStatuses(t, "afterwards", stopped)
}

// Pipelines about which the API does not answer do not keep the watch from asking about
// others, however long that lasts.
func TestPipelinesWithoutAnAnswerDoNotBlockOthers(t *testing.T) {
	t.Run("429", func(t *testing.T) { // the run ends there, so that the others have to come first the next time
		v, stopped := stalePipelines(t, 3)
		v.api.errors = map[string]error{"p0": apiError(429)}
		for n := range 2 {
			_, err := v.runCounting(t, limits, minutes(120+n))
			wantNamed(t, fmt.Sprint("run ", n+1), err, "pipeline p0")
			if apperr.ClassOf(err) != apperr.Throttled {
				t.Errorf("run %d: got %v, want it of class throttled", n+1, err)
			}
		}
		delete(stopped, "p0")
		v.wantStatuses(t, "after two runs", stopped)
	})
	t.Run("the failure that the API reports cannot be notified", func(t *testing.T) {
		v, stopped := stalePipelines(t, 8)
		for _, id := range []string{"p0", "p1", "p2", "p3"} {
			v.api.known[id] = watchdog.Answer{Status: "Failed"}
			delete(stopped, id)
		}
		v.Injector.Refuse("Publish", 403, "AuthorizationError")
		for n, named := range []string{"pipeline p0", "pipeline p3"} {
			_, err := v.runCounting(t, limits, minutes(120+n))
			wantNamed(t, fmt.Sprint("run ", n+1), err, named)
		}
		v.wantStatuses(t, "after two runs", stopped)
		v.Injector.Allow()
		v.run(t, limits, minutes(122))
		v.wantStatuses(t, "afterwards", map[string]pipeline.Status{"p0": pipeline.Failed})
	})
	for _, status := range []int{400, 403, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			v, stopped := stalePipelines(t, 8)
			v.api.errors = map[string]error{}
			for _, id := range []string{"p0", "p1", "p2", "p3"} {
				v.api.errors[id] = apiError(status)
				delete(stopped, id)
			}
			counted, err := v.runCounting(t, limits, minutes(120))
			wantNamed(t, "the first run", err, "pipeline p0", "pipeline p2")
			if counted["PipelinesAsked"] != 3 || counted["PipelinesNotYetAsked"] != 5 {
				t.Errorf("the first run: counted %v, want 3 asked and 5 left", counted)
			}
			_, err = v.runCounting(t, limits, minutes(121))
			wantNamed(t, "the second run", err, "pipeline p3")
			v.wantStatuses(t, "after two runs", stopped)
			v.api.errors = nil
			v.run(t, limits, minutes(122))
			v.wantStatuses(t, "afterwards", map[string]pipeline.Status{"p0": pipeline.Stopped})
		})
	}
}

// An API that does not answer leaves a run time for other questions, and for what comes
// after.
func TestWatchBoundsItsWaitForTheAPI(t *testing.T) {
	v := inNewWorld(t)
	v.record(t, runningCall("p1", noon))
	v.setTime(minutes(120))
	var within time.Duration
	w := v.watch(limits)
	w.API = hanging{&within}
	for _, run := range []struct{ has, min, max time.Duration }{
		{10 * time.Minute, 10 * time.Second, 12 * time.Second}, // one try of a request, and some
		{15 * time.Second, time.Second, 5 * time.Second},       // all but what comes after needs
	} {
		ctx, cancel := context.WithTimeout(t.Context(), run.has)
		if err := w.Run(ctx); apperr.ClassOf(err) != apperr.Unavailable {
			t.Errorf("got %v, want the API unavailable", err)
		}
		cancel()
		if within < run.min || within > run.max {
			t.Errorf("got %s to answer in of a run of %s, want %s to %s", within, run.has, run.min, run.max)
		}
	}
}

// hanging is an API that answers when the time is up, and stores how long that was.
type hanging struct{ within *time.Duration }

func (h hanging) GetPipeline(ctx context.Context, _ string) (watchdog.Answer, error) {
	deadline, _ := ctx.Deadline()
	*h.within = time.Until(deadline)
	return watchdog.Answer{}, apiError(500)
}

// A run asks a limited number of questions, spread over time, and leaves the rest to the
// next run.
func TestWatchLimitsItsQuestionsPerRun(t *testing.T) {
	v := inNewWorld(t)
	const open = 60
	for n := range open {
		id := fmt.Sprintf("p%02d", n)
		v.record(t, testCall{id: id}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
		v.api.known[id] = watchdog.Answer{Status: "InProgress"}
	}
	waits := 0
	run := func(ctx context.Context, at time.Time) (counts, error) {
		v.setTime(at)
		counted := counts{}
		w := v.watch(watchdog.Limits{Silent: time.Hour, Recovery: time.Hour, Quota: 1000})
		w.Counts = counted
		w.Wait = func(context.Context, time.Duration) error { waits++; return nil }
		return counted, w.Run(ctx)
	}
	counted, err := run(t.Context(), minutes(120))
	if err != nil || counted["PipelinesAsked"] != 50 || counted["PipelinesNotYetAsked"] != 10 || waits != 49 {
		t.Errorf("got %v, %d waits (%v), want 50 asked with 49 waits, and 10 left", counted, waits, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 8*time.Second) // less than what a run keeps for the end
	defer cancel()
	counted, err = run(short, minutes(121))
	if err != nil || counted["PipelinesAsked"] != 0 || counted["PipelinesNotYetAsked"] != 10 {
		t.Errorf("with no time left: got %v (%v), want none asked, and 10 left", counted, err)
	}
	if counted, err = run(t.Context(), minutes(122)); err != nil || counted["PipelinesAsked"] != 10 {
		t.Errorf("the next run: got %v (%v), want the other 10 asked", counted, err)
	}
	asked := map[string]int{}
	for _, id := range v.api.asked {
		asked[id]++
	}
	if len(asked) != open || slices.Max(slices.Collect(maps.Values(asked))) != 1 {
		t.Errorf("got %v, want each asked about once", asked)
	}
}
