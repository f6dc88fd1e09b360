package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// SetCondition implements watchdog.ConditionStore.
func (s *Store) SetCondition(ctx context.Context, name string) (since time.Time, err error) {
	up := &update{}
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
	up := &update{}
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
