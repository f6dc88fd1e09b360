package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/sns"
)

// Endpoint is the address for AWS clients, without a slash at the end.
func (s *Stack) Endpoint() string { return "http://" + s.listener.Addr().String() }

// DynamoDB returns a client for the stack's table.
func (s *Stack) DynamoDB() *dynamodb.Client { return dynalite.Client(s.Endpoint(), Region) }

// Put puts whole events, envelope included, on the bus, as Amazon Chime does. It returns
// when each is queued for the functions of the rules that match. The error is of class
// Invalid where some are not events; the others are put.
func (s *Stack) Put(events ...[]byte) error {
	var errs []error
	for _, event := range events {
		errs = append(errs, s.bus.Put(event))
	}
	return errors.Join(errs...)
}

// Invoke invokes a function once with the payload as it is, and returns its reply.
// A failure of the function is a *host.FunctionError.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return s.host.Invoke(ctx, function, payload)
}

// InvokeAsync queues a payload for a function as an event source does: with retries, and
// with a record in the function queue when it fails for good.
func (s *Stack) InvokeAsync(function string, payload []byte) error {
	return s.host.Enqueue(function, payload)
}

// Drain waits until nothing is pending: every event that was put has been handled or has
// become a dead letter. When ctx ends before, the error is of class Unavailable.
func (s *Stack) Drain(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Pending() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Unavailable, "local stack",
				fmt.Sprintf("%d invocations are not done", s.Pending()), "")
		}
	}
	return nil
}

// Pending returns how many invocations are not done: running, queued, waiting for a
// retry, or in the queue and the stream of voice notifications.
func (s *Stack) Pending() int {
	return len(s.queue[VoiceQueue].Messages()) + s.stream.Backlog() + s.host.Pending()
}

// Notifications returns what was published for people, oldest first.
func (s *Stack) Notifications() []sns.Message {
	return slices.DeleteFunc(s.topics.Messages(), func(m sns.Message) bool { return m.TopicARN == VoiceTopicARN })
}

// Topics returns the ARNs of the topics for people.
func (s *Stack) Topics() []string {
	return slices.DeleteFunc(s.topics.ARNs(), func(arn string) bool { return arn == VoiceTopicARN })
}

// Voice returns the stand-in for the voice API.
func (s *Stack) Voice() *chimesdk.Voice { return s.voice }

// SendVoice sends a voice notification to the queue for them.
func (s *Stack) SendVoice(notification []byte) { s.queue[VoiceQueue].Send(string(notification), nil) }

// LogTail returns the last lines that a function wrote.
func (s *Stack) LogTail(function string) string { return s.host.LogTail(function) }

// DeadLetter is a message in one of the dead-letter queues.
type DeadLetter struct {
	Queue string    `json:"queue"`
	ID    string    `json:"messageId"`
	Sent  time.Time `json:"sentAt"`
	// Attributes are the reason, in the rule queue.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Body is the record of a failed invocation in the function queue, and the event or
	// notification in the others.
	Body string `json:"body"`
}

// DeadLetters returns the messages in the dead-letter queues, oldest first. They stay there.
func (s *Stack) DeadLetters() []DeadLetter {
	letters := []DeadLetter{}
	for _, name := range deadLetterQueues {
		for _, m := range s.queue[name].Messages() {
			letter := DeadLetter{Queue: name, ID: m.ID, Sent: m.SentAt.UTC(), Body: m.Body}
			for name, attribute := range m.Attributes {
				if letter.Attributes == nil {
					letter.Attributes = map[string]string{}
				}
				letter.Attributes[name] = attribute.StringValue
			}
			letters = append(letters, letter)
		}
	}
	slices.SortStableFunc(letters, func(a, b DeadLetter) int { return a.Sent.Compare(b.Sent) })
	return letters
}
