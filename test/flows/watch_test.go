package flows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// onTable is an invocation of its own world.
func onTable(t *testing.T) *invocation {
	t.Helper()
	silenceLog(t)
	return invoked(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon, "one")
}

// wantStages holds what people were told against want.
func (v *invocation) wantStages(t *testing.T, when string, want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, stages(v.World)); diff != "" {
		t.Errorf("%s, people were told, want (-), got (+):\n%s", when, diff)
	}
}

func TestWatchReportsALastingTemporaryFailureOnce(t *testing.T) {
	v := onTable(t)
	failing := phoned{id: "p1", connector: "abc", elements: [][2]string{{"KinesisDataStreamSink", "TemporarilyFailed"}}}
	recovers := phoned{id: "p2", connector: "abc"}
	v.record(t, failing.event(chime.EventTemporaryFailure, noon), recovers.event(chime.EventTemporaryFailure, noon))
	v.run(t, limits, minutes(4))
	v.wantStages(t, "while it may recover", map[string]int{})
	v.record(t, recovers.event(chime.EventInProgress, minutes(4)))
	for n := 5; n < 9; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantStages(t, "once it should have recovered", map[string]int{"opening": 1})
	list := v.all(t)
	if len(list) != 1 || list[0].Element != "KinesisDataStreamSink" || !list[0].OpenedAt.Equal(noon) {
		t.Fatalf("got %+v, want one incident of the sink since noon", list)
	}
	if tally, err := v.store().CountOccurrences(t.Context(), list[0].ID); err != nil || tally.Calls != 1 {
		t.Errorf("got %d calls (%v), want the one that did not recover", tally.Calls, err)
	}
}

func TestIncidentIsSummarizedEachWindowAndClosedWhenCallsSucceed(t *testing.T) {
	v := onTable(t)
	total := 0
	fails := func(at time.Time, n int) {
		v.now.set(at)
		for range n {
			total++
			v.fail(t, phoned{id: fmt.Sprint("p", total), connector: "abc", reason: denied}.event(chime.EventPermanentFailure, at))
		}
	}
	fails(noon, 2)
	v.wantStages(t, "at once", map[string]int{"opening": 1})
	for n := 1; n <= 12; n++ {
		fails(minutes(n), 1)
		v.run(t, limits, minutes(n))
		v.run(t, limits, minutes(n).Add(time.Second)) // and another one
	}
	v.wantStages(t, "after two windows", map[string]int{"opening": 1, "summary": 2})
	i := v.all(t)[0]
	if i.Announced.Calls != total-2 || i.Announced.LastCalls != 5 {
		t.Errorf("got %d calls told, %d of them in the last window; want %d and 5", i.Announced.Calls, i.Announced.LastCalls, total-2)
	}
	v.run(t, limits, minutes(16))
	v.wantStages(t, "with two more calls in the third window", map[string]int{"opening": 1, "summary": 3})
	for n := 17; n < 40; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantStages(t, "while no call succeeds", map[string]int{"opening": 1, "summary": 3})
	if i := v.all(t)[0]; !i.Open() {
		t.Errorf("it is closed at %s, though no call has succeeded", i.ClosedAt)
	}
	v.record(t, phoned{id: "other", connector: "xyz"}.event(chime.EventInProgress, minutes(40)))
	v.record(t, phoned{id: "before", connector: "abc"}.event(chime.EventInProgress, minutes(11)))
	v.run(t, limits, minutes(41))
	v.wantStages(t, "while calls succeed elsewhere, or did before", map[string]int{"opening": 1, "summary": 3})
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(42)))
	for n := 42; n < 60; n++ {
		v.run(t, limits, minutes(n))
	}
	v.wantStages(t, "once a call succeeds", map[string]int{"opening": 1, "summary": 3, "closing": 1})
	if i := v.all(t)[0]; !i.ClosedAt.Equal(minutes(42)) || i.Announced.Calls != total {
		t.Errorf("got closed at %s with %d calls told, want at %s with %d", i.ClosedAt, i.Announced.Calls, minutes(42), total)
	}
	fails(minutes(60), 1)
	v.wantStages(t, "when the cause comes back", map[string]int{"opening": 1, "summary": 3, "closing": 1, "reopening": 1})
	fails(minutes(60).Add(3*time.Hour), 1) // it is open still: nobody closed it
	v.run(t, limits, minutes(61).Add(3*time.Hour))
	v.wantStages(t, "hours later", map[string]int{"opening": 1, "summary": 4, "closing": 1, "reopening": 1})
}

