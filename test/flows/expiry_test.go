package flows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// kindsOfItems are all kinds of items, as docs/ARCHITECTURE.md lists them, by the
// beginnings of their keys.
var kindsOfItems = map[string]string{
	"P# S": "state of a pipeline", "P# E#": "event of its history", "P# F#": "incident that it has joined",
	"call P#": "pointer to a pipeline", "call A#": "rule match", "call R#": "window of a rule on a call",
	"call N#": "notification about a rule match",
	"G# G#":   "rule match that names no call, in its group", "G# R#": "window of a rule in a group",
	"G# N#": "notification about a group",
	"K# I#": "incident", "K# N#": "notification about an incident", "O#": "call that failed of it",
	"W# S": "condition", "W# N#": "notification about a condition",
	"call V#": "entry of a consent ledger", "call U#": "end of consent", "voice": "voice notification",
	"D#": "audit of an erasure",
}

// neverExpire are the kinds that have no expiry, with the reason; docs/DATA.md says the same.
var neverExpire = map[string]string{
	"W# S": "one for each condition (quota, silence, lingering), however long it lasts; it has only a time",
	"D#":   "it shows that a call was erased, for longer than the call would have been stored; it has nothing of the call",
}

// kindOfItem returns the beginnings of an item's two keys, which are separated by a space.
func kindOfItem(key string) string {
	pk, sk, _ := strings.Cut(key, " ")
	if strings.Contains(pk, "#notificationType#") {
		return "voice"
	}
	begin := func(s string) string {
		if prefix, _, found := strings.Cut(s, "#"); found {
			return prefix + "#"
		}
		return s
	}
	switch kind := begin(pk); kind {
	case "O#", "D#":
		return kind
	case "T#", "C#", "M#":
		return "call " + begin(sk)
	default:
		return kind + " " + begin(sk)
	}
}

// idle reconciles nothing.
type idle struct{}

func (idle) Reconcile(context.Context, voicetask.Trigger) error { return nil }

// With a retention, every kind of item that the functions write expires.
func TestEveryKindOfItemExpires(t *testing.T) {
	v := inNewWorld(t)
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
	running := testCall{id: "p2", connector: "vc"}
	v.record(t, running.event(chime.EventInProgress, noon))
	v.run(t, watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 1}, noon.Add(time.Minute))
	v.run(t, limits, noon.Add(2*time.Hour)) // asks about p2, which the API does not know, and ends conditions
	erased := testCall{id: "p3", connector: "vc"}
	v.record(t, erased.event(chime.EventStopped, noon))
	b, err := v.store().Belongings(t.Context(), "p3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.store().Erase(t.Context(), b, "e", "me"); err != nil {
		t.Fatal(err)
	}

	expiry, kinds := v.World.Expiry(t), map[string]string{}
	for key := range v.World.Dump(t) {
		kind := kindOfItem(key)
		kinds[kind] = kindsOfItems[kind]
		if _, expires := expiry[key]; expires != (neverExpire[kind] == "") {
			t.Errorf("%s (%s): got an expiry %t, want %t", key, kindsOfItems[kind], expires, !expires)
		}
	}
	if diff := cmp.Diff(kindsOfItems, kinds); diff != "" {
		t.Errorf("the kinds of items in the table (-known +got):\n%s", diff)
	}
}
