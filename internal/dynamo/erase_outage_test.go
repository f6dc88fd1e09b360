package dynamo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// manyLives are calls with every kind of item: two of one callId, one of a callId
// of its own in three partitions, and one without a transaction.
func manyLives() lives {
	d := &desk{now: noon}
	var l lives
	for _, c := range []talk{newTalk(0, true, "shared-call-1", 2), newTalk(1, true, "shared-call-1", 1),
		newTalk(2, true, "own-call-0002-x", 0), newTalk(3, false, "", 1)} {
		life := d.live(c)
		l.talks, l.mentioning, l.deeds = append(l.talks, c), append(l.mentioning, life.mentioning),
			append(l.deeds, life.all()...)
	}
	return l
}

// written makes a world and writes calls into it.
func written(t *testing.T, db *dynamodb.Client, l lives) *faultinject.World {
	t.Helper()
	w, c := faultinject.NewWorld(t, db), &clock{now: noon}
	if err := l.write(t.Context(), w.Process().Store(dynamo.Options{Retention: time.Hour, Now: c.Now}), c); err != nil {
		t.Fatal(err)
	}
	return w
}

// copied makes a world with the items of another.
func copied(t *testing.T, from *faultinject.World) *faultinject.World {
	t.Helper()
	to := faultinject.NewWorld(t, from.DB)
	pages := dynamodb.NewScanPaginator(from.DB, &dynamodb.ScanInput{TableName: &from.Table, Limit: aws.Int32(25)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var requests []types.WriteRequest
		for _, it := range page.Items {
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
		}
		if _, err := to.DB.BatchWriteItem(t.Context(),
			&dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{to.Table: requests}}); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// Killed between any two calls to the table, or refused at any, the command that
// is run once more leaves nothing of the call, and all else as it was.
func TestEraseIsCompletedByTheNextRun(t *testing.T) {
	db := faultinject.Server(t)
	l := manyLives()
	from := written(t, db, l)
	before := scan(t, db, from.Table)
	for name, ref := range map[string]string{
		"pipeline": l.talks[0].pipelines[1], "callId": "shared-call-1", "callId without a pipeline": "own-call-0002-x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids, mentioning := l.erased(ref)
			first := copied(t, from).Process()
			if _, err := erase(t.Context(), at(first, noon), ref); err != nil {
				t.Fatal(err)
			}
			calls := first.Injector.Calls()
			writes := 0
			for n, call := range calls {
				if !faultinject.Writes(call) {
					continue
				}
				for _, how := range []faultinject.Fault{faultinject.Before, faultinject.After, faultinject.Throttled} {
					if how == faultinject.Before && writes > 0 {
						continue // it is the same as after the write before
					}
					p := copied(t, from).Process()
					p.Injector.InjectAt(n+1, how)
					if _, err := erase(t.Context(), at(p, noon), ref); err == nil {
						t.Errorf("%s call %d, %s: got no error", how, n+1, call)
					}
					p.Injector.Revive()
					if _, err := erase(t.Context(), at(p, noon.Add(time.Second)), ref); err != nil &&
						apperr.ClassOf(err) != apperr.NotFound {
						t.Fatal(err)
					}
					checkErased(t, before, scan(t, db, p.World.Table), ids, mentioning)
					if t.Failed() {
						t.Fatalf("%s call %d of %d, %s", how, n+1, len(calls), call)
					}
				}
				writes++
			}
			if writes < 4 {
				t.Errorf("got only %d writes: %v", writes, calls)
			}
		})
	}
}

// What DynamoDB leaves undone of a batch is deleted by a further one.
func TestEraseDeletesWhatTheTableLeftUndone(t *testing.T) {
	s, db, name := voiceStore(t)
	l := manyLives()
	if err := l.write(t.Context(), s, &clock{now: noon}); err != nil {
		t.Fatal(err)
	}
	before := scan(t, db.Client, name)
	db.batch = func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		requests := in.RequestItems[name]
		if len(requests) == 1 {
			return nil, nil // the last of them passes
		}
		some := map[string][]types.WriteRequest{name: requests[:len(requests)/2]}
		if _, err := db.Client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: some}); err != nil {
			return nil, err
		}
		rest := map[string][]types.WriteRequest{name: requests[len(requests)/2:]}
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: rest}, nil
	}
	ref := l.talks[0].transaction
	if _, err := erase(t.Context(), s, ref); err != nil {
		t.Fatal(err)
	}
	ids, mentioning := l.erased(ref)
	checkErased(t, before, scan(t, db.Client, name), ids, mentioning)
}