// Where the window is longer than the quiet time, calls that do not succeed yet
// are no reason to speak before it is over.
func TestNoSummaryBeforeTheWindowEnds(t *testing.T) {
	v := onTable(t)
	v.timing.Window, v.timing.Quiet = 15*time.Minute, 10*time.Minute
	for n := range 2 {
		v.now.set(minutes(n))
		v.fail(t, phoned{id: fmt.Sprint("p", n), connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(n)))
	}
	v.run(t, limits, minutes(14))
	v.wantStages(t, "in the window", map[string]int{"opening": 1})
	v.run(t, limits, minutes(15))
	v.run(t, limits, minutes(16))
	v.wantStages(t, "after it", map[string]int{"opening": 1, "summary": 1})
}

// A process opens an incident, dies, and is never tried again: people hear of it
// all the same, and it does not stay open for ever.
func TestIncidentIsNotifiedAfterItsFunctionDied(t *testing.T) {
	v := onTable(t)
	v.Line.DisturbCall("PutItem", faultinject.After)
	if err := v.failures()(t.Context(), lambdafn.Message{Body: phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon)}); err == nil {
		t.Fatal("got no error, want it killed")
	}
	v.Line.Revive()
	if list := v.all(t); len(list) != 1 {
		t.Fatalf("got %d incidents, want the one that was opened", len(list))
	}
	v.run(t, limits, minutes(9))
	v.wantStages(t, "while it may be tried again", map[string]int{})
	v.run(t, limits, minutes(10))
	v.wantStages(t, "afterwards", map[string]int{"opening": 1})
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(11)))
	v.run(t, limits, minutes(21))
	v.wantStages(t, "once calls succeed", map[string]int{"opening": 1, "closing": 1})
}

func TestLateRecurrenceIsANewIncident(t *testing.T) {
	v := onTable(t)
	v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
	v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(1)))
	v.run(t, limits, minutes(10))
	v.now.set(minutes(71))
	v.fail(t, phoned{id: "p2", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(71)))
	v.wantStages(t, "at last", map[string]int{"opening": 2, "closing": 1})
	if list := v.all(t); len(list) != 2 || list[0].Reopened+list[1].Reopened != 0 {
		t.Errorf("got %+v, want two incidents", list)
	}
}

