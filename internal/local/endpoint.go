package local

import (
	"cmp"
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
)

// Paths of pages for people and tests.
const (
	pathStatus        = "/"
	pathDrained       = "/drained"
	pathNotifications = "/notifications"
	pathDeadLetters   = "/dead-letters"
)

// handler answers AWS clients, which send a POST and name the service in a header or in
// the path, and readers, who send a GET. Events and pages wait for ready.
func (s *Stack) handler(ready <-chan struct{}) http.Handler {
	whenReady := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-ready:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
	pages, events := whenReady(s.pages()), whenReady(s.bus.Handler())
	queues, stream, table := s.queues.Handler(), s.sources.stream.Handler(), s.tableProxy()
	forms := awsprotocol.Forms(s.topics.Handler(), queues, cloudFormation(s.started, s.options, s.queues.URL))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case r.URL.Path == chimesdk.VoicePath && reads:
			awsprotocol.WriteJSON(w, http.StatusOK, map[string]any{"tasks": s.voice.Tasks(), "calls": s.voice.Calls()})
		case strings.HasPrefix(r.URL.Path, chimesdk.VoicePath+"/"):
			s.voice.ServeHTTP(w, r)
		case r.URL.Path == chimesdk.Path || strings.HasPrefix(r.URL.Path, chimesdk.Path+"/"):
			s.pipelines.ServeHTTP(w, r)
		case isLambda(r):
			s.serveLambda(w, r)
		case reads:
			pages.ServeHTTP(w, r)
		case strings.HasPrefix(service, "DynamoDB_"):
			table.ServeHTTP(w, r)
		case service == "AWSEvents":
			events.ServeHTTP(w, r)
		case service == "AmazonSQS":
			queues.ServeHTTP(w, r)
		case service == "Kinesis_20131202":
			stream.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case awsprotocol.RefuseCBOR(w, r):
		default:
			awsprotocol.RefuseService(w, http.StatusBadRequest, "UnknownOperationException",
				cmp.Or(r.Header.Get("X-Amz-Target"), r.Method+" "+r.URL.Path)+" is not answered here: the local stack "+
					"stands in for DynamoDB, EventBridge, SNS, SQS, Lambda's Invoke, Kinesis's PutRecord and PutRecords, "+
					"CloudFormation's DescribeStacks and the Chime SDK only")
		}
	})
}

// tableProxy passes requests on to dynalite.
func (s *Stack) tableProxy() http.Handler {
	target, err := url.Parse(s.table.URL())
	if err != nil {
		panic(fmt.Sprintf("the address of the table's server is %q: %v", s.table.URL(), err)) // impossible: made of a port
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
			awsprotocol.RefuseService(w, http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError",
				"the local table's server does not answer: "+err.Error())
		},
	}
}

// pages answers readers. The page pathDrained comes when every event so far has been
// handled or has become a dead letter.
func (s *Stack) pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, page := http.StatusOK, any(nil)
		switch r.URL.Path {
		case pathStatus:
			page = s.Status()
		case pathDrained:
			if err := s.Drain(r.Context()); err != nil {
				return // the client is gone
			}
			page = s.Status()
		case pathNotifications:
			page = s.Notifications()
		case pathDeadLetters:
			page = s.DeadLetters()
		default:
			status, page = http.StatusNotFound, map[string]string{"message": fmt.Sprintf("there is no page %s; there are %s",
				r.URL.Path, strings.Join([]string{pathStatus, pathDrained, pathNotifications, pathDeadLetters}, ", "))}
		}
		awsprotocol.WriteJSON(w, status, page)
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
	// Events counts the events on the bus; Rules how often each rule matched.
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

// statusName distinguishes a stack from other servers at the same address.
const statusName = "chimewatch local stack"

// Status returns what runs and what it has done so far.
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
		st.Topics[arn] = 0
	}
	for _, m := range s.Notifications() {
		st.Topics[m.TopicARN]++
	}
	for _, q := range s.queues.Queues() {
		st.Queues[s.queues.URL(s.listener.Addr().String(), q.Name())] = len(q.Messages())
	}
	return st
}