// Each run leaves an audit without any id, also one that was cut short.
func TestErasures(t *testing.T) {
	l := manyLives()
	w := written(t, faultinject.Server(t), l)
	p, c := w.Process(), &clock{now: noon.Add(time.Hour)}
	s := p.Store(dynamo.Options{Retention: time.Hour, Now: c.Now})
	if list, err := s.Erasures(t.Context(), 10); err != nil || len(list) > 0 {
		t.Errorf("at first: got %v (%v), want none", list, err)
	}
	var want []dynamo.Erasure
	run := func(id string, ref string) {
		t.Helper()
		b, err := s.Belongings(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Erase(t.Context(), b, id, "agent-2317")
		if err != nil && !errors.Is(err, faultinject.ErrKilled) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b.Counts(), e.Counts); diff != "" || e.ID != id || e.By != "agent-2317" ||
			!e.At.Equal(c.Now()) || e.DoneAt.IsZero() != (err != nil) {
			t.Errorf("%s: got %+v (%v)", id, e, err)
		}
		want = append([]dynamo.Erasure{e}, want...)
		p.Injector.Revive()
		c.pass(time.Minute)
	}
	before := len(p.Injector.Calls())
	if _, err := s.Belongings(t.Context(), l.talks[0].transaction); err != nil {
		t.Fatal(err)
	}
	p.Injector.InjectAt(len(p.Injector.Calls())-before+3, faultinject.Before)
	run("e-1", l.talks[0].transaction)
	run("e-2", l.talks[0].transaction)
	run("e-3", l.talks[3].pipelines[0])
	for _, limit := range []int{1, 2, 3, 10} {
		got, err := s.Erasures(t.Context(), limit)
		if diff := cmp.Diff(want[:min(limit, 3)], got); err != nil || diff != "" {
			t.Errorf("limit %d: %v (-want +got):\n%s", limit, err, diff)
		}
	}
	for key, it := range scan(t, w.DB, w.Table) {
		ids := append(l.talks[0].own(), l.talks[3].own()...)
		if tabletest.ParseKey(key).Type() == tabletest.Erasure && (it["x"] != "" || mentions(it, ids)) {
			t.Errorf("%s: got %v, want an audit that never expires and names no call", key, it)
		}
	}
}

// A call that failed in an incident, and again when that was reopened, is one
// call of it, and stays one, wherever the process that erases it dies.
func TestErasedCallCountsOnceWhereItFailedTwice(t *testing.T) {
	db := table(t)
	for at := range 12 {
		for part := range 4 {
			name, c := newVoiceTable(t, db), &clock{now: noon}
			s := dynamo.New(db, name, dynamo.Options{Now: c.Now})
			f := failureOf(0, incident.Quota, noon)
			i := mustJoin(t, s, f)
			c.pass(timing.Quiet + time.Second)
			if _, err := closeIncident(t.Context(), s, i); err != nil {
				t.Fatal(err)
			}
			c.pass(time.Minute)
			f.Began = c.Now()
			if again := mustJoin(t, s, f); again.ID != i.ID || again.Reopened != 1 {
				t.Fatalf("got %+v, want the first incident reopened", again)
			}
			mustJoin(t, s, failureOf(1, incident.Quota, noon))
			want, err := tallies(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			dying := &dies{Client: db, at: at, part: func(n int) bool { return n%2 == part%2 && part < 2 || part == 2 }}
			if _, err := erase(t.Context(), dynamo.New(dying, name, dynamo.Options{Now: c.Now}),
				f.Occurrence.PipelineID); err != nil && !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			if _, err := erase(t.Context(), s, f.Occurrence.PipelineID); err != nil && apperr.ClassOf(err) != apperr.NotFound {
				t.Fatal(err)
			}
			got, err := tallies(t.Context(), s)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("died at write %d, part %d (-before +after): %v\n%s", at, part, err, diff)
			}
			if mentions(flat(scan(t, db, name)), []string{f.Occurrence.PipelineID}) {
				t.Errorf("died at write %d, part %d: something of the call is left", at, part)
			}
		}
	}
}

// flat makes one item of all items of a table.
func flat(items map[string]map[string]string) map[string]string {
	all := map[string]string{}
	for key, it := range items {
		for name, value := range it {
			all[key+" "+name] = value
		}
	}
	return all
}

// An event's own transaction may be another than its pipeline's: the pointer from
// there goes, and what is the other transaction's stays.
func TestEraseLeavesTheTransactionOfSingleEvents(t *testing.T) {
	db := faultinject.Server(t)
	d := &desk{now: noon}
	one, other := newTalk(1, true, "own-call-0001-x", 1),
		newTalk(0, true, "own-call-0000-x", 1) // a state has the greater one
	strange := one
	strange.transaction = other.transaction
	l := lives{talks: []talk{one, other}, mentioning: make([][]string, 2), deeds: []deed{
		d.changes(strange, one.pipelines[0], true, chime.EventCreated),
		d.changes(one, one.pipelines[0], true, chime.EventStopped),
		d.changes(other, other.pipelines[0], true, chime.EventCreated, chime.EventStopped),
		d.match(map[string]any{"transactionId": other.transaction}, true),
	}}
	w := written(t, db, l)
	s := at(w.Process(), noon)
	before := scan(t, db, w.Table)
	if _, err := erase(t.Context(), s, one.pipelines[0]); err != nil {
		t.Fatal(err)
	}
	ids, _ := l.erased(one.pipelines[0])
	checkErased(t, before, scan(t, db, w.Table), ids, nil)
	if _, err := s.Find(t.Context(), other.transaction); err != nil {
		t.Errorf("the other call: %v", err)
	}
}

// A creation that failed has no pipeline, and its transaction is in its id.
func TestEraseOfAFailedCreation(t *testing.T) {
	db := faultinject.Server(t)
	w := faultinject.NewWorld(t, db)
	s := at(w.Process(), noon)
	ev := example(t, "create-failed")
	for _, ref := range []string{pipeline.IDOf(ev), ev.StateChange.TransactionID, ev.StateChange.CallID} {
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
		if _, err := erase(context.Background(), s, ref); err != nil {
			t.Fatal(err)
		}
		for key := range scan(t, db, w.Table) {
			if tabletest.ParseKey(key).Type() != tabletest.Erasure {
				t.Errorf("%s: got %s, want nothing left", ref, key)
			}
		}
	}
}
