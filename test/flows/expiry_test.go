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
	"call P#": "pointer to a pipeline", "call A#": "rule match", "call R#": "what was told of a rule on a call",
	"call N#": "notification about a rule match",
	"G# G#":   "rule match that names no call, in its group", "G# R#": "what was told of a rule in a group",
	"G# N#": "notification about a group",
	"K# I#": "incident", "K# N#": "notification about an incident", "O#": "call that failed of it",
	"W# S": "latch", "W# N#": "notification about a latch",
	"call V#": "entry of a consent ledger", "call U#": "end of consent", "voice": "voice notification",
	"D#": "audit of an erasure",
}

// neverExpire are those that have no expiry, each for its reason; docs/DATA.md
// says the same.
var neverExpire = map[string]string{
	"W# S": "one for each thing that is watched (quota, silence, lingering), however long it is so; it holds a time",
	"D#":   "it shows that a call was erased, for longer than the call would have been kept; it holds nothing of the call",
}

// kindOfItem returns the beginnings of an item's keys, which stand before and
// behind the space.
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

// idle settles nothing.
type idle struct{}

func (idle) Reconcile(context.Context, voicetask.Trigger) error { return nil }

// Every kind of item, as the functions write it, expires when a retention is
// chosen.
func TestEveryKindOfItemExpires(t *testing.T) {
	v := onTable(t)
	v.now.set(noon)
	failed := phoned{id: "p1", connector: "vc", reason: "Access denied when assuming resource access role"}
	v.record(t, failed.event(chime.EventCreated, noon), failed.event(chime.EventPermanentFailure, noon.Add(time.Second)))
	v.fail(t, failed.event(chime.EventPermanentFailure, noon.Add(time.Second)))
	unnamed := strings.Replace(string(ruleMatch("r1", "m2", noon)),
		`"sourceMetadata":{"callId":"c1","transactionId":"t1"}`, `"sourceMetadata":{}`, 1)
	v.match(t, ruleMatch("r1", "m1", noon), []byte(unnamed))
	for _, name := range []string{"voice-analytics-ready", "voice-tone-successful", "voice-analytics-post-call"} {
		if err := voiceOf(v.store(), nil, quiet{})(t.Context(),
			[]lambdafn.Message{{Source: lambdafn.SQS, Body: exampleBody(t, name)}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	for _, consent := range []string{
		`{"callId":"c2","scope":"both","decision":"granted","by":"me","until":"2026-03-11T13:00:00Z"}`,
		`{"transactionId":"t2","scope":"both","decision":"denied","by":"me"}`,
	} {
		raw := `{"id":"w","source":"chimewatch.consent","detail-type":"Voice Analytics Consent",` +
			`"time":"2026-03-11T12:00:00Z","detail":` + consent + `}`
		if err := consentOf(v.store(), idle{}, quiet{}, v.now.Now)(t.Context(),
			lambdafn.Message{Body: []byte(raw)}); err != nil {
			t.Fatal(err)
		}
	}
	running := phoned{id: "p2", connector: "vc"}
	v.record(t, running.event(chime.EventInProgress, noon))
	v.run(t, watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 1}, noon.Add(time.Minute))
	v.run(t, limits, noon.Add(2*time.Hour)) // asks about p2, which the API does not know, and ends what was
	erased := phoned{id: "p3", connector: "vc"}
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
