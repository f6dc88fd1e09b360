package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// dies is a client whose process dies at a write: of a batch, a part of the
// requests has had an effect then, as a batch is not one write.
type dies struct {
	*dynamodb.Client
	at   int // the write, from 1; 0 for never
	part func(n int) bool
}

var errDied = errors.New("the process died")

func (d *dies) write() bool { d.at--; return d.at == 0 }

func (d *dies) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if d.write() {
		return nil, errDied
	}
	return d.Client.PutItem(ctx, in, opts...)
}

func (d *dies) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if d.write() {
		return nil, errDied
	}
	return d.Client.UpdateItem(ctx, in, opts...)
}

func (d *dies) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	if !d.write() {
		return d.Client.BatchWriteItem(ctx, in, opts...)
	}
	for name, requests := range in.RequestItems {
		var some []types.WriteRequest
		for n, r := range requests {
			if d.part(n) {
				some = append(some, r)
			}
		}
		if len(some) > 0 {
			if _, err := d.Client.BatchWriteItem(ctx,
				&dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{name: some}}, opts...); err != nil {
				return nil, err
			}
		}
	}
	return nil, errDied
}

// erase finds what belongs to a call and erases it.
func erase(ctx context.Context, s *dynamo.Store, ref string) (dynamo.Erasure, error) {
	b, err := s.Belongings(ctx, ref)
	if err != nil {
		return dynamo.Erasure{}, err
	}
	return s.Erase(ctx, b, "erasure-of-the-test", "operator")
}

// mentions reports whether an item has one of the ids in its keys or attributes.
func mentions(it map[string]string, ids []string) bool {
	for _, value := range it {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(value, id) }) {
			return true
		}
	}
	return false
}

// checkErased holds a table after an erasure against the one before: what has one
// of the ids is gone, as are the rule matches of the events that mention them; all
// else is there as it was, byte for byte.
func checkErased(t interface{ Errorf(string, ...any) }, before, after map[string]map[string]string, ids,
	mentioning []string) {
	audits := 0
	for key, it := range after {
		switch {
		case mentions(it, ids):
			t.Errorf("%s: got %v, want nothing that has one of the ids %v", key, it, ids)
		case tabletest.ParseKey(key).Type() == tabletest.Erasure:
			audits++
		case tabletest.ParseKey(key).IsAnonymous():
			if diff := cmp.Diff(tabletest.AnonymousAttributes, slices.Sorted(maps.Keys(it))); diff != "" {
				t.Errorf("%s: it says more than when a call failed (-want +got):\n%s", key, diff)
			}
		case before[key] == nil:
			t.Errorf("%s: got a new item %v", key, it)
		}
	}
	if audits == 0 {
		t.Errorf("got no audit of the erasure")
	}
	for key, was := range before {
		is := after[key]
		if tabletest.ParseKey(key).Type() == tabletest.Incident { // it stays, but not reasons that name a call
			was, is = tabletest.WithoutReasons(was), tabletest.WithoutReasons(is)
		}
		gone := mentions(was, ids) || slices.ContainsFunc(mentioning, func(id string) bool {
			return tabletest.ParseKey(key).IsOfMatch(id)
		})
		if gone && is != nil {
			t.Errorf("%s: got %v, want it erased", key, is)
		}
		if diff := cmp.Diff(was, is); !gone && diff != "" {
			t.Errorf("%s: it is of no erased call, and differs (-before +after):\n%s", key, diff)
		}
	}
}

