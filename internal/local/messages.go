package local

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// deadLetterQueues are the queues for what could not be handled.
var deadLetterQueues = []string{FunctionQueue, RuleQueue, VoiceDeadLetters}

// queueFile returns the file of a queue, below the folder messagesFolder.
func queueFile(name string) string { return "queue-" + name + ".jsonl" }

// openMessages opens the queues, the stream and the record of notifications of the last
// run, or empty ones.
func (s *Stack) openMessages() error {
	open := func(file string, read func(*journal.Journal, []journal.Entry) error) error {
		j, entries, err := journal.Open(filepath.Join(s.folder.path(messagesFolder), file))
		if err != nil {
			return err
		}
		s.onClose(j.Close)
		return read(j, entries)
	}
	var queues []*sqs.Queue
	for _, name := range append([]string{VoiceQueue}, deadLetterQueues...) {
		err := open(queueFile(name), func(j *journal.Journal, entries []journal.Entry) (err error) {
			s.queue[name], err = sqs.Open(name, j, entries, s.fail)
			return err
		})
		if err != nil {
			return err
		}
		queues = append(queues, s.queue[name])
	}
	s.queues = sqs.NewService(Account, Region, queues...)
	return errors.Join(
		open("stream-"+VoiceStream+".jsonl", func(j *journal.Journal, entries []journal.Entry) error {
			return s.stream.Open(j, entries, s.fail)
		}),
		open("notifications.jsonl", func(j *journal.Journal, entries []journal.Entry) error {
			return s.topics.Open(j, entries, s.fail)
		}))
}

// keepFailure is the OnFailure destination of every function.
func (s *Stack) keepFailure(r lambdahost.Record) {
	body, err := awsprotocol.EncodeJSON(r) // unlike json.Marshal, it leaves the bytes of the event as they are
	if err != nil {                        // not expected; the event must not be lost
		slog.Error("record of a failed invocation", "error", err)
		body = r.RequestPayload
	}
	s.queue[FunctionQueue].Send(string(body), nil)
}

// keepUndeliverable is the dead-letter queue of every rule's target.
func (s *Stack) keepUndeliverable(d eventbridge.DeadLetter) {
	text := func(value string) sqs.Attribute { return sqs.Attribute{DataType: "String", StringValue: value} }
	attributes := map[string]sqs.Attribute{
		"RULE_ARN": text(d.RuleARN), "TARGET_ARN": text(d.TargetARN),
		"ERROR_CODE": text(d.ErrorCode), "ERROR_MESSAGE": text(d.ErrorDetail),
	}
	s.queue[RuleQueue].Send(string(d.Event), attributes)
}

// Notifications returns what was published for people, oldest first.
func (s *Stack) Notifications() []sns.Message {
	return slices.DeleteFunc(s.topics.Messages(), func(m sns.Message) bool { return m.TopicARN == VoiceTopicARN })
}

// Topics returns the ARNs of the topics for people.
func (s *Stack) Topics() []string {
	return slices.DeleteFunc(s.topics.ARNs(), func(arn string) bool { return arn == VoiceTopicARN })
}

// SendVoice sends a voice notification to the queue for them.
func (s *Stack) SendVoice(notification []byte) { s.queue[VoiceQueue].Send(string(notification), nil) }

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
	dead := []DeadLetter{}
	for _, name := range deadLetterQueues {
		for _, m := range s.queue[name].Messages() {
			one := DeadLetter{Queue: name, ID: m.ID, Sent: m.SentAt.UTC(), Attributes: map[string]string{}, Body: m.Body}
			for name, attribute := range m.Attributes {
				one.Attributes[name] = attribute.StringValue
			}
			dead = append(dead, one)
		}
	}
	slices.SortStableFunc(dead, func(a, b DeadLetter) int { return a.Sent.Compare(b.Sent) })
	return dead
}