func TestWatchFindsEndsThatNoEventReported(t *testing.T) {
	v := onTable(t)
	missed(t, v)
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
	for id, want := range map[string]pipeline.Status{"stopped": pipeline.Stopped, "failed": pipeline.Failed, "lost": pipeline.Lost, "runs": pipeline.InProgress} {
		st, err := v.store().Pipeline(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if st.Status != want || (st.Observation != nil) != (id != "runs") || st.Observation != nil && !st.EndedAt().Equal(minutes(61)) {
			t.Errorf("%s: got %s, ended %s, observed %+v; want %s", id, st.Status, st.EndedAt(), st.Observation, want)
		}
		history, err := v.store().History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		last := history[len(history)-1]
		if id != "runs" && !strings.Contains(string(last.Body), `"observedBecause":"without an event for over 1h0m0s"`) {
			t.Errorf("%s: the last of its history is %s, want an observation with its reason", id, last.Body)
		}
	}
	v.wantStages(t, "of the one that failed", map[string]int{"opening": 1})
	late := phoned{id: "lost", connector: "abc"}
	v.record(t, late.event(chime.EventStopped, minutes(30))) // the event was only late
	if got := v.status(t, "lost"); got != pipeline.Stopped {
		t.Errorf("after the late event: got %s, want %s", got, pipeline.Stopped)
	}
	v.run(t, limits, minutes(77))
	if n := len(v.api.asked); n != 5 || v.api.asked[4] != "runs" {
		t.Errorf("a quarter of an hour later: asked %v, want the one that runs once more", v.api.asked)
	}
}

// counts is what a run counted.
func (v *invocation) counts(t *testing.T, l watchdog.Limits, at time.Time) (counts count, err error) {
	t.Helper()
	v.now.set(at)
	counts = count{}
	err = v.watch(l, counts).Run(t.Context())
	return counts, err
}

func TestWatchPausesWhenTheAPIThrottles(t *testing.T) {
	v := onTable(t)
	for n := range 3 {
		id := fmt.Sprint("p", n)
		v.record(t, phoned{id: id, connector: "abc"}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
		v.api.known[id] = watchdog.Answer{Status: "Stopped"}
	}
	v.api.trouble = map[string]error{"p1": apiError(429)}
	counts, err := v.counts(t, limits, minutes(120))
	if apperr.ClassOf(err) != apperr.Throttled || !strings.Contains(err.Error(), "pipeline p1") || !strings.Contains(err.Error(), "GetMediaPipeline") {
		t.Errorf("got %v, want it throttled, and the pipeline and the operation named", err)
	}
	if !slices.Equal(v.api.asked, []string{"p0", "p1"}) || counts["PipelinesAsked"] != 2 || counts["PipelinesNotYetAsked"] != 1 {
		t.Errorf("asked %v, counted %v; want p0 and p1, and one left", v.api.asked, counts)
	}
	v.api.trouble = nil
	counts, err = v.counts(t, limits, minutes(121))
	if err != nil || counts["Observations"] != 2 || !slices.Equal(v.api.asked[2:], []string{"p2", "p1"}) {
		t.Errorf("the next run: asked %v, counted %v (%v); want p2, and p1 after it", v.api.asked[2:], counts, err)
	}
	for _, id := range []string{"p0", "p1", "p2"} {
		if got := v.status(t, id); got != pipeline.Stopped {
			t.Errorf("%s: got %s, want %s", id, got, pipeline.Stopped)
		}
	}
}

// Pipelines that the API gives no answer about do not keep the others from being
// asked about, however long that lasts.
func TestPipelinesWithoutAnAnswerDoNotBlockOthers(t *testing.T) {
	t.Run("429", func(t *testing.T) { // the run ends there, so that the others have to come first the next time
		v := onTable(t)
		v.api.trouble = map[string]error{"p0": apiError(429)}
		for n := range 3 {
			id := fmt.Sprint("p", n)
			v.record(t, phoned{id: id, connector: "abc"}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
			v.api.known[id] = watchdog.Answer{Status: "Stopped"}
		}
		for n := range 2 {
			_, err := v.counts(t, limits, minutes(120+n))
			if apperr.ClassOf(err) != apperr.Throttled || !strings.Contains(err.Error(), "pipeline p0") {
				t.Errorf("run %d: got %v, want p0 throttled", n+1, err)
			}
		}
		for _, id := range []string{"p1", "p2"} {
			if got := v.status(t, id); got != pipeline.Stopped {
				t.Errorf("%s: got %s, want %s", id, got, pipeline.Stopped)
			}
		}
	})
	t.Run("no answer for what the API says", func(t *testing.T) { // here, to the news that these have failed
		v := onTable(t)
		for n := range 8 {
			id := fmt.Sprint("p", n)
			v.record(t, phoned{id: id, connector: "abc"}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
			if v.api.known[id] = (watchdog.Answer{Status: "Stopped"}); n < 4 {
				v.api.known[id] = watchdog.Answer{Status: "Failed"}
			}
		}
		v.Line.Refuse("Publish", 403, "AuthorizationError")
		for n, named := range []string{"pipeline p0", "pipeline p3"} {
			if _, err := v.counts(t, limits, minutes(120+n)); err == nil || !strings.Contains(err.Error(), named) {
				t.Errorf("run %d: got %v, want %s named, whose failure nobody hears of", n+1, err, named)
			}
		}
		for n := 4; n < 8; n++ {
			if id := fmt.Sprint("p", n); v.status(t, id) != pipeline.Stopped {
				t.Errorf("%s: got %s, want %s", id, v.status(t, id), pipeline.Stopped)
			}
		}
		v.Line.Allow()
		v.run(t, limits, minutes(122))
		if got := v.status(t, "p0"); got != pipeline.Failed {
			t.Errorf("p0 afterwards: got %s, want %s", got, pipeline.Failed)
		}
	})
	for _, status := range []int{400, 403, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			v := onTable(t)
			v.api.trouble = map[string]error{}
			for n := range 8 {
				id := fmt.Sprint("p", n)
				v.record(t, phoned{id: id, connector: "abc"}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
				if v.api.known[id] = (watchdog.Answer{Status: "Stopped"}); n < 4 {
					v.api.trouble[id] = apiError(status)
				}
			}
			counts, err := v.counts(t, limits, minutes(120))
			if err == nil || !strings.Contains(err.Error(), "pipeline p0") || !strings.Contains(err.Error(), "pipeline p2") || counts["PipelinesAsked"] != 3 || counts["PipelinesNotYetAsked"] != 5 {
				t.Errorf("asked about %d, %d left (%v), want 3 that are named, and 5 left", counts["PipelinesAsked"], counts["PipelinesNotYetAsked"], err)
			}
			if _, err = v.counts(t, limits, minutes(121)); err == nil || !strings.Contains(err.Error(), "pipeline p3") {
				t.Errorf("the next run: got %v, want p3 named", err)
			}
			for n := 4; n < 8; n++ {
				if id := fmt.Sprint("p", n); v.status(t, id) != pipeline.Stopped {
					t.Errorf("%s: got %s, want %s", id, v.status(t, id), pipeline.Stopped)
				}
			}
			v.api.trouble = nil
			v.run(t, limits, minutes(122))
			if got := v.status(t, "p0"); got != pipeline.Stopped {
				t.Errorf("p0 afterwards: got %s, want %s", got, pipeline.Stopped)
			}
		})
	}
}

// An API that does not answer leaves a run its time for other questions, and for
// what comes after.
func TestWatchBoundsItsWaitForTheAPI(t *testing.T) {
	v := onTable(t)
	v.record(t, phoned{id: "p1", connector: "abc"}.event(chime.EventInProgress, noon))
	v.now.set(minutes(120))
	var within time.Duration
	w := v.watch(limits, quiet{})
	w.API = hanging{&within}
	for _, run := range []struct{ has, least, most time.Duration }{
		{10 * time.Minute, 10 * time.Second, 12 * time.Second}, // one try of a request, and some
		{15 * time.Second, time.Second, 5 * time.Second},       // all but what comes after needs
	} {
		ctx, cancel := context.WithTimeout(t.Context(), run.has)
		if err := w.Run(ctx); apperr.ClassOf(err) != apperr.Unavailable {
			t.Errorf("got %v, want the API unavailable", err)
		}
		cancel()
		if within < run.least || within > run.most {
			t.Errorf("got %s to answer in of a run of %s, want between %s and %s", within, run.has, run.least, run.most)
		}
	}
}

// hanging is an API that answers when the time is up, and tells how long that was.
type hanging struct{ within *time.Duration }

func (h hanging) GetPipeline(ctx context.Context, _ string) (watchdog.Answer, error) {
	deadline, _ := ctx.Deadline()
	*h.within = time.Until(deadline)
	return watchdog.Answer{}, apiError(500)
}

// Trouble with one thing keeps nothing else from being done, the error names
// what is in trouble, and the next run does the rest.
func TestWatchContinuesAfterAnError(t *testing.T) {
	cases := []struct {
		name, call, code string
		status           int
		want             []string // in the error
		told             map[string]int
		stopped          pipeline.Status
	}{
		{"the topic refuses", "Publish", "AuthorizationError", 403,
			[]string{"topic arn:aws:sns:us-east-1:111122223333:failures", "AuthorizationError", "the role may publish"}, map[string]int{}, pipeline.Stopped},
		{"the topic is not there", "Publish", "NotFound", 404, []string{"topic arn:aws:sns:us-east-1:111122223333:failures", "check that the topic exists"}, map[string]int{}, pipeline.Stopped},
		{"the table throttles its writes", "UpdateItem", "ProvisionedThroughputExceededException", 400, []string{"table world-", "throttle metrics"}, map[string]int{}, pipeline.InProgress},
		{"the table answers queries with 500", "Query", "InternalServerError", 500, []string{"table world-", "it is tried again"}, map[string]int{}, pipeline.InProgress},
		{"the API throttles", "GetMediaPipeline", "", 0, []string{"pipeline p1", "GetMediaPipeline"}, map[string]int{"opening": 2}, pipeline.InProgress},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := onTable(t)
			v.Line.DisturbCall("Publish", faultinject.Before) // dies, and nobody tries again
			if err := v.failures()(t.Context(), lambdafn.Message{Body: phoned{id: "bad", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(118))}); err == nil {
				t.Fatal("got no error, want it killed before it publishes")
			}
			v.Line.Revive()
			v.record(t, phoned{id: "p1", connector: "xyz"}.event(chime.EventInProgress, noon), phoned{id: "flaky", connector: "flaky"}.event(chime.EventTemporaryFailure, minutes(110)))
			v.api.known["p1"] = watchdog.Answer{Status: "Stopped"}
			if v.Line.Refuse(tc.call, tc.status, tc.code); tc.status == 0 {
				v.Line.Allow()
				v.api.trouble = map[string]error{"p1": apiError(429)}
			}
			_, err := v.counts(t, limits, minutes(120))
			for _, word := range tc.want {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("got %v, want it to say %q", err, word)
				}
			}
			v.wantStages(t, "in trouble", tc.told)
			if got := v.status(t, "p1"); got != tc.stopped {
				t.Errorf("p1: got %s, want %s", got, tc.stopped)
			}
			v.Line.Allow()
			v.api.trouble = nil
			v.run(t, limits, minutes(121))
			v.wantStages(t, "afterwards", map[string]int{"opening": 2})
			if got := v.status(t, "p1"); got != pipeline.Stopped {
				t.Errorf("p1 afterwards: got %s, want %s", got, pipeline.Stopped)
			}
		})
	}
}

