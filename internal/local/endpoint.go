package local

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/functionspec"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
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
	pages := whenReady(s.pages())
	queues := s.queues.Handler()
	services := map[string]http.Handler{
		"DynamoDB_20120810": s.tableProxy(), "AWSEvents": whenReady(s.bus.Handler()),
		"AmazonSQS": queues, "Kinesis_20131202": s.stream.Handler(),
	}
	forms := awsprotocol.Forms(s.topics.Handler(), queues, cloudFormation(s.started, s.options.Config, s.queues))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		service, known := services[target]
		switch {
		case strings.HasPrefix(r.URL.Path, chimesdk.VoicePath):
			s.voice.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, chimesdk.Path):
			s.pipelines.ServeHTTP(w, r)
		case isLambda(r):
			if err := s.invoke(w, r); err != nil {
				refuseLambda(w, err)
			}
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			pages.ServeHTTP(w, r)
		case known:
			service.ServeHTTP(w, r)
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
	target := &url.URL{Scheme: "http", Host: strings.TrimPrefix(s.table.URL(), "http://")}
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
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
		case pathStatus, pathDrained:
			if r.URL.Path == pathDrained && s.Drain(r.Context()) != nil {
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

// StackName is the name of the stack for CloudFormation: that of a deployed stack whose
// deployer chose no other name.
const StackName = "Chimewatch"

// cloudFormation answers DescribeStacks for the one stack there is, by which clients find
// the table, the topics and the queues.
func cloudFormation(created time.Time, c *config.Stack, queues *sqs.Service) *awsprotocol.Service {
	describe := func(r *http.Request, in struct{ StackName string }) (out stacksResult, err error) {
		id := "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + StackName + "/local"
		if in.StackName != "" && in.StackName != StackName && in.StackName != id {
			return out, awsprotocol.Errorf("ValidationError", "Stack with id %s does not exist; the local stack is called %s",
				in.StackName, StackName)
		}
		return stacksResult{[]stackMember{{
			StackName: StackName, StackID: id, CreationTime: created.UTC().Format(time.RFC3339),
			StackStatus: "CREATE_COMPLETE", Outputs: outputs(c, func(queue string) string { return queues.URL(r.Host, queue) }),
		}}}, nil
	}
	return &awsprotocol.Service{Name: "DescribeStacks of CloudFormation", Version: "2010-05-15",
		Host:       "cloudformation.amazonaws.com",
		Operations: map[string]awsprotocol.Operation{"DescribeStacks": awsprotocol.Op(describe)}}
}

type stackOutput struct{ OutputKey, OutputValue string }

type stackMember struct {
	StackName    string
	StackID      string `xml:"StackId"`
	CreationTime string
	StackStatus  string
	Outputs      []stackOutput `xml:"Outputs>member"`
}

type stacksResult struct {
	Stacks []stackMember `xml:"Stacks>member"`
}

func outputs(c *config.Stack, queueURL func(queue string) string) []stackOutput {
	all := []stackOutput{
		{"TableName", TableName}, {"FailureTopicArn", FailureTopicARN}, {"AlertTopicArn", AlertTopicARN},
		{"AlarmTopicArn", AlarmTopicARN}, {"HttpsBody", c.HTTPS.String()},
		{"RuleDeadLettersUrl", queueURL(RuleQueue)}, {"FunctionDeadLettersUrl", queueURL(FunctionQueue)},
		{"VoiceDeadLettersUrl", queueURL(VoiceDeadLetters)},
	}
	for _, f := range functionspec.All() {
		all = append(all, stackOutput{strings.ToUpper(f.Name[:1]) + f.Name[1:] + "FunctionName", f.Name})
	}
	return all
}
