package faultinject

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// Table is a dynamo.Client whose calls go over a line.
type Table struct {
	Line *Line
	DB   *dynamodb.Client
}

var _ dynamo.Client = Table{}

func over[In, Out any](ctx context.Context, t Table, name string, in In, opts []func(*dynamodb.Options),
	call func(context.Context, In, ...func(*dynamodb.Options)) (Out, error)) (out Out, err error) {
	err = t.Line.Do(name, tableRefusal, func() (err error) {
		out, err = call(ctx, in, opts...)
		return err
	})
	return out, err
}

// GetItem is that of *dynamodb.Client.
func (t Table) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return over(ctx, t, "GetItem", in, opts, t.DB.GetItem)
}

// PutItem is that of *dynamodb.Client.
func (t Table) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return over(ctx, t, "PutItem", in, opts, t.DB.PutItem)
}

// UpdateItem is that of *dynamodb.Client.
func (t Table) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return over(ctx, t, "UpdateItem", in, opts, t.DB.UpdateItem)
}

// Query is that of *dynamodb.Client.
func (t Table) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return over(ctx, t, "Query", in, opts, t.DB.Query)
}

// BatchGetItem is that of *dynamodb.Client.
func (t Table) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return over(ctx, t, "BatchGetItem", in, opts, t.DB.BatchGetItem)
}

// BatchWriteItem is that of *dynamodb.Client.
func (t Table) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	return over(ctx, t, "BatchWriteItem", in, opts, t.DB.BatchWriteItem)
}

// Topic keeps what is published. Its methods may be called from any goroutine.
type Topic struct {
	mu        sync.Mutex
	published []Message
}

// Message is one that was published.
type Message struct {
	// ID is the attribute of that name.
	ID, Subject, Body string
}

// Published returns all messages in the order in which they came.
func (t *Topic) Published() []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Message(nil), t.published...)
}

// Times counts the messages by their id.
func (t *Topic) Times() map[string]int {
	times := map[string]int{}
	for _, m := range t.Published() {
		times[m.ID]++
	}
	return times
}

func (t *Topic) publish(in *sns.PublishInput) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.published = append(t.published, Message{ID: aws.ToString(in.MessageAttributes["id"].StringValue), Subject: aws.ToString(in.Subject), Body: aws.ToString(in.Message)})
}

// Publisher is a topic.Client whose calls go over a line.
type Publisher struct {
	Line *Line
	To   *Topic
}

// Publish keeps the message.
func (p Publisher) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	err := p.Line.Do("Publish", topicRefusal, func() error {
		p.To.publish(in)
		return nil
	})
	return &sns.PublishOutput{}, err
}
