package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
)

// anyOrder compares ledgers, which have none.
var anyOrder = cmpopts.SortSlices(func(a, b voicetask.Entry) bool { return a.ID() < b.ID() })

func enter(t *testing.T, s *dynamo.Store, entries ...voicetask.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := s.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func wantLedger(t *testing.T, got voicetask.Ledger, err error, want ...voicetask.Entry) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(voicetask.Ledger(want), got, anyOrder, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestLedgersMeetByTransactionAndCall(t *testing.T) {
	s, _, _ := voiceStore(t)
	at := time.Date(2026, 3, 11, 8, 0, 0, 250_000_000, time.UTC)
	ready := voicetask.Entry{Kind: voicetask.Ready, At: at, Event: "r", TransactionID: "t", CallID: "c",
		VoiceConnectorID: "v"}
	other := voicetask.Entry{Kind: voicetask.Ready, At: at, Event: "r2", TransactionID: "t2", CallID: "c",
		VoiceConnectorID: "v"}
	byCall := voicetask.Entry{Kind: voicetask.Granted, At: at, Event: "g", By: "me", Scope: voicetask.ScopeBoth,
		CallID: "c", Until: at.Add(time.Minute)}
	byTransaction := voicetask.Entry{Kind: voicetask.Denied, At: at, Event: "d", By: "me", Scope: voicetask.ScopeVoiceTone,
		TransactionID: "t", CallID: "c"}
	foreign := voicetask.Entry{Kind: voicetask.Granted, At: at, Event: "f", By: "me", Scope: voicetask.ScopeBoth,
		CallID: "x"}
	enter(t, s, byCall, foreign)
	ledger, err := s.Ledger(t.Context(), "t")
	wantLedger(t, ledger, err)
	enter(t, s, ready, other, byTransaction)
	ledger, err = s.Ledger(t.Context(), "t")
	wantLedger(t, ledger, err, ready, byCall, byTransaction)
	ledger, err = s.CallLedger(t.Context(), "c")
	wantLedger(t, ledger, err, ready, other, byCall)
	if diff := cmp.Diff([]string{"t", "t2"}, ledger.TransactionIDs()); diff != "" {
		t.Errorf("transactions of the call (-want +got):\n%s", diff)
	}
	if err := s.Enter(t.Context(), voicetask.Entry{Kind: voicetask.Granted, Event: "e"}); err == nil {
		t.Error("an entry of no call is stored")
	}
}

func TestAnEntryStaysAsItWasFirst(t *testing.T) {
	s, _, _ := voiceStore(t)
	first := voicetask.Entry{Kind: voicetask.Starting, At: time.Unix(1, 0).UTC(), Event: "a", TransactionID: "t",
		Task: voicetask.VoiceTone, Number: 1, Token: "one"}
	second := first
	second.At, second.Event, second.Token = time.Unix(2, 0).UTC(), "b", "two"
	enter(t, s, first, second)
	ledger, err := s.Ledger(t.Context(), "t")
	wantLedger(t, ledger, err, first)
}

func TestNotificationsAreEntered(t *testing.T) {
	s, _, _ := voiceStore(t)
	var notes []chime.VoiceNotification
	for _, name := range []string{"voice-analytics-ready", "voice-analytics-post-call", "voice-tone-failure"} {
		e, err := schemas.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, note(t, lambdafn.SQS, e.Body), note(t, lambdafn.Kinesis, e.Body))
	}
	noConnector := note(t, lambdafn.SQS, []byte(`{
		"id":"n", "detail-type":"VoiceAnalyticsStatus", "time":"2026-03-11T08:15:04Z",
		"detail":{"detailStatus":"AnalyticsReady","transactionId":"none"}}`))
	for range 2 { // as if offered again
		for _, err := range s.RecordVoice(t.Context(), append(notes, noConnector)) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	ready, over := notes[0], notes[2]
	ledger, err := s.Ledger(t.Context(), ready.TransactionID)
	wantLedger(t, ledger, err,
		voicetask.Entry{Kind: voicetask.Ready, At: ready.Time, Event: ready.ID, TransactionID: ready.TransactionID,
			CallID: ready.CallID, VoiceConnectorID: ready.VoiceConnectorID},
		voicetask.Entry{Kind: voicetask.Ended, At: over.Time, Event: over.ID, TransactionID: over.TransactionID,
			CallID: over.CallID})
	ledger, err = s.Ledger(t.Context(), "none")
	wantLedger(t, ledger, err)
}

func TestPipelineEnd(t *testing.T) {
	s, _, _ := voiceStore(t)
	events := story(t)
	transaction := events[0].StateChange.TransactionID
	for i, ev := range events {
		_, _, ended, err := s.PipelineEnd(t.Context(), transaction)
		if err != nil || ended {
			t.Errorf("after %d events: got ended %t and %v, want a call that goes on", i, ended, err)
		}
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	id, at, ended, err := s.PipelineEnd(t.Context(), transaction)
	if last := events[len(events)-1]; err != nil || !ended || !at.Equal(last.Time) || id == "" {
		t.Errorf("got pipeline %q ended %t at %s and %v, want it ended at %s", id, ended, at, err, last.Time)
	}
	var none chime.CallFields
	if _, _, ended, err := s.PipelineEnd(t.Context(), none.TransactionID); ended || err != nil {
		t.Errorf("of no transaction: got ended %t and %v, want neither", ended, err)
	}
}

// The end of one pipeline is not the end of a call that another one follows.
func TestPipelineEndIsThatOfTheLastOne(t *testing.T) {
	s, _, _ := voiceStore(t)
	event := func(id, pipeline, kind, minute string) *chime.Event {
		ev, err := chime.Parse(fmt.Appendf(nil, `{
			"id":%q, "source":"aws.chime", "detail-type":"Media Insights State Change", "time":"2026-03-11T08:%sZ",
			"detail":{"eventType":"chime:MediaInsights%s", "transactionId":"t",
				"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/%s"}}`,
			id, minute, kind, pipeline))
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	for _, step := range []struct {
		event *chime.Event
		want  string // the pipeline that ended last, if the call is over
	}{
		{event("1", "a", "InProgress", "10:00"), ""},
		{event("2", "a", "Stopped", "20:00"), "a"},
		{event("3", "b", "InProgress", "20:30"), ""},
		{event("4", "b", "Paused", "21:00"), ""},
		{event("5", "b", "Stopped", "30:00"), "b"},
	} {
		if err := pipeline.RecordEvent(t.Context(), s, step.event); err != nil {
			t.Fatal(err)
		}
		id, at, ended, err := s.PipelineEnd(t.Context(), "t")
		if err != nil || ended != (step.want != "") || id != step.want || ended && !at.Equal(step.event.Time) {
			t.Errorf("after event %s: got pipeline %q ended %t at %s and %v, want %q", step.event.ID, id, ended, at, err,
				step.want)
		}
	}
}

func TestExpiredConsentIsFoundUntilItIsDealtWith(t *testing.T) {
	s, _, _ := voiceStore(t)
	at := func(minute int) time.Time { return time.Date(2026, 3, 11, 8, minute, 0, 0, time.UTC) }
	grant := func(event, transaction, call string, until time.Time) voicetask.Entry {
		return voicetask.Entry{Kind: voicetask.Granted, At: at(0), Event: event, By: "me", Scope: voicetask.ScopeBoth,
			TransactionID: transaction, CallID: call, Until: until}
	}
	enter(t, s, grant("g1", "t1", "", at(10).Add(999)), grant("g2", "t2", "c2", at(20)),
		grant("g3", "", "c3", at(20).Add(time.Second)), grant("g4", "t1", "", time.Time{}),
		voicetask.Entry{Kind: voicetask.Denied, At: at(1), Event: "d", By: "me", Scope: voicetask.ScopeBoth,
			TransactionID: "t1"})
	first, second, third := voicetask.Expiry{Event: "g1", TransactionID: "t1"}, voicetask.Expiry{Event: "g2",
		TransactionID: "t2"}, voicetask.Expiry{Event: "g3", CallID: "c3"}
	for _, step := range []struct {
		now  time.Time
		done []voicetask.Expiry // before
		want []voicetask.Expiry
	}{
		{at(10), nil, nil},
		{at(10).Add(time.Microsecond), nil, []voicetask.Expiry{first}},
		{at(20).Add(time.Microsecond), nil, []voicetask.Expiry{second, first}},
		{at(30), []voicetask.Expiry{first, first}, []voicetask.Expiry{third, second}},
		{at(30), []voicetask.Expiry{second, third, {Event: "never", CallID: "there"}}, nil},
	} {
		for _, l := range step.done {
			if err := s.EndExpiry(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.ExpiredConsent(t.Context(), step.now)
		if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
			t.Errorf("at %s: %v (-want +got):\n%s", step.now.Format(time.TimeOnly), err, diff)
		}
	}
	ledger, err := s.Ledger(t.Context(), "t2")
	wantLedger(t, ledger, err, grant("g2", "t2", "c2", at(20)))
}

// Consent may have an end that never comes; the table forgets it with its entry.
func TestExpiredConsentExpiresWithItsEntry(t *testing.T) {
	s, db, name := voiceStore(t)
	said := time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC)
	enter(t, s, voicetask.Entry{Kind: voicetask.Granted, At: said, Event: "g", By: "me", Scope: voicetask.ScopeBoth,
		TransactionID: "t", Until: said.AddDate(900, 0, 0)})
	items := scan(t, db.Client, name)
	for key, it := range items {
		if got, want := it["x"], fmt.Sprint(said.Add(time.Hour).Unix()); got != want {
			t.Errorf("%s: got expiry %s, want %s", key, got, want)
		}
	}
	if len(items) != 2 {
		t.Errorf("got %d items, want the entry and the end of its consent", len(items))
	}
}

func TestLedgersAreNewestFirstAndOnce(t *testing.T) {
	s, _, _ := voiceStore(t)
	at := func(i int) time.Time { return time.Date(2026, 3, 11, 8, i, 0, 0, time.UTC) }
	for i := range 12 {
		id := fmt.Sprint(i)
		enter(t, s, voicetask.Entry{Kind: voicetask.Ready, At: at(i), Event: "r" + id, TransactionID: "t" + id, CallID: "c" +
			id, VoiceConnectorID: "v"},
			voicetask.Entry{Kind: voicetask.Granted, At: at(i + 20), Event: "g" + id, By: "me", Scope: voicetask.ScopeBoth,
				TransactionID: "t" + id},
			voicetask.Entry{Kind: voicetask.Starting, At: at(i + 40), Event: "g" + id, TransactionID: "t" + id,
				Task: voicetask.VoiceTone, Number: 1})
	}
	enter(t, s, voicetask.Entry{Kind: voicetask.Denied, At: at(50), Event: "d", By: "me", Scope: voicetask.ScopeBoth,
		CallID: "early"})
	for _, limit := range []int{1, 5, 13, 100} {
		got, err := s.Ledgers(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		want := []dynamo.LedgerRef{{CallID: "early", At: at(50)}}
		for i := 11; i >= 0; i-- {
			want = append(want, dynamo.LedgerRef{TransactionID: fmt.Sprint("t", i), At: at(i + 20)})
		}
		if diff := cmp.Diff(want[:min(limit, len(want))], got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
}
