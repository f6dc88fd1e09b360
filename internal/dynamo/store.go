package dynamo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Client is what Store needs of *dynamodb.Client. It leaves out all that the
// local table does not know: transactions, and the return of values on a
// failed condition.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
}

// Options of a Store; the zero value is good.
type Options struct {
	// Retention is how long after an event its items may be deleted; zero means
	// they are kept for ever.
	Retention time.Duration
	// Now returns the time, for leases, and to know what is in the future; time.Now when
	// nil.
	Now func() time.Time
}

// What the table stores of pipelines.
type (
	Query        = pipeline.Query
	Page         = pipeline.Page
	Record       = pipeline.Record
	OpenPipeline = pipeline.OpenPipeline
)

// Store reads and writes the table. It holds no state of its own, so any number
// of goroutines and processes may use the same table at once.
type Store struct {
	db        Client
	table     string
	retention time.Duration
	now       func() time.Time
}

// New makes a Store on a table of the form that Definition describes.
func New(db Client, table string, opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{db: db, table: table, retention: opts.Retention, now: opts.Now}
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textIn(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func key(pk, sk string) item { return item{attrPK: text(pk), attrSK: text(sk)} }

func isConditionFailure(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

func (s *Store) get(ctx context.Context, pk, sk string) (item, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: key(pk, sk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, s.failure(err, "cannot be read")
	}
	return out.Item, nil
}

// queryAll reads, consistently, every item of a partition whose sort key begins
// with prefix; an empty prefix means every item.
func (s *Store) queryAll(ctx context.Context, pk, prefix string) ([]item, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(attrPK + " = :p"),
		ExpressionAttributeValues: item{":p": text(pk)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String(attrPK + " = :p AND begins_with(" + attrSK + ", :s)")
		in.ExpressionAttributeValues[":s"] = text(prefix)
	}
	var all []item
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, s.failure(err, "cannot be queried")
		}
		all = append(all, out.Items...)
		if len(out.LastEvaluatedKey) == 0 {
			return all, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// failure gives err its class and says what can be done.
func (s *Store) failure(err error, what string) error {
	class, fix := apperr.Internal, ""
	var api smithy.APIError
	var response *awshttp.ResponseError
	switch {
	case errors.As(err, &api) && strings.Contains(api.ErrorCode(), "AccessDenied"):
		fix = "grant the role that action on this table"
	case errors.As(err, &api) && api.ErrorCode() == "ResourceNotFoundException":
		class, fix = apperr.NotFound, "check the table's name, the Region and the endpoint"
	case errors.As(err, &api) && isThrottle(api.ErrorCode()):
		class, fix = apperr.Throttled, "it is tried again; see the table's throttle metrics if this goes on"
	case errors.As(err, &api) && api.ErrorCode() == "ValidationException":
		class = apperr.Invalid
	case isConditionFailure(err):
		class = apperr.Conflict
	case errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError,
		!errors.As(err, &api):
		class, fix = apperr.Unavailable, "it is tried again"
	}
	return apperr.Wrap(err, class, "table "+s.table, what, fix)
}

func isThrottle(code string) bool {
	switch code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "Throttling":
		return true
	}
	return false
}
