// Command notary is a function for tests. It puts the id of every event into
// the table and publishes it, through the endpoint that its environment names,
// and fails an event whose detail says so.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

type event struct {
	ID     string          `json:"id"`
	Detail json.RawMessage `json:"detail"`
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	table, topic := dynamodb.NewFromConfig(cfg), sns.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context, e event) error {
		if string(e.Detail) == `{"fail":true}` {
			return errors.New("told to fail")
		}
		id := &types.AttributeValueMemberS{Value: e.ID}
		_, err := table.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: aws.String(os.Getenv("CHIMEWATCH_TABLE")),
			Item:      map[string]types.AttributeValue{"PK": id, "SK": id},
		})
		if err != nil {
			return err
		}
		_, err = topic.Publish(ctx, &sns.PublishInput{
			TopicArn: aws.String(os.Getenv("CHIMEWATCH_FAILURE_TOPIC_ARN")),
			Subject:  aws.String("Noted"), Message: aws.String(e.ID),
		})
		return err
	})
}
