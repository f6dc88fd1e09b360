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
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// recorded stores the ids of events, or refuses them.
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

func TestStatusStoresAndCountsStateChanges(t *testing.T) {
	call := testCall{id: "p-1", connector: "vc"}
	for _, tt := range []struct {
		name, eventType string
		want            counts
	}{
		{"a known type", chime.EventInProgress, counts{"StateChanges": 1}},
		{"a failure", chime.EventPermanentFailure, counts{"StateChanges": 1}},
		{"an unknown type", "chime:MediaInsightsSplit", counts{"StateChanges": 1, "UnknownEventTypes": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, counted := &recorded{}, counts{}
			service := pipeline.Service{Recorder: table, Counts: counted}
			handleAll(t, service.Handle, [][]byte{call.event(tt.eventType, noon)})
			if len(table.ids) != 1 || !strings.HasPrefix(table.ids[0], "p-1-") {
				t.Errorf("got the events %v stored, want the one", table.ids)
			}
			if diff := cmp.Diff(tt.want, counted); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// An event that is not stored is an error, and is not counted.
func TestStatusReturnsAnErrorForWhatItDidNotStore(t *testing.T) {
	down := apperr.New(apperr.Unavailable, "table calls", "does not answer", "")
	good := testCall{id: "p-1"}.event(chime.EventStopped, noon)
	for _, tt := range []struct {
		name  string
		body  []byte
		table recorded
		class apperr.Class
		says  string
	}{
		{
			name: "the table is down", body: good, table: recorded{err: down},
			class: apperr.Unavailable, says: "does not answer",
		},
		{name: "no JSON", body: []byte("{"), class: apperr.Invalid, says: "is not the JSON of an event"},
		{
			name: "no time", body: replaced([][]byte{good}, `"time"`, `"when"`)[0],
			class: apperr.Invalid, says: "/time: got nothing",
		},
		{
			name: "a rule match", body: exampleBody(t, "rule-issue"),
			class: apperr.Invalid, says: "is no state change but Media Insights Rules Matched",
		},
		{
			name: "a voice notification", body: exampleBody(t, "voice-tone-failure"),
			class: apperr.Invalid, says: "is no state change but VoiceToneAnalysisStatus",
		},
		{name: "nothing", class: apperr.Invalid, says: "is not the JSON of an event"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counted := counts{}
			err := pipeline.Service{Recorder: &tt.table, Counts: counted}.Handle(t.Context(), tt.body)
			if apperr.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error of class %q that says %q", err, tt.class, tt.says)
			}
			if tt.table.err != nil && !errors.Is(err, tt.table.err) {
				t.Errorf("got %v, want the table's own error", err)
			}
			if len(tt.table.ids) > 0 || len(counted) > 0 {
				t.Errorf("got %v stored and %v counted, want nothing", tt.table.ids, counted)
			}
		})
	}
}

// Late, early and repeated events of a call leave the table as they would have left it in
// order, and each is in the history once.
func TestStatusStoresEventsInAnyOrder(t *testing.T) {
	db := faultinject.Server(t)
	call := testCall{
		id: "p-1", connector: "vc", elements: element(chime.ElementRecordingSink, chime.StatusInProgress),
	}
	var inOrder [][]byte
	for i, eventType := range []string{
		chime.EventCreated, chime.EventInProgress, chime.EventPaused, chime.EventInProgress, chime.EventStopped,
	} {
		inOrder = append(inOrder, call.event(eventType, noon.Add(time.Duration(i)*time.Second)))
	}
	var want map[string]string
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 2, 4, 0, 3, 3, 1, 0}, {1, 0, 4, 3, 2, 4, 1}} {
		v := newInvocation(faultinject.NewWorld(t, db).Process(), noon, "status")
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

// An event that nothing documents is stored, under the name of its detail type, and
// counted; it is never a failure, and never an error.
func TestStatusStoresUndocumentedEvents(t *testing.T) {
	v := inNewWorld(t)
	const failing = `{"version":"0","eventType":"chime:MediaInsightsPermanentFailure",` +
		`"mediaInsightsPipelineArn":"` + pipelineARN + `p-9",` +
		`"mediaInsightsPipelineElementStatuses":[{"type":"S3RecordingSink","status":"Failed"}]}`
	for _, tt := range []struct{ kind, detail, id string }{
		{kind: chime.DetailCallInsightsState, id: "p-9", detail: failing},
		{
			kind: chime.DetailCallInsightsRules, id: "unknown.t-9",
			detail: `{"version":"0","ruleName":"spoken","transactionId":"t-9"}`,
		},
		{
			kind: chime.DetailStreamingStatus, id: "unknown.t-8",
			detail: `{"version":"0","streamingStatus":"STARTED","transactionId":"t-8","callId":"c-8","isCaller":true}`,
		},
		{kind: "Chime Novelty", id: "unknown.e-Chime Novelty", detail: `null`},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			counted := counts{}
			raw := fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"source":"aws.chime","account":"111122223333",`+
				`"region":"us-east-1","time":"2026-03-11T12:00:00Z","detail":%s}`, "e-"+tt.kind, tt.kind, tt.detail)
			service := pipeline.Service{Recorder: v.store(), Counts: counted}
			handleAll(t, service.Handle, [][]byte{raw, raw})
			if diff := cmp.Diff(counts{"UnknownEventTypes": 2}, counted); diff != "" {
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
			if err := v.incidents().Handle(t.Context(), raw); apperr.ClassOf(err) != apperr.Invalid {
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
	counted := counts{}
	unreadable := replaced([][]byte{runningCall("p-1", noon)}, `"detail":{`, `"detail":{`+
		`"mediaInsightsPipelineElementStatuses":[{"type":"S3RecordingSink"},7],"failureReason":["x"],"queue":7,`)
	handleAll(t, pipeline.Service{Recorder: &recorded{}, Counts: counted}.Handle, unreadable)
	if diff := cmp.Diff(counts{"StateChanges": 1, "UnreadFields": 2}, counted); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
