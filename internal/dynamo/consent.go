package dynamo

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// entryItems returns the items of an entry: one, or two of a readiness, and of consent that has
// an end.
func (s *Store) entryItems(e voicetask.Entry) ([]item, error) {
	partitions := callPartitions(chime.CallFields{TransactionID: e.TransactionID, CallID: e.CallID})
	if e.TransactionID != "" && e.Kind != voicetask.Ready {
		partitions = partitions[:1]
	}
	if len(partitions) == 0 {
		return nil, apperr.New(apperr.Invalid, "entry "+e.ID(), "names neither a transaction nor a call", "")
	}
	items := make([]item, len(partitions))
	for i, pk := range partitions {
		it := key(pk, ledgerSK+keyID(e.ID()))
		if err := setJSON(it, attrEntry, e); err != nil {
			return nil, err
		}
		put(it, attrExpiry, s.expiry(e.At))
		if i == 0 && (e.Kind == voicetask.Ready || e.Scope != "") {
			it[attrTime], it[attrFirst] = text(timeLedger+shardOf(pk)), moment(e.At)
		}
		items[i] = it
	}
	if e.Kind == voicetask.Granted && !e.Until.IsZero() {
		it := key(partitions[0], consentExpirySK+e.Event)
		it[attrState], it[attrFirst] = text(stateConsentExpiry+shardOf(partitions[0])), moment(e.Until)
		put(it, attrExpiry, s.expiry(e.At))
		items = append(items, it)
	}
	return items, nil
}

// Enter writes an entry into the ledger of its transaction, or of its callId if
// it names no transaction. Where the ledger has an entry with its id, that one
// stays.
func (s *Store) Enter(ctx context.Context, e voicetask.Entry) error {
	items, err := s.entryItems(e)
	if err != nil {
		return err
	}
	for _, it := range items {
		if err := retry.IgnoreChanged(s.putIfAbsent(ctx, it, "cannot store the entry "+e.ID())); err != nil {
			return err
		}
	}
	return nil
}

// Ledger reads all that was entered for a transaction before, with consistent
// reads: its own entries, and consent for the calls that its readiness names.
func (s *Store) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	ledger, err := s.entries(ctx, transactionKey(transactionID))
	if err != nil {
		return nil, err
	}
	for _, callID := range ledger.CallIDs() {
		of, err := s.CallLedger(ctx, callID)
		if err != nil {
			return nil, err
		}
		// The readiness of the transaction is there, and another's is not meant.
		of = slices.DeleteFunc(of, func(e voicetask.Entry) bool { return e.Kind == voicetask.Ready })
		ledger = append(ledger, of...)
	}
	return ledger, nil
}

// CallLedger reads, with a consistent read, all that was entered for a callId
// before: what names no transaction, and the readiness of its transactions.
func (s *Store) CallLedger(ctx context.Context, callID string) (voicetask.Ledger, error) {
	return s.entries(ctx, callKey(callID))
}

func (s *Store) entries(ctx context.Context, pk string) (voicetask.Ledger, error) {
	items, err := s.queryAll(ctx, pk, ledgerSK)
	return readEach(items, readEntry), err
}

// readEntry makes the entry of its item. What cannot be read of it, because a newer
// version wrote it, hides neither the rest of it nor another entry; see voicetask.ReadEntry.
func readEntry(it item) voicetask.Entry {
	body, err := jsonIn(it, attrEntry)
	if err != nil {
		body = nil
	}
	return voicetask.ReadEntry(body, voicetask.Entry{
		At: timeIn(it, attrFirst), Event: strings.TrimPrefix(textIn(it, attrSK), ledgerSK),
	})
}

// PipelineEnd reports whether a pipeline of the transaction has stopped, and when. As long as
// another one of it is open, the call is not over.
func (s *Store) PipelineEnd(ctx context.Context, transactionID string) (
	pipelineID string, at time.Time, ended bool, err error,
) {
	ids, err := s.pointers(ctx, transactionKey(transactionID))
	if err != nil {
		return "", time.Time{}, false, err
	}
	states, err := s.states(ctx, ids)
	if err != nil {
		return "", time.Time{}, false, err
	}
	for _, st := range states {
		switch {
		case st.Status.Open():
			return "", time.Time{}, false, nil
		case st.Status == pipeline.Stopped && (!ended || st.EndedAt().After(at)):
			pipelineID, at, ended = st.ID, st.EndedAt(), true
		}
	}
	return pipelineID, at, ended, nil
}

// LedgerRef names the ledger of a call that is ready for tasks, or about which there was a consent
// event.
type LedgerRef struct {
	// TransactionID, or CallID where no transaction is known.
	TransactionID, CallID string
	// At is when the last of these happened.
	At time.Time
}

// Ledgers returns at most limit of them, newest first.
func (s *Store) Ledgers(ctx context.Context, limit int) ([]LedgerRef, error) {
	var found []LedgerRef
	listed := map[string]bool{} // the same call is there once for each readiness and consent
	for entry, err := range s.entriesIn(ctx, span{index: byTime, letter: timeLedger}) {
		if err != nil || len(found) == limit {
			return found, err
		}
		if pk := textIn(entry, attrPK); !listed[pk] {
			listed[pk] = true
			transactionID, callID := callIn(pk)
			found = append(found, LedgerRef{transactionID, callID, timeIn(entry, attrFirst)})
		}
	}
	return found, nil
}

// ExpiredConsent implements voicetask.Expiries, newest first. It reads an index, which
// follows the table within moments.
func (s *Store) ExpiredConsent(ctx context.Context, now time.Time) ([]voicetask.Expiry, error) {
	var expired []voicetask.Expiry
	// The index has whole microseconds: what it puts at this one may end within it.
	sp := span{index: byState, letter: stateConsentExpiry, to: now.Add(-time.Microsecond)}
	for k, err := range s.entriesIn(ctx, sp) {
		if err != nil {
			return nil, err
		}
		x := voicetask.Expiry{Event: strings.TrimPrefix(textIn(k, attrSK), consentExpirySK)}
		x.TransactionID, x.CallID = callIn(textIn(k, attrPK))
		expired = append(expired, x)
	}
	return expired, nil
}

// EndExpiry implements voicetask.Expiries.
func (s *Store) EndExpiry(ctx context.Context, x voicetask.Expiry) error {
	pk := callPartitions(chime.CallFields{TransactionID: x.TransactionID, CallID: x.CallID})[0]
	up := &update{}
	up.present(attrPK) // it may have expired
	up.remove(attrState)
	return retry.IgnoreChanged(s.updateIf(ctx, key(pk, consentExpirySK+x.Event), up,
		"cannot record that expired consent was dealt with"))
}
