package flows_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// neverExpire are the types of items that have no expiry, with the reason; docs/DATA.md
// says the same.
var neverExpire = map[string]string{
	tabletest.Condition: "one for each condition (quota, silence, …), however long it lasts; it has only a time",
	tabletest.Erasure: "it shows that a call was erased, for longer than the call would have been stored; it has " +
		"nothing of the call",
}

// idle reconciles nothing.
type idle struct{}

func (idle) Reconcile(context.Context, voicetask.Trigger) error { return nil }

// writeEveryKindOfItem makes the functions write items of every kind.
func writeEveryKindOfItem(t *testing.T, v *invocation) {
	t.Helper()
	failed := testCall{id: "p1", connector: "vc", reason: denied}
	v.record(t, failed.event(chime.EventCreated, noon), failed.event(chime.EventPermanentFailure, noon.Add(time.Second)))
	v.fail(t, failed.event(chime.EventPermanentFailure, noon.Add(time.Second)))
	v.match(t, ruleMatch("r1", "m1", noon), unnamedMatch("r1", "m2", noon))
	for _, name := range []string{"voice-analytics-ready", "voice-tone-successful", "voice-analytics-post-call"} {
		m := lambdafn.Message{Source: lambdafn.SQS, Body: exampleBody(t, name)}
		if err := voiceHandler(v.store(), nil, quiet{})(t.Context(), []lambdafn.Message{m})[0]; err != nil {
			t.Fatal(err)
		}
	}
	consent := voicetask.Service{Ledger: v.store(), Calls: idle{}, Counts: quiet{}, Now: v.clock.Now}
	handleAll(t, consent.Handle, [][]byte{
		consentEvent(`{"callId":"c2","scope":"both","decision":"granted","by":"me","until":"2026-03-11T13:00:00Z"}`),
		consentEvent(`{"transactionId":"t2","scope":"both","decision":"denied","by":"me"}`),
	})
	v.record(t, testCall{id: "p2", connector: "vc"}.event(chime.EventInProgress, noon))
	v.run(t, watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 1}, minutes(1))
	v.run(t, limits, minutes(120)) // asks about p2, which the API does not know, and ends conditions
	v.record(t, testCall{id: "p3", connector: "vc"}.event(chime.EventStopped, noon))
	b, err := v.store().Belongings(t.Context(), "p3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.store().Erase(t.Context(), b, "e", "me"); err != nil {
		t.Fatal(err)
	}
}

// With a retention, every kind of item that the functions write expires.
func TestEveryKindOfItemExpires(t *testing.T) {
	v := inNewWorld(t)
	writeEveryKindOfItem(t, v)
	about := map[string]bool{} // what notifications are about
	expiry := v.World.Expiry(t)
	for text := range v.World.Items(t) {
		key := tabletest.ParseKey(text)
		kind := key.Type()
		if kind == tabletest.Notification {
			about[key.About()] = true
		}
		if _, expires := expiry[text]; expires != (neverExpire[kind] == "") {
			t.Errorf("%s (%s): got an expiry %t, want %t", text, kind, expires, !expires)
		}
	}
	want := map[string]bool{"call": true, "group": true, "incident": true, "condition": true}
	if diff := cmp.Diff(want, about); diff != "" {
		t.Errorf("what notifications are about (-want +got):\n%s", diff)
	}
}
