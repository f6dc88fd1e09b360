package dynalite

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

const createLimit = 10 * time.Second

// Client returns a DynamoDB client for the endpoint, with credentials that any stand-in
// accepts.
func Client(endpoint, region string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		HTTPClient:   &http.Client{},
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// EnsureTable creates the table when it is not there, and returns when it can be written
// to. The error is of class Conflict for a table of that name with other keys or indexes,
// which an earlier version left.
func EnsureTable(ctx context.Context, db *dynamodb.Client, name string, def dynamo.TableDefinition) error {
	_, err := db.CreateTable(ctx, input(name, def))
	var exists *types.ResourceInUseException
	where := "table " + name
	if err == nil {
		active := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, 100*time.Millisecond
		})
		if err := active.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, createLimit); err != nil {
			return apperr.Wrap(err, apperr.Unavailable, where, "was created but does not become active", "")
		}
		return nil
	}
	if !errors.As(err, &exists) {
		return apperr.Wrap(err, apperr.Unavailable, where, "cannot be created", "")
	}
	got, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return apperr.Wrap(err, apperr.Unavailable, where, "cannot be described", "")
	}
	if !maps.Equal(keysOf(got.Table), keysIn(def)) {
		return apperr.New(apperr.Conflict, where, "has other keys or indexes than this version needs",
			"start once without --keep, which begins with an empty table")
	}
	return nil
}

func input(name string, def dynamo.TableDefinition) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keys(def.PartitionKey, def.SortKey),
	}
	attributes := map[string]bool{}
	declare := func(names ...string) {
		for _, attribute := range names {
			if !attributes[attribute] {
				attributes[attribute] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions,
					types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: types.ScalarAttributeTypeS})
			}
		}
	}
	declare(def.PartitionKey, def.SortKey)
	for _, index := range def.Indexes {
		declare(index.PartitionKey, index.SortKey)
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  aws.String(index.Name),
			KeySchema:  keys(index.PartitionKey, index.SortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	return in
}

func keys(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// keysIn returns the partition key and the sort key of each index by its name, and of the
// table by the empty name.
func keysIn(def dynamo.TableDefinition) map[string][2]string {
	all := map[string][2]string{"": {def.PartitionKey, def.SortKey}}
	for _, index := range def.Indexes {
		all[index.Name] = [2]string{index.PartitionKey, index.SortKey}
	}
	return all
}

// keysOf is keysIn for a table that exists. DynamoDB lists the partition key first.
func keysOf(table *types.TableDescription) map[string][2]string {
	names := func(schema []types.KeySchemaElement) (names [2]string) {
		for i, key := range schema {
			names[i] = aws.ToString(key.AttributeName)
		}
		return names
	}
	all := map[string][2]string{"": names(table.KeySchema)}
	for _, index := range table.GlobalSecondaryIndexes {
		all[aws.ToString(index.IndexName)] = names(index.KeySchema)
	}
	return all
}
