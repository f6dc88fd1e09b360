// Package topic publishes messages to an SNS topic.
package topic

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// Client is what Topic needs of *sns.Client.
type Client interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Topic is one SNS topic; it is safe for concurrent use.
type Topic struct {
	client Client
	arn    string
}

// New makes a Topic.
func New(client Client, arn string) *Topic { return &Topic{client: client, arn: arn} }

// Publish sends the message in all its renderings, with its id as the attribute "id". An error of
// class Unavailable means that it may not have been sent.
func (t *Topic) Publish(ctx context.Context, m notify.Message) error {
	attributes := map[string]types.MessageAttributeValue{"id": {DataType: aws.String("String"), StringValue: aws.String(m.ID)}}
	for name, value := range m.Attributes {
		attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	_, err := t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.arn, Subject: &m.Subject, Message: aws.String(m.Structure()), MessageStructure: aws.String("json"), MessageAttributes: attributes})
	if err != nil {
		return apperr.Wrap(err, apperr.Unavailable, "topic "+t.arn, "cannot be published to", "check that the topic exists and that the role may publish to it and use its key")
	}
	return nil
}
