package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// expiryItem is the item for an entry of consent in a partition.
func (s *Store) expiryItem(pk string, e voicetask.Entry) item {
	it := key(pk, consentExpirySK+e.Event)
	it[attrState], it[attrFirst] = text(stateConsentExpiry+shardOf(pk)), moment(e.Until)
	put(it, attrExpiry, s.expiry(e.At))
	return it
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
	pk := transactionKey(x.TransactionID)
	if x.TransactionID == "" {
		pk = callKey(x.CallID)
	}
	up := &update{}
	up.present(attrPK) // it may have expired
	up.remove(attrState)
	return retry.IgnoreChanged(s.updateIf(ctx, key(pk, consentExpirySK+x.Event), up,
		"cannot record that expired consent was dealt with"))
}
