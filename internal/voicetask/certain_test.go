package voicetask_test

import (
	"context"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// tornTable is a memoryTable on which somebody denies consent, and somebody grants it
// again as of an earlier time, during the reading that comes after a start is decided. As
// that reading is more than one request, it has the grant only.
type tornTable struct {
	*memoryTable
	granted, denied voicetask.Entry
	done            bool
}

func (s *tornTable) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	ledger, err := s.memoryTable.Ledger(ctx, transactionID)
	if s.done || s.entered(transactionID, voicetask.VoiceTone, voicetask.Starting) == 0 {
		return ledger, err
	}
	s.done = true
	for _, e := range []voicetask.Entry{s.denied, s.granted} {
		if err := s.Enter(ctx, e); err != nil {
			return nil, err
		}
	}
	return append(ledger, s.granted), err
}

// countingAPI is a service that starts every task, and counts.
type countingAPI struct {
	voicetask.TaskAPI
	starts int
}

func (s *countingAPI) Start(context.Context, voicetask.Entry) (string, error) {
	s.starts++
	return "task", nil
}

// TestNoStartByALedgerThatTheTableNeverHad: two readings that differ by more than what
// the run itself wrote start nothing.
func TestNoStartByALedgerThatTheTableNeverHad(t *testing.T) {
	entry := func(kind voicetask.Kind, event string, minute int) voicetask.Entry {
		e := voicetask.Entry{
			Kind: kind, At: newSimulator().at(minute), Event: event, TransactionID: "t", VoiceConnectorID: "v",
		}
		if kind != voicetask.Ready {
			e.Scope = voicetask.ScopeVoiceTone
		}
		return e
	}
	table := &tornTable{memoryTable: &memoryTable{entries: map[string]voicetask.Ledger{}},
		granted: entry(voicetask.Granted, "again", 2), denied: entry(voicetask.Denied, "no", 3)}
	for _, e := range []voicetask.Entry{entry(voicetask.Ready, "r", 0), entry(voicetask.Granted, "yes", 1)} {
		if err := table.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	service := &countingAPI{}
	k := voicetask.TaskRunner{Table: table, Service: service, On: voicetask.Settings{voicetask.VoiceTone: true},
		Now: func() time.Time { return newSimulator().at(5) }, Counts: noMetrics{}}
	if err := k.Reconcile(t.Context(), voicetask.Trigger{Event: "yes", TransactionID: "t"}); err != nil {
		t.Fatal(err)
	}
	if !table.done || service.starts > 0 {
		t.Errorf("%d starts, want none; the torn reading was tried: %t", service.starts, table.done)
	}
	if got := table.entered("t", voicetask.VoiceTone, voicetask.NotSent); got != 1 {
		t.Errorf("%d entries not-sent, want one", got)
	}
}
