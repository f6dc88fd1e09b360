package flows_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// recorded keeps the ids of events, or refuses them.
type recorded struct {
	err error
	ids []string
}

func (r *recorded) RecordStateChange(_ context.Context, ev *chime.Event, _ pipeline.State) error {
	if r.err == nil {
		r.ids = append(r.ids, ev.ID)
	}
	return r.err
}

// tally counts by name.
type tally map[string]int

func (c tally) Count(name string, n int) { c[name] += n }

func TestStatusStoresAndCountsStateChanges(t *testing.T) {
	call := phoned{id: "p-1", connector: "vc"}
	for _, tt := range []struct {
		name, eventType string
		want            tally
	}{
		{"a known type", chime.EventInProgress, tally{"StateChanges": 1}},
		{"a failure", chime.EventPermanentFailure, tally{"StateChanges": 1}},
		{"an unknown type", "chime:MediaInsightsSplit", tally{"StateChanges": 1, "UnknownEventTypes": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, counts := &recorded{}, tally{}
			if err := status(table, counts)(t.Context(), lambdafn.Message{Body: call.event(tt.eventType, noon)}); err != nil {
				t.Fatal(err)
			}
			if len(table.ids) != 1 || !strings.HasPrefix(table.ids[0], "p-1-") {
				t.Errorf("got the events %v kept, want the one", table.ids)
			}
			if diff := cmp.Diff(tt.want, counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not kept is an error, and is not counted as kept.
func TestStatusReturnsAnErrorForWhatItDidNotStore(t *testing.T) {
	down := apperr.New(apperr.Unavailable, "table calls", "does not answer", "")
	good := phoned{id: "p-1"}.event(chime.EventStopped, noon)
	for _, tt := range []struct {
		name  string
		body  []byte
		table *recorded
		class apperr.Class
		says  string
	}{
		{"the table is down", good, &recorded{err: down}, apperr.Unavailable, "does not answer"},
		{"no JSON", []byte("{"), &recorded{}, apperr.Invalid, "is not the JSON of an event"},
		{"no time", []byte(strings.Replace(string(good), `"time"`, `"when"`, 1)), &recorded{}, apperr.Invalid, "/time: got nothing"},
		{"a rule match", exampleBody(t, "rule-issue"), &recorded{}, apperr.Invalid, "is no state change but Media Insights Rules Matched"},
		{"a voice notification", exampleBody(t, "voice-tone-failure"), &recorded{}, apperr.Invalid, "is no state change but VoiceToneAnalysisStatus"},
		{"nothing", nil, &recorded{}, apperr.Invalid, "is not the JSON of an event"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counts := tally{}
			err := status(tt.table, counts)(t.Context(), lambdafn.Message{Body: tt.body})
			if apperr.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error of class %q that says %q", err, tt.class, tt.says)
			}
			if len(tt.table.ids) > 0 || len(counts) > 0 {
				t.Errorf("got %v kept and %v counted, want nothing", tt.table.ids, counts)
			}
		})
	}
	if err := status(&recorded{err: down}, tally{})(t.Context(), lambdafn.Message{Body: good}); !errors.Is(err, down) {
		t.Errorf("got %v, want the table's own error", err)
	}
}

// On the real table: late, early and repeated events of a call leave what they
// would have left in order, and each is in the history once.
func TestStatusStoresEventsInAnyOrder(t *testing.T) {
	db := faultinject.Server(t)
	call := phoned{id: "p-1", connector: "vc", elements: [][2]string{{chime.ElementRecordingSink, chime.StatusInProgress}}}
	var inOrder [][]byte
	for i, eventType := range []string{chime.EventCreated, chime.EventInProgress, chime.EventPaused, chime.EventInProgress, chime.EventStopped} {
		inOrder = append(inOrder, call.event(eventType, noon.Add(time.Duration(i)*time.Second)))
	}
	var want map[string]string
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 2, 4, 0, 3, 3, 1, 0}, {1, 0, 4, 3, 2, 4, 1}} {
		v := invoked(faultinject.NewWorld(t, db).Process(), noon, "status")
		for _, i := range order {
			v.record(t, inOrder[i])
		}
		if got := v.status(t, "p-1"); got != pipeline.Stopped {
			t.Errorf("order %v: got %s, want %s", order, got, pipeline.Stopped)
		}
		history, err := v.store().History(t.Context(), "p-1")
		if err != nil {
			t.Fatal(err)
		}
		if len(history) != len(inOrder) {
			t.Errorf("order %v: got %d events in the history, want %d", order, len(history), len(inOrder))
		}
		got := v.World.Dump(t)
		if want == nil {
			want = maps.Clone(got)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order %v: the table differs from that of the first order (-want +got):\n%s", order, diff)
		}
	}
}

// An event that no function knows is kept, under the name of its detail type, and is
// counted; it never is a failure, and never an error.
func TestStatusStoresUndocumentedEvents(t *testing.T) {
	db := faultinject.Server(t)
	v := invoked(faultinject.NewWorld(t, db).Process(), noon, "status")
	const failing = `{"version":"0","eventType":"chime:MediaInsightsPermanentFailure","mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/p-9",` +
		`"mediaInsightsPipelineElementStatuses":[{"type":"S3RecordingSink","status":"Failed"}]}`
	for _, tt := range []struct{ kind, detail, id string }{
		{chime.DetailCallInsightsState, failing, "p-9"},
		{chime.DetailCallInsightsRules, `{"version":"0","ruleName":"spoken","transactionId":"t-9"}`, "unknown.t-9"},
		{chime.DetailStreamingStatus, `{"version":"0","streamingStatus":"STARTED","transactionId":"t-8","callId":"c-8","isCaller":true}`, "unknown.t-8"},
		{"Chime Novelty", `null`, "unknown.e-Chime Novelty"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			counts := tally{}
			raw := fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"source":"aws.chime","account":"111122223333","region":"us-east-1","time":"2026-03-11T12:00:00Z","detail":%s}`,
				"e-"+tt.kind, tt.kind, tt.detail)
			for range 2 {
				if err := status(v.store(), counts)(t.Context(), lambdafn.Message{Body: raw}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tally{"UnknownEventTypes": 2}, counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			st, err := v.store().Pipeline(t.Context(), tt.id)
			if err != nil || st.Status != pipeline.Unknown || st.Failure != nil || st.Degraded() || !st.EndedAt().IsZero() {
				t.Errorf("got %+v (%v), want a pipeline of which nothing is known", st, err)
			}
			history, err := v.store().History(t.Context(), tt.id)
			if err != nil || len(history) != 1 || history[0].EventType != tt.kind || string(history[0].Body) != string(raw) {
				t.Errorf("got %v (%v), want the event once", history, err)
			}
			if err := v.failures()(t.Context(), lambdafn.Message{Body: raw}); apperr.ClassOf(err) != apperr.Invalid {
				t.Errorf("the function failures: got %v, want it to refuse the event", err)
			}
		})
	}
	page, err := v.store().List(t.Context(), pipeline.Query{Statuses: []pipeline.Status{pipeline.Unknown}})
	if err != nil || len(page.States) != 4 {
		t.Errorf("got %d pipelines in the list (%v), want 4", len(page.States), err)
	}
}

// Parts of an event that cannot be read are counted.
func TestStatusCountsUnreadableFields(t *testing.T) {
	counts := tally{}
	raw := strings.Replace(string(phoned{id: "p-1", connector: "vc"}.event(chime.EventInProgress, noon)), `"detail":{`,
		`"detail":{"mediaInsightsPipelineElementStatuses":[{"type":"S3RecordingSink"},7],"failureReason":["x"],"queue":7,`, 1)
	if err := status(&recorded{}, counts)(t.Context(), lambdafn.Message{Body: []byte(raw)}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tally{"StateChanges": 1, "UnreadFields": 2}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
