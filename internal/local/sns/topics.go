// Package sns records what is published to the local topics and answers SNS
// clients. Nothing is delivered anywhere: people and tests read the record.
package sns

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

const (
	maxMessage = 256 << 10 // bytes
	maxSubject = 100       // characters
	maxKept    = 10_000    // messages on disk
	xmlns      = "http://sns.amazonaws.com/doc/2010-03-31/"
)

// APIVersion is SNS's version, by which its forms are told from those of other services.
const APIVersion = "2010-03-31"

// Message is one published message.
type Message struct {
	ID       string `json:"messageId"`
	TopicARN string `json:"topicArn"`
	Subject  string `json:"subject,omitempty"`
	// Body is what a subscriber without a body of its own gets.
	Body string `json:"message"`
	// Bodies holds the body for each protocol, the default included, of a
	// message that was published with the structure "json".
	Bodies      map[string]string `json:"bodies,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	PublishedAt time.Time         `json:"publishedAt"`
}

// Topic gives the topic's name.
func (m Message) Topic() string { return m.TopicARN[strings.LastIndex(m.TopicARN, ":")+1:] }

// Service answers the SNS operations that publish and that look at topics. Its
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

// NewService makes a Service for the topics with these ARNs. onPublish, when it
// is not nil, hears of every message after it was kept.
func NewService(onPublish func(Message), arns ...string) *Service {
	return &Service{arns: arns, onPublish: onPublish}
}

// Add adds topics. It is not for concurrent use.
func (s *Service) Add(arns ...string) {
	for _, arn := range arns {
		if !slices.Contains(s.arns, arn) {
			s.arns = append(s.arns, arn)
		}
	}
}

// ARNs returns the topics.
func (s *Service) ARNs() []string { return slices.Clone(s.arns) }

// Open goes on with the record of messages on disk, and keeps there what is published
// from then on: the last 10,000 messages. failed is called when the disk fails; the
// message is then in memory only. It is not for concurrent use. The error is of class
// Invalid for an entry that is no message.
func (s *Service) Open(disk *journal.Journal, entries []journal.Entry, failed func(error)) error {
	for _, e := range entries {
		var m Message
		if err := json.Unmarshal(e.Value, &m); err != nil {
			return apperr.Wrap(err, apperr.Invalid, "notification "+e.ID, "cannot be read from the disk",
				"delete its line from the file")
		}
		s.messages = append(s.messages, m)
	}
	s.disk, s.failed = disk, failed
	return nil
}

// record keeps a message, and drops the oldest ones from the disk when there are too many.
func (s *Service) record(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	err := s.disk.Put(m.ID, m)
	for len(s.messages)-s.dropped > maxKept {
		err = errors.Join(err, s.disk.Remove(s.messages[s.dropped].ID))
		s.dropped++
	}
	if err != nil && s.failed != nil {
		s.failed(err)
	}
}

// Messages gives what was published, in the order in which it was.
func (s *Service) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Count gives how many messages were published to the topic.
func (s *Service) Count(arn string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.messages {
		if m.TopicARN == arn {
			n++
		}
	}
	return n
}

// Handler answers requests of the SNS query protocol.
func (s *Service) Handler() http.Handler {
	service := &awsprotocol.QueryService{XMLNS: xmlns, Operations: map[string]awsprotocol.QueryOperation{
		"Publish":                   s.publish,
		"PublishBatch":              s.publishBatch,
		"ListTopics":                s.listTopics,
		"GetTopicAttributes":        s.getTopicAttributes,
		"ListSubscriptionsByTopic":  s.listSubscriptions,
		"GetSubscriptionAttributes": s.getSubscriptionAttributes,
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, awsprotocol.MaxBody))
		if err != nil {
			service.Refuse(w, awsprotocol.Errorf("InvalidParameter", "the request could not be read: %v", err))
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			service.Refuse(w, awsprotocol.Errorf("InvalidParameter", "the request is no form: %v", err))
			return
		}
		if version := form.Get("Version"); version != APIVersion {
			service.Refuse(w, awsprotocol.Errorf("InvalidAction", "%s is of version %q; SNS has version %s", form.Get("Action"),
				version, APIVersion))
			return
		}
		service.Answer(w, form)
	})
}

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

func (s *Service) publish(form url.Values) (any, error) {
	arn := form.Get("TopicArn")
	if arn == "" {
		arn = form.Get("TargetArn")
	}
	if arn == "" {
		return nil, invalid("TopicArn or TargetArn", "one of them is required; the local stack sends no text messages")
	}
	if err := s.known(arn); err != nil {
		return nil, err
	}
	m, err := message(arn, form)
	if err != nil {
		return nil, err
	}
	s.accept(m)
	return publishResult{m.ID}, nil
}

// message reads a message from the fields of a request, or of an entry of a batch.
func message(arn string, form url.Values) (m Message, err error) {
	m = Message{ID: awsprotocol.NewID(), TopicARN: arn, Subject: form.Get("Subject"), Body: form.Get("Message"),
		PublishedAt: time.Now().UTC()}
	if err := checkMessage(m.Body); err != nil {
		return m, err
	}
	if err := checkSubject(m.Subject, form.Has("Subject")); err != nil {
		return m, err
	}
	if m.Bodies, err = bodies(form.Get("MessageStructure"), m.Body); err != nil {
		return m, err
	}
	if m.Bodies != nil {
		m.Body = m.Bodies["default"]
	}
	m.Attributes, err = attributes(form)
	return m, err
}

// accept records a message and hands it to onPublish.
func (s *Service) accept(m Message) {
	s.record(m)
	if s.onPublish != nil {
		s.onPublish(m)
	}
}

func invalid(parameter, reason string) error {
	return awsprotocol.Errorf("InvalidParameter", "Invalid parameter: %s Reason: %s", parameter, reason)
}

func (s *Service) known(arn string) error {
	for _, known := range s.arns {
		if arn == known {
			return nil
		}
	}
	return notFound("the local stack has no topic %s; it has %s", arn, strings.Join(s.arns, " and "))
}

func notFound(format string, args ...any) error {
	e := awsprotocol.Errorf("NotFound", format, args...)
	e.Status = http.StatusNotFound
	return e
}

func checkMessage(message string) error {
	switch {
	case message == "":
		return invalid("Message", "it is empty")
	case len(message) > maxMessage:
		return invalid("Message", "it is longer than "+strconv.Itoa(maxMessage)+" bytes")
	case !utf8.ValidString(message):
		return invalid("Message", "it is not UTF-8")
	}
	return nil
}

// checkSubject holds a subject against what SNS documents: ASCII without control
// characters or line breaks, first a letter, digit or punctuation, at most 100.
func checkSubject(subject string, given bool) error {
	if !given {
		return nil
	}
	if subject == "" || len(subject) > maxSubject {
		return invalid("Subject", "it has "+strconv.Itoa(len(subject))+" characters and must have 1 to "+strconv.Itoa(maxSubject))
	}
	for i, r := range subject {
		if r < ' ' || r > '~' || i == 0 && r == ' ' {
			return invalid("Subject", "the character "+strconv.QuoteRune(r)+" at "+strconv.Itoa(i)+" may not stand there")
		}
	}
	return nil
}

type topicMember struct {
	TopicARN string `xml:"TopicArn"`
}

type listResult struct {
	Topics []topicMember `xml:"Topics>member"`
}

func (s *Service) listTopics(url.Values) (any, error) {
	var out listResult
	for _, arn := range s.arns {
		out.Topics = append(out.Topics, topicMember{arn})
	}
	return out, nil
}

type attributeEntry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type attributesResult struct {
	Attributes []attributeEntry `xml:"Attributes>entry"`
}

func (s *Service) getTopicAttributes(form url.Values) (any, error) {
	arn := form.Get("TopicArn")
	if err := s.known(arn); err != nil {
		return nil, err
	}
	return attributesResult{[]attributeEntry{
		{"TopicArn", arn}, {"Owner", account(arn)}, {"DisplayName", Message{TopicARN: arn}.Topic()},
		{"SubscriptionsConfirmed", strconv.Itoa(len(s.subscriptionsOf(arn)))},
		{"SubscriptionsPending", "0"}, {"SubscriptionsDeleted", "0"},
	}}, nil
}
