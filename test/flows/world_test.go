package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
	"github.com/chimewatch/chimewatch/schemas"
)

var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)

var timing = incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}

var limits = watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 20}

// now is a time that a test sets.
type now struct {
	mu sync.Mutex
	at time.Time
}

func (n *now) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

func (n *now) set(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at = at
}

// invocation is what a process needs to handle something.
type invocation struct {
	*faultinject.Process
	now    *now
	owner  string
	api    *pipelines
	timing incident.Timing
}

func invoked(p *faultinject.Process, at time.Time, owner string) *invocation {
	return &invocation{Process: p, now: &now{at: at}, owner: owner, api: &pipelines{known: map[string]watchdog.Answer{}}, timing: timing}
}

func (v *invocation) store() *dynamo.Store {
	return v.Process.Store(dynamo.Options{Retention: 24 * time.Hour, Now: v.now.Now})
}

func (v *invocation) incidents() *incident.Service {
	return &incident.Service{
		Repo: v.store(), Timing: v.timing, Counts: quiet{}, Now: v.now.Now,
		Notifier: notify.Incidents{Outbox: v.store(), Topic: v.topic(), Owner: v.name},
	}
}

func (v *invocation) topic() *notify.Topic {
	return notify.NewTopic(v.Publisher(), "arn:aws:sns:us-east-1:111122223333:failures")
}

func (v *invocation) name(context.Context) string { return v.owner }

func (v *invocation) failures() oneHandler {
	return func(ctx context.Context, m lambdafn.Message) error { return v.incidents().Handle(ctx, m.Body) }
}

func (v *invocation) alerts() oneHandler {
	return func(ctx context.Context, m lambdafn.Message) error { return v.matches().Handle(ctx, m.Body) }
}

func (v *invocation) matches() *rulematch.Service {
	service, _ := v.matchesBy()
	return service
}

// matchesBy returns the service of rule matches, and what it sends by.
func (v *invocation) matchesBy() (*rulematch.Service, *notify.Matches) {
	sender := &notify.Matches{Outbox: v.store(), Topic: v.topic(), Owner: v.name}
	return &rulematch.Service{
		Repo: v.store(), Notifier: sender, Window: 5 * time.Minute, Counts: quiet{}, Now: v.now.Now,
	}, sender
}

func (v *invocation) watch(l watchdog.Limits, counts pipeline.Counter) watchdog.Service {
	return v.watchOn(v.store(), l, counts)
}

