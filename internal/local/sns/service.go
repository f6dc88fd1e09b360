// Package sns stands in for SNS: it records what is published to the local topics and
// answers SNS clients. Nothing is delivered; people and tests read the record.
package sns

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// maxOnDisk is how many messages stay on disk.
const maxOnDisk = 10_000

// Message is one published message.
type Message struct {
	ID       string `json:"messageId"`
	TopicARN string `json:"topicArn"`
	Subject  string `json:"subject,omitempty"`
	// Body is what a subscriber receives for whose protocol there is no body in Bodies.
	Body string `json:"message"`
	// Bodies holds the body for each protocol, the default included, of a
	// message that was published with the structure "json".
	Bodies      map[string]string `json:"bodies,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	PublishedAt time.Time         `json:"publishedAt"`
}

// Topic returns the topic's name.
func (m Message) Topic() string { return m.TopicARN[strings.LastIndex(m.TopicARN, ":")+1:] }

// Service answers the SNS operations that publish and that read subscriptions. Its
// methods may be called from any goroutine.
type Service struct {
	arns      []string
	onPublish func(Message)
	disk      *journal.Journal
	failed    func(error)

	mu          sync.Mutex
	messages    []Message
	dropped     int // how many of them are not on disk any more
	subscribers []subscription
}

// NewService makes a Service for the topics with these ARNs. onPublish is called with
// each message after it was recorded.
func NewService(onPublish func(Message), arns ...string) *Service {
	s := &Service{onPublish: onPublish}
	for _, arn := range arns {
		if !slices.Contains(s.arns, arn) {
			s.arns = append(s.arns, arn)
		}
	}
	return s
}

// ARNs returns the topics.
func (s *Service) ARNs() []string { return slices.Clone(s.arns) }

// Open reads the messages on disk, and stores there what is published from then on: the
// last 10,000 messages. failed is called when the disk fails; the message is then in
// memory only. It is not for concurrent use. The error is of class Invalid for an entry
// that is not a message.
func (s *Service) Open(disk *journal.Journal, entries []journal.Entry, failed func(error)) (err error) {
	s.disk, s.failed = disk, failed
	s.messages, err = journal.Decode[Message](entries, "notification")
	return err
}

// record stores a message, and removes the oldest ones from the disk when there are too
// many.
func (s *Service) record(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	err := s.disk.Put(m.ID, m)
	for len(s.messages)-s.dropped > maxOnDisk {
		err = errors.Join(err, s.disk.Remove(s.messages[s.dropped].ID))
		s.dropped++
	}
	if err != nil {
		s.failed(err)
	}
}

// Messages returns what was published, oldest first.
func (s *Service) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message{}, s.messages...)
}

// Handler answers requests of the SNS query protocol.
func (s *Service) Handler() *awsprotocol.Service {
	return &awsprotocol.Service{Name: "SNS", Version: "2010-03-31", Host: "sns.amazonaws.com",
		Operations: map[string]awsprotocol.Operation{
			"Publish":                   awsprotocol.Op(s.publish),
			"ListSubscriptionsByTopic":  awsprotocol.Op(s.listSubscriptions),
			"GetSubscriptionAttributes": awsprotocol.Op(s.getSubscriptionAttributes),
		}}
}

func (s *Service) checkTopic(arn string) error {
	if slices.Contains(s.arns, arn) {
		return nil
	}
	return notFound("the local stack has no topic %s; it has %s", arn, strings.Join(s.arns, " and "))
}

func notFound(format string, args ...any) error {
	e := awsprotocol.Errorf("NotFound", format, args...)
	e.Status = http.StatusNotFound
	return e
}
