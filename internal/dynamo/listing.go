package dynamo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

const defaultLimit = 50

// position is how far a shard of an index has been read.
type position struct {
	PK   string `json:"p,omitempty"`
	SK   string `json:"s,omitempty"`
	At   string `json:"c,omitempty"`
	Done bool   `json:"d,omitempty"`
}

// key returns where a query that has read up to a position goes on.
func (p position) key(q query) item {
	return item{attrPK: text(p.PK), attrSK: text(p.SK), attrFirst: text(p.At), q.index.partition: text(q.pk)}
}

// List returns a page of pipelines, newest first. A page costs what is on it, not what is in
// the table, where all statuses are wanted, or only open ones, or only failed ones: these are
// in the by-state index. Others are selected from all pipelines of the time.
func (s *Store) List(ctx context.Context, q Query) (page Page, err error) {
	sp := spanOf(q)
	page.States, page.Next, err = listPage(ctx, s, sp, q.Limit, q.Cursor, func(it item) (pipeline.State, bool, error) {
		st, err := decode(it)
		return st, len(q.Statuses) == 0 || slices.Contains(q.Statuses, st.Status), err
	})
	return page, err
}

// listPage reads a page of a span, of at most limit items, and the cursor of the page that
// follows, which is empty on the last one. Read decodes an item, and reports whether it is
// wanted.
func listPage[T any](
	ctx context.Context, s *Store, sp span, limit int, cursor string, read func(item) (T, bool, error),
) (page []T, next string, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	positions, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	for len(page) < limit && !allRead(positions) {
		entries, err := s.nextEntries(ctx, sp, &positions, limit-len(page))
		if err != nil {
			return nil, "", err
		}
		items, err := s.getAll(ctx, entries)
		if err != nil {
			return nil, "", err
		}
		for _, it := range items {
			x, wanted, err := read(it)
			if err != nil {
				return nil, "", err
			}
			if wanted {
				page = append(page, x)
			}
		}
	}
	if !allRead(positions) {
		next = writeCursor(positions)
	}
	return page, next, nil
}

// span is a stretch of an index that is spread over shards.
type span struct {
	index index
	// letter begins the partitions' names; the number of the shard follows.
	letter string
	// from and to bound the sort key, both included; zero means no bound.
	from, to time.Time
	// noRehearsals leaves out items of rehearsals.
	noRehearsals bool
}

// leavesOut reports whether what is in a partition of the table is not wanted.
func (sp span) leavesOut(pk string) bool {
	_, id, _ := strings.Cut(pk, "#")
	return sp.noRehearsals && chime.IsRehearsal(id)
}

func spanOf(q Query) span {
	sp := span{byTime, timePipeline, q.From, q.To, q.NoRehearsals}
	open, failed := 0, 0
	for _, s := range q.Statuses {
		switch {
		case s.Open():
			open++
		case s == pipeline.Failed || s == pipeline.CreateFailed || s == pipeline.Lost:
			failed++
		}
	}
	switch {
	case len(q.Statuses) == 0:
	case open == len(q.Statuses):
		sp.index, sp.letter = byState, stateOpen
	case failed == len(q.Statuses):
		sp.index, sp.letter = byState, stateFailed
	}
	return sp
}

// maxEntries is how many entries of a shard are read at once. They are smaller than the mebibyte
// that a query returns at most, so that none is missing in an answer.
const maxEntries = 500

// nextEntries merges the shards of a span and returns at most n entries of the index, newest
// first; fewer do not mean that they are the last. It moves positions behind them. An entry has
// the keys of the table and of the index.
func (s *Store) nextEntries(ctx context.Context, sp span, positions *[shards]position, n int) ([]item, error) {
	n = min(n, maxEntries)
	var heads [shards][]item
	var more [shards]bool // whether entries may follow those at the head
	for i := range shards {
		if positions[i].Done {
			continue
		}
		entries, err := s.shardEntries(ctx, sp, i, positions[i], n)
		if err != nil {
			return nil, err
		}
		heads[i], more[i] = entries, len(entries) == n
		positions[i].Done = len(entries) == 0
	}
	var merged []item
	for len(merged) < n {
		newest := -1
		for i, head := range heads {
			if len(head) > 0 && (newest < 0 || textIn(head[0], attrFirst) > textIn(heads[newest][0], attrFirst)) {
				newest = i
			}
		}
		if newest < 0 {
			break
		}
		it := heads[newest][0]
		heads[newest] = heads[newest][1:]
		positions[newest] = position{PK: textIn(it, attrPK), SK: textIn(it, attrSK), At: textIn(it, attrFirst)}
		if !sp.leavesOut(textIn(it, attrPK)) {
			merged = append(merged, it)
		}
		if len(heads[newest]) == 0 && more[newest] {
			break // what follows here may be newer than what the other shards have left
		}
	}
	return merged, nil
}

// entriesIn returns all entries of a span, newest first. It ends with the first error.
func (s *Store) entriesIn(ctx context.Context, sp span) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for positions := ([shards]position{}); !allRead(positions); {
			entries, err := s.nextEntries(ctx, sp, &positions, maxEntries)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

func allRead(positions [shards]position) bool {
	for _, p := range positions {
		if !p.Done {
			return false
		}
	}
	return true
}

func (s *Store) shardEntries(ctx context.Context, sp span, shard int, after position, n int) ([]item, error) {
	q := query{
		index: sp.index, pk: sp.letter + strconv.Itoa(shard), from: "0", to: "9999-12-31T23:59:59.999999Z",
		newestFirst: true, limit: n,
	}
	if !sp.from.IsZero() {
		q.from = timeText(sp.from)
	}
	if !sp.to.IsZero() {
		q.to = timeText(sp.to)
	}
	if after.PK != "" {
		q.after = after.key(q)
	}
	items, _, err := s.page(ctx, q)
	return items, err
}

func writeCursor(positions [shards]position) string {
	b, err := json.Marshal(positions)
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// CheckCursor returns an error of class Invalid for a cursor that is not empty and that no page
// can have returned.
func CheckCursor(cursor string) error {
	_, err := readCursor(cursor)
	return err
}

func readCursor(cursor string) (positions [shards]position, err error) {
	if cursor == "" {
		return positions, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	var list []position
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err == nil && len(list) != shards {
		err = fmt.Errorf("it has %d positions, not %d", len(list), shards)
	}
	for _, p := range list {
		if begun := p.PK != ""; err == nil && (begun != (p.SK != "") || begun != (p.At != "")) {
			err = errors.New("a position in it is not whole")
		}
	}
	if err != nil {
		return positions, apperr.Wrap(err, apperr.Invalid, "cursor", "is not one that a page returned",
			"start again without a cursor")
	}
	return [shards]position(list), nil
}
