package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/consent"
)

// Lapse is consent whose time is over.
type Lapse struct {
	// Event is the id of the event that granted it.
	Event string
	// TransactionID, or CallID where it named no transaction.
	TransactionID, CallID string
}

// lapseItem is the item for an entry of consent in a partition.
func (s *Store) lapseItem(pk string, e consent.Entry) item {
	it := key(pk, consentEndSK+e.Event)
	it[attrState], it[attrFirst] = text(stateConsentEnd+shardOf(pk)), moment(e.Until)
	s.expire(it, e.At)
	return it
}

// Lapsed gives consent whose time was over by now and of which EndLapse was not
// told, the newest first. It reads an index, which follows the table within
// moments.
func (s *Store) Lapsed(ctx context.Context, now time.Time) ([]Lapse, error) {
	var lapsed []Lapse
	var positions [shards]position
	// The index has whole microseconds: what it puts at this one may end within it.
	sp := span{index: byState, letter: stateConsentEnd, to: now.Add(-time.Microsecond)}
	for !allRead(positions) {
		keys, err := s.nextKeys(ctx, sp, &positions, 100)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			l := Lapse{Event: strings.TrimPrefix(textIn(k, attrSK), consentEndSK)}
			pk := textIn(k, attrPK)
			if id, ok := strings.CutPrefix(pk, transactionPK); ok {
				l.TransactionID = id
			} else {
				l.CallID = strings.TrimPrefix(pk, callPK)
			}
			lapsed = append(lapsed, l)
		}
	}
	return lapsed, nil
}

// EndLapse records that what was due because of the lapse is done.
func (s *Store) EndLapse(ctx context.Context, l Lapse) error {
	pk := transactionKey(l.TransactionID)
	if l.TransactionID == "" {
		pk = callKey(l.CallID)
	}
	up := newUpdate()
	up.present(attrPK) // it may have expired
	up.remove(attrState)
	_, err := s.updateIf(ctx, key(pk, consentEndSK+l.Event), up, "cannot record that the end of consent is dealt with")
	return err
}
