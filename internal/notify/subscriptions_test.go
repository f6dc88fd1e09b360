package notify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// pages is a topic whose subscriptions come on several pages.
type pages struct {
	pages [][]types.Subscription
	// policies holds filter policies by the ARN of the subscription.
	policies map[string]string
	asked    []string // about attributes
	failing  bool     // on the second page
}

func (p *pages) ListSubscriptionsByTopic(
	_ context.Context, in *sns.ListSubscriptionsByTopicInput, _ ...func(*sns.Options),
) (*sns.ListSubscriptionsByTopicOutput, error) {
	if aws.ToString(in.TopicArn) != arn {
		return nil, &types.NotFoundException{}
	}
	page := len(aws.ToString(in.NextToken)) // the token has a letter for each page before
	if p.failing && page > 0 {
		return nil, &types.AuthorizationErrorException{}
	}
	out := &sns.ListSubscriptionsByTopicOutput{Subscriptions: p.pages[page]}
	if page+1 < len(p.pages) {
		out.NextToken = aws.String(strings.Repeat("n", page+1))
	}
	return out, nil
}

func (p *pages) GetSubscriptionAttributes(
	_ context.Context, in *sns.GetSubscriptionAttributesInput, _ ...func(*sns.Options),
) (*sns.GetSubscriptionAttributesOutput, error) {
	p.asked = append(p.asked, *in.SubscriptionArn)
	if strings.Contains(*in.SubscriptionArn, "foreign") {
		return nil, &types.AuthorizationErrorException{}
	}
	attributes := map[string]string{"PendingConfirmation": "false"}
	if policy, ok := p.policies[*in.SubscriptionArn]; ok {
		attributes["FilterPolicy"] = policy
	}
	return &sns.GetSubscriptionAttributesOutput{Attributes: attributes}, nil
}

func subscribed(subscriptionARN, protocol, endpoint string) types.Subscription {
	return types.Subscription{SubscriptionArn: &subscriptionARN, Protocol: &protocol, Endpoint: &endpoint}
}

func TestSubscriptions(t *testing.T) {
	newPages := func() *pages {
		return &pages{
			pages: [][]types.Subscription{
				{subscribed(arn+":1", "email", "ops@example.com"), subscribed("PendingConfirmation", "email", "new@example.com")},
				{},
				{subscribed(arn+":2", "sqs", "arn:aws:sqs:us-east-1:123456789012:q"), subscribed("Deleted", "sms", "+12065550100"),
					subscribed(arn+":3", "https", "https://example.com"), subscribed(arn+":foreign", "lambda", "f")},
			},
			policies: map[string]string{arn + ":2": `{"severity":["critical"]}`, arn + ":3": "{}"},
		}
	}
	t.Run("OK", func(t *testing.T) {
		client := newPages()
		got, err := notify.Subscriptions(t.Context(), client, arn)
		if err != nil {
			t.Fatal(err)
		}
		want := []notify.Subscription{
			{Protocol: "email", Endpoint: "ops@example.com", State: notify.Confirmed},
			{Protocol: "email", Endpoint: "new@example.com", State: notify.Pending},
			{Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:123456789012:q", State: notify.Confirmed, Filtered: true},
			{Protocol: "sms", Endpoint: "+12065550100", State: notify.Deleted},
			{Protocol: "https", Endpoint: "https://example.com", State: notify.Confirmed},
			{Protocol: "lambda", Endpoint: "f", State: notify.Confirmed},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(notify.Subscription{}, "FilterErr")); diff != "" {
			t.Errorf("subscriptions (-want +got):\n%s", diff)
		}
		for _, s := range got {
			var denied *types.AuthorizationErrorException
			const want = "subscription " + arn + ":foreign: it is not known whether it has a filter policy: "
			if s.FilterErr != nil && !strings.HasPrefix(s.FilterErr.Error(), want) {
				t.Errorf("got %v, want %s…", s.FilterErr, want)
			}
			if unknown := s.Endpoint == "f"; errors.As(s.FilterErr, &denied) != unknown || (s.FilterErr != nil) != unknown {
				t.Errorf("%s: got the error %v, want one only of the subscription of another account", s.Endpoint, s.FilterErr)
			}
		}
		if diff := cmp.Diff([]string{arn + ":1", arn + ":2", arn + ":3", arn + ":foreign"}, client.asked); diff != "" {
			t.Errorf("asked about the attributes of (-want +got):\n%s", diff)
		}
	})
	t.Run("ErrOnALaterPage", func(t *testing.T) {
		client := newPages()
		client.failing = true
		got, err := notify.Subscriptions(t.Context(), client, arn)
		var denied *types.AuthorizationErrorException
		if got != nil || apperr.ClassOf(err) != apperr.Unavailable || !errors.As(err, &denied) ||
			!strings.HasPrefix(err.Error(), "topic "+arn+": its subscriptions cannot be listed: ") {
			t.Errorf("got %v and %v, want an error with its cause that names the topic", got, err)
		}
	})
}
