package topics_test

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

	"github.com/chimewatch/chimewatch/internal/local/topics"
)

const arn = "arn:aws:sns:us-east-1:123456789012:failures"

// serve gives a real SNS client on a service with one topic.
func serve(t *testing.T, onPublish func(topics.Message)) (*sns.Client, *topics.Service) {
	t.Helper()
	service := topics.NewService(onPublish, arn)
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

func TestPublishIsCapturedInOrder(t *testing.T) {
	var heard []string
	client, service := serve(t, func(m topics.Message) { heard = append(heard, m.Subject) })
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
	want := []topics.Message{
		{TopicARN: arn, Subject: "First", Body: "plain ✓ & <text>"},
		{TopicARN: arn, Subject: "Second", Body: "all", Bodies: map[string]string{"default": "all", "email": "mail"},
			Attributes: map[string]string{"kind": "create-failed", "raw": "bytes"}},
	}
	if diff := cmp.Diff(want, service.Messages(), cmpopts.IgnoreFields(topics.Message{}, "ID", "PublishedAt")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"First", "Second"}, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	if got := service.Count(arn); got != 2 {
		t.Errorf("count: got %d, want 2", got)
	}
}

func TestTopicsCanBeLookedAt(t *testing.T) {
	client, _ := serve(t, nil)
	list, err := client.ListTopics(t.Context(), &sns.ListTopicsInput{})
	if err != nil || len(list.Topics) != 1 || aws.ToString(list.Topics[0].TopicArn) != arn {
		t.Errorf("topics: got %+v and error %v, want %s", list, err, arn)
	}
	out, err := client.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: aws.String(arn)})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"TopicArn": arn, "Owner": "123456789012", "DisplayName": "failures"} {
		if got := out.Attributes[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
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
		name, code, says string
		call             func() error
	}{
		{"no such topic", "NotFound", "failures", publish(func(in *sns.PublishInput) { in.TopicArn = aws.String(arn + "x") })},
		{"a phone number", "InvalidParameter", "TopicArn", publish(func(in *sns.PublishInput) {
			in.TopicArn, in.PhoneNumber = nil, aws.String("+15550100")
		})},
		{"an empty message", "InvalidParameter", "Message", publish(func(in *sns.PublishInput) { in.Message = aws.String("") })},
		{"a message that is too long", "InvalidParameter", "262144", publish(func(in *sns.PublishInput) {
			in.Message = aws.String(strings.Repeat("x", 262145))
		})},
		{"a subject that is too long", "InvalidParameter", "Subject", publish(func(in *sns.PublishInput) {
			in.Subject = aws.String(strings.Repeat("x", 101))
		})},
		{"a subject with a line break", "InvalidParameter", "Subject", publish(func(in *sns.PublishInput) { in.Subject = aws.String("a\nb") })},
		{"a subject that is not ASCII", "InvalidParameter", "Subject", publish(func(in *sns.PublishInput) { in.Subject = aws.String("a—b") })},
		{"a structure without default", "InvalidParameter", "default", publish(func(in *sns.PublishInput) {
			in.MessageStructure, in.Message = aws.String("json"), aws.String(`{"email":"x"}`)
		})},
		{"a structure that is no JSON", "InvalidParameter", "JSON", publish(func(in *sns.PublishInput) { in.MessageStructure = aws.String("json") })},
		{"an operation that is not there", "InvalidAction", "ListTopics", func() error {
			_, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("new")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.call()
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != tc.code || !strings.Contains(api.ErrorMessage(), tc.says) {
				t.Errorf("got %v, want code %s and %q", err, tc.code, tc.says)
			}
		})
	}
	if got := service.Messages(); len(got) != 0 {
		t.Errorf("kept: got %v, want nothing", got)
	}
}
