package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// fakeAWS answers EventBridge, CloudFormation and SNS with what a test puts into it, and has no table.
type fakeAWS struct {
	*httptest.Server

	// status and body answer every request, if status is set.
	status int
	body   string
	// putEvents is the answer to PutEvents; if it is empty, the id of the event is "evt-1".
	putEvents string
	// outputs are those of the stack named "Chimewatch".
	outputs map[string]string
	// sns answers the requests to SNS.
	sns fakeSNS

	mu sync.Mutex
	// entries are the received events, authorization the headers of requests, tables the names of the tables in
	// requests.
	entries       []map[string]any
	authorization []string
	tables        []string
}

func newFakeAWS(t *testing.T) *fakeAWS {
	t.Helper()
	f := &fakeAWS{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.authorization = append(f.authorization, r.Header.Get("Authorization"))
	target := r.Header.Get("X-Amz-Target")
	switch {
	case f.status != 0:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(f.status)
		io.WriteString(w, f.body)
	case target == "AWSEvents.PutEvents":
		f.answerPutEvents(w, body)
	case strings.HasPrefix(target, "DynamoDB_"):
		var input struct{ TableName string }
		_ = json.Unmarshal(body, &input)
		f.tables = append(f.tables, input.TableName)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w,
			`{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
	default:
		form, _ := url.ParseQuery(string(body))
		if form.Get("Version") == snsVersion {
			f.sns.answer(w, form)
			return
		}
		f.answerDescribeStacks(w, string(body))
	}
}

func (f *fakeAWS) answerPutEvents(w http.ResponseWriter, body []byte) {
	var input struct{ Entries []map[string]any }
	if err := json.Unmarshal(body, &input); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.entries = append(f.entries, input.Entries...)
	answer := f.putEvents
	if answer == "" {
		answer = `{"FailedEntryCount":0,"Entries":[{"EventId":"evt-1"}]}`
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	io.WriteString(w, answer)
}

func (f *fakeAWS) answerDescribeStacks(w http.ResponseWriter, body string) {
	form, _ := url.ParseQuery(body)
	w.Header().Set("Content-Type", "text/xml")
	name := form.Get("StackName")
	if name != "Chimewatch" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>`+
			`<Message>Stack with id %s does not exist</Message></Error></ErrorResponse>`, name)
		return
	}
	var outputs strings.Builder
	for key, value := range f.outputs {
		fmt.Fprintf(&outputs, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
	}
	fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Chimewatch</StackName>`+
		`<StackId>arn:aws:cloudformation:us-east-1:111122223333:stack/Chimewatch/1</StackId>`+
		`<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>`+
		`<Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, outputs.String())
}
