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
	maxPuts = 25
	maxGets = 100
)

// putAll writes items, none of which has another's key, and returns the errors of those that
// were not written, by their keys.
func (s *Store) putAll(ctx context.Context, items []item) map[string]error {
	failed := map[string]error{}
	for part := range slices.Chunk(items, maxPuts) {
		left, err := s.putBatch(ctx, part)
		if apperr.ClassOf(err) == apperr.Invalid && len(part) > 1 {
			// The table refuses a batch for one invalid item.
			s.putSingly(ctx, left, failed)
			continue
		}
		for _, it := range left {
			failed[itemKey(it)] = err
		}
	}
	return failed
}

// putBatch writes at most maxPuts items, and those again that the table leaves undone. It returns
// those that were not written, and why.
func (s *Store) putBatch(ctx context.Context, items []item) (left []item, err error) {
	requests := make([]types.WriteRequest, len(items))
	for i, it := range items {
		requests[i].PutRequest = &types.PutRequest{Item: it}
	}
	undone, err := s.writeBatch(ctx, requests)
	for _, request := range undone {
		left = append(left, request.PutRequest.Item)
	}
	return left, err
}

// deleteAll deletes the items of keys, none of which is there twice. An item that is not there
// is no error. After an error any of them may still be there.
func (s *Store) deleteAll(ctx context.Context, keys []item) error {
	for part := range slices.Chunk(keys, maxPuts) {
		requests := make([]types.WriteRequest, len(part))
		for i, k := range part {
			requests[i].DeleteRequest = &types.DeleteRequest{Key: k}
		}
		if _, err := s.writeBatch(ctx, requests); err != nil {
			return err
		}
	}
	return nil
}

// writeBatch sends at most maxPuts requests, and those again that the table leaves undone. It
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
		if attempt == retry.Attempts {
			return requests, apperr.New(apperr.Throttled, "table "+s.table, "left writes undone",
				"it is tried again; see the table's throttle metrics if this goes on")
		}
		if err := retry.Pause(ctx, attempt); err != nil {
			return requests, apperr.Wrap(err, apperr.Unavailable, "table "+s.table, "left writes undone when the time was up",
				"it is tried again")
		}
	}
}

func (s *Store) putSingly(ctx context.Context, items []item, failed map[string]error) {
	for _, it := range items {
		if err := s.put(ctx, it, "cannot write the item"); err != nil {
			failed[itemKey(it)] = err
		}
	}
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
	for attempt := 0; len(keys) > 0; attempt++ {
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			return nil, s.failure(err, "cannot be read")
		}
		items = append(items, out.Responses[s.table]...)
		keys = out.UnprocessedKeys[s.table].Keys
		if len(keys) > 0 {
			if attempt == retry.Attempts {
				return nil, apperr.New(apperr.Throttled, "table "+s.table, "left reads undone", "try again later")
			}
			if err := retry.Pause(ctx, attempt); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}
