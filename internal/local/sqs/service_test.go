package sqs_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// serve returns a real SQS client of a service with two queues.
func serve(t *testing.T) (*sqs.Client, *localsqs.Queue) {
	t.Helper()
	events := localsqs.New("events")
	server := httptest.NewServer(localsqs.NewService("123456789012", "us-east-1", events,
		localsqs.New("others")).Handler())
	t.Cleanup(server.Close)
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}), events
}

func queueURL(t *testing.T, client *sqs.Client) *string {
	t.Helper()
	out, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

func TestListAndAttributes(t *testing.T) {
	client, events := serve(t)
	list, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(list.QueueUrls, " "); !strings.Contains(got, "/123456789012/events ") ||
		!strings.HasSuffix(got, "/others") {
		t.Errorf("queue URLs: got %s, want events and others", got)
	}
	events.Send("one", nil)
	events.Send("two", nil)
	received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queueURL(t, client)})
	if err != nil || len(received.Messages) != 1 {
		t.Fatalf("got %v and error %v, want one message", received, err)
	}
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queueURL(t, client),
		AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
			"QueueArn"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages":           "1",
		"ApproximateNumberOfMessagesNotVisible": "1",
		"QueueArn":                              "arn:aws:sqs:us-east-1:123456789012:events",
		"VisibilityTimeout":                     "", // not asked for
	} {
		if got := out.Attributes[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestSendReceiveDelete(t *testing.T) {
	client, events := serve(t)
	url := queueURL(t, client)
	sent, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String("body ✓"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"ERROR_CODE": {DataType: aws.String("String"), StringValue: aws.String("NO_RESOURCE")},
			"raw":        {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"ERROR.*"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
	})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("got %v and error %v, want one message", out, err)
	}
	m := out.Messages[0]
	if *m.MessageId != *sent.MessageId || *m.Body != "body ✓" {
		t.Errorf("got message %s %q, want %s %q", *m.MessageId, *m.Body, *sent.MessageId, "body ✓")
	}
	if got := aws.ToString(m.MessageAttributes["ERROR_CODE"].StringValue); got != "NO_RESOURCE" ||
		len(m.MessageAttributes) != 1 {
		t.Errorf("message attributes: got %v, want ERROR_CODE alone", m.MessageAttributes)
	}
	if got := m.Attributes["ApproximateReceiveCount"]; got != "1" {
		t.Errorf("receive count: got %q, want 1", got)
	}
	again, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	if err != nil || len(again.Messages) != 0 {
		t.Errorf("in flight: got %v and error %v, want no message", again, err)
	}
	if _, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
	}); err != nil {
		t.Fatal(err)
	}
	again, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	if err != nil || len(again.Messages) != 1 {
		t.Fatalf("made visible: got %v and error %v, want the message", again, err)
	}
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url,
		ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if left := events.Messages(); len(left) != 0 {
		t.Errorf("after the delete: got %v, want an empty queue", left)
	}
}

func TestHiddenMessageIsReceivedAgain(t *testing.T) {
	client, events := serve(t)
	events.Send("one", nil)
	url := queueURL(t, client)
	for range 2 { // the second has to wait for the visibility timeout
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 1,
			WaitTimeSeconds: 10})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("got %v and error %v, want one message", out, err)
		}
	}
}

func TestLongPollReturnsANewMessage(t *testing.T) {
	client, events := serve(t)
	url := queueURL(t, client)
	time.AfterFunc(50*time.Millisecond, func() { events.Send("late", nil) })
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("got %v and error %v, want the late message", out, err)
	}
}

func TestRefusals(t *testing.T) {
	client, events := serve(t)
	url := queueURL(t, client)
	send := func(change func(*sqs.SendMessageInput)) func() error {
		return func() error {
			in := &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")}
			change(in)
			_, err := client.SendMessage(t.Context(), in)
			return err
		}
	}
	if err := send(withAttribute("a", "Number.int", "-1.5e3"))(); err != nil {
		t.Errorf("a good message: got %v, want none", err)
	}
	for _, tc := range []struct {
		name, code string
		call       func() error
	}{
		{"no such queue", "AWS.SimpleQueueService.NonExistentQueue", func() error {
			_, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("nowhere")})
			return err
		}},
		{"too many at once", "InvalidParameterValue", func() error {
			_, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})
			return err
		}},
		{"a body that is too large", "InvalidParameterValue", send(func(in *sqs.SendMessageInput) {
			in.MessageBody = aws.String(strings.Repeat("x", 1<<20+1))
		})},
		{"an empty body", "MissingParameter", send(func(in *sqs.SendMessageInput) { in.MessageBody = aws.String("") })},
		{"a body with a control character", "InvalidMessageContents", send(func(in *sqs.SendMessageInput) {
			in.MessageBody = aws.String("a\x00b")
		})},
		{"a delay that is too long", "InvalidParameterValue", send(func(in *sqs.SendMessageInput) { in.DelaySeconds = 901 })},
		{"an attribute of a type that is not there", "InvalidParameterValue", send(withAttribute("a", "Text", "x"))},
		{"a number that is not one", "InvalidParameterValue", send(withAttribute("a", "Number", "x"))},
		{"an attribute without a value", "InvalidParameterValue", send(withAttribute("a", "String", ""))},
		{"an attribute with a control character", "InvalidMessageContents", send(withAttribute("a", "String", "\x01"))},
		{"an attribute with the name of AWS", "InvalidParameterValue", send(withAttribute("AWS.a", "String", "x"))},
		{"the visibility of a message that is not there", "AWS.SimpleQueueService.MessageNotInflight", func() error {
			_, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url,
				ReceiptHandle: aws.String("gone.1")})
			return err
		}},
		{"a timeout that is too long", "InvalidParameterValue", func() error {
			_, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url,
				ReceiptHandle: aws.String("gone.1"), VisibilityTimeout: 43201})
			return err
		}},
		{"an invalid receipt handle", "ReceiptHandleIsInvalid", func() error {
			_, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("x")})
			return err
		}},
		{"an operation that is not there", "UnknownOperationException", func() error {
			_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("new")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var api smithy.APIError
			if err := tc.call(); !errors.As(err, &api) || api.ErrorCode() != tc.code {
				t.Errorf("got %v, want code %s", err, tc.code)
			}
		})
	}
	if got := len(events.Messages()); got != 1 {
		t.Errorf("got %d messages, want the good one", got)
	}
}

func withAttribute(name, kind, value string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			name: {DataType: aws.String(kind), StringValue: aws.String(value)}}
	}
}
