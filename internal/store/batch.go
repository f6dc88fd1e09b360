package store

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/fault"
)

// maxPuts is how many items BatchWriteItem takes.
const maxPuts = 25

// putAll puts items, none of which has another's key, and gives the errors of
// those that were not put, by their keys.
func (s *Store) putAll(ctx context.Context, items []item) map[string]error {
	failed := map[string]error{}
	for part := range slices.Chunk(items, maxPuts) {
		left, err := s.putBatch(ctx, part)
		if fault.ClassOf(err) == fault.Invalid && len(part) > 1 {
			// The table refuses a batch for one item that it does not take.
			s.putSingly(ctx, left, failed)
			continue
		}
		for _, it := range left {
			failed[itemKey(it)] = err
		}
	}
	return failed
}

// putBatch puts up to maxPuts items, again and again while the table leaves
// some undone. It gives those that were not put, and why.
func (s *Store) putBatch(ctx context.Context, items []item) (left []item, err error) {
	for attempt := 0; ; attempt++ {
		requests := make([]types.WriteRequest, len(items))
		for i, it := range items {
			requests[i].PutRequest = &types.PutRequest{Item: it}
		}
		out, err := s.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: requests}})
		if err != nil {
			return items, s.failure(err, "cannot take the items")
		}
		undone := out.UnprocessedItems[s.table]
		if len(undone) == 0 {
			return nil, nil
		}
		items = make([]item, len(undone))
		for i, request := range undone {
			items[i] = request.PutRequest.Item
		}
		if attempt == mergeAttempts {
			return items, fault.New(fault.Throttled, "table "+s.table, "left writes undone", "it is tried again; see the table's throttle metrics if this goes on")
		}
		if err := pause(ctx, attempt); err != nil {
			return items, fault.Wrap(err, fault.Unavailable, "table "+s.table, "left writes undone when the time was up", "it is tried again")
		}
	}
}

func (s *Store) putSingly(ctx context.Context, items []item, failed map[string]error) {
	for _, it := range items {
		if _, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: it}); err != nil {
			failed[itemKey(it)] = s.failure(err, "cannot take the item")
		}
	}
}