func (v *invocation) watchOn(table *dynamo.Store, l watchdog.Limits, counts pipeline.Counter) watchdog.Service {
	incidents := v.incidents()
	incidents.Repo, incidents.Notifier = table, notify.Incidents{Outbox: table, Topic: v.topic(), Owner: v.name}
	return watchdog.Service{
		Repo: table, Incidents: incidents, API: overLine{v.Line, v.api},
		Notifier: notify.Warnings{Outbox: table, Topic: v.topic(), Owner: v.name},
		Limits:   l, Counts: counts, Account: "111122223333", Region: "us-east-1", Now: v.now.Now,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// run does one run of the watch at a time.
func (v *invocation) run(t testing.TB, l watchdog.Limits, at time.Time) {
	t.Helper()
	v.now.set(at)
	if err := v.watch(l, quiet{}).Run(t.Context()); err != nil {
		t.Fatalf("the watch at %s: %v", at.Format(time.TimeOnly), err)
	}
}

// record keeps events as the function status does.
func (v *invocation) record(t testing.TB, events ...[]byte) {
	t.Helper()
	for _, raw := range events {
		if err := status(v.store(), quiet{})(t.Context(), lambdafn.Message{Body: raw}); err != nil {
			t.Fatal(err)
		}
	}
}

// fail takes events as the function failures does.
func (v *invocation) fail(t testing.TB, events ...[]byte) {
	t.Helper()
	for _, raw := range events {
		if err := v.failures()(t.Context(), lambdafn.Message{Body: raw}); err != nil {
			t.Fatal(err)
		}
	}
}

// quiet counts nothing; many processes may share it.
type quiet struct{}

func (quiet) Count(string, int) {}

// pipelines stands in for the API.
type pipelines struct {
	mu    sync.Mutex
	known map[string]watchdog.Answer
	// trouble is what it answers for a pipeline instead.
	trouble map[string]error
	asked   []string
}

func (p *pipelines) get(id string) (watchdog.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, id)
	if err := p.trouble[id]; err != nil {
		return watchdog.Answer{}, err
	}
	known, there := p.known[id]
	if !there {
		return watchdog.Answer{}, apiError(404)
	}
	return known, nil
}

// overLine is the API as a process reaches it.
type overLine struct {
	line *faultinject.Line
	api  *pipelines
}

func (o overLine) GetPipeline(_ context.Context, id string) (answer watchdog.Answer, err error) {
	err = o.line.Do("GetMediaPipeline", func(how faultinject.How) error {
		if how == faultinject.Throttled {
			return apiError(429)
		}
		return apiError(500)
	}, func() (err error) {
		answer, err = o.api.get(id)
		return err
	})
	return answer, err
}

// phoned is a call that events are made of.
type phoned struct {
	id        string
	connector string // empty: the event names none
	reason    string
	elements  [][2]string // type and status
}

// event makes a state change of the call.
func (c phoned) event(eventType string, at time.Time) []byte {
	detail := map[string]any{"version": "0", "eventType": eventType, "mediaInsightsPipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + c.id}
	if c.connector != "" {
		detail["voiceConnectorId"], detail["callId"], detail["transactionId"] = c.connector, "call-"+c.id, "transaction-"+c.id
	}
	if c.reason != "" {
		detail["failureReason"] = c.reason
	}
	var elements []any
	for _, e := range c.elements {
		elements = append(elements, map[string]any{"type": e[0], "status": e[1], "updatedOn": at.UnixMilli()})
	}
	if elements != nil {
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprintf("%s-%s-%d", c.id, strings.TrimPrefix(eventType, "chime:"), at.Unix()), "detail-type": chime.DetailStateChange,
		"source": chime.Source, "account": "111122223333", "region": "us-east-1", "time": at.Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return raw
}

func exampleBody(t testing.TB, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}

// status gives the status of a pipeline in the table.
func (v *invocation) status(t testing.TB, id string) pipeline.Status {
	t.Helper()
	st, err := v.store().Pipeline(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return st.Status
}

// all gives every incident, newest first.
func (v *invocation) all(t testing.TB) []incident.Incident {
	t.Helper()
	list, _, err := v.store().Incidents(t.Context(), dynamo.IncidentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stages counts the messages about incidents by what they tell.
func stages(w *faultinject.World) map[string]int {
	counts := map[string]int{}
	for id, n := range w.Topic.Times() {
		parts := strings.Split(id, "/")
		if parts[0] == "incident" {
			counts[parts[2]] += n
		} else {
			counts[parts[0]] += n
		}
	}
	return counts
}

// apiError is what the API's client gives for a status code.
func apiError(status int) error {
	class := map[int]apperr.Class{400: apperr.Invalid, 403: apperr.Internal, 404: apperr.NotFound, 429: apperr.Throttled, 500: apperr.Unavailable}[status]
	return apperr.New(class, "Amazon Chime SDK GetMediaPipeline", fmt.Sprintf("failed with status %d", status), "it is tried again")
}

// all runs handlers side by side, as the schedule does.
func all(handlers ...oneHandler) oneHandler {
	return func(ctx context.Context, m lambdafn.Message) error {
		var tasks []func(context.Context) error
		for _, h := range handlers {
			tasks = append(tasks, func(ctx context.Context) error { return h(ctx, m) })
		}
		_, err := lambdafn.Handle(ctx, []byte(`{"detail-type":"Scheduled Event"}`), lambdafn.Scheduled(tasks...))
		return err
	}
}

// status is the handler of the function status.
func status(r pipeline.Recorder, counts pipeline.Counter) oneHandler {
	return func(ctx context.Context, m lambdafn.Message) error {
		return pipeline.Service{Recorder: r, Counts: counts}.Handle(ctx, m.Body)
	}
}

// oneHandler handles one message, batchHandler those of an invocation together.
type (
	oneHandler   = func(context.Context, lambdafn.Message) error
	batchHandler = lambdafn.Handler
)

// voiceOf is the handler of the function voice; calls is nil where no task is on.
func voiceOf(table voicetask.Notifications, calls voicetask.Reconciler, counts voicetask.Counter) batchHandler {
	service := &voicetask.Service{Notifications: table, Calls: calls, Counts: counts}
	return func(ctx context.Context, messages []lambdafn.Message) []error {
		deliveries := make([]voicetask.Delivery, len(messages))
		for i, m := range messages {
			deliveries[i] = voicetask.Delivery{Body: m.Body, By: m.Source.Voice()}
		}
		return service.HandleNotifications(ctx, deliveries)
	}
}

// consentOf is the handler of the function consent.
func consentOf(ledger voicetask.EntryWriter, calls voicetask.Reconciler, counts voicetask.Counter, now func() time.Time) oneHandler {
	service := &voicetask.Service{Ledger: ledger, Calls: calls, Counts: counts, Now: now}
	return func(ctx context.Context, m lambdafn.Message) error { return service.Handle(ctx, m.Body) }
}

// expiryOf is what the schedule does about expired consent.
func expiryOf(table voicetask.Expiries, calls voicetask.Reconciler, now func() time.Time) oneHandler {
	service := &voicetask.Service{Expiries: table, Calls: calls, Now: now}
	return func(ctx context.Context, _ lambdafn.Message) error { return service.Run(ctx) }
}