// A failure is taken at any moment of a run that finds that it is quiet: what is
// told to be over has no call that failed within the quiet time.
func TestFailureDuringClosingKeepsTheIncidentOpen(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	atOnce, again := 0, 0
	for n, more := 1, true; more; n++ {
		world := faultinject.NewWorld(t, db)
		v := invoked(world.Process(), noon, "failures")
		v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
		v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(1)))
		v.now.set(minutes(10))
		during := &during{Client: world.DB, calls: n, do: func() {
			v.fail(t, phoned{id: "p2", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(10)))
		}}
		w := v.watchOn(dynamo.New(during, world.Table, dynamo.Options{Now: v.now.Now}), limits, quiet{})
		if err := w.Run(t.Context()); err != nil {
			t.Fatalf("before call %d: %v", n, err)
		}
		if more = during.calls <= 0; !more {
			break
		}
		v.run(t, limits, minutes(10).Add(time.Second))
		i := v.all(t)[0]
		if !i.Open() {
			t.Errorf("before call %d: it is over, though a call failed just now", n)
		}
		if i.Reopened > 0 {
			again++
		} else if stages(world)["closing"] == 0 {
			atOnce++
		}
	}
	if again == 0 || atOnce == 0 {
		t.Errorf("it was reopened %d times and did not end %d times: want both, or the test proves little", again, atOnce)
	}
}

