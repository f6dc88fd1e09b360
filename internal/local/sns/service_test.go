package sns_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	localsns "github.com/chimewatch/chimewatch/internal/local/sns"
)

const arn = "arn:aws:sns:us-east-1:123456789012:failures"

// serve returns a real SNS client of a service with one topic.
func serve(t *testing.T, onPublish func(localsns.Message)) (*sns.Client, *localsns.Service) {
	t.Helper()
	if onPublish == nil {
		onPublish = func(localsns.Message) {}
	}
	service := localsns.NewService(onPublish, arn)
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	return sns.New(sns.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}), service
}

func TestPublishIsRecordedInOrder(t *testing.T) {
	var subjects []string
	client, service := serve(t, func(m localsns.Message) { subjects = append(subjects, m.Subject) })
	for _, in := range []*sns.PublishInput{
		{TopicArn: aws.String(arn), Subject: aws.String("First"), Message: aws.String("plain ✓ & <text>")},
		{TopicArn: aws.String(arn), Subject: aws.String("Second"), MessageStructure: aws.String("json"),
			Message: aws.String(`{"default":"all","email":"mail"}`),
			MessageAttributes: map[string]types.MessageAttributeValue{
				"kind": {DataType: aws.String("String"), StringValue: aws.String("create-failed")},
				"raw":  {DataType: aws.String("Binary"), BinaryValue: []byte("bytes")},
			}},
	} {
		out, err := client.Publish(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(out.MessageId) == "" {
			t.Error("message id: got none, want one")
		}
	}
	want := []localsns.Message{
		{TopicARN: arn, Subject: "First", Body: "plain ✓ & <text>"},
		{TopicARN: arn, Subject: "Second", Body: "all", Bodies: map[string]string{"default": "all", "email": "mail"},
			Attributes: map[string]string{"kind": "create-failed", "raw": "bytes"}},
	}
	if diff := cmp.Diff(want, service.Messages(), cmpopts.IgnoreFields(localsns.Message{}, "ID",
		"PublishedAt")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"First", "Second"}, subjects); diff != "" {
		t.Errorf("calls of onPublish (-want +got):\n%s", diff)
	}
}

// The record of messages is the one subscriber of a topic, until something else subscribes.
func TestSubscriptions(t *testing.T) {
	client, service := serve(t, nil)
	look := func() types.Subscription {
		t.Helper()
		in := &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(arn)}
		out, err := client.ListSubscriptionsByTopic(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Subscriptions) != 1 || out.NextToken != nil {
			t.Fatalf("got %+v, want one subscription on one page", out)
		}
		return out.Subscriptions[0]
	}
	for _, tc := range []struct{ protocol, endpoint string }{
		{localsns.ProtocolLocal, "the record of the local stack"},
		{"lambda", "arn:aws:lambda:us-east-1:123456789012:function:voice"},
	} {
		if tc.protocol == "lambda" {
			service.Subscribe(arn, tc.protocol, tc.endpoint)
		}
		got := look()
		want := types.Subscription{
			SubscriptionArn: aws.String(arn + ":" + tc.protocol), TopicArn: aws.String(arn),
			Owner: aws.String("123456789012"), Protocol: aws.String(tc.protocol), Endpoint: aws.String(tc.endpoint),
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.Subscription{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.protocol, diff)
		}
		in := &sns.GetSubscriptionAttributesInput{SubscriptionArn: got.SubscriptionArn}
		attributes, err := client.GetSubscriptionAttributes(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		_, filtered := attributes.Attributes["FilterPolicy"]
		if filtered || attributes.Attributes["PendingConfirmation"] != "false" {
			t.Errorf("%s: got the attributes %v, want it confirmed and without a filter",
				tc.protocol, attributes.Attributes)
		}
	}
}

func TestRefusals(t *testing.T) {
	client, service := serve(t, nil)
	publish := func(change func(*sns.PublishInput)) func() error {
		in := &sns.PublishInput{TopicArn: aws.String(arn), Subject: aws.String("s"), Message: aws.String("m")}
		change(in)
		return func() error {
			_, err := client.Publish(t.Context(), in)
			return err
		}
	}
	for _, tc := range []struct {
		name, code, text string
		call             func() error
	}{
		{"no such topic", "NotFound", "failures", publish(func(in *sns.PublishInput) {
			in.TopicArn = aws.String(arn +
				"x")
		})},
		{"a phone number", "InvalidParameter", "TopicArn", publish(func(in *sns.PublishInput) {
			in.TopicArn, in.PhoneNumber = nil, aws.String("+15550100")
		})},
		{"an empty message", "InvalidParameter", "Message",
			publish(func(in *sns.PublishInput) { in.Message = aws.String("") })},
		{"a message that is too long", "InvalidParameter", "262144", publish(func(in *sns.PublishInput) {
			in.Message = aws.String(strings.Repeat("x", 262145))
		})},
		{"a subject that is too long", "InvalidParameter", "Subject", publish(func(in *sns.PublishInput) {
			in.Subject = aws.String(strings.Repeat("x", 101))
		})},
		{"a subject with a line break", "InvalidParameter", "Subject",
			publish(func(in *sns.PublishInput) { in.Subject = aws.String("a\nb") })},
		{"a subject that is not ASCII", "InvalidParameter", "Subject",
			publish(func(in *sns.PublishInput) { in.Subject = aws.String("a—b") })},
		{"a structure without default", "InvalidParameter", "default", publish(func(in *sns.PublishInput) {
			in.MessageStructure, in.Message = aws.String("json"), aws.String(`{"email":"x"}`)
		})},
		{"a structure that is no JSON", "InvalidParameter", "JSON",
			publish(func(in *sns.PublishInput) { in.MessageStructure = aws.String("json") })},
		{"an attribute of a type that is not there", "InvalidParameter", "Text", publish(func(in *sns.PublishInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{
				"k": {DataType: aws.String("Text"), StringValue: aws.String("v")}}
		})},
		{"subscriptions of no such topic", "NotFound", "failures", func() error {
			in := &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(arn + "x")}
			_, err := client.ListSubscriptionsByTopic(t.Context(), in)
			return err
		}},
		{"no such subscription", "NotFound", "subscription", func() error {
			in := &sns.GetSubscriptionAttributesInput{SubscriptionArn: aws.String(arn + ":email")}
			_, err := client.GetSubscriptionAttributes(t.Context(), in)
			return err
		}},
		{"an operation that is not there", "InvalidAction", "ListSubscriptionsByTopic", func() error {
			_, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("new")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.call()
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != tc.code || !strings.Contains(api.ErrorMessage(), tc.text) {
				t.Errorf("got %v, want code %s and %q", err, tc.code, tc.text)
			}
		})
	}
	if got := service.Messages(); len(got) != 0 {
		t.Errorf("kept: got %v, want nothing", got)
	}
}
