package faultinject

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Topic stores what is published. Its methods may be called from any goroutine.
type Topic struct {
	mu        sync.Mutex
	published []Message
}

// Message is one message on a topic.
type Message struct {
	// ID is the message attribute id.
	ID, Subject, Body string
}

// Published returns all messages in the order in which they were published.
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

// Publisher is a notify.SNS: a client of a topic that goes through an injector.
type Publisher struct {
	Injector *Injector
	To       *Topic
}

// Publish stores the message.
func (p Publisher) Publish(
	_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options),
) (*sns.PublishOutput, error) {
	return &sns.PublishOutput{}, p.Injector.Do("Publish", topicRefusal, func() error {
		p.To.mu.Lock()
		defer p.To.mu.Unlock()
		p.To.published = append(p.To.published, Message{
			ID:      aws.ToString(in.MessageAttributes["id"].StringValue),
			Subject: aws.ToString(in.Subject), Body: aws.ToString(in.Message),
		})
		return nil
	})
}