// during does something just before the call of that number.
type during struct {
	dynamo.Client
	calls int
	do    func()
}

func (d *during) count() {
	if d.calls--; d.calls == 0 {
		d.do()
	}
}

func (d *during) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	d.count()
	return d.Client.GetItem(ctx, in, opts...)
}

func (d *during) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	d.count()
	return d.Client.UpdateItem(ctx, in, opts...)
}

func (d *during) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	d.count()
	return d.Client.Query(ctx, in, opts...)
}

func TestConditionsAreNotifiedOnceUntilTheyEnd(t *testing.T) {
	few := limits
	few.Quota = 5
	lingers := phoned{id: "voice", elements: [][2]string{{chime.ElementVoiceAnalytics, "InProgress"}, {chime.ElementKinesisSink, "Stopped"}}}
	calls := func(eventType string, at time.Time) (events [][]byte) {
		for n := range 4 {
			events = append(events, phoned{id: fmt.Sprint("p", n), connector: "abc"}.event(eventType, at))
		}
		return events
	}
	cases := []struct {
		name, kind string
		raise      func(*invocation)
		lower      func(*invocation)
		again      func(*invocation)
	}{
		{"near the quota", "quota",
			func(v *invocation) { v.record(t, calls(chime.EventInProgress, minutes(0))...) },
			func(v *invocation) {
				v.record(t, calls(chime.EventPaused, minutes(6))[:3]...)
				v.record(t, calls(chime.EventStopped, minutes(7))[:1]...)
			},
			func(v *invocation) { v.record(t, calls(chime.EventInProgress, minutes(20))...) }},
		{"lingering", "lingering",
			func(v *invocation) { v.record(t, lingers.event(chime.EventInProgress, minutes(0))) },
			func(v *invocation) { v.record(t, lingers.event(chime.EventStopped, minutes(7))) },
			func(v *invocation) { v.record(t, lingers.event(chime.EventInProgress, minutes(15))) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := onTable(t)
			v.run(t, few, minutes(-1))
			v.wantStages(t, "before", map[string]int{})
			tc.raise(v)
			v.run(t, few, minutes(6))
			v.run(t, few, minutes(6))
			v.wantStages(t, "raised", map[string]int{tc.kind: 1})
			tc.lower(v)
			v.run(t, few, minutes(8))
			v.run(t, few, minutes(9))
			v.wantStages(t, "lowered", map[string]int{tc.kind: 1})
			tc.again(v)
			v.run(t, few, minutes(25))
			v.run(t, few, minutes(26))
			v.wantStages(t, "raised again", map[string]int{tc.kind: 2})
		})
	}
}

