package dynamo_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Consent that was withdrawn does not come to be in force when the process that
// erases it dies between one word and the next.
func TestEraseNeverRevivesConsent(t *testing.T) {
	db := table(t)
	on := voicetask.Settings{voicetask.SpeakerSearch: true, voicetask.VoiceTone: true}
	minutes := 0
	word := func(kind voicetask.Kind, transaction, call string) voicetask.Entry {
		minutes++
		return voicetask.Entry{Kind: kind, At: noon.Add(time.Duration(minutes) * time.Minute), By: "caller",
			Scope: voicetask.ScopeVoiceTone,
			Event: fmt.Sprint("event ", minutes), TransactionID: transaction, CallID: call}
	}
	ready := func(transaction string) voicetask.Entry {
		e := word(voicetask.Ready, transaction, "call-0001")
		e.Scope, e.VoiceConnectorID = "", "connector"
		return e
	}
	starting := voicetask.Entry{Kind: voicetask.Starting, At: noon, Event: "s", TransactionID: "held-0001",
		Task: voicetask.VoiceTone, Number: 1}
	for name, ledger := range map[string][]voicetask.Entry{
		"granted by the transaction, withdrawn by the call": {ready("held-0001"), word(voicetask.Granted, "held-0001", ""),
			word(voicetask.Withdrawn, "", "call-0001")},
		"granted by the call, denied by the transaction": {ready("held-0001"), word(voicetask.Granted, "", "call-0001"),
			word(voicetask.Denied, "held-0001", "")},
		"granted by a callId that another transaction has": {ready("held-0001"), ready("other-0002"),
			word(voicetask.Granted, "", "call-0001"), word(voicetask.Denied, "held-0001", "")},
		"withdrawn while a start was under way": {word(voicetask.Granted, "held-0001", ""), starting,
			word(voicetask.Withdrawn, "held-0001", "")},
	} {
		t.Run(name, func(t *testing.T) {
			died := 0
			for at := 1; at <= 6; at++ {
				for mask := range 8 { // of the requests of a batch
					table := newVoiceTable(t, db)
					s := dynamo.New(db, table, dynamo.Options{})
					enter(t, s, ledger...)
					starts := func() bool {
						all, err := s.Ledger(t.Context(), "held-0001")
						if err != nil {
							t.Fatal(err)
						}
						return slices.ContainsFunc(all.Next(noon.Add(time.Hour), on, voicetask.RunID{Event: "event"}),
							func(step voicetask.Step) bool {
								return step.Act == voicetask.Start || step.Entry.Kind == voicetask.Starting ||
									step.Entry.Kind == voicetask.Asking
							})
					}
					if starts() {
						t.Fatal("consent is in force before")
					}
					dying := &dies{Client: db, at: at, part: func(n int) bool { return mask>>n&1 == 1 }}
					if _, err := erase(t.Context(), dynamo.New(dying, table, dynamo.Options{}), "held-0001"); errors.Is(err, errDied) {
						died++
					} else if err != nil {
						t.Fatal(err)
					}
					if starts() {
						t.Errorf("died at write %d, of which %03b was done: a task would be started", at, mask)
					}
					if _, err := erase(t.Context(), s, "held-0001"); err != nil && apperr.ClassOf(err) != apperr.NotFound {
						t.Fatal(err)
					}
					if items := scan(t, db, table); mentions(flat(items), []string{"held-0001"}) {
						t.Errorf("died at write %d, of which %03b was done: got %v, want nothing left", at, mask, items)
					}
				}
			}
			if died < 24 {
				t.Errorf("the process died %d times only", died)
			}
		})
	}
}
