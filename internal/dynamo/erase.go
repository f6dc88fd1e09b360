package dynamo

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// The audits of erasures never expire: they show for as long as the table is there that
// something was erased, and hold no personal data of a call.

// Erasure is the audit of one run of Erase. It holds neither an id of the call
// nor a hash of one, which could be found again by whoever knows the id.
type Erasure struct {
	// ID is random.
	ID string
	// At is when the run began, DoneAt when it ended; zero when it was interrupted.
	At, DoneAt time.Time
	// By is who erased.
	By string
	// Counts are how many items of each kind the run found and set out to remove.
	Counts map[Kind]int
}

// erasureEntry is the JSON of an Erasure in its item; its key has the rest.
type erasureEntry struct {
	By     string       `json:"by"`
	Counts map[Kind]int `json:"counts"`
	DoneAt time.Time    `json:"doneAt,omitzero"`
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
		if err := s.hideInReason(ctx, c); err != nil {
			return e, err
		}
	}
	var firsts []item
	for _, it := range b.items {
		if it.first != nil {
			firsts = append(firsts, it.first)
		}
	}
	if err := s.putBatches(ctx, firsts); err != nil {
		return e, err
	}
	items := slices.Clone(b.items)
	slices.SortStableFunc(items, func(a, b belonging) int { return cmp.Compare(b.depth, a.depth) })
	for len(items) > 0 {
		n := slices.IndexFunc(items, func(it belonging) bool { return it.depth != items[0].depth })
		if n < 0 {
			n = len(items)
		}
		if err := s.replaceAll(ctx, items[:n]); err != nil {
			return e, err
		}
		items = items[n:]
	}
	e.DoneAt = s.now().UTC().Truncate(time.Microsecond)
	return e, s.putErasure(ctx, e)
}

// replaceAll deletes items; first it writes what is to be there instead.
func (s *Store) replaceAll(ctx context.Context, items []belonging) error {
	var puts, keys []item
	put := map[string]bool{} // calls handled in one microsecond leave the same item, and a batch may name it once
	for _, it := range items {
		if keys = append(keys, keyOf(it.it)); it.instead != nil && !put[itemKey(it.instead)] {
			puts, put[itemKey(it.instead)] = append(puts, it.instead), true
		}
	}
	if err := s.putBatches(ctx, puts); err != nil {
		return err
	}
	return s.deleteAll(ctx, keys)
}

// putBatches puts items, none of which has another's key, until one cannot be put.
func (s *Store) putBatches(ctx context.Context, items []item) error {
	for part := range slices.Chunk(items, maxPuts) {
		if _, err := s.putBatch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putErasure(ctx context.Context, e Erasure) error {
	it := key(erasurePK, timeText(e.At)+"#"+e.ID)
	if err := setJSON(it, attrEntry, erasureEntry{e.By, e.Counts, e.DoneAt}); err != nil {
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
			var kept erasureEntry
			if err := readJSON(it, attrEntry, &kept); err != nil {
				return nil, err
			}
			at, id, _ := strings.Cut(textIn(it, attrSK), "#")
			list = append(list, Erasure{id, readTime(at), kept.DoneAt, kept.By, kept.Counts})
		}
		if len(list) >= limit {
			break
		}
	}
	return list[:min(limit, len(list))], nil
}