// tallies counts the calls of every incident and of each of its reasons, and when the
// last failed.
func tallies(ctx context.Context, s *dynamo.Store) (map[string][2]any, error) {
	all := map[string][2]any{}
	list, _, err := s.Incidents(ctx, dynamo.IncidentQuery{Limit: 1000})
	for _, i := range list {
		tally, err := s.CountOccurrences(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		newest, err := s.NewestOccurrence(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		reasons, rest := i.CountReasons(tally)
		counts := []int{tally.Calls, rest.Calls}
		for _, r := range reasons {
			counts = append(counts, r.Calls)
		}
		all[i.ID] = [2]any{counts, []time.Time{tally.LastAt, newest.Seen}}
	}
	return all, err
}

// lives makes the table of some calls.
type lives struct {
	talks []talk
	// mentioning are those of each call, by its number; see life.
	mentioning [][]string
	deeds      []deed
}

// erased returns what must be gone when ref is erased: the ids, and the events of
// rule matches that mention no other.
func (l lives) erased(ref string) (ids, mentioning []string) {
	_, ids, mentioning = l.without(ref, nil, nil)
	return ids, mentioning
}

// without returns the calls that stay when ref is erased, and adds to what must
// be gone.
func (l lives) without(ref string, ids, mentioning []string) (stay []talk, _, _ []string) {
	for _, c := range l.talks {
		if !slices.Contains(c.refs(), ref) {
			stay = append(stay, c)
		}
	}
	for _, c := range l.talks {
		if !slices.Contains(c.refs(), ref) {
			continue
		}
		ids, mentioning = append(ids, c.own()...), append(mentioning, l.mentioning[c.n]...)
		if c.callID != "" && !slices.ContainsFunc(stay, func(o talk) bool { return o.callID == c.callID }) {
			ids = append(ids, c.callID)
		}
	}
	return stay, ids, mentioning
}

// drawLives draws calls that share callIds, an incident, a line and a time.
func drawLives(t *rapid.T) (l lives) {
	d := &desk{now: noon}
	for n := range rapid.IntRange(2, 4).Draw(t, "calls") {
		inTransaction := rapid.IntRange(0, 3).Draw(t, "transaction") > 0
		callID := rapid.SampledFrom([]string{"shared-call-1", "shared-call-1", "shared-call-2",
			fmt.Sprintf("own-call-%04d-x", n), ""}).Draw(t, "callId")
		pipelines := 1
		if inTransaction {
			pipelines = rapid.IntRange(0, 2).Draw(t, "pipelines")
		}
		c := newTalk(n, inTransaction, callID, pipelines)
		life := d.live(c)
		for _, do := range life.others {
			if rapid.IntRange(0, 3).Draw(t, "is") > 0 {
				life.needed = append(life.needed, do)
			}
		}
		l.talks, l.mentioning, l.deeds = append(l.talks, c), append(l.mentioning, life.mentioning),
			append(l.deeds, life.needed...)
	}
	l.deeds = rapid.Permutation(l.deeds).Draw(t, "order")
	return l
}

// write does the deeds, one a second.
func (l lives) write(ctx context.Context, s *dynamo.Store, c *clock) error {
	for _, do := range l.deeds {
		c.pass(time.Second)
		if err := do(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Whatever calls have in common, and wherever the process dies: once the command
// has run to its end, nothing is left of the erased call, and all else is as it was.
func TestEraseRemovesTheCallAndNothingElse(t *testing.T) {
	db := table(t)
	rapidseed.Fewer(t, 3) // each writes a table and erases two of its calls: hundreds of requests
	died := 0
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		l := drawLives(rt)
		name, c := newVoiceTable(rt, db), &clock{now: noon}
		s := dynamo.New(db, name, dynamo.Options{Retention: time.Hour, Now: c.Now})
		if err := l.write(ctx, s, c); err != nil {
			rt.Fatal(err)
		}
		var refs []string
		for _, c := range l.talks {
			refs = append(refs, c.refs()...)
		}
		counts, err := tallies(ctx, s)
		if err != nil {
			rt.Fatal(err)
		}
		var ids, mentioning []string
		for range 2 {
			before := scan(rt, db, name)
			ref := rapid.SampledFrom(refs).Draw(rt, "ref")
			part := rapid.SliceOfN(rapid.Bool(), 25, 25).Draw(rt, "part")
			dying := &dies{Client: db, at: rapid.IntRange(0, 12).Draw(rt, "dies at"), part: func(n int) bool { return part[n] }}
			c.pass(time.Second)
			_, err := erase(ctx, dynamo.New(dying, name, dynamo.Options{Now: c.Now}), ref)
			if errors.Is(err, errDied) {
				died++
			} else if err != nil && apperr.ClassOf(err) != apperr.NotFound { // the first may have been the same call
				rt.Fatal(err)
			}
			c.pass(time.Second)
			if _, err := erase(ctx, s, ref); err != nil && apperr.ClassOf(err) != apperr.NotFound {
				rt.Fatal(err)
			}
			l.talks, ids, mentioning = l.without(ref, ids, mentioning)
			checkErased(rt, before, scan(rt, db, name), ids, mentioning)
			if _, err := s.Belongings(ctx, ref); apperr.ClassOf(err) != apperr.NotFound {
				rt.Errorf("%s afterwards: got %v, want it not found", ref, err)
			}
			after, err := tallies(ctx, s)
			if diff := cmp.Diff(counts, after); err != nil || diff != "" {
				rt.Errorf("what incidents count (-before +after): %v\n%s", err, diff)
			}
		}
	})
	if died == 0 {
		t.Error("the process never died: the test proves less than it says")
	}
}
