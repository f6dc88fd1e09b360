package dynamo

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Pipeline returns the state of one pipeline or failed creation by its id, with
// a consistent read; an error of class NotFound when there is none.
func (s *Store) Pipeline(ctx context.Context, id string) (pipeline.State, error) {
	it, err := s.get(ctx, key(pipelineKey(id), stateSK))
	if err != nil {
		return pipeline.State{}, err
	}
	if len(it) == 0 {
		return pipeline.State{}, apperr.New(apperr.NotFound, "table "+s.table, "knows no pipeline "+id, "list what is there with: chimewatch calls list")
	}
	return decode(it)
}

// Find returns all pipelines that ref may mean, newest first: a pipeline's id or
// ARN, the id of a failed creation, a callId or a transactionId. Of those first
// heard of at the same moment the one with the greatest event comes first. Where
// no real pipeline has the id, those of a rehearsal in which it was sent are
// meant. When there is none either, the error is of class NotFound.
func (s *Store) Find(ctx context.Context, ref string) ([]pipeline.State, error) {
	states, err := s.find(ctx, pipeline.IDFromARN(ref), ref)
	if err == nil && len(states) == 0 {
		states, err = s.find(ctx, chime.RehearsalPrefix+pipeline.IDFromARN(ref), chime.RehearsalPrefix+ref)
	}
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return nil, apperr.New(apperr.NotFound, "table "+s.table, "knows no pipeline, call or transaction "+ref,
			"list what is there with: chimewatch calls list")
	}
	return states, nil
}

// find returns the pipeline of an id, and those of the call or transaction ref.
func (s *Store) find(ctx context.Context, id, ref string) ([]pipeline.State, error) {
	ids := []string{id}
	for _, pk := range []string{transactionKey(ref), callKey(ref)} {
		pointers, err := s.queryAll(ctx, pk, pointerSK)
		if err != nil {
			return nil, err
		}
		for _, it := range pointers {
			ids = append(ids, strings.TrimPrefix(textIn(it, attrSK), pointerSK))
		}
	}
	states, err := s.states(ctx, ids)
	if err != nil {
		return nil, err
	}
	newestFirst(states)
	return states, nil
}

// newestFirst sorts states by when they were first heard of.
func newestFirst(states []pipeline.State) {
	slices.SortFunc(states, func(a, b pipeline.State) int {
		// Times of whole seconds tie, and a batch comes in any order.
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Order, a.Order), cmp.Compare(a.ID, b.ID))
	})
}

// states reads the states of many ids; those that are not there are left out.
func (s *Store) states(ctx context.Context, ids []string) ([]pipeline.State, error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = key(pipelineKey(id), stateSK)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	states := make([]pipeline.State, len(items))
	for i, it := range items {
		if states[i], err = decode(it); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// Known returns the state of a pipeline as it is known now: the state itself, but where
// an event is in it whose time is in the future, what all other events of its history
// make. ok is false where there is no other. It reads the history of such a pipeline
// only.
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
		one, err := provenBy(body)
		if err != nil {
			return known, false, err
		}
		known, ok = pipeline.Merge(known, one), true
	}
	return known, ok, nil
}

// provenBy returns the state that an event of a history proves by itself.
func provenBy(body []byte) (pipeline.State, error) {
	ev, err := chime.Parse(body)
	if err != nil {
		return pipeline.State{}, err
	}
	if unknown, ok := chime.AsUnknown(ev); ok {
		ev = unknown
	}
	return pipeline.FromEvent(ev)
}

// History returns a pipeline's events in their order.
func (s *Store) History(ctx context.Context, id string) ([]Record, error) {
	items, err := s.queryAll(ctx, pipelineKey(id), eventSK)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(items))
	for i, it := range items {
		body, err := unpack(it[attrEventBody])
		if err != nil {
			return nil, err
		}
		order := pipeline.Order(strings.TrimPrefix(textIn(it, attrSK), eventSK))
		records[i] = Record{Time: order.Time(), ID: textIn(it, attrEventID), EventType: textIn(it, attrEventType), Body: body}
	}
	return records, nil
}
