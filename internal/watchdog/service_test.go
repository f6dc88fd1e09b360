package watchdog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// memory is what a run needs, in memory. It records what was done, in order.
type memory struct {
	now        time.Time
	open       []pipeline.OpenPipeline
	others     []pipeline.State // newest first, besides those that are open
	history    map[string][]pipeline.Record
	answers    map[string]watchdog.Answer
	errs       map[string]error // by what fails: "open", "condition" or a pipeline's id
	conditions map[string]time.Time
	done       []string
	warnings   []watchdog.Warning
	failures   []incident.Failure
	counts     map[string]int
}

func (m *memory) Open(context.Context) ([]pipeline.OpenPipeline, error) {
	return m.open, m.errs["open"]
}

func (m *memory) EachPipeline(_ context.Context, q pipeline.Query, _ int, do func(pipeline.State) bool) error {
	for _, st := range m.others {
		if !st.CreatedAt.Before(q.From) && !st.CreatedAt.After(q.To) && do(st) {
			break
		}
	}
	return nil
}

func (m *memory) History(_ context.Context, id string) ([]pipeline.Record, error) {
	return m.history[id], nil
}

func (m *memory) RecordStateChange(_ context.Context, ev *chime.Event, st pipeline.State) error {
	m.done = append(m.done, "record "+st.ID+" "+strings.TrimPrefix(ev.StateChange.EventType, "chimewatch:"))
	return nil
}

func (m *memory) MarkAsked(_ context.Context, id string, at time.Time) error {
	m.done = append(m.done, fmt.Sprint("mark ", id, " ", at.Sub(m.now)))
	return nil
}

func (m *memory) SetCondition(_ context.Context, name string) (time.Time, error) {
	if m.conditions[name].IsZero() {
		m.conditions[name] = m.now
	}
	return m.conditions[name], nil
}

func (m *memory) ConditionSince(_ context.Context, name string) (time.Time, error) {
	return m.conditions[name], m.errs["condition"]
}

func (m *memory) ClearCondition(_ context.Context, name string, since time.Time) error {
	if m.conditions[name].Equal(since) {
		delete(m.conditions, name)
	}
	return nil
}

func (m *memory) GetPipeline(_ context.Context, id string) (watchdog.Answer, error) {
	m.done = append(m.done, "ask "+id)
	answer, known := m.answers[id]
	if err := m.errs[id]; err != nil || known {
		return answer, err
	}
	return answer, apperr.New(apperr.NotFound, "memory", "knows no pipeline "+id, "")
}

func (m *memory) RecordFailure(_ context.Context, f incident.Failure) error {
	m.done = append(m.done, "fail "+f.State.ID+" "+f.Element.Type)
	m.failures = append(m.failures, f)
	return nil
}

func (m *memory) Review(context.Context) error {
	m.done = append(m.done, "review")
	return nil
}

func (m *memory) Warn(_ context.Context, w watchdog.Warning) error {
	m.warnings = append(m.warnings, w)
	return nil
}

func (m *memory) Count(name string, n int) { m.counts[name] += n }

func newMemory() *memory {
	return &memory{now: start, errs: map[string]error{}, conditions: map[string]time.Time{}, counts: map[string]int{}}
}

func (m *memory) run(t *testing.T, l watchdog.Limits) error {
	t.Helper()
	return watchdog.Service{
		Repo: m, Incidents: m, API: m, Notifier: m, Limits: l, Counts: m, Account: "111122223333", Region: "us-east-1",
		Now:  func() time.Time { return m.now },
		Wait: func(context.Context, time.Duration) error { return nil },
	}.Run(t.Context())
}

// began is a pipeline whose events came at these times.
func began(t *testing.T, id string, eventType string, at ...time.Time) pipeline.State {
	t.Helper()
	var st pipeline.State
	for _, at := range at {
		ev := event(at.Sub(start), eventType, element(chime.ElementRecordingSink, "InProgress"))
		ev.StateChange.PipelineARN = "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id
		st = pipeline.Merge(st, after(t, ev))
	}
	return st
}

// opened returns open pipelines, one with each id, that had their last event two hours
// before the start.
func opened(t *testing.T, ids ...string) (open []pipeline.OpenPipeline) {
	t.Helper()
	for _, id := range ids {
		open = append(open, pipeline.OpenPipeline{State: began(t, id, chime.EventInProgress, start.Add(-2*time.Hour))})
	}
	return open
}

