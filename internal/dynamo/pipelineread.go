package dynamo

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// Pipeline returns the state of one pipeline or failed creation by its id, with a consistent
// read; an error of class NotFound when there is none.
func (s *Store) Pipeline(ctx context.Context, id string) (pipeline.State, error) {
	it, err := s.get(ctx, key(pipelineKey(id), stateSK))
	if err != nil {
		return pipeline.State{}, err
	}
	if len(it) == 0 {
		return pipeline.State{}, s.notFound("pipeline " + id)
	}
	return decode(it)
}

func (s *Store) notFound(what string) error {
	return apperr.New(apperr.NotFound, "table "+s.table, "knows no "+what,
		"list what is there with: chimewatch calls list")
}

// Find returns all pipelines that ref may mean, newest first: a pipeline's id or ARN, the id
// of a failed creation, a callId or a transactionId. Where no real pipeline has the id, those
// of a rehearsal in which it was sent are meant. When there is none either, the error is of
// class NotFound.
func (s *Store) Find(ctx context.Context, ref string) ([]pipeline.State, error) {
	for _, kind := range []string{"", chime.RehearsalPrefix} {
		of := chime.CallFields{TransactionID: kind + ref, CallID: kind + ref}
		pointers, err := s.queryCall(ctx, of, pointerSK)
		if err != nil {
			return nil, err
		}
		ids := append([]string{kind + pipeline.IDFromARN(ref)}, readEach(pointers, pointerTo)...)
		if states, err := s.states(ctx, ids); err != nil || len(states) > 0 {
			newestFirst(states)
			return states, err
		}
	}
	return nil, s.notFound("pipeline, call or transaction " + ref)
}

// pointers returns the ids of the pipelines to which a partition has pointers.
func (s *Store) pointers(ctx context.Context, pk string) ([]string, error) {
	items, err := s.queryAll(ctx, pk, pointerSK)
	return readEach(items, pointerTo), err
}

func pointerTo(it item) string { return strings.TrimPrefix(textIn(it, attrSK), pointerSK) }

// newestFirst sorts states by when the first event came, then by the last one.
func newestFirst(states []pipeline.State) {
	slices.SortFunc(states, func(a, b pipeline.State) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Order, a.Order), cmp.Compare(a.ID, b.ID))
	})
}

// states reads the states of many ids, in their order; those that are not there are left out.
func (s *Store) states(ctx context.Context, ids []string) ([]pipeline.State, error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = key(pipelineKey(id), stateSK)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	return decodeEach(items, decode)
}

// Known returns the state of a pipeline as far as it can be true now: the state itself, or,
// where an event of it is in the future, what all other events of its history prove. ok is
// false where there is no other. Only the history of such a pipeline is read.
func (s *Store) Known(ctx context.Context, st pipeline.State) (known pipeline.State, ok bool, err error) {
	now := s.now()
	if !st.InFuture(now) {
		return st, true, nil
	}
	items, err := s.queryAll(ctx, pipelineKey(st.ID), eventSK)
	if err != nil {
		return known, false, err
	}
	for _, it := range items {
		if textIn(it, attrSK) >= eventSK+string(pipeline.KnownAt(now)) {
			break // they are in their order
		}
		body, err := unpack(it[attrEventBody])
		if err != nil {
			return known, false, err
		}
		_, one, _, err := pipeline.Read(body)
		if err != nil {
			return known, false, err
		}
		known, ok = pipeline.Merge(known, one), true
	}
	return known, ok, nil
}

// History returns a pipeline's events in their order.
func (s *Store) History(ctx context.Context, id string) ([]pipeline.Record, error) {
	items, err := s.queryAll(ctx, pipelineKey(id), eventSK)
	if err != nil {
		return nil, err
	}
	return decodeEach(items, func(it item) (pipeline.Record, error) {
		body, err := unpack(it[attrEventBody])
		order := pipeline.Order(strings.TrimPrefix(textIn(it, attrSK), eventSK))
		return pipeline.Record{
			Time: order.Time(), ID: textIn(it, attrEventID), EventType: textIn(it, attrEventType), Body: body,
		}, err
	})
}

// Open implements watchdog.Repository: by what is known now, see Known. Of pipelines
// that were asked about at the same time, the oldest is first.
func (s *Store) Open(ctx context.Context) ([]pipeline.OpenPipeline, error) {
	var list []pipeline.OpenPipeline
	var keys []item
	for k, err := range s.entriesIn(ctx, span{index: byState, letter: stateOpen}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		st, err := decode(it)
		if err != nil {
			return nil, err
		}
		st, known, err := s.Known(ctx, st)
		if err != nil {
			return nil, err
		}
		if known && st.Status.Open() { // the index is a moment behind
			list = append(list, pipeline.OpenPipeline{State: st, AskedAt: timeIn(it, attrAsked)})
		}
	}
	slices.SortFunc(list, func(a, b pipeline.OpenPipeline) int {
		return cmp.Or(a.AskedAt.Compare(b.AskedAt), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// EachPipeline implements watchdog.EventReader and incident.Repository.
func (s *Store) EachPipeline(ctx context.Context, q pipeline.Query, limit int, do func(pipeline.State) bool) error {
	for read := 0; read < limit; {
		page, err := s.List(ctx, q)
		if err != nil {
			return err
		}
		for _, st := range page.States {
			st, known, err := s.Known(ctx, st)
			if err != nil {
				return err
			}
			if known && do(st) {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		read += len(page.States)
		q.Cursor, q.Limit = page.Next, 100 // the first page is mostly enough
	}
	return nil
}

// MarkAsked implements watchdog.AnswerStore.
func (s *Store) MarkAsked(ctx context.Context, id string, at time.Time) error {
	up := &update{}
	up.present(attrPK) // it may have expired
	up.put(attrAsked, moment(at))
	return retry.IgnoreChanged(s.updateIf(ctx, key(pipelineKey(id), stateSK), up, "cannot record that the API was asked"))
}