// usualDay are events of calls around a time, as many as on a busy day.
func usualDay(around time.Time) (events [][]byte) {
	add := func(minutes int) {
		at := around.Add(time.Duration(minutes) * time.Minute)
		events = append(events, phoned{id: "usual-" + fmt.Sprint(at.Unix()), connector: "abc"}.event(chime.EventStopped, at))
	}
	for n := -60; n <= 4; n += 2 {
		add(n)
	}
	for _, n := range []int{-140, -105, -75, 15, 45, 75} { // earlier and later, as no time zone is chosen
		add(n)
	}
	return events
}

func TestSilenceIsNotifiedOnceWhereEventsAreUsual(t *testing.T) {
	const day = 24 * time.Hour
	beats := limits
	beats.Heartbeat, beats.Silent = time.Hour, 100*day
	done := func(at time.Time) [][]byte {
		c := phoned{id: "p" + fmt.Sprint(at.Unix()), connector: "abc"}
		return [][]byte{c.event(chime.EventInProgress, at), c.event(chime.EventStopped, at.Add(time.Minute))}
	}
	ahead := phoned{id: "ahead", connector: "abc"}
	var inAYear [][]byte
	for n := range 25 {
		inAYear = append(inAYear, phoned{id: fmt.Sprint("later", n), connector: "abc"}.event(chime.EventStopped, noon.AddDate(1, 0, n)))
	}
	const two = 2 * time.Hour
	cases := []struct {
		name   string
		before []time.Duration // when calls were, before now
		usual  []time.Duration // which days were busy at this time
		also   [][]byte
		quiet  string
		want   int
	}{
		{name: "an event within the hour", before: []time.Duration{30 * time.Minute}, usual: []time.Duration{7 * day}},
		{name: "calls at this time a week ago", before: []time.Duration{two}, usual: []time.Duration{7 * day}, want: 1},
		{name: "one call at this time a week ago", before: []time.Duration{two, 7*day + 30*time.Minute}},
		{name: "none at this time a week ago, as on a holiday", before: []time.Duration{two, 8 * day}, usual: []time.Duration{day, 2 * day}},
		{name: "none a week ago, but in the three weeks before", before: []time.Duration{two}, usual: []time.Duration{14 * day, 21 * day, 28 * day}, want: 1},
		{name: "a table of a few days, with calls on both days before", before: []time.Duration{two}, usual: []time.Duration{day, 2 * day}, want: 1},
		{name: "a table of a few days, with calls on one of them", before: []time.Duration{two}, usual: []time.Duration{day}},
		{name: "no call ever"},
		{name: "quiet hours", before: []time.Duration{two}, usual: []time.Duration{7 * day}, quiet: "Wed 11:00-13:00"},
		{name: "a call that begins in a year", before: []time.Duration{two}, usual: []time.Duration{7 * day},
			also: [][]byte{ahead.event(chime.EventInProgress, noon.AddDate(1, 0, 0))}, want: 1},
		{name: "many calls that end in a year", before: []time.Duration{two}, usual: []time.Duration{7 * day}, also: inAYear, want: 1},
		{name: "a call that goes on in a year", before: []time.Duration{two}, usual: []time.Duration{7 * day}, also: [][]byte{
			ahead.event(chime.EventInProgress, noon.Add(-two)), ahead.event(chime.EventPaused, noon.AddDate(1, 0, 0))}, want: 1},
		{name: "a call of now that goes on in a year", before: []time.Duration{two}, usual: []time.Duration{7 * day}, also: [][]byte{
			ahead.event(chime.EventInProgress, noon.Add(-time.Minute)), ahead.event(chime.EventPaused, noon.AddDate(1, 0, 0))}},
		{name: "a clock that is a little ahead", before: []time.Duration{two}, usual: []time.Duration{7 * day},
			also: [][]byte{ahead.event(chime.EventInProgress, noon.Add(4*time.Minute))}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := onTable(t)
			for _, ago := range tc.before {
				v.record(t, done(noon.Add(-ago))...)
			}
			for _, ago := range tc.usual {
				v.record(t, usualDay(noon.Add(-ago))...)
			}
			v.record(t, tc.also...)
			beats := beats
			beats.QuietHours = tc.quiet
			for n := range 3 {
				v.run(t, beats, minutes(n))
			}
			want := map[string]int{}
			if tc.want > 0 {
				want["silence"] = tc.want
			}
			v.wantStages(t, "at noon", want)
			if tc.want == 0 {
				return
			}
			v.record(t, done(minutes(3))...)
			v.run(t, beats, minutes(5))
			if since, err := v.store().ConditionSince(t.Context(), "silence"); err != nil || !since.IsZero() {
				t.Errorf("after a call: got silence since %s (%v), want none", since, err)
			}
			v.wantStages(t, "after a call", want)
		})
	}
}

