package flows_test

import (
	"context"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// consentEvent returns an event of consent at noon.
func consentEvent(detail string) []byte {
	return []byte(`{"id":"w","source":"chimewatch.consent","detail-type":"Voice Analytics Consent",` +
		`"time":"2026-03-11T12:00:00Z","detail":` + detail + `}`)
}

func TestInvalidConsentIsNotStored(t *testing.T) {
	stored := 0
	service := voicetask.Service{Ledger: ledgerFunc(func() { stored++ }), Counts: counts{}, Now: time.Now}
	for name, detail := range map[string]string{
		"no call":       `{"scope":"both","decision":"granted","by":"me"}`,
		"unknown scope": `{"transactionId":"t","scope":"all","decision":"granted","by":"me"}`,
		"past end": `{"transactionId":"t","scope":"both","decision":"granted","by":"me",` +
			`"until":"2026-03-11T11:59:59Z"}`,
	} {
		if err := service.Handle(t.Context(), consentEvent(detail)); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want it refused as invalid", name, err)
		}
	}
	if stored != 0 {
		t.Errorf("got %d entries, want none", stored)
	}
}

// ledgerFunc is a table that calls a function for each entry.
type ledgerFunc func()

func (l ledgerFunc) Enter(context.Context, voicetask.Entry) error {
	l()
	return nil
}
