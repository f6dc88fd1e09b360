package flows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// drawnEvent is an event, and how long after the one before it comes.
type drawnEvent struct {
	after     time.Duration
	raw       string
	rehearsal bool
}

// drawEvent draws a state change, a rule match or a voice notification of one of a few calls.
func drawEvent(t *rapid.T) drawnEvent {
	some := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	minutes := rapid.SampledFrom([]int{0, 0, 1, 6, 11, 70}).Draw(t, "minutes")
	id := some("call", "p1", "p2", "p3")
	detail := map[string]any{
		"mediaInsightsPipelineArn": pipelineARN + id,
		"transactionId":            "t-" + id, "callId": "c-" + id, "taskId": "k-" + id,
		"ruleName": some("rule", "r1", "r2"), "detailStatus": "AnalyticsReady",
		"eventType": some("event", chime.EventInProgress, chime.EventTemporaryFailure, chime.EventPermanentFailure,
			chime.EventCreateFailed, chime.EventStopped),
	}
	if connector := some("connector", "", "abc"); connector != "" {
		detail["voiceConnectorId"] = connector
	}
	if reason := some("reason", "", denied); reason != "" {
		detail["failureReason"] = reason
	}
	if detail["eventType"] == chime.EventCreateFailed {
		delete(detail, "mediaInsightsPipelineArn")
	}
	if some("named", "yes", "yes", "no") == "no" { // mostly a rule match that names no call
		delete(detail, "transactionId")
		delete(detail, "callId")
	}
	raw, err := json.Marshal(map[string]any{
		"id": some("id", "e1", "e2", "e3"),
		"detail-type": some("type", chime.DetailStateChange, chime.DetailStateChange, chime.DetailRulesMatched,
			chime.DetailVoiceStatus),
		"source": chime.Source, "account": account, "region": region,
		// play replaces it by the time at which the event is handled.
		"time": noon.Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return drawnEvent{after: time.Duration(minutes) * time.Minute, raw: string(raw)}
}

// outcome is what the functions did about real calls.
type outcome struct {
	Published  []faultinject.Message
	Asked      []string
	Reconciled []voicetask.Trigger
	Table      map[string]string
}

// play handles each event, and runs the watch after each real one and for a while at the
// end. It returns the outcome of the real ones.
func play(t *rapid.T, tb testing.TB, v *invocation, all []drawnEvent) outcome {
	v.api.known["p1"] = watchdog.Answer{Status: "Stopped"}
	calls := &reconciler{}
	limits := limits
	limits.Heartbeat, limits.Quota = time.Hour, 3
	watch := func(at time.Time) {
		v.setTime(at)
		if err := errors.Join(v.watch(limits).Run(tb.Context()), v.matches().Run(tb.Context())); err != nil {
			t.Fatal(err)
		}
	}
	lastWeek := noon.Add(-week + time.Hour) // at this time there usually are calls
	v.record(tb, runningCall("last-week", lastWeek), stoppedCall("last-week", lastWeek.Add(time.Hour)))
	end, real := noon, 0
	for _, h := range all {
		if end = end.Add(h.after); !h.rehearsal {
			real++
		}
	}
	if real == 1 { // for some, so that it costs less
		v.record(tb, usualDay(end.Add(61*time.Minute-week))...)
	}
	at := noon
	for _, h := range all {
		at = at.Add(h.after)
		v.setTime(at)
		raw := strings.Replace(h.raw, noon.Format(time.RFC3339), at.Format(time.RFC3339), 1)
		if err := handleDrawn(t, tb, v, calls, []byte(raw)); err != nil {
			t.Fatal(err)
		}
		if !h.rehearsal {
			watch(at)
		}
	}
	for range 2 {
		at = at.Add(61 * time.Minute)
		watch(at)
	}
	o := outcome{Asked: v.api.asked, Table: map[string]string{}}
	for _, m := range v.World.Topic.Published() {
		if !strings.Contains(m.ID, "/"+chime.RehearsalPrefix) {
			o.Published = append(o.Published, m)
		}
	}
	for _, trigger := range calls.triggers {
		if !chime.IsRehearsal(trigger.TransactionID) {
			o.Reconciled = append(o.Reconciled, trigger)
		}
	}
	for key, value := range v.World.Dump(tb) {
		_, id, _ := strings.Cut(key, "#")
		_, sk, _ := strings.Cut(key, " ")
		if !chime.IsRehearsal(id) && !chime.IsRehearsal(sk) {
			o.Table[key] = value
		}
	}
	return o
}

// handleDrawn handles an event with the functions that receive it.
func handleDrawn(t *rapid.T, tb testing.TB, v *invocation, calls *reconciler, raw []byte) error {
	ev, err := chime.Parse(raw)
	if err != nil {
		return err
	}
	switch {
	case ev.StateChange != nil:
		err = v.pipelines().Handle(tb.Context(), raw)
		if routedTo(t, "failures", raw) {
			err = errors.Join(err, v.incidents().Handle(tb.Context(), raw))
		}
		return err
	case ev.RulesMatched != nil:
		return v.matches().Handle(tb.Context(), raw)
	}
	m := lambdafn.Message{Source: lambdafn.SQS, Body: raw}
	return errors.Join(voiceHandler(v.store(), calls, quiet{})(tb.Context(), []lambdafn.Message{m})...)
}

// Whatever is rehearsed among real events, with the ids of real calls or others: the
// notifications about real calls are the same, at the same times and with the same texts,
// the API is asked about the same pipelines, and the table has the same items.
func TestRehearsalsDoNotAffectRealCalls(t *testing.T) {
	rapidseed.Fewer(t, 3) // each case fills two tables and runs the schedule many times
	silenceLog(t)
	db := faultinject.Server(t)
	published, rehearsals := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 3).Draw(rt, "real")
		var mixed []drawnEvent
		for i := range len(events) + 1 {
			for _, h := range rapid.SliceOfN(rapid.Custom(drawEvent), 0, 2).Draw(rt, "rehearsed") {
				h.raw, h.after, h.rehearsal = string(rehearsed([]byte(h.raw))[0]), 0, true
				mixed = append(mixed, h)
			}
			if i < len(events) {
				mixed = append(mixed, events[i])
			}
		}
		alone := newInvocation(faultinject.NewWorld(t, db).Process(), noon, "one")
		together := newInvocation(faultinject.NewWorld(t, db).Process(), noon, "one")
		want, got := play(rt, t, alone, events), play(rt, t, together, mixed)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("without the rehearsals (-), with them (+):\n%s", diff)
		}
		published += len(want.Published)
		rehearsals += len(together.World.Topic.Published()) - len(got.Published)
	})
	if published == 0 || rehearsals == 0 {
		t.Errorf("got %d messages about real calls and %d about rehearsals: the test proves nothing", published, rehearsals)
	}
}
