package sqs_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// form sends a request of the query protocol and returns the answer.
func form(t *testing.T, service *localsqs.Service, path string, fields url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	service.Handler().ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "text/xml" {
		t.Errorf("content type: got %s, want text/xml", got)
	}
	return w.Code, w.Body.String()
}

// Clients of the query protocol receive what those of the JSON protocol do.
func TestQueryProtocol(t *testing.T) {
	events := localsqs.New("events")
	service := localsqs.NewService("123456789012", "us-east-1", events, localsqs.New("others"))
	const queue = "http://localhost/123456789012/events"
	handle := ""
	for _, tc := range []struct {
		action string
		fields url.Values
		status int
		want   []string
	}{
		{"ListQueues", nil, 200, []string{`<ListQueuesResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">`,
			"/others</QueueUrl></ListQueuesResult>"}},
		{"GetQueueUrl", url.Values{"QueueName": {"events"}}, 200,
			[]string{"<GetQueueUrlResult><QueueUrl>http://example.com/123456789012/events</QueueUrl>"}},
		{"SendMessage", url.Values{"QueueUrl": {queue}, "MessageBody": {"a & b"}, "MessageAttribute.1.Name": {"color"},
			"MessageAttribute.1.Value.DataType": {"String"}, "MessageAttribute.1.Value.StringValue": {"red"},
			"MessageAttribute.2.Name": {"raw"}, "MessageAttribute.2.Value.DataType": {"Binary"},
			"MessageAttribute.2.Value.BinaryValue": {"AAE="}},
			200, []string{"<SendMessageResult><MessageId>", "<MD5OfMessageBody>", "<MD5OfMessageAttributes>"}},
		{"GetQueueAttributes", url.Values{"QueueUrl": {queue}, "AttributeName.1": {"ApproximateNumberOfMessages"},
			"AttributeName.2": {"QueueArn"}}, 200,
			[]string{"<Attribute><Name>ApproximateNumberOfMessages</Name><Value>1</Value></Attribute>" +
				"<Attribute><Name>QueueArn</Name>"}},
		{"ReceiveMessage", url.Values{"QueueUrl": {queue}, "MessageAttributeName.1": {"All"},
			"AttributeName.1": {"ApproximateReceiveCount"}}, 200,
			[]string{"<ReceiveMessageResult><Message><MessageId>", "<Body>a &amp; b</Body>",
				"<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
				"<MessageAttribute><Name>color</Name>" +
					"<Value><StringValue>red</StringValue><DataType>String</DataType></Value></MessageAttribute>",
				"<MessageAttribute><Name>raw</Name><Value><BinaryValue>AAE=</BinaryValue>"}},
		{"ChangeMessageVisibility", url.Values{"QueueUrl": {queue}, "ReceiptHandle": {"HANDLE"}, "VisibilityTimeout": {"0"}},
			200,
			[]string{`<ChangeMessageVisibilityResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ResponseMetadata>`}},
		{"DeleteMessage", url.Values{"QueueUrl": {queue}, "ReceiptHandle": {"HANDLE"}}, 200,
			[]string{"<DeleteMessageResponse"}},
		{"DeleteMessage", url.Values{"QueueUrl": {queue}, "ReceiptHandle": {"x"}}, 400,
			[]string{"<Code>ReceiptHandleIsInvalid</Code>"}},
		{"SendMessage", url.Values{"QueueUrl": {queue}, "MessageBody": {"y"}, "DelaySeconds": {"901"}}, 400,
			[]string{"<Code>InvalidParameterValue</Code>"}},
		{"ReceiveMessage", url.Values{}, 400,
			[]string{"<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"}},
		{"ReceiveMessage", url.Values{"QueueUrl": {queue}, "MaxNumberOfMessages": {"ten"}}, 400,
			[]string{"<Code>InvalidParameterValue</Code>"}},
		{"GetQueueAttributes", url.Values{"QueueUrl": {queue}, "AttributeName.1": {"Nonsense"}}, 400,
			[]string{"<Code>InvalidAttributeName</Code>"}},
		{"CreateQueue", url.Values{"QueueName": {"new"}}, 400, []string{"<Code>InvalidAction</Code>", "SendMessage"}},
	} {
		t.Run(tc.action, func(t *testing.T) {
			fields := url.Values{"Action": {tc.action}, "Version": {"2012-11-05"}}
			for name, values := range tc.fields {
				fields.Set(name, strings.ReplaceAll(values[0], "HANDLE", handle))
			}
			status, answer := form(t, service, "/", fields)
			for _, want := range tc.want {
				if status != tc.status || !strings.Contains(answer, want) {
					t.Errorf("got status %d and %s, want %d and %s", status, answer, tc.status, want)
				}
			}
			if found := regexp.MustCompile("<ReceiptHandle>(.*)</ReceiptHandle>").FindStringSubmatch(answer); found != nil {
				handle = found[1]
			}
		})
	}
	// A form may go to the queue's own address.
	status, answer := form(t, service, "/123456789012/events", url.Values{"Action": {"SendMessage"},
		"MessageBody": {"x"}})
	if status != 200 || len(events.Messages()) != 1 {
		t.Errorf("got status %d, %s and %d messages, want the message sent", status, answer, len(events.Messages()))
	}
}
