package notify

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// SubscriptionState is how far a subscription has come.
type SubscriptionState string

// The states of a subscription.
const (
	// Confirmed subscriptions receive messages.
	Confirmed SubscriptionState = "confirmed"
	// Pending ones receive none until the subscriber confirms.
	Pending SubscriptionState = "pending"
	// Deleted ones no longer receive any; SNS lists them for a while.
	Deleted SubscriptionState = "deleted"
)

// Subscription is a subscriber of a topic.
type Subscription struct {
	Protocol string
	// Endpoint is whole: an address, a phone number, a URL that may hold a secret.
	Endpoint string
	State    SubscriptionState
	// Filtered reports whether a filter policy decides which messages it receives. It is
	// false while the subscription is not confirmed, and where FilterErr is set.
	Filtered bool
	// FilterErr is why it is not known whether there is a filter policy: SNS does not
	// show the owner of a topic a subscription of another account, for instance.
	FilterErr error
}

// SubscriptionClient is what Subscriptions needs of *sns.Client.
type SubscriptionClient interface {
	sns.ListSubscriptionsByTopicAPIClient
	GetSubscriptionAttributes(
		context.Context, *sns.GetSubscriptionAttributesInput, ...func(*sns.Options),
	) (*sns.GetSubscriptionAttributesOutput, error)
}

// Subscriptions returns the subscriptions of a topic, all pages of them, in SNS's
// order. It makes one more request for each confirmed subscription, to look for a
// filter policy.
func Subscriptions(ctx context.Context, client SubscriptionClient, arn string) ([]Subscription, error) {
	var all []Subscription
	pages := sns.NewListSubscriptionsByTopicPaginator(client, &sns.ListSubscriptionsByTopicInput{TopicArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, apperr.Wrap(err, apperr.Unavailable, "topic "+arn, "its subscriptions cannot be listed", "")
		}
		for _, found := range page.Subscriptions {
			s := Subscription{
				Protocol: aws.ToString(found.Protocol), Endpoint: aws.ToString(found.Endpoint),
				State: stateOf(aws.ToString(found.SubscriptionArn)),
			}
			if s.State == Confirmed {
				s.Filtered, s.FilterErr = filtered(ctx, client, found.SubscriptionArn)
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// stateOf returns the state, by what SNS writes in place of the ARN of a subscription
// that is not confirmed (API reference, ListSubscriptionsByTopic).
func stateOf(arn string) SubscriptionState {
	switch arn {
	case "PendingConfirmation":
		return Pending
	case "Deleted":
		return Deleted
	}
	return Confirmed
}

func filtered(ctx context.Context, client SubscriptionClient, arn *string) (bool, error) {
	out, err := client.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: arn})
	if err != nil {
		return false, apperr.Wrap(err, apperr.Unavailable, "subscription "+aws.ToString(arn),
			"it is not known whether it has a filter policy", "")
	}
	policy := out.Attributes["FilterPolicy"]
	return policy != "" && policy != "{}", nil
}
