package dynalite

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// Client returns a DynamoDB client for the endpoint, with credentials that any stand-in
// accepts.
func Client(endpoint, region string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// EnsureTable creates the table when it is not there, and returns when it can be written
// to. The error is of class Conflict for a table of that name with other keys or indexes,
// which an earlier version left.
func EnsureTable(ctx context.Context, db *dynamodb.Client, name string, def dynamo.TableDefinition) error {
	where := "table " + name
	// The keys of the table are those of an index without a name.
	keys := append([]dynamo.IndexDefinition{{PartitionKey: def.PartitionKey, SortKey: def.SortKey}}, def.Indexes...)
	_, err := db.CreateTable(ctx, input(name, keys))
	if err == nil {
		active := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, 100*time.Millisecond
		})
		if err := active.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, createLimit); err != nil {
			return apperr.Wrap(err, apperr.Unavailable, where, "was created but does not become active", "")
		}
		return nil
	}
	if exists := (*types.ResourceInUseException)(nil); !errors.As(err, &exists) {
		return apperr.Wrap(err, apperr.Unavailable, where, "cannot be created", "")
	}
	got, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return apperr.Wrap(err, apperr.Unavailable, where, "cannot be described", "")
	}
	byName := func(a, b dynamo.IndexDefinition) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.Equal(slices.SortedFunc(slices.Values(keysOf(got.Table)), byName),
		slices.SortedFunc(slices.Values(keys), byName)) {
		return apperr.New(apperr.Conflict, where, "has other keys or indexes than this version needs",
			"start once without --keep, which begins with an empty table")
	}
	return nil
}

func input(name string, keys []dynamo.IndexDefinition) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
	declared := map[string]bool{}
	for _, index := range keys {
		for _, attribute := range []string{index.PartitionKey, index.SortKey} {
			if !declared[attribute] {
				declared[attribute] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions,
					types.AttributeDefinition{AttributeName: &attribute, AttributeType: types.ScalarAttributeTypeS})
			}
		}
		schema := []types.KeySchemaElement{
			{AttributeName: &index.PartitionKey, KeyType: types.KeyTypeHash},
			{AttributeName: &index.SortKey, KeyType: types.KeyTypeRange},
		}
		if index.Name == "" {
			in.KeySchema = schema
			continue
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &index.Name, KeySchema: schema,
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	return in
}

// keysOf returns the keys of a table and its indexes. DynamoDB lists the partition key first.
func keysOf(table *types.TableDescription) (keys []dynamo.IndexDefinition) {
	add := func(name string, schema []types.KeySchemaElement) {
		keys = append(keys, dynamo.IndexDefinition{Name: name, PartitionKey: aws.ToString(schema[0].AttributeName),
			SortKey: aws.ToString(schema[len(schema)-1].AttributeName)})
	}
	add("", table.KeySchema)
	for _, index := range table.GlobalSecondaryIndexes {
		add(aws.ToString(index.IndexName), index.KeySchema)
	}
	return keys
}
