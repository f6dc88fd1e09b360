package dynamo

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// Client is what Store needs of *dynamodb.Client. It has nothing that the local table does not
// have: neither transactions, nor values that are returned when a condition does not hold.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (
		*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (
		*dynamodb.BatchWriteItemOutput, error)
}

// Options of a Store. The zero value stores for ever, by the clock of the machine.
type Options struct {
	// Retention is how long after an event its items are kept; zero means for ever.
	Retention time.Duration
	// Now returns the time, by which leases end and events are in the future; nil means time.Now.
	Now func() time.Time
}

// Store reads and writes the table. It has no state of its own, so any number
// of goroutines and processes may use the same table at once.
type Store struct {
	db        Client
	table     string
	retention time.Duration
	now       func() time.Time
}

// New returns a Store on a table that is as Definition describes it.
func New(db Client, table string, opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{db: db, table: table, retention: opts.Retention, now: opts.Now}
}

// get reads an item, with a consistent read; it is empty when there is none.
func (s *Store) get(ctx context.Context, k item) (item, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: k, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, s.failure(err, "cannot be read")
	}
	return out.Item, nil
}

// put writes an item; what says, in errors, what failed.
func (s *Store) put(ctx context.Context, it item, what string) error {
	return s.putIf(ctx, it, &update{}, what)
}

// putIfAbsent writes an item, on condition that there is none with its key.
func (s *Store) putIfAbsent(ctx context.Context, it item, what string) error {
	up := &update{}
	up.absent(attrPK)
	return s.putIf(ctx, it, up, what)
}

// putIf writes an item in the place of one for which the conditions of up hold.
func (s *Store) putIf(ctx context.Context, it item, up *update, what string) error {
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: it, ConditionExpression: up.condition(),
		ExpressionAttributeNames: up.names, ExpressionAttributeValues: up.values,
	})
	if err != nil {
		return s.failure(err, what)
	}
	return nil
}

// updateIf changes an item, or makes it, where the conditions of up hold.
func (s *Store) updateIf(ctx context.Context, k item, up *update, what string) error {
	_, err := s.updateReturning(ctx, k, up, "", what)
	return err
}

// updateReturning is updateIf, and returns the attributes that returns asks for.
func (s *Store) updateReturning(ctx context.Context, k item, up *update, returns types.ReturnValue, what string) (
	item, error,
) {
	in := up.input(s.table, k)
	in.ReturnValues = returns
	out, err := s.db.UpdateItem(ctx, in)
	if err != nil {
		return nil, s.failure(err, what)
	}
	return out.Attributes, nil
}

// query says what page reads: items of one partition in the order of their sort keys.
type query struct {
	index IndexDefinition // whose partition it is; the zero index is the table, read consistently
	pk    string
	// prefix is what sort keys begin with; from and to bound them, where to is not empty.
	prefix, from, to string
	newestFirst      bool
	limit            int
	after            item // what page returned as next; nil for the first page
}

// page reads one page; next is empty when it was the last.
func (s *Store) page(ctx context.Context, q query) (items []item, next item, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ExclusiveStartKey: q.after, ScanIndexForward: aws.Bool(!q.newestFirst),
		ExpressionAttributeValues: item{":p": text(q.pk)},
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(q.limit))
	}
	pk, sk := attrPK, attrSK
	if q.index.Name == "" {
		in.ConsistentRead = aws.Bool(true)
	} else {
		in.IndexName, pk, sk = &q.index.Name, q.index.PartitionKey, q.index.SortKey
	}
	condition := pk + " = :p"
	switch {
	case q.prefix != "":
		condition += " AND begins_with(" + sk + ", :s)"
		in.ExpressionAttributeValues[":s"] = text(q.prefix)
	case q.to != "":
		condition += " AND " + sk + " BETWEEN :f AND :t"
		in.ExpressionAttributeValues[":f"], in.ExpressionAttributeValues[":t"] = text(q.from), text(q.to)
	}
	in.KeyConditionExpression = &condition
	out, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, nil, s.failure(err, "cannot be listed")
	}
	return out.Items, out.LastEvaluatedKey, nil
}

// pages reads page after page; it ends with the first error.
func (s *Store) pages(ctx context.Context, q query) iter.Seq2[[]item, error] {
	return func(yield func([]item, error) bool) {
		for {
			items, next, err := s.page(ctx, q)
			if !yield(items, err) || err != nil || len(next) == 0 {
				return
			}
			q.after = next
		}
	}
}

// all reads all pages.
func (s *Store) all(ctx context.Context, q query) (all []item, err error) {
	for items, err := range s.pages(ctx, q) {
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// queryAll reads, consistently, every item of a partition whose sort key begins
// with prefix; an empty prefix means every item.
func (s *Store) queryAll(ctx context.Context, pk, prefix string) ([]item, error) {
	return s.all(ctx, query{pk: pk, prefix: prefix})
}

// queryCall is queryAll for the partitions of a call, its transaction's first.
func (s *Store) queryCall(ctx context.Context, c chime.CallFields, prefix string) (all []item, err error) {
	for _, pk := range callPartitions(c) {
		items, err := s.queryAll(ctx, pk, prefix)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// failure returns the error of a request: retry.ErrChanged where a condition did not hold, else
// err with its class and what can be done.
func (s *Store) failure(err error, what string) error {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return retry.ErrChanged
	}
	class, fix := apperr.Unavailable, "it is tried again"
	var api smithy.APIError
	var response *awshttp.ResponseError
	if errors.As(err, &api) {
		_, throttled := awsretry.DefaultThrottleErrorCodes[api.ErrorCode()]
		switch {
		case strings.Contains(api.ErrorCode(), "AccessDenied"):
			class, fix = apperr.Internal, "grant the role that action on this table"
		case api.ErrorCode() == "ResourceNotFoundException":
			class, fix = apperr.NotFound, "check the table's name, the Region and the endpoint"
		case throttled:
			class, fix = apperr.Throttled, "it is tried again; see the table's throttle metrics if this goes on"
		case api.ErrorCode() == "ValidationException":
			class, fix = apperr.Invalid, ""
		case !errors.As(err, &response) || response.HTTPStatusCode() < http.StatusInternalServerError:
			class, fix = apperr.Internal, ""
		}
	}
	return apperr.Wrap(err, class, "table "+s.table, what, fix)
}
