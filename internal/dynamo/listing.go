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
	return item{attrPK: text(p.PK), attrSK: text(p.SK), attrFirst: text(p.At), q.index.PartitionKey: text(q.pk)}
}

// List returns a page of pipelines, newest first. A page costs what is on it, not what is in
// the table, where all statuses are wanted, or only open ones, or only failed ones: these are
// in the by-state index. Others are selected from all pipelines of the time.
func (s *Store) List(ctx context.Context, q pipeline.Query) (page pipeline.Page, err error) {
	read := func(items []item) ([]pipeline.State, error) {
		states, err := decodeEach(items, decode)
		return slices.DeleteFunc(states, func(st pipeline.State) bool {
			return len(q.Statuses) > 0 && !slices.Contains(q.Statuses, st.Status)
		}), err
	}
	page.States, page.Next, err = listPage(ctx, s, spanOf(q), q.Limit, q.Cursor, read)
	return page, err
}

// listPage reads a page of a span, of at most limit items, and the cursor of the page that
// follows, which is empty on the last one. read decodes items, and leaves out those that are not
// wanted.
func listPage[T any](
	ctx context.Context, s *Store, sp span, limit int, cursor string, read func([]item) ([]T, error),
) (page []T, next string, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	positions, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	for len(page) < limit {
		var entries []item
		room := min(limit-len(page), maxEntries)
		for entry, err := range s.entriesAfter(ctx, sp, &positions, room) {
			if err != nil {
				return nil, "", err
			}
			if entries = append(entries, entry); len(entries) == room {
				break
			}
		}
		if len(entries) == 0 {
			break
		}
		items, err := s.getAll(ctx, entries)
		if err != nil {
			return nil, "", err
		}
		list, err := read(items)
		if err != nil {
			return nil, "", err
		}
		page = append(page, list...)
	}
	if slices.ContainsFunc(positions[:], func(p position) bool { return !p.Done }) {
		next = writeCursor(positions)
	}
	return page, next, nil
}

// span is a stretch of an index that is spread over shards.
type span struct {
	index IndexDefinition
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

// spanOf returns the span of a query: a part of the by-state index where the statuses are all in
// that part.
func spanOf(q pipeline.Query) span {
	letters := map[string]bool{}
	for _, status := range q.Statuses {
		letters[stateLetter(status)] = true
	}
	for letter := range letters {
		if len(letters) == 1 && letter != "" {
			return span{byState, letter, q.From, q.To, q.NoRehearsals}
		}
	}
	return span{byTime, timePipeline, q.From, q.To, q.NoRehearsals}
}

// maxEntries is how many entries of a shard are read at once. They are smaller than the mebibyte
// that a query returns at most, so that none is missing in an answer.
const maxEntries = 500

// entriesIn returns all entries of a span, newest first; see entriesAfter.
func (s *Store) entriesIn(ctx context.Context, sp span) iter.Seq2[item, error] {
	return s.entriesAfter(ctx, sp, &[shards]position{}, maxEntries)
}

// entriesAfter merges the shards of a span from positions on: it returns the entries of the
// index, newest first, and moves positions behind each. It reads n entries of a shard at once,
// and ends with the first error. An entry has the keys of the table and of the index.
func (s *Store) entriesAfter(
	ctx context.Context, sp span, positions *[shards]position, n int,
) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		var heads [shards][]item
		var last [shards]bool // nothing follows the head
		for {
			newest := -1
			for i := range shards {
				if len(heads[i]) == 0 && !positions[i].Done {
					entries, next, err := s.shardEntries(ctx, sp, i, positions[i], n)
					if err != nil {
						yield(nil, err)
						return
					}
					heads[i], last[i], positions[i].Done = entries, len(next) == 0, len(entries) == 0
				}
				if len(heads[i]) > 0 &&
					(newest < 0 || textIn(heads[i][0], attrFirst) > textIn(heads[newest][0], attrFirst)) {
					newest = i
				}
			}
			if newest < 0 {
				return
			}
			entry := heads[newest][0]
			heads[newest] = heads[newest][1:]
			pk := textIn(entry, attrPK)
			positions[newest] = position{
				PK: pk, SK: textIn(entry, attrSK), At: textIn(entry, attrFirst), Done: len(heads[newest]) == 0 && last[newest],
			}
			if !sp.leavesOut(pk) && !yield(entry, nil) {
				return
			}
		}
	}
}

func (s *Store) shardEntries(ctx context.Context, sp span, shard int, after position, n int) (
	entries []item, next item, err error,
) {
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
	return s.page(ctx, q)
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
