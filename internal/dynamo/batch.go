package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// How many items BatchWriteItem writes at most, and BatchGetItem reads.
const (
	maxWrites = 25
	maxGets   = 100
)

// putEach writes items, none of which has another's key, and returns the errors of those that
// were not written, by their keys.
func (s *Store) putEach(ctx context.Context, items []item) map[string]error {
	failed := map[string]error{}
	for part := range slices.Chunk(items, maxWrites) {
		left, err := s.writeBatch(ctx, readEach(part, putRequest))
		oneByOne := apperr.ClassOf(err) == apperr.Invalid && len(part) > 1 // a batch is refused for one invalid item
		for _, request := range left {
			it := request.PutRequest.Item
			if oneByOne {
				err = s.put(ctx, it, "cannot write the item")
			}
			if err != nil {
				failed[itemKey(it)] = err
			}
		}
	}
	return failed
}

func putRequest(it item) types.WriteRequest {
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: it}}
}

func deleteRequest(key item) types.WriteRequest {
	return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}}
}

// writeAll sends requests, none of which has another's key, until one cannot be done. To delete
// what is not there is no error.
func (s *Store) writeAll(ctx context.Context, requests []types.WriteRequest) error {
	for part := range slices.Chunk(requests, maxWrites) {
		if _, err := s.writeBatch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// writeBatch sends at most maxWrites requests, and those again that the table leaves undone. It
// returns those that were not done, and why.
func (s *Store) writeBatch(ctx context.Context, requests []types.WriteRequest) (left []types.WriteRequest, err error) {
	for attempt := 0; ; attempt++ {
		in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: requests}}
		out, err := s.db.BatchWriteItem(ctx, in)
		if err != nil {
			return requests, s.failure(err, "cannot write the items")
		}
		requests = out.UnprocessedItems[s.table]
		if len(requests) == 0 {
			return nil, nil
		}
		if err := s.pauseUndone(ctx, attempt, "writes"); err != nil {
			return requests, err
		}
	}
}

// pauseUndone waits before what the table left undone of a batch is tried again.
func (s *Store) pauseUndone(ctx context.Context, attempt int, what string) error {
	if attempt == retry.Attempts {
		return apperr.New(apperr.Throttled, "table "+s.table, "left "+what+" undone",
			"it is tried again; see the table's throttle metrics if this goes on")
	}
	if err := retry.Pause(ctx, attempt); err != nil {
		return apperr.Wrap(err, apperr.Unavailable, "table "+s.table, "left "+what+" undone when the time was up",
			"it is tried again")
	}
	return nil
}

// getAll reads the items of keys, consistently and in their order. Keys may be items or entries
// of an index, too. What is not there is left out, and what is named twice is there once.
func (s *Store) getAll(ctx context.Context, keys []item) ([]item, error) {
	at := make(map[string]int, len(keys))
	var distinct []item
	for _, k := range keys {
		if _, twice := at[itemKey(k)]; !twice {
			at[itemKey(k)] = len(at)
			distinct = append(distinct, keyOf(k))
		}
	}
	all := make([]item, len(distinct))
	for part := range slices.Chunk(distinct, maxGets) {
		items, err := s.getBatch(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			all[at[itemKey(it)]] = it
		}
	}
	return slices.DeleteFunc(all, func(it item) bool { return it == nil }), nil
}

// getBatch reads up to maxGets items, as often as the table asks for it.
func (s *Store) getBatch(ctx context.Context, keys []item) ([]item, error) {
	var items []item
	for attempt := 0; ; attempt++ {
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			return nil, s.failure(err, "cannot be read")
		}
		items = append(items, out.Responses[s.table]...)
		if keys = out.UnprocessedKeys[s.table].Keys; len(keys) == 0 {
			break
		}
		if err := s.pauseUndone(ctx, attempt, "reads"); err != nil {
			return nil, err
		}
	}
	return items, nil
}
