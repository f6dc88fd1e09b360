package sqs_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Entries of a batch are sent and refused one by one.
func TestSendMessageBatch(t *testing.T) {
	client, letters := serve(t)
	attribute := func(kind, value string) map[string]types.MessageAttributeValue {
		return map[string]types.MessageAttributeValue{"a": {DataType: aws.String(kind), StringValue: aws.String(value)}}
	}
	out, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: queueURL(t, client),
		Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("good"), MessageBody: aws.String("one"), MessageAttributes: attribute("String", "x")},
			{Id: aws.String("late"), MessageBody: aws.String("two"), DelaySeconds: 901},
			{Id: aws.String("control"), MessageBody: aws.String("a\x00b")},
			{Id: aws.String("type"), MessageBody: aws.String("three"), MessageAttributes: attribute("Text", "x")},
			{Id: aws.String("number"), MessageBody: aws.String("three"), MessageAttributes: attribute("Number", "x")},
			{Id: aws.String("value"), MessageBody: aws.String("three"), MessageAttributes: attribute("String", "")},
			{Id: aws.String("empty"), MessageBody: aws.String("")},
			{Id: aws.String("also-good"), MessageBody: aws.String("four"), MessageAttributes: attribute("Number.int", "-1.5e3")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	var sent, refused []string
	for _, one := range out.Successful {
		sent = append(sent, aws.ToString(one.Id))
	}
	for _, one := range out.Failed {
		refused = append(refused, fmt.Sprintf("%s %s %v", aws.ToString(one.Id), aws.ToString(one.Code), one.SenderFault))
	}
	if diff := cmp.Diff([]string{"good", "also-good"}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"late InvalidParameterValue true", "control InvalidMessageContents true", "type InvalidParameterValue true",
		"number InvalidParameterValue true",
		"value InvalidParameterValue true", "empty MissingParameter true",
	}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if got := len(letters.Messages()); got != 2 {
		t.Errorf("got %d messages, want 2", got)
	}
}

// What is wrong with a batch as a whole refuses all of it, in each of the operations.
func TestBatchesThatAreRefused(t *testing.T) {
	client, letters := serve(t)
	url := queueURL(t, client)
	ids := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint("id", i))
		}
		return all
	}
	body := "x"
	operations := map[string]func(ids []string) error{
		"SendMessageBatch": func(ids []string) error {
			in := &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}}
			for _, id := range ids {
				in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(id),
					MessageBody: aws.String(body)})
			}
			_, err := client.SendMessageBatch(t.Context(), in)
			return err
		},
		"DeleteMessageBatch": func(ids []string) error {
			in := &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: []types.DeleteMessageBatchRequestEntry{}}
			for _, id := range ids {
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(id),
					ReceiptHandle: aws.String("x.1")})
			}
			_, err := client.DeleteMessageBatch(t.Context(), in)
			return err
		},
		"ChangeMessageVisibilityBatch": func(ids []string) error {
			in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url,
				Entries: []types.ChangeMessageVisibilityBatchRequestEntry{}}
			for _, id := range ids {
				in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(id),
					ReceiptHandle: aws.String("x.1")})
			}
			_, err := client.ChangeMessageVisibilityBatch(t.Context(), in)
			return err
		},
	}
	for name, call := range operations {
		for _, tc := range []struct {
			name, code string
			ids        []string
		}{
			{"no entry", "EmptyBatchRequest", nil},
			{"eleven entries", "TooManyEntriesInBatchRequest", ids(11)},
			{"an id twice", "BatchEntryIdsNotDistinct", []string{"a", "b", "a"}},
			{"an id with a dot", "InvalidBatchEntryId", []string{"a.b"}},
			{"an id that is too long", "InvalidBatchEntryId", []string{strings.Repeat("a", 81)}},
		} {
			t.Run(name+" "+tc.name, func(t *testing.T) {
				var api smithy.APIError
				if err := call(tc.ids); !errors.As(err, &api) || api.ErrorCode() != "AWS.SimpleQueueService."+tc.code {
					t.Errorf("got %v, want code %s", err, tc.code)
				}
			})
		}
	}
	body = strings.Repeat("x", 1<<20/2)
	if err := operations["SendMessageBatch"](ids(2)); err != nil {
		t.Errorf("1 MiB together: got %v, want none", err)
	}
	var long *types.BatchRequestTooLong
	if err := operations["SendMessageBatch"](ids(3)); !errors.As(err, &long) {
		t.Errorf("more than 1 MiB together: got %v, want BatchRequestTooLong", err)
	}
	if got := len(letters.Messages()); got != 2 {
		t.Errorf("got %d messages, want the two of the batch that fits", got)
	}
}

func TestChangeMessageVisibilityBatch(t *testing.T) {
	client, letters := serve(t)
	url := queueURL(t, client)
	letters.Send("one", nil)
	taken, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	if err != nil || len(taken.Messages) != 1 {
		t.Fatalf("got %v and error %v, want one message", taken, err)
	}
	out, err := client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url,
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("a"), ReceiptHandle: taken.Messages[0].ReceiptHandle, VisibilityTimeout: 0},
			{Id: aws.String("b"), ReceiptHandle: aws.String("gone.1")},
			{Id: aws.String("c"), ReceiptHandle: taken.Messages[0].ReceiptHandle, VisibilityTimeout: 43201},
		}})
	if err != nil || len(out.Successful) != 1 || len(out.Failed) != 2 {
		t.Fatalf("got %+v and error %v, want one changed and two refused", out, err)
	}
	if got := aws.ToString(out.Failed[0].Code); got != "MessageNotInflight" {
		t.Errorf("got code %s, want MessageNotInflight", got)
	}
	again, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	if err != nil || len(again.Messages) != 1 {
		t.Errorf("got %v and error %v, want the message again", again, err)
	}
}

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

