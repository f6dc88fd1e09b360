package flows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// happening is an event, and how long after the one before it comes.
type happening struct {
	after     time.Duration
	raw       string
	rehearsal bool
}

// drawHappening draws a state change, a rule match or a voice notification of one
// of a few calls.
func drawHappening(t *rapid.T) happening {
	some := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	minutes := rapid.SampledFrom([]int{0, 0, 1, 6, 11, 70}).Draw(t, "minutes")
	id := some("call", "p1", "p2", "p3")
	detail := map[string]any{
		"mediaInsightsPipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id,
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
	if some("named", "yes", "yes", "no") == "no" { // a rule match, mostly, that names no call
		delete(detail, "transactionId")
		delete(detail, "callId")
	}
	raw, err := json.Marshal(map[string]any{
		"id": some("id", "e1", "e2", "e3"),
		"detail-type": some("type", chime.DetailStateChange, chime.DetailStateChange, chime.DetailRulesMatched,
			chime.DetailVoiceStatus),
		"source": chime.Source, "account": "111122223333", "region": "us-east-1",
		// It is recognized by the minute at which it is handled; see play.
		"time": noon.Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return happening{after: time.Duration(minutes) * time.Minute, raw: string(raw)}
}

// outcome is what people, the API and the voice tasks get to know of real calls.
type outcome struct {
	Published []faultinject.Message
	Asked     []string
	Settled   []voicetask.Trigger
	Table     map[string]string
}

// play hands each happening to the functions, and runs the watch after each real
// one and for a while at the end. It returns what came of the real ones.
func play(t *rapid.T, tb testing.TB, v *invocation, all []happening) outcome {
	v.api.known["p1"] = watchdog.Answer{Status: "Stopped"}
	calls := &settler{}
	beats := limits
	beats.Heartbeat, beats.Quota = time.Hour, 3
	watch := func(at time.Time) {
		v.now.set(at)
		err := errors.Join(v.watch(beats, quiet{}).Run(tb.Context()),
			v.matches().Run(tb.Context()))
		if err != nil {
			t.Fatal(err)
		}
	}
	before := phoned{id: "last-week", connector: "abc"} // at this time there usually are calls
	lastWeek := noon.Add(-7*24*time.Hour + time.Hour)
	v.record(tb, before.event(chime.EventInProgress, lastWeek), before.event(chime.EventStopped, lastWeek.Add(time.Hour)))
	end, real := noon, 0
	for _, h := range all {
		if end = end.Add(h.after); !h.rehearsal {
			real++
		}
	}
	if real == 1 { // for some, so that it costs less
		v.record(tb, usualDay(end.Add(61*time.Minute-7*24*time.Hour))...)
	}
	at := noon
	for _, h := range all {
		at = at.Add(h.after)
		v.now.set(at)
		raw := strings.Replace(h.raw, noon.Format(time.RFC3339), at.Format(time.RFC3339), 1)
		m := lambdafn.Message{Source: lambdafn.SQS, Body: []byte(raw)}
		ev, err := chime.Parse(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case ev.StateChange != nil:
			err = status(v.store(), quiet{})(tb.Context(), m)
			if routedTo(t, "failures", m.Body) {
				err = errors.Join(err, v.failures()(tb.Context(), m))
			}
		case ev.RulesMatched != nil:
			err = v.alerts()(tb.Context(), m)
		default:
			err = errors.Join(voiceOf(v.store(), calls, quiet{})(tb.Context(), []lambdafn.Message{m})...)
		}
		if err != nil {
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
			o.Settled = append(o.Settled, trigger)
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

// Whatever is rehearsed among real events, with the ids of real calls or others:
// people get the same messages about the real ones, at the same times and with the
// same words, the API is asked about the same, and the table holds the same.
func TestRehearsalsDoNotAffectRealCalls(t *testing.T) {
	rapidseed.Fewer(t, 3) // each case fills two tables and runs the schedule many times
	silenceLog(t)
	db := faultinject.Server(t)
	published, rehearsals := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawHappening), 1, 3).Draw(rt, "real")
		var mixed []happening
		for i := range len(events) + 1 {
			for _, h := range rapid.SliceOfN(rapid.Custom(drawHappening), 0, 2).Draw(rt, "rehearsed") {
				h.raw, h.after, h.rehearsal = string(rehearsed([]byte(h.raw))[0]), 0, true
				mixed = append(mixed, h)
			}
			if i < len(events) {
				mixed = append(mixed, events[i])
			}
		}
		alone := invoked(faultinject.NewWorld(t, db).Process(), noon, "one")
		beside := invoked(faultinject.NewWorld(t, db).Process(), noon, "one")
		want, got := play(rt, t, alone, events), play(rt, t, beside, mixed)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("without the rehearsals (-), with them (+):\n%s", diff)
		}
		published += len(want.Published)
		rehearsals += len(beside.World.Topic.Published()) - len(got.Published)
	})
	if published == 0 || rehearsals == 0 {
		t.Errorf("got %d messages about real calls and %d about rehearsals: the test proves nothing", published, rehearsals)
	}
}
