package dynalite

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

const createLimit = 10 * time.Second

// Client gives a DynamoDB client for the endpoint, with the made-up credentials
// that the local stack takes.
func Client(endpoint, region string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		HTTPClient:   &http.Client{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

// EnsureTable creates the table when it is not there, and returns when it can be
// written to. A table of that name with other keys or indexes, left by an
// earlier version, is a Conflict.
func EnsureTable(ctx context.Context, db *dynamodb.Client, name string, def dynamo.TableDefinition) error {
	want := input(name, def)
	_, err := db.CreateTable(ctx, want)
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
	if !sameKeys(got.Table, want) {
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

func sameKeys(got *types.TableDescription, want *dynamodb.CreateTableInput) bool {
	if !sameSchema(got.KeySchema, want.KeySchema) || len(got.GlobalSecondaryIndexes) != len(want.GlobalSecondaryIndexes) {
		return false
	}
	indexes := map[string][]types.KeySchemaElement{}
	for _, index := range got.GlobalSecondaryIndexes {
		indexes[aws.ToString(index.IndexName)] = index.KeySchema
	}
	for _, index := range want.GlobalSecondaryIndexes {
		if !sameSchema(indexes[aws.ToString(index.IndexName)], index.KeySchema) {
			return false
		}
	}
	return true
}

// sameSchema compares key by key: DynamoDB gives the partition key first.
func sameSchema(a, b []types.KeySchemaElement) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if aws.ToString(a[i].AttributeName) != aws.ToString(b[i].AttributeName) || a[i].KeyType != b[i].KeyType {
			return false
		}
	}
	return true
}