// Clients of the query protocol get what those of the JSON protocol do.
func TestQueryProtocol(t *testing.T) {
	letters := localsqs.New("letters")
	service := localsqs.NewService("123456789012", "us-east-1", letters, localsqs.New("others"))
	const queue = "http://localhost/123456789012/letters"
	handle := ""
	for _, tc := range []struct {
		action string
		fields url.Values
		status int
		want   []string
	}{
		{"ListQueues", nil, 200, []string{`<ListQueuesResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">`,
			"/others</QueueUrl></ListQueuesResult>"}},
		{"GetQueueUrl", url.Values{"QueueName": {"letters"}}, 200,
			[]string{"<GetQueueUrlResult><QueueUrl>http://example.com/123456789012/letters</QueueUrl>"}},
		{"SendMessage", url.Values{"QueueUrl": {queue}, "MessageBody": {"a & b"}, "MessageAttribute.1.Name": {"color"},
			"MessageAttribute.1.Value.DataType": {"String"}, "MessageAttribute.1.Value.StringValue": {"red"},
			"MessageAttribute.2.Name": {"raw"}, "MessageAttribute.2.Value.DataType": {"Binary"},
			"MessageAttribute.2.Value.BinaryValue": {"AAE="}},
			200, []string{"<SendMessageResult><MessageId>", "<MD5OfMessageBody>", "<MD5OfMessageAttributes>"}},
		{"GetQueueAttributes", url.Values{"QueueUrl": {queue}, "AttributeName.1": {"ApproximateNumberOfMessages"},
			"AttributeName.2": {"QueueArn"}}, 200,
			[]string{"<Attribute><Name>ApproximateNumberOfMessages</Name><Value>1</Value></Attribute><Attribute><Name>QueueArn</Name>"}},
		{"ReceiveMessage", url.Values{"QueueUrl": {queue}, "MessageAttributeName.1": {"All"},
			"AttributeName.1": {"ApproximateReceiveCount"}}, 200,
			[]string{"<ReceiveMessageResult><Message><MessageId>", "<Body>a &amp; b</Body>",
				"<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
				"<MessageAttribute><Name>color</Name><Value><StringValue>red</StringValue><DataType>String</DataType></Value></MessageAttribute>",
				"<MessageAttribute><Name>raw</Name><Value><BinaryValue>AAE=</BinaryValue>"}},
		{"ChangeMessageVisibility", url.Values{"QueueUrl": {queue}, "ReceiptHandle": {"HANDLE"}, "VisibilityTimeout": {"0"}},
			200,
			[]string{`<ChangeMessageVisibilityResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ResponseMetadata>`}},
		{"DeleteMessageBatch", url.Values{"QueueUrl": {queue}, "DeleteMessageBatchRequestEntry.1.Id": {"a"},
			"DeleteMessageBatchRequestEntry.1.ReceiptHandle": {"HANDLE"},
			"DeleteMessageBatchRequestEntry.2.Id":            {"b"}, "DeleteMessageBatchRequestEntry.2.ReceiptHandle": {"x"}}, 200,
			[]string{"<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry><BatchResultErrorEntry><Id>b</Id><Code>ReceiptHandleIsInvalid</Code>"}},
		{"SendMessageBatch", url.Values{"QueueUrl": {queue}, "SendMessageBatchRequestEntry.1.Id": {"a"},
			"SendMessageBatchRequestEntry.1.MessageBody":                          {"x"},
			"SendMessageBatchRequestEntry.1.MessageAttribute.1.Name":              {"n"},
			"SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType":    {"Number"},
			"SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue": {"1"},
			"SendMessageBatchRequestEntry.2.Id":                                   {"b"},
			"SendMessageBatchRequestEntry.2.MessageBody":                          {"y"}, "SendMessageBatchRequestEntry.2.DelaySeconds": {"901"}}, 200,
			[]string{"<SendMessageBatchResultEntry><Id>a</Id><MessageId>",
				"<BatchResultErrorEntry><Id>b</Id><Code>InvalidParameterValue</Code>"}},
		{"SendMessageBatch", url.Values{"QueueUrl": {queue}, "SendMessageBatchRequestEntry": {""}}, 400,
			[]string{"<Code>AWS.SimpleQueueService.EmptyBatchRequest</Code>"}},
		{"PurgeQueue", url.Values{"QueueUrl": {queue}}, 200, []string{"<PurgeQueueResponse"}},
		{"ReceiveMessage", url.Values{}, 400,
			[]string{"<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"}},
		{"ReceiveMessage", url.Values{"QueueUrl": {queue}, "MaxNumberOfMessages": {"ten"}}, 400,
			[]string{"<Code>InvalidParameterValue</Code>"}},
		{"GetQueueAttributes", url.Values{"QueueUrl": {queue}, "AttributeName.1": {"Nonsense"}}, 400,
			[]string{"<Code>InvalidAttributeName</Code>"}},
		{"CreateQueue", url.Values{"QueueName": {"new"}}, 400, []string{"<Code>InvalidAction</Code>", "SendMessageBatch"}},
	} {
		t.Run(tc.action, func(t *testing.T) {
			fields := url.Values{"Action": {tc.action}, "Version": {localsqs.APIVersion}}
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
	status, answer := form(t, service, "/123456789012/letters", url.Values{"Action": {"SendMessage"},
		"MessageBody": {"x"}})
	if status != 200 || len(letters.Messages()) != 1 {
		t.Errorf("got status %d, %s and %d messages, want the message sent", status, answer, len(letters.Messages()))
	}
}
