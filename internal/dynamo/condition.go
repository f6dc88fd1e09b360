package dynamo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// Open implements watchdog.OpenPipelines: by what is known now, see Known. Of pipelines
// that were asked about at the same time, the oldest is first.
func (s *Store) Open(ctx context.Context) ([]OpenPipeline, error) {
	var list []OpenPipeline
	var keys []item
	for k, err := range s.keys(ctx, span{index: byState, letter: stateOpen}) {
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
			list = append(list, OpenPipeline{State: st, AskedAt: timeIn(it, attrAsked)})
		}
	}
	slices.SortFunc(list, func(a, b OpenPipeline) int {
		return cmp.Or(a.AskedAt.Compare(b.AskedAt), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// EachPipeline implements watchdog.EventReader.
func (s *Store) EachPipeline(ctx context.Context, q Query, limit int, do func(pipeline.State) bool) error {
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
	up := newUpdate()
	up.present(attrPK) // it may have expired
	up.put(attrAsked, moment(at))
	return retry.IgnoreChanged(s.updateIf(ctx, key(pipelineKey(id), stateSK), up, "cannot record that the API was asked"))
}

// SetCondition implements watchdog.ConditionStore.
func (s *Store) SetCondition(ctx context.Context, name string) (since time.Time, err error) {
	up := newUpdate()
	up.putIfAbsent(attrSince, moment(s.now()))
	it, err := s.updateReturning(ctx, conditionKey(name), up, types.ReturnValueAllNew, "cannot set the condition "+name)
	return timeIn(it, attrSince), err
}

func conditionKey(name string) item { return key(conditionPK+name, stateSK) }

// ConditionSince implements watchdog.ConditionStore.
func (s *Store) ConditionSince(ctx context.Context, name string) (time.Time, error) {
	it, err := s.get(ctx, conditionKey(name))
	return timeIn(it, attrSince), err
}

// ClearCondition implements watchdog.ConditionStore.
func (s *Store) ClearCondition(ctx context.Context, name string, since time.Time) error {
	up := newUpdate()
	up.is(attrSince, moment(since))
	up.remove(attrSince)
	return retry.IgnoreChanged(s.updateIf(ctx, conditionKey(name), up, "cannot clear the condition "+name))
}

// TryOnceForCondition implements notify.ConditionOutbox.
func (s *Store) TryOnceForCondition(ctx context.Context, name string, n notify.Notification, owner string,
	send func(context.Context) error,
) (notify.Notification, error) {
	return s.TryOnce(ctx, Partition(conditionPK+name), n, owner, send)
}
