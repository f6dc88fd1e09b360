package notify

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
)

// SNS is what Topic needs of *sns.Client.
type SNS interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Topic is one SNS topic; it is safe for concurrent use.
type Topic struct {
	client SNS
	arn    string
}

// NewTopic returns the topic of an ARN.
func NewTopic(client SNS, arn string) *Topic { return &Topic{client: client, arn: arn} }

// Publish sends the message in all its renderings, with its id as the attribute "id".
// An error of class Unavailable means that it may not have been sent.
func (t *Topic) Publish(ctx context.Context, m Message) error {
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	attributes := map[string]types.MessageAttributeValue{"id": text(m.ID)}
	for name, value := range m.Attributes {
		attributes[name] = text(value)
	}
	_, err := t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: &m.Subject, MessageAttributes: attributes,
		Message: aws.String(m.Structure()), MessageStructure: aws.String("json"),
	})
	if err != nil {
		return apperr.Wrap(err, apperr.Unavailable, "topic "+t.arn, "cannot be published to",
			"check that the topic exists and that the role may publish to it and use its key")
	}
	return nil
}
