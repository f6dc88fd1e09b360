package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Topics is what CheckTopics needs of SNS; *sns.Client has it.
type Topics interface {
	GetTopicAttributes(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (
		*sns.GetTopicAttributesOutput, error)
}

// managedKey is the key of SNS itself: whoever may publish may use it.
const managedKey = "alias/aws/sns"

// CheckTopicRegions returns an error of class Invalid that names the topics of
// routes, and the topic of the alarms, that are in another Region than the stack.
// SNS refuses them: its clients publish within their own Region only.
func (c Stack) CheckTopicRegions(region string) error {
	var errs []error
	check := func(key, topic string) {
		if in := RegionOf(topic); region != "" && topic != "" && in != region {
			errs = append(errs, apperr.New(apperr.Invalid, "context key "+contextKey+"."+key,
				fmt.Sprintf("is %q, a topic in %s, but the stack is in %s", topic, in, region),
				"name a topic in "+region+"; it may forward to another Region by a subscription"))
		}
	}
	for i, route := range c.Routes {
		check(fmt.Sprintf("routes[%d].topic", i), route.Topic)
	}
	check("alarmTopicArn", c.AlarmTopicARN)
	return errors.Join(errs...)
}

// RegionOf returns the Region in an ARN, empty if there is none.
func RegionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}

// CheckTopics asks SNS about the topics that routes name. The error, of class
// Invalid, names those that do not exist, and those that are encrypted with a key
// that their route does not name: the functions could not publish to either. Topics
// that SNS does not describe, such as another account's, are returned as unchecked
// with the reason.
func (c Stack) CheckTopics(ctx context.Context, client Topics) (unchecked []string, err error) {
	var errs []error
	for _, topic := range c.Routes.Topics() {
		out, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(topic)})
		var missing *types.NotFoundException
		switch {
		case errors.As(err, &missing):
			errs = append(errs, c.refuseRoutes(topic, "topic", fmt.Sprintf("is %q, and there is no such topic", topic),
				"name a topic that exists, or create it first", func(string) bool { return true }))
		case err != nil:
			unchecked = append(unchecked, fmt.Sprintf("topic %s could not be checked: %v", topic, err))
		default:
			errs = append(errs, c.checkKey(topic, out.Attributes["KmsMasterKeyId"]))
		}
	}
	slices.Sort(unchecked)
	return unchecked, errors.Join(errs...)
}

// checkKey compares the key of a topic with the one that its routes name.
func (c Stack) checkKey(topic, id string) error {
	if id == "" || id == managedKey || strings.HasSuffix(id, ":"+managedKey) {
		return nil
	}
	alias := strings.Contains(id, "alias/") // does not say which key it stands for
	return c.refuseRoutes(topic, "key", fmt.Sprintf("does not name the key that encrypts the topic, %s", id),
		"set it to the key's ARN, and let its key policy permit this account to use it",
		func(key string) bool { return key == "" || !alias && keyID(key) != keyID(id) })
}

// keyID returns the id of a key that is named by its id or by its ARN.
func keyID(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// refuseRoutes returns an error for each route to the topic whose key is wrong.
func (c Stack) refuseRoutes(topic, field, what, fix string, wrong func(key string) bool) error {
	var errs []error
	for i, route := range c.Routes {
		if route.Topic == topic && wrong(route.Key) {
			where := fmt.Sprintf("context key %s.routes[%d].%s", contextKey, i, field)
			errs = append(errs, apperr.New(apperr.Invalid, where, what, fix))
		}
	}
	return errors.Join(errs...)
}
