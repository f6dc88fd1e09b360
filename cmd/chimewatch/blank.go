package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// blank is a table that is empty, accepts all writes, and keeps nothing. It implements
// store.Client. What DynamoDB would refuse, the store refuses before.
type blank struct{}

// options are those of a request, which are not looked at.
type options = func(*dynamodb.Options)

func (blank) GetItem(
	context.Context, *dynamodb.GetItemInput, ...options,
) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, nil
}

func (blank) PutItem(
	context.Context, *dynamodb.PutItemInput, ...options,
) (*dynamodb.PutItemOutput, error) {
	return &dynamodb.PutItemOutput{}, nil
}

func (blank) UpdateItem(
	context.Context, *dynamodb.UpdateItemInput, ...options,
) (*dynamodb.UpdateItemOutput, error) {
	return &dynamodb.UpdateItemOutput{}, nil
}

func (blank) Query(
	context.Context, *dynamodb.QueryInput, ...options,
) (*dynamodb.QueryOutput, error) {
	return &dynamodb.QueryOutput{}, nil
}

func (blank) BatchGetItem(
	context.Context, *dynamodb.BatchGetItemInput, ...options,
) (*dynamodb.BatchGetItemOutput, error) {
	return &dynamodb.BatchGetItemOutput{}, nil
}

func (blank) BatchWriteItem(
	context.Context, *dynamodb.BatchWriteItemInput, ...options,
) (*dynamodb.BatchWriteItemOutput, error) {
	return &dynamodb.BatchWriteItemOutput{}, nil
}