// The message says what the silence was compared with, by the clocks of the business.
func TestSilenceNotificationNamesItsComparison(t *testing.T) {
	v := onTable(t)
	beats := limits
	beats.Heartbeat, beats.TimeZone = time.Hour, "America/New_York" // where clocks have changed three days before
	v.record(t, phoned{id: "last", connector: "abc"}.event(chime.EventStopped, noon.Add(-2*time.Hour)))
	for week := 1; week <= 3; week++ {
		v.record(t, usualDay(noon.AddDate(0, 0, -7*week).Add(time.Hour))...)
	}
	v.run(t, beats, noon)
	got := v.World.Topic.Published()
	if want := "calls came between 07:00 and 08:00 on the last three Wednesdays (times of America/New_York)"; len(got) != 1 || !strings.Contains(got[0].Body, want) {
		t.Errorf("got %v, want it to say %q", got, want)
	}
}

// While nobody calls, at night for instance, a run costs little; and little more when
// earlier days were busy, however many calls the table has.
func TestSilenceCheckMakesFewCalls(t *testing.T) {
	v := onTable(t)
	beats := limits
	beats.Heartbeat = time.Hour
	cost := func(at time.Time) int {
		before := len(v.Line.Calls())
		v.run(t, beats, at)
		return len(v.Line.Calls()) - before
	}
	v.record(t, phoned{id: "last", connector: "abc"}.event(chime.EventStopped, noon.Add(-30*time.Minute)))
	none := cost(noon)
	v.record(t, phoned{id: "old", connector: "abc"}.event(chime.EventStopped, noon.AddDate(0, 0, -60)))
	for week := 1; week <= 4; week++ {
		for n := range 3 {
			v.record(t, usualDay(minutes(31).AddDate(0, 0, -7*week).Add(time.Duration(n)*time.Second))...)
		}
	}
	night, busy := cost(noon.Add(12*time.Hour)), cost(minutes(31))
	v.wantStages(t, "where earlier days were busy", map[string]int{"silence": 1})
	t.Logf("calls of a run: %d without a silence, %d at night, %d when it pages", none, night, busy)
	if night-none > 80 || busy-none > 400 {
		t.Errorf("got %d calls without a silence, %d at night and %d where earlier days were busy, want at most 80 and 400 more", none, night, busy)
	}
}

