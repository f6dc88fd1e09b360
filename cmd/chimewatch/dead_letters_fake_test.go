package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// deadLetterStack is a deployed stack with its three dead-letter queues. It answers
// CloudFormation, SQS and Lambda.
type deadLetterStack struct {
	url    string
	queues []*localsqs.Queue // rules, functions, voice

	mu sync.Mutex
	// invoke returns the payload of the n-th invocation and, if the function fails, the kind of its error. If it
	// is nil, every function succeeds.
	invoke  func(n int, function string) (payload, failure string)
	invoked int
	hidden  float64 // the longest time for which dead letters were hidden, in seconds
}

const deadLetterFunction = "arn:aws:lambda:us-east-1:111122223333:function:status"

func newDeadLetterStack(t *testing.T) *deadLetterStack {
	t.Helper()
	s := &deadLetterStack{
		queues: []*localsqs.Queue{localsqs.New("rules"), localsqs.New("functions"), localsqs.New("voice")},
	}
	service := localsqs.NewService("111122223333", "us-east-1", s.queues...).Handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasPrefix(target, "AmazonSQS."):
			body, _ := io.ReadAll(r.Body)
			var in map[string]any
			_ = json.Unmarshal(body, &in)
			hidden, _ := in["VisibilityTimeout"].(float64)
			s.mu.Lock()
			s.hidden = max(s.hidden, hidden)
			s.mu.Unlock()
			delete(in, "WaitTimeSeconds") // one server has all the dead letters
			body, _ = json.Marshal(in)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if strings.HasSuffix(target, ".ReceiveMessage") {
				// An answer that comes before the SDK has read the end of its own request makes it close the
				// connection. That loses what is longer than a buffer. No network is that fast.
				time.Sleep(5 * time.Millisecond)
			}
			service.ServeHTTP(w, r)
		case strings.Contains(r.URL.Path, "/functions/"):
			s.mu.Lock()
			s.invoked++
			n, invoke := s.invoked, s.invoke
			s.mu.Unlock()
			payload, failure := "null", ""
			if invoke != nil {
				payload, failure = invoke(n, path.Base(strings.TrimSuffix(r.URL.Path, "/invocations")))
			}
			if failure != "" {
				w.Header().Set("X-Amz-Function-Error", failure)
			}
			io.WriteString(w, payload)
		default:
			s.describe(w)
		}
	}))
	s.url = "http://" + server.Listener.Addr().String()
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// answer sets invoke.
func (s *deadLetterStack) answer(invoke func(n int, function string) (payload, failure string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoke = invoke
}

func (s *deadLetterStack) describe(w http.ResponseWriter) {
	var outputs strings.Builder
	output := func(key, value string) {
		fmt.Fprintf(&outputs, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
	}
	for i, key := range []string{"RuleDeadLettersUrl", "FunctionDeadLettersUrl", "VoiceDeadLettersUrl"} {
		output(key, s.queueURL(i))
	}
	output("StatusFunctionName", "status")
	output("VoiceFunctionName", "voice")
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Chimewatch</StackName>`+
		`<StackId>arn:aws:cloudformation:us-east-1:111122223333:stack/Chimewatch/1</StackId>`+
		`<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>`+
		`<Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, outputs.String())
}

func (s *deadLetterStack) queueURL(i int) string {
	return s.url + "/111122223333/" + s.queues[i].Name()
}

// send puts a dead letter of the function status into a queue and returns its id.
func (s *deadLetterStack) send(queue int, event string) string {
	return s.queues[queue].Send(`{"requestContext":{"condition":"RetriesExhausted",`+
		`"functionArn":"`+deadLetterFunction+`"},`+
		`"requestPayload":{"id":"`+event+`","detail-type":"State of (415) 555-0160","detail":{}},`+
		`"responsePayload":{"errorMessage":"table of +1 415 555 0160: throttled"}}`, nil)
}

// receiveElsewhere is another reader: it receives up to 10 dead letters of a queue, and returns their ids.
func (s *deadLetterStack) receiveElsewhere(t interface{ Fatal(...any) }, queue, n int) (ids []string) {
	url := s.queueURL(queue)
	out, err := sqs.NewFromConfig(localConfig(s.url)).ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(n), VisibilityTimeout: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		ids = append(ids, *m.MessageId)
	}
	return ids
}

// visible returns how many dead letters can be received at this moment.
func (s *deadLetterStack) visible(t interface{ Fatal(...any) }) (n int) {
	for i := range s.queues {
		url := s.queueURL(i)
		out, err := sqs.NewFromConfig(localConfig(s.url)).GetQueueAttributes(context.Background(),
			&sqs.GetQueueAttributesInput{
				QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
			})
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		if _, err := fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &in); err != nil {
			t.Fatal(err)
		}
		n += in
	}
	return n
}

// all returns how many dead letters there are, hidden or not.
func (s *deadLetterStack) all() (n int) {
	for _, q := range s.queues {
		n += len(q.Messages())
	}
	return n
}

func (s *deadLetterStack) args(args ...string) []string {
	return append(append([]string{"dead-letters"}, args...), "--endpoint-url", s.url, "--region", "us-east-1")
}

func (s *deadLetterStack) run(args ...string) result { return execute(nil, "", s.args(args...)...) }
