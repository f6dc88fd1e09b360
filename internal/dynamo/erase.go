package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// The audits of erasures never expire: they show for as long as the table is there that
// something was erased, and have no personal data of a call.

// Erasure is the audit of one run of Erase. It has neither an id of the call
// nor a hash of one, which could be found again by whoever knows the id.
type Erasure struct {
	// ID is random, At is when the run began. The item has both in its key, and the rest as JSON.
	ID string    `json:"-"`
	At time.Time `json:"-"`
	// By is who erased.
	By string `json:"by"`
	// Counts are how many items of each kind the run found and set out to remove.
	Counts map[Kind]int `json:"counts"`
	// DoneAt is when the run ended, zero when it was interrupted.
	DoneAt time.Time `json:"doneAt,omitzero"`
}

// Erase removes what belongs to a call. id is random and by is who erases; both
// are kept in the audit, which it returns.
//
// It may be interrupted anywhere: Belongings of the same id then finds what is left, as what
// leads to other items is deleted after them. It cannot be undone. What is written about the
// call at the same moment or afterwards stays.
func (s *Store) Erase(ctx context.Context, b Belongings, id, by string) (Erasure, error) {
	e := Erasure{ID: id, At: s.now().UTC().Truncate(time.Microsecond), By: by, Counts: b.Counts()}
	// First of all, so that nothing is erased without an audit.
	if err := s.putErasure(ctx, e); err != nil {
		return e, err
	}
	for _, c := range b.reasons {
		err := s.updateIf(ctx, c.incident, c.up, "cannot change the reason of an incident")
		if err := retry.IgnoreChanged(err); err != nil {
			return e, err
		}
	}
	var firsts []types.WriteRequest
	byDepth := map[int][]belonging{}
	for _, it := range b.items {
		byDepth[it.depth] = append(byDepth[it.depth], it)
		if it.first != nil {
			firsts = append(firsts, putRequest(it.first))
		}
	}
	if err := s.writeAll(ctx, firsts); err != nil {
		return e, err
	}
	for _, depth := range slices.Backward(slices.Sorted(maps.Keys(byDepth))) {
		if err := s.replaceAll(ctx, byDepth[depth]); err != nil {
			return e, err
		}
	}
	e.DoneAt = s.now().UTC().Truncate(time.Microsecond)
	return e, s.putErasure(ctx, e)
}

// replaceAll deletes items; first it writes what is to be there instead.
func (s *Store) replaceAll(ctx context.Context, items []belonging) error {
	var puts, deletes []types.WriteRequest
	put := map[string]bool{} // calls handled in one microsecond leave the same item, and a batch may name it once
	for _, it := range items {
		deletes = append(deletes, deleteRequest(keyOf(it.it)))
		if it.instead != nil && !put[itemKey(it.instead)] {
			puts, put[itemKey(it.instead)] = append(puts, putRequest(it.instead)), true
		}
	}
	if err := s.writeAll(ctx, puts); err != nil {
		return err
	}
	return s.writeAll(ctx, deletes)
}

func (s *Store) putErasure(ctx context.Context, e Erasure) error {
	it := key(erasurePK, timeText(e.At)+"#"+e.ID)
	if err := setJSON(it, attrEntry, e); err != nil {
		return err
	}
	return s.put(ctx, it, "cannot write the audit of the erasure")
}

// Erasures returns the audits of up to limit erasures, newest first.
func (s *Store) Erasures(ctx context.Context, limit int) ([]Erasure, error) {
	q := query{pk: erasurePK, newestFirst: true, limit: limit}
	var list []Erasure
	for items, err := range s.pages(ctx, q) {
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			at, id, _ := strings.Cut(textIn(it, attrSK), "#")
			e := Erasure{ID: id, At: readTime(at)}
			if err := readJSON(it, attrEntry, &e); err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		if len(list) >= limit {
			break
		}
	}
	return list[:min(limit, len(list))], nil
}