// The events cease while calls go on. What the watch finds out about those is no
// event: it neither ends the silence nor begins another.
func TestObservationsDoNotEndASilence(t *testing.T) {
	const day = 24 * time.Hour
	beats := limits
	beats.Heartbeat = time.Hour
	v := onTable(t)
	for n := -90; n < 280; n += 2 {
		v.record(t, phoned{id: fmt.Sprint("before", n), connector: "abc"}.event(chime.EventStopped, minutes(n).Add(-7*day)))
	}
	for n := range 3 {
		id := fmt.Sprint("p", n)
		v.record(t, phoned{id: id, connector: "abc"}.event(chime.EventInProgress, minutes(n)))
		v.api.known[id] = watchdog.Answer{Status: "Stopped"}
	}
	for n := 55; n < 180; n += 5 {
		v.run(t, beats, minutes(n))
	}
	if got := v.status(t, "p2"); got != pipeline.Stopped {
		t.Fatalf("got %s, want it observed: the test proves nothing", got)
	}
	v.wantStages(t, "within two hours", map[string]int{"silence": 1})
	if body := v.World.Topic.Published()[0].Body; !strings.Contains(body, "Last event: "+minutes(2).Format("2006-01-02 15:04:05")) {
		t.Errorf("got %s, want the last event", body)
	}
}

// A run asks about so many, spread over time, and leaves the rest to the next.
func TestWatchLimitsItsQuestionsPerRun(t *testing.T) {
	v := onTable(t)
	const open = 60
	for n := range open {
		v.record(t, phoned{id: fmt.Sprintf("p%02d", n)}.event(chime.EventInProgress, noon.Add(time.Duration(n)*time.Second)))
		id := fmt.Sprintf("p%02d", n)
		v.api.known[id] = watchdog.Answer{Status: "InProgress"}
	}
	waits := 0
	run := func(ctx context.Context, at time.Time) (count, error) {
		v.now.set(at)
		counts := count{}
		w := v.watch(watchdog.Limits{Silent: time.Hour, Recovery: time.Hour, Quota: 1000}, counts)
		w.Wait = func(context.Context, time.Duration) error { waits++; return nil }
		return counts, w.Run(ctx)
	}
	counts, err := run(t.Context(), minutes(120))
	if err != nil || counts["PipelinesAsked"] != 50 || counts["PipelinesNotYetAsked"] != 10 || waits != 49 {
		t.Errorf("got %v, %d waits (%v), want 50 asked with 49 waits, and 10 left", counts, waits, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 8*time.Second) // less than what a run keeps for the end
	defer cancel()
	if counts, err = run(short, minutes(121)); err != nil || counts["PipelinesAsked"] != 0 || counts["PipelinesNotYetAsked"] != 10 {
		t.Errorf("with no time left: got %v (%v), want none asked, and 10 left", counts, err)
	}
	if counts, err = run(t.Context(), minutes(122)); err != nil || counts["PipelinesAsked"] != 10 {
		t.Errorf("the next run: got %v (%v), want the other 10 asked", counts, err)
	}
	asked := map[string]int{}
	for _, id := range v.api.asked {
		asked[id]++
	}
	if len(asked) != open || slices.Max(slices.Collect(maps.Values(asked))) != 1 {
		t.Errorf("got %v, want each asked about once", asked)
	}
}
