package local

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Endpoint is the address for AWS clients, without a slash at the end.
func (s *Stack) Endpoint() string { return "http://" + s.listener.Addr().String() }

// DynamoDB gives a client on the stack's table.
func (s *Stack) DynamoDB() *dynamodb.Client { return dynalite.Client(s.Endpoint(), Region) }

// Put puts whole events, envelope included, on the bus, as Amazon Chime does by
// itself. It returns when each is queued for the functions it goes to. An event
// that is none gives an error of class Invalid, and the others are put.
func (s *Stack) Put(events ...[]byte) error {
	var errs []error
	for _, event := range events {
		errs = append(errs, s.bus.Put(event))
	}
	return errors.Join(errs...)
}

// Invoke invokes a function once with the payload as it is, and gives its reply.
// A failure of the function is a *host.FunctionError.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return s.host.Invoke(ctx, function, payload)
}

// InvokeAsync queues a payload for a function as an event source does: with
// retries, and with a record in the function queue when it is given up.
func (s *Stack) InvokeAsync(function string, payload []byte) error {
	return s.host.Enqueue(function, payload)
}

// Drain waits until every event that was put has been handled or has become a
// dead letter.
func (s *Stack) Drain(ctx context.Context) error {
	if err := s.drainVoice(ctx); err != nil {
		return err
	}
	return s.host.Drain(ctx)
}

// Pending gives how many invocations are not done, those that wait for a retry
// or in the queue and stream of voice notifications included.
func (s *Stack) Pending() int { return s.host.Pending() + s.sources.backlog() }

// Notifications gives what was published for people, oldest first.
func (s *Stack) Notifications() []sns.Message {
	return slices.DeleteFunc(s.topics.Messages(), func(m sns.Message) bool { return m.TopicARN == VoiceTopicARN })
}

// Topics returns the ARNs of the topics whose messages people get.
func (s *Stack) Topics() []string {
	return slices.DeleteFunc(s.topics.ARNs(), func(arn string) bool { return arn == VoiceTopicARN })
}

// Voice is the stand-in for the voice API, to be told of calls that ended.
func (s *Stack) Voice() *chimesdk.Voice { return s.voice }

// SendVoice puts a voice-analytics notification into the queue for them.
func (s *Stack) SendVoice(notification []byte) { s.sources.queue.Send(string(notification), nil) }

// LogTail gives the last lines that a function wrote.
func (s *Stack) LogTail(function string) string { return s.host.LogTail(function) }

// DeadLetter is a message in one of the dead-letter queues.
type DeadLetter struct {
	Queue string    `json:"queue"`
	ID    string    `json:"messageId"`
	Sent  time.Time `json:"sentAt"`
	// Attributes tell why, in the rule queue.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Body is the record of a given-up invocation in the function queue, and the
	// event or notification in the others.
	Body string `json:"body"`
}

// DeadLetters returns what lies in the dead-letter queues, oldest first. It stays there.
func (s *Stack) DeadLetters() []DeadLetter {
	return deadLettersOf(s.functionQueue, s.ruleQueue, s.sources.dead)
}

func deadLettersOf(from ...*sqs.Queue) []DeadLetter {
	letters := []DeadLetter{}
	for _, q := range from {
		for _, m := range q.Messages() {
			letter := DeadLetter{Queue: q.Name(), ID: m.ID, Sent: m.SentAt.UTC(), Body: m.Body}
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
