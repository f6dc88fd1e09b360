package flows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// neverExpire are the types of items that have no expiry, each for its reason; docs/DATA.md
// says the same.
var neverExpire = map[string]string{
	tabletest.Condition: "one for each thing that is watched (quota, silence, …), however long it is so; it holds a time",
	tabletest.Erasure: "it shows that a call was erased, for longer than the call would have been kept; it holds " +
		"nothing of the call",
}

// idle does nothing.
type idle struct{}

func (idle) Reconcile(context.Context, voicetask.Trigger) error { return nil }

// writeEveryKindOfItem makes the functions write items of every kind.
func writeEveryKindOfItem(t *testing.T, v *invocation) {
	t.Helper()
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
}

// Every kind of item, as the functions write it, expires when a retention is
// chosen.
func TestEveryKindOfItemExpires(t *testing.T) {
	v := onTable(t)
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
