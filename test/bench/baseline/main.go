// Command baseline is the smallest Go function that stores events: it loads the AWS
// configuration, makes a DynamoDB client, and stores each payload with one PutItem. The
// functions are measured against it.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type function struct {
	db    *dynamodb.Client
	table string
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	lambda.StartWithOptions(&function{dynamodb.NewFromConfig(cfg), os.Getenv("TABLE")})
}

// Invoke puts the payload.
func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	sum := sha256.Sum256(payload)
	item := map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: hex.EncodeToString(sum[:])},
		"SK": &types.AttributeValueMemberS{Value: "event"},
		"d":  &types.AttributeValueMemberB{Value: payload},
	}
	_, err := f.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(f.table), Item: item})
	return nil, err
}