func TestStalePipelines(t *testing.T) {
	stopped := watchdog.Answer{Status: "Stopped"}
	failed := watchdog.Answer{Status: "Failed", Elements: []watchdog.AnswerElement{{chime.ElementRecordingSink, "Failed"}}}
	down := apperr.New(apperr.Unavailable, "API", "is down", "")
	for _, tt := range []struct {
		name    string
		open    []string
		prepare func(*memory)
		want    []string // what is done
		left    int
		err     string
	}{
		{name: "the end was missed", open: []string{"p1"}, want: []string{"ask p1", "record p1 ObservedStopped"}},
		{name: "it is not known", open: []string{"p1"}, prepare: func(m *memory) { delete(m.answers, "p1") },
			want: []string{"ask p1", "record p1 ObservedLost"}},
		{name: "it runs", open: []string{"p1"},
			prepare: func(m *memory) { m.answers["p1"] = watchdog.Answer{Status: "InProgress"} },
			want:    []string{"ask p1", "mark p1 0s"}},
		{name: "it has failed: the failure is recorded before the answer", open: []string{"p1"},
			prepare: func(m *memory) { m.answers["p1"] = failed },
			want:    []string{"ask p1", "fail p1 ", "record p1 ObservedFailed"}},
		{name: "it was asked about a moment ago", open: []string{"p1"},
			prepare: func(m *memory) { m.open[0].AskedAt = start.Add(-14 * time.Minute) }},
		{name: "it had an event", open: []string{"p1"}, prepare: func(m *memory) { m.now = start.Add(-time.Hour) }},
		{name: "the API throttles", open: []string{"p1", "p2", "p3"},
			prepare: func(m *memory) { m.errs["p2"] = apperr.New(apperr.Throttled, "API", "throttles", "") },
			want:    []string{"ask p1", "record p1 ObservedStopped", "ask p2", "mark p2 -15m0s"}, left: 1, err: "pipeline p2"},
		{name: "the API is down", open: []string{"p1", "p2", "p3", "p4", "p5"},
			prepare: func(m *memory) { m.errs["p1"], m.errs["p3"], m.errs["p4"] = down, down, down },
			want: []string{"ask p1", "mark p1 -15m0s", "ask p2", "record p2 ObservedStopped",
				"ask p3", "mark p3 -15m0s", "ask p4", "mark p4 -15m0s"}, left: 1, err: "pipeline p4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory()
			m.open, m.answers = opened(t, tt.open...), map[string]watchdog.Answer{}
			for _, id := range tt.open {
				m.answers[id] = stopped
			}
			if tt.prepare != nil {
				tt.prepare(m)
			}
			err := m.run(t, limits)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want an error with %q", err, tt.err)
			}
			if diff := cmp.Diff(append([]string{"review"}, tt.want...), m.done); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
			if m.counts["PipelinesNotYetAsked"] != tt.left {
				t.Errorf("got %v, want %d left", m.counts, tt.left)
			}
		})
	}
}

func TestQuotaAndLingeringPipelinesAreWarnedOf(t *testing.T) {
	m := newMemory()
	limits := watchdog.Limits{Silent: 10 * time.Hour, Recovery: time.Hour, Quota: 4}
	m.open = opened(t, "p1", "p2", "p3", "p4")
	lingers := after(t, event(-time.Hour, chime.EventInProgress,
		element(chime.ElementVoiceAnalytics, "InProgress"), element(chime.ElementKinesisSink, "Stopped")))
	m.open[3].State = lingers
	for range 2 {
		if err := m.run(t, limits); err != nil {
			t.Fatal(err)
		}
		m.now = m.now.Add(time.Minute)
	}
	want := watchdog.Warning{
		Condition: watchdog.QuotaNear, Since: start, Account: "111122223333", Region: "us-east-1", Active: 4, Quota: 4,
	}
	if len(m.warnings) != 4 { // which the notifier sends once for each Since
		t.Fatalf("got %d warnings, want two in each run", len(m.warnings))
	}
	for _, w := range []watchdog.Warning{m.warnings[0], m.warnings[2]} {
		if diff := cmp.Diff(want, w); diff != "" {
			t.Errorf("want (-), got (+):\n%s", diff)
		}
	}
	w := m.warnings[1]
	if w.Condition != watchdog.PipelinesLinger || len(w.Pipelines) != 1 || w.Pipelines[0].ID != lingers.ID {
		t.Errorf("got %+v, want the one that lingers", w)
	}
	m.open = nil
	if err := m.run(t, limits); err != nil || len(m.conditions) != 0 || len(m.warnings) != 4 {
		t.Errorf("got %v, conditions %v and %d warnings, want none any more", err, m.conditions, len(m.warnings))
	}
}

