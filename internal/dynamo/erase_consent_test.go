package dynamo_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// Consent that was taken back does not come to be in force when the process that
// erases it dies between one word and the next.
func TestEraseNeverRevivesConsent(t *testing.T) {
	db := table(t)
	on := consent.Settings{consent.SpeakerSearch: true, consent.VoiceTone: true}
	minutes := 0
	word := func(kind consent.Kind, transaction, call string) consent.Entry {
		minutes++
		return consent.Entry{Kind: kind, At: noon.Add(time.Duration(minutes) * time.Minute), By: "caller",
			Scope: consent.ScopeVoiceTone,
			Event: fmt.Sprint("event ", minutes), TransactionID: transaction, CallID: call}
	}
	ready := func(transaction string) consent.Entry {
		e := word(consent.Ready, transaction, "call-0001")
		e.Scope, e.VoiceConnectorID = "", "connector"
		return e
	}
	starting := consent.Entry{Kind: consent.Starting, At: noon, Event: "s", TransactionID: "held-0001",
		Task: consent.VoiceTone, Number: 1}
	for name, ledger := range map[string][]consent.Entry{
		"granted by the transaction, withdrawn by the call": {ready("held-0001"), word(consent.Granted, "held-0001", ""),
			word(consent.Withdrawn, "", "call-0001")},
		"granted by the call, denied by the transaction": {ready("held-0001"), word(consent.Granted, "", "call-0001"),
			word(consent.Denied, "held-0001", "")},
		"granted by a callId that another transaction has": {ready("held-0001"), ready("other-0002"),
			word(consent.Granted, "", "call-0001"), word(consent.Denied, "held-0001", "")},
		"withdrawn while a start was under way": {word(consent.Granted, "held-0001", ""), starting,
			word(consent.Withdrawn, "held-0001", "")},
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
						return slices.ContainsFunc(all.Next(noon.Add(time.Hour), on, consent.Run{Event: "event"}),
							func(step consent.Step) bool {
								return step.Act == consent.Start || step.Entry.Kind == consent.Starting || step.Entry.Kind == consent.Asking
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
