package local

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Paths that are there for people and tests.
const (
	pathStatus        = "/"
	pathDrained       = "/drained"
	pathNotifications = "/notifications"
	pathDeadLetters   = "/dead-letters"
)

// handler answers AWS clients, which all ask by POST and say in a header which
// service they mean, and readers, who ask by GET. Events and pages wait for ready.
func (s *Stack) handler(ready <-chan struct{}) http.Handler {
	awaitReady := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-ready:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
	pages := awaitReady(s.pages())
	events := awaitReady(s.bus.Handler())
	messages := s.queues.Handler()
	forms := forms(s.describeStacks, map[string]http.Handler{sns.APIVersion: s.topics.Handler(),
		sqs.APIVersion: messages})
	table := s.tableProxy()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case s.serveVoice(w, r):
		case r.URL.Path == chimesdk.Path || strings.HasPrefix(r.URL.Path, chimesdk.Path+"/"):
			s.pipelines.ServeHTTP(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			pages.ServeHTTP(w, r)
		case strings.HasPrefix(service, "DynamoDB_"):
			table.ServeHTTP(w, r)
		case service == "AWSEvents":
			events.ServeHTTP(w, r)
		case service == "AmazonSQS":
			messages.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case awsprotocol.RefuseCBOR(w, r):
		default:
			refuseService(w, r)
		}
	})
}

// refuseService answers requests to services that the stack does not stand for.
func refuseService(w http.ResponseWriter, r *http.Request) {
	what := r.Header.Get("X-Amz-Target")
	if what == "" {
		what = r.Method + " " + r.URL.Path
	}
	w.Header().Set("X-Amzn-ErrorType", "UnknownOperationException")
	awsprotocol.WriteJSON(w, http.StatusBadRequest, map[string]string{
		"__type": "UnknownOperationException",
		"message": what + " is not answered here: the local stack stands for DynamoDB, EventBridge, SNS, SQS, Lambda's " +
			"Invoke, Kinesis's PutRecord and PutRecords, CloudFormation's DescribeStacks and the Chime SDK only",
	})
}

// tableProxy hands requests on to dynalite.
func (s *Stack) tableProxy() http.Handler {
	target, err := url.Parse(s.table.URL())
	if err != nil {
		panic(fmt.Sprintf("the table's server gave the address %q: %v", s.table.URL(), err)) // made of a number
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConnsPerHost = 64
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			awsprotocol.WriteJSON(w, http.StatusInternalServerError, map[string]string{
				"__type":  "com.amazonaws.dynamodb.v20120810#InternalServerError",
				"message": "the local table's server does not answer: " + err.Error(),
			})
		},
	}
}

// pages answers readers. That of pathDrained comes when every event so far has
// been handled or has become a dead letter.
func (s *Stack) pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case pathStatus:
			awsprotocol.WriteJSON(w, http.StatusOK, s.Status())
		case pathDrained:
			if err := s.Drain(r.Context()); err != nil {
				return // whoever asked is gone
			}
			awsprotocol.WriteJSON(w, http.StatusOK, s.Status())
		case pathNotifications:
			messages := s.Notifications()
			if messages == nil {
				messages = []sns.Message{}
			}
			awsprotocol.WriteJSON(w, http.StatusOK, messages)
		case pathDeadLetters:
			awsprotocol.WriteJSON(w, http.StatusOK, s.DeadLetters())
		default:
			awsprotocol.WriteJSON(w, http.StatusNotFound, map[string]string{
				"message": fmt.Sprintf("%s is not here; there are %s, %s, %s and %s", r.URL.Path, pathStatus, pathDrained, pathNotifications, pathDeadLetters),
			})
		}
	})
}

// Status is what runs and what it has done so far.
type Status struct {
	Name     string    `json:"name"`
	Endpoint string    `json:"endpoint"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"startedAt"`
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	Table    string    `json:"table"`
	EventBus string    `json:"eventBus"`
	// Events counts what was put on the bus; Rules how often each rule matched.
	Events int            `json:"events"`
	Rules  map[string]int `json:"rules"`
	// Functions holds the functions that run; Missing those without a binary.
	Functions map[string]lambdahost.Counts `json:"functions"`
	Missing   []string                     `json:"missingFunctions,omitempty"`
	// Pending counts invocations that are not done.
	Pending int `json:"pending"`
	// Topics holds the number of messages by topic ARN, Queues by queue URL.
	Topics map[string]int `json:"topics"`
	Queues map[string]int `json:"queues"`
	// Pages are the addresses for people.
	Pages []string `json:"pages"`
}

// statusName tells a stack from whatever else may answer at an address.
const statusName = "chimewatch local stack"

// Status gives what the stack has done so far.
func (s *Stack) Status() Status {
	st := Status{
		Name: statusName, Endpoint: s.Endpoint(), PID: os.Getpid(), Started: s.started.UTC(),
		Account: Account, Region: Region, Table: TableName, EventBus: eventbridge.Name,
		Functions: s.host.Counts(), Missing: s.options.Missing(), Pending: s.Pending(),
		Topics: map[string]int{}, Queues: map[string]int{},
		Pages: []string{s.Endpoint() + pathDrained, s.Endpoint() + pathNotifications, s.Endpoint() + pathDeadLetters},
	}
	st.Events, st.Rules = s.bus.Counts()
	for _, arn := range s.Topics() {
		st.Topics[arn] = s.topics.Count(arn)
	}
	for _, q := range s.queues.Queues() {
		st.Queues[s.queues.URL(s.listener.Addr().String(), q.Name())] = len(q.Messages())
	}
	return st
}
