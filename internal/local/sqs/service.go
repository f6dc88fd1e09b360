package sqs

import (
	"context"
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
	maxBatch          = 10
	maxAttributes     = 10 // of a message
	maxWait           = 20 * time.Second
	defaultVisibility = 30 * time.Second
	maxVisibility     = 12 * time.Hour
	maxDelay          = 15 * time.Minute
	retention         = 14 * 24 * time.Hour // as the dead-letter queues of the stack keep their messages
)

// Service answers the SQS operations that work with the messages of queues
// which exist already.
type Service struct {
	account, region string
	queues          []*Queue
}

// NewService makes a Service for the queues.
func NewService(account, region string, queues ...*Queue) *Service {
	return &Service{account: account, region: region, queues: queues}
}

// Queues gives the queues in the order in which they were named.
func (s *Service) Queues() []*Queue { return s.queues }

func (s *Service) operations() map[string]awsprotocol.Operation {
	return map[string]awsprotocol.Operation{
		"ListQueues":                   awsprotocol.Op(s.listQueues),
		"GetQueueUrl":                  awsprotocol.Op(s.getQueueURL),
		"GetQueueAttributes":           awsprotocol.Op(s.getQueueAttributes),
		"SendMessage":                  awsprotocol.Op(s.sendMessage),
		"SendMessageBatch":             awsprotocol.Op(s.sendMessageBatch),
		"ReceiveMessage":               awsprotocol.Op(s.receiveMessage),
		"DeleteMessage":                awsprotocol.Op(s.deleteMessage),
		"DeleteMessageBatch":           awsprotocol.Op(s.deleteMessageBatch),
		"ChangeMessageVisibility":      awsprotocol.Op(s.changeMessageVisibility),
		"ChangeMessageVisibilityBatch": awsprotocol.Op(s.changeMessageVisibilityBatch),
		"PurgeQueue":                   awsprotocol.Op(s.purgeQueue),
	}
}

// Handler answers requests of the SQS JSON protocol, and of the query protocol, which
// older clients speak.
func (s *Service) Handler() http.Handler {
	service := &awsprotocol.JSONService{Version: "1.0", Namespace: "com.amazonaws.sqs", Operations: s.operations()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), hostKey{}, r.Host))
		if awsprotocol.IsForm(r) {
			s.serveForm(w, r)
			return
		}
		service.ServeHTTP(w, r)
	})
}

// hostKey finds the host by whose name the client reached the service, which
// the URLs of queues have to repeat.
type hostKey struct{}

func hostOf(ctx context.Context) string {
	host, _ := ctx.Value(hostKey{}).(string)
	return host
}

// ARN gives the queue's ARN.
func (s *Service) ARN(q *Queue) string {
	return "arn:aws:sqs:" + s.region + ":" + s.account + ":" + q.name
}

// URL returns the URL of the queue of that name under the address at which the service is
// reached.
func (s *Service) URL(host, name string) string {
	return "http://" + host + "/" + s.account + "/" + name
}

// find takes a queue's URL or its name.
func (s *Service) find(ref string) (*Queue, error) {
	name := path.Base(strings.TrimSuffix(ref, "/"))
	for _, q := range s.queues {
		if q.name == name {
			return q, nil
		}
	}
	e := refusal("QueueDoesNotExist", "the local stack has no queue %q; it has %s", ref, strings.Join(s.names(), " and "))
	e.Legacy = "AWS.SimpleQueueService.NonExistentQueue" // another word than in JSON
	return nil, e
}

func (s *Service) names() []string {
	names := make([]string, len(s.queues))
	for i, q := range s.queues {
		names[i] = q.name
	}
	return names
}

type empty struct{}

type listInput struct {
	QueueNamePrefix string
}

type listOutput struct {
	QueueURLs []string `json:"QueueUrls" xml:"QueueUrl"`
}

func (s *Service) listQueues(ctx context.Context, in listInput) (listOutput, error) {
	out := listOutput{QueueURLs: []string{}}
	for _, q := range s.queues {
		if strings.HasPrefix(q.name, in.QueueNamePrefix) {
			out.QueueURLs = append(out.QueueURLs, s.URL(hostOf(ctx), q.name))
		}
	}
	return out, nil
}

type urlInput struct{ QueueName string }

type urlOutput struct {
	QueueURL string `json:"QueueUrl" xml:"QueueUrl"`
}

func (s *Service) getQueueURL(ctx context.Context, in urlInput) (urlOutput, error) {
	q, err := s.find(in.QueueName)
	if err != nil {
		return urlOutput{}, err
	}
	return urlOutput{QueueURL: s.URL(hostOf(ctx), q.name)}, nil
}

type attributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type attributesOutput struct {
	Attributes textMap `json:",omitempty" xml:"Attribute"`
}

func (s *Service) getQueueAttributes(_ context.Context, in attributesInput) (attributesOutput, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return attributesOutput{}, err
	}
	for _, name := range in.AttributeNames {
		if name != "All" && !slices.Contains(queueAttributes, name) {
			return attributesOutput{}, awsprotocol.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	visible, inFlight, delayed := q.counts()
	all := map[string]string{
		"QueueArn":                              s.ARN(q),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"VisibilityTimeout":                     seconds(defaultVisibility),
		"MessageRetentionPeriod":                seconds(retention),
		"MaximumMessageSize":                    strconv.Itoa(maxMessage),
	}
	out := attributesOutput{Attributes: textMap{}}
	for name, value := range all {
		if wanted(in.AttributeNames, name) {
			out.Attributes[name] = value
		}
	}
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

type purgeInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) purgeQueue(_ context.Context, in purgeInput) (empty, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return empty{}, err
	}
	return empty{}, q.purge()
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// wanted says whether a list of attribute names, as clients give them, asks for
// the name: by itself, by All or .*, or by a prefix such as ERROR.*.
func wanted(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		prefix, pattern := strings.CutSuffix(n, ".*")
		return n == "All" || n == name || pattern && strings.HasPrefix(name, prefix)
	})
}
