package flows_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// All tests begin at noon, on a Wednesday.
var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)

// minutes returns the time n minutes after noon.
func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

const (
	account      = "111122223333"
	region       = "us-east-1"
	failureTopic = "arn:aws:sns:us-east-1:111122223333:failures"
	matchWindow  = 5 * time.Minute
)

var timing = incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}

var limits = watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 20}

// clock shows the time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// invocation is a function of chimewatch in a process, with a clock of its own.
type invocation struct {
	*faultinject.Process
	clock  *clock
	owner  string // by which it claims notifications
	api    *mediaPipelines
	timing incident.Timing
}

func newInvocation(p *faultinject.Process, at time.Time, owner string) *invocation {
	return &invocation{Process: p, clock: &clock{at: at}, owner: owner, api: newMediaPipelines(), timing: timing}
}

// inNewWorld returns an invocation in a world of its own.
func inNewWorld(t *testing.T) *invocation {
	t.Helper()
	silenceLog(t)
	return newInvocation(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon, "one")
}

func silenceLog(t testing.TB) {
	t.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

func (v *invocation) setTime(at time.Time) {
	v.clock.mu.Lock()
	defer v.clock.mu.Unlock()
	v.clock.at = at
}

func (v *invocation) ownerName(context.Context) string { return v.owner }

func (v *invocation) store() *dynamo.Store {
	return v.Store(dynamo.Options{Retention: 24 * time.Hour, Now: v.clock.Now})
}

func (v *invocation) topic() *notify.Topic { return notify.NewTopic(v.Publisher(), failureTopic) }

// pipelines returns the service of the function status.
func (v *invocation) pipelines() pipeline.Service {
	return pipeline.Service{Recorder: v.store(), Counts: quiet{}}
}

// incidents returns the service of the function failures.
func (v *invocation) incidents() *incident.Service {
	return &incident.Service{
		Repo: v.store(), Timing: v.timing, Counts: quiet{}, Now: v.clock.Now,
		Notifier: notify.Incidents{Outbox: v.store(), Topic: v.topic(), Owner: v.ownerName},
	}
}

// matches returns the service of the function alerts.
func (v *invocation) matches() *rulematch.Service {
	return &rulematch.Service{
		Repo: v.store(), Window: matchWindow, Counts: quiet{}, Now: v.clock.Now, Wait: wait,
		Notifier: &notify.Matches{Outbox: v.store(), Topic: v.topic(), Owner: v.ownerName},
	}
}

// wait lets other processes go on, which are goroutines.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// watch returns the service of the function watch.
func (v *invocation) watch(l watchdog.Limits) watchdog.Service {
	return watchdog.Service{
		Repo: v.store(), Incidents: v.incidents(), API: connection{v.Injector, v.api},
		Notifier: notify.Warnings{Outbox: v.store(), Topic: v.topic(), Owner: v.ownerName},
		Limits:   l, Counts: quiet{}, Account: account, Region: region, Now: v.clock.Now,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// run runs the watch once, at a time.
func (v *invocation) run(t testing.TB, l watchdog.Limits, at time.Time) {
	t.Helper()
	if _, err := v.runCounting(t, l, at); err != nil {
		t.Fatalf("the watch at %s: %v", at.Format(time.TimeOnly), err)
	}
}

// runCounting is run, and returns what the watch counted and its error.
func (v *invocation) runCounting(t testing.TB, l watchdog.Limits, at time.Time) (counts, error) {
	t.Helper()
	v.setTime(at)
	counted := counts{}
	w := v.watch(l)
	w.Counts = counted
	err := w.Run(t.Context())
	return counted, err
}

// record handles events as the function status does.
func (v *invocation) record(t testing.TB, events ...[]byte) {
	t.Helper()
	handleAll(t, v.pipelines().Handle, events)
}

// fail handles events as the function failures does.
func (v *invocation) fail(t testing.TB, events ...[]byte) {
	t.Helper()
	handleAll(t, v.incidents().Handle, events)
}

// match handles events as the function alerts does.
func (v *invocation) match(t testing.TB, events ...[]byte) {
	t.Helper()
	handleAll(t, v.matches().Handle, events)
}

// handler handles one event.
type handler = func(ctx context.Context, event []byte) error

func handleAll(t testing.TB, handle handler, events [][]byte) {
	t.Helper()
	for _, event := range events {
		if err := handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
}

// dieBeforePublish handles a failure, and the process dies before it notifies. Nobody
// retries.
func (v *invocation) dieBeforePublish(t testing.TB, failure []byte) {
	t.Helper()
	v.Injector.InjectAtCall("Publish", faultinject.Before)
	if err := v.incidents().Handle(t.Context(), failure); !errors.Is(err, faultinject.ErrKilled) {
		t.Fatalf("got %v, want the process killed before it publishes", err)
	}
	v.Injector.Revive()
}

// schedule runs tasks side by side, as the function watch does.
func schedule(ctx context.Context, tasks ...func(context.Context) error) error {
	_, err := lambdafn.Handle(ctx, []byte(`{"detail-type":"Scheduled Event"}`), lambdafn.Scheduled(tasks...))
	return err
}

// status returns the status of a pipeline in the table.
func (v *invocation) status(t testing.TB, id string) pipeline.Status {
	t.Helper()
	st, err := v.store().Pipeline(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return st.Status
}

// wantStatuses compares the statuses of pipelines in the table.
func (v *invocation) wantStatuses(t testing.TB, where string, want map[string]pipeline.Status) {
	t.Helper()
	for id, status := range want {
		if got := v.status(t, id); got != status {
			t.Errorf("%s, pipeline %s: got %s, want %s", where, id, got, status)
		}
	}
}

// all returns every incident, newest first.
func (v *invocation) all(t testing.TB) []incident.Incident {
	t.Helper()
	list, _, err := v.store().Incidents(t.Context(), dynamo.IncidentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// failedCalls returns how many calls failed in an incident.
func (v *invocation) failedCalls(t testing.TB, incidentID string) int {
	t.Helper()
	tally, err := v.store().CountOccurrences(t.Context(), incidentID)
	if err != nil {
		t.Fatal(err)
	}
	return tally.Calls
}

// sent counts notifications: of incidents by their stage, such as opening, of others by
// their kind.
type sent map[string]int

func sentIn(w *faultinject.World) sent {
	all := sent{}
	for id, n := range w.Topic.Times() {
		parts := strings.Split(id, "/")
		if parts[0] == "incident" {
			all[parts[2]] += n
		} else {
			all[parts[0]] += n
		}
	}
	return all
}

// wantSent compares the notifications so far.
func (v *invocation) wantSent(t *testing.T, when string, want sent) {
	t.Helper()
	if diff := cmp.Diff(want, sentIn(v.World)); diff != "" {
		t.Errorf("%s, notifications (-want +got):\n%s", when, diff)
	}
}

// counts are metrics by their names.
type counts map[string]int

func (c counts) Count(name string, n int) { c[name] += n }

// quiet counts nothing; many processes may share it.
type quiet struct{}

func (quiet) Count(string, int) {}
