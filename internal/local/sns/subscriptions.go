package sns

import (
	"net/http"
	"strings"
)

// ProtocolLocal is the protocol of the one subscription of a topic without subscribers:
// the record of what was published. SNS has no such protocol.
const ProtocolLocal = "local"

// subscription is a subscriber of a topic, as SNS describes one; all are confirmed.
type subscription struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
	Owner           string
	Protocol        string
	Endpoint        string
	TopicARN        string `xml:"TopicArn"`
}

// Subscribe adds a subscriber to those that SNS clients see. It delivers nothing: that is
// up to onPublish.
func (s *Service) Subscribe(topicARN, protocol, endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, newSubscription(topicARN, protocol, endpoint))
}

func newSubscription(topicARN, protocol, endpoint string) subscription {
	return subscription{topicARN + ":" + protocol, account(topicARN), protocol, endpoint, topicARN}
}

// account returns the account of an ARN.
func account(arn string) string { return strings.Split(arn, ":")[4] }

// subscriptionsOf returns the subscribers of a topic: the record of messages where
// there is no other.
func (s *Service) subscriptionsOf(topicARN string) []subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []subscription
	for _, one := range s.subscribers {
		if one.TopicARN == topicARN {
			found = append(found, one)
		}
	}
	if len(found) == 0 {
		found = append(found, newSubscription(topicARN, ProtocolLocal, "the record of the local stack"))
	}
	return found
}

type subscriptionsResult struct {
	Subscriptions []subscription `xml:"Subscriptions>member"`
}

// listSubscriptions returns all subscribers on one page.
func (s *Service) listSubscriptions(_ *http.Request, in struct{ TopicArn string }) (
	out subscriptionsResult, err error) {
	if err := s.checkTopic(in.TopicArn); err != nil {
		return out, err
	}
	return subscriptionsResult{s.subscriptionsOf(in.TopicArn)}, nil
}

type attributesResult struct {
	Attributes []attributeEntry `xml:"Attributes>entry"`
}

type attributeEntry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func (s *Service) getSubscriptionAttributes(_ *http.Request, in struct{ SubscriptionArn string }) (
	out attributesResult, err error) {
	for _, topicARN := range s.arns {
		for _, one := range s.subscriptionsOf(topicARN) {
			if one.SubscriptionARN == in.SubscriptionArn {
				return attributesResult{[]attributeEntry{
					{"SubscriptionArn", in.SubscriptionArn}, {"TopicArn", topicARN}, {"Owner", one.Owner}, {"Protocol", one.Protocol},
					{"Endpoint", one.Endpoint}, {"PendingConfirmation", "false"}, {"RawMessageDelivery", "false"},
				}}, nil
			}
		}
	}
	return out, notFound("the local stack has no subscription %s", in.SubscriptionArn)
}
