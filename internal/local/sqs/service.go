package sqs

import (
	"cmp"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

const (
	maxMessage        = 1 << 20 // bytes, body and attributes together
	maxReceived       = 10      // messages in a reply
	maxAttributes     = 10      // of a message
	maxWait           = 20 * time.Second
	defaultVisibility = 30 * time.Second
	maxVisibility     = 12 * time.Hour
	maxDelay          = 15 * time.Minute
	retention         = 14 * 24 * time.Hour // that of the deployed dead-letter queues
)

// Service answers the SQS operations that work with the messages of existing queues.
type Service struct {
	account, region string
	queues          []*Queue
}

// NewService makes a Service for the queues.
func NewService(account, region string, queues ...*Queue) *Service {
	return &Service{account: account, region: region, queues: queues}
}

// Queues returns the queues in the order of NewService.
func (s *Service) Queues() []*Queue { return s.queues }

// onQueue makes an operation of one that works on the queue that its request names. A
// form may be sent to the queue's URL instead.
func onQueue[In interface{ queueURL() string }, Out any](s *Service,
	f func(*Queue, *http.Request, In) (Out, error)) awsprotocol.Operation {
	return awsprotocol.Op(func(r *http.Request, in In) (out Out, err error) {
		q, err := s.find(cmp.Or(in.queueURL(), r.URL.Path))
		if err != nil {
			return out, err
		}
		return f(q, r, in)
	})
}

// queueInput is the part of a request that names the queue.
type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (in queueInput) queueURL() string { return in.QueueURL }

// Handler answers requests of the SQS JSON protocol, and of the query protocol that
// older clients use.
func (s *Service) Handler() *awsprotocol.Service {
	return &awsprotocol.Service{
		Name: "SQS", JSONVersion: "1.0", Namespace: "com.amazonaws.sqs",
		Version: "2012-11-05", Host: "queue.amazonaws.com",
		Operations: map[string]awsprotocol.Operation{
			"ListQueues":              awsprotocol.Op(s.listQueues),
			"GetQueueUrl":             awsprotocol.Op(s.getQueueURL),
			"GetQueueAttributes":      onQueue(s, s.getQueueAttributes),
			"SendMessage":             onQueue(s, (*Queue).sendMessage),
			"ReceiveMessage":          onQueue(s, (*Queue).receiveMessage),
			"DeleteMessage":           onQueue(s, (*Queue).deleteMessage),
			"ChangeMessageVisibility": onQueue(s, (*Queue).changeMessageVisibility),
		},
	}
}

// ARN returns the queue's ARN.
func (s *Service) ARN(q *Queue) string {
	return "arn:aws:sqs:" + s.region + ":" + s.account + ":" + q.name
}

// URL returns the URL of the queue of that name, where clients reach the service under
// the host.
func (s *Service) URL(host, name string) string {
	return "http://" + host + "/" + s.account + "/" + name
}

// find returns the queue with that URL or name.
func (s *Service) find(ref string) (*Queue, error) {
	name := path.Base(strings.TrimSuffix(ref, "/"))
	var names []string
	for _, q := range s.queues {
		if q.name == name {
			return q, nil
		}
		names = append(names, q.name)
	}
	return nil, &awsprotocol.Error{Code: "QueueDoesNotExist", Legacy: "AWS.SimpleQueueService.NonExistentQueue",
		Message: "the local stack has no queue " + strconv.Quote(ref) + "; it has " + strings.Join(names, " and ")}
}

type listOutput struct {
	QueueURLs []string `json:"QueueUrls" xml:"QueueUrl"`
}

func (s *Service) listQueues(r *http.Request, in struct{ QueueNamePrefix string }) (listOutput, error) {
	out := listOutput{QueueURLs: []string{}}
	for _, q := range s.queues {
		if strings.HasPrefix(q.name, in.QueueNamePrefix) {
			out.QueueURLs = append(out.QueueURLs, s.URL(r.Host, q.name))
		}
	}
	return out, nil
}

type urlOutput struct {
	QueueURL string `json:"QueueUrl" xml:"QueueUrl"`
}

func (s *Service) getQueueURL(r *http.Request, in struct{ QueueName string }) (urlOutput, error) {
	q, err := s.find(in.QueueName)
	if err != nil {
		return urlOutput{}, err
	}
	return urlOutput{QueueURL: s.URL(r.Host, q.name)}, nil
}

type attributesInput struct {
	queueInput
	AttributeNames []string
}

type attributesOutput struct {
	Attributes awsprotocol.ByName[string] `json:",omitempty" xml:"Attribute"`
}

func (s *Service) getQueueAttributes(q *Queue, _ *http.Request, in attributesInput) (out attributesOutput, err error) {
	for _, name := range in.AttributeNames {
		if name != "All" && !slices.Contains(queueAttributes, name) {
			return out, awsprotocol.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	visible, inFlight, delayed := q.counts()
	out.Attributes = selectByName(map[string]string{
		"QueueArn":                              s.ARN(q),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"VisibilityTimeout":                     seconds(defaultVisibility),
		"MessageRetentionPeriod":                seconds(retention),
		"MaximumMessageSize":                    strconv.Itoa(maxMessage),
	}, in.AttributeNames)
	return out, nil
}

// queueAttributes are the attributes that a queue can have (GetQueueAttributes in the SQS
// API reference). Those that a queue does not have are left out of an answer.
var queueAttributes = []string{
	"Policy", "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
	"ApproximateNumberOfMessagesDelayed", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "FifoQueue",
	"ContentBasedDeduplication", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "DeduplicationScope",
	"FifoThroughputLimit", "RedriveAllowPolicy", "SqsManagedSseEnabled",
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// selectByName returns the attributes that a client asks for: by name, by All or .*, or
// by a prefix such as ERROR.*.
func selectByName[V any](all map[string]V, asked []string) map[string]V {
	selected := map[string]V{}
	for name, value := range all {
		if slices.ContainsFunc(asked, func(one string) bool {
			prefix, pattern := strings.CutSuffix(one, ".*")
			return one == "All" || one == name || pattern && strings.HasPrefix(name, prefix)
		}) {
			selected[name] = value
		}
	}
	return selected
}