func TestLastingTemporaryFailureIsRecorded(t *testing.T) {
	m := newMemory()
	const lasts = 6 * time.Minute
	sink := element(chime.ElementKinesisSink, "TemporarilyFailed")
	failing := after(t, event(-lasts, chime.EventTemporaryFailure, sink))
	m.open = []pipeline.OpenPipeline{{State: failing}}
	if err := m.run(t, limits); err != nil {
		t.Fatal(err)
	}
	if len(m.failures) != 1 {
		t.Fatalf("got %d failures, want one", len(m.failures))
	}
	f := m.failures[0]
	if f.Kind != incident.TemporaryFailure || !f.At.Equal(start.Add(-lasts)) || f.Element.Type != sink.Type {
		t.Errorf("got %+v, want the one of the sink", f)
	}
}

// Calls came for two weeks, one in five minutes, and then none.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*memory)
		want    bool
	}{
		{"nothing comes", func(*memory) {}, true},
		{"an open pipeline has had an event", func(m *memory) {
			m.open, m.now = opened(t, "p1"), m.now.Add(-90*time.Minute)
		}, false},
		{"an open pipeline of another account has had one", func(m *memory) {
			m.open = []pipeline.OpenPipeline{{State: pipeline.State{ID: "p", Account: "999988887777", Order: m.others[0].Order}}}
		}, true},
		{"only the watchdog has observed one", func(m *memory) {
			st := began(t, "p1", chime.EventObservedStopped, start.Add(-time.Minute))
			m.others = append([]pipeline.State{st}, m.others...)
		}, true},
		{"the watchdog has observed one that had an event", func(m *memory) {
			st := began(t, "p1", chime.EventObservedStopped, start.Add(-time.Minute))
			m.others = append([]pipeline.State{st}, m.others...)
			m.history = map[string][]pipeline.Record{"p1": {
				{EventType: chime.EventInProgress, Time: start.Add(-2 * time.Minute)},
				{EventType: chime.EventObservedStopped, Time: start.Add(-time.Minute)},
			}}
		}, false},
		{"none ever came", func(m *memory) { m.others = nil }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory()
			for at := start.Add(-70 * time.Minute); at.After(start.Add(-16 * 24 * time.Hour)); at = at.Add(-5 * time.Minute) {
				m.others = append(m.others, began(t, fmt.Sprint("c", at.Unix()), chime.EventStopped, at))
			}
			tt.prepare(m)
			err := m.run(t, watchdog.Limits{Silent: 100 * time.Hour, Recovery: time.Hour, Quota: 20, Heartbeat: time.Hour})
			missing := slices.ContainsFunc(m.warnings, func(w watchdog.Warning) bool {
				return w.Condition == watchdog.EventsMissing && len(w.Compared) > 0 &&
					w.LastEventAt.Equal(start.Add(-70*time.Minute))
			})
			if err != nil || missing != tt.want || len(m.warnings) > 1 {
				t.Errorf("got %+v (%v), want a warning of silence: %v", m.warnings, err, tt.want)
			}
		})
	}
}

// What fails does not keep the other checks from running, least of all the incidents.
func TestRunGoesOnAfterAnError(t *testing.T) {
	for what, want := range map[string][]string{
		"open": {"review"}, "condition": {"review", "ask p1", "record p1 ObservedLost"},
	} {
		m := newMemory()
		m.open, m.errs[what] = opened(t, "p1"), errors.New(what)
		if err := m.run(t, limits); !errors.Is(err, m.errs[what]) {
			t.Errorf("%s: got %v, want its error", what, err)
		}
		if diff := cmp.Diff(want, m.done); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", what, diff)
		}
	}
}
