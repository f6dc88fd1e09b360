// Package topiccheck asks SNS, before a deployment, whether the functions can publish to
// the topics that routes name.
package topiccheck

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
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// Client is implemented by *sns.Client.
type Client interface {
	GetTopicAttributes(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (
		*sns.GetTopicAttributesOutput, error)
}

// managedKey is the key of SNS itself: everybody who may publish may use it.
const managedKey = "alias/aws/sns"

// Check asks SNS about the topics of routes. The error, of class Invalid, names those that
// do not exist, and those that are encrypted with a key that their route does not name:
// the functions could not publish to either. Topics that SNS does not describe, such as
// another account's, are returned as unchecked with the reason.
func Check(ctx context.Context, client Client, routes rulematch.Routes) (unchecked []string, err error) {
	var errs []error
	for _, topic := range routes.Topics() {
		out, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(topic)})
		var missing *types.NotFoundException
		switch {
		case errors.As(err, &missing):
			errs = append(errs, refuse(routes, topic, "topic", fmt.Sprintf("is %q, and there is no such topic", topic),
				"name a topic that exists, or create it first", func(string) bool { return true }))
		case err != nil:
			unchecked = append(unchecked, fmt.Sprintf("topic %s could not be checked: %v", topic, err))
		default:
			errs = append(errs, checkKey(routes, topic, out.Attributes["KmsMasterKeyId"]))
		}
	}
	slices.Sort(unchecked)
	return unchecked, errors.Join(errs...)
}

// checkKey compares the key of a topic with the one that its routes name.
func checkKey(routes rulematch.Routes, topic, id string) error {
	if id == "" || id == managedKey || strings.HasSuffix(id, ":"+managedKey) {
		return nil
	}
	alias := strings.Contains(id, "alias/") // does not say which key it stands for
	return refuse(routes, topic, "key", fmt.Sprintf("does not name the key that encrypts the topic, %s", id),
		"set it to the key's ARN, and let its key policy permit this account to use it",
		func(key string) bool { return key == "" || !alias && keyID(key) != keyID(id) })
}

// keyID returns the id of a key that is named by its id or by its ARN.
func keyID(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// refuse returns an error for each route to the topic whose key is wrong.
func refuse(routes rulematch.Routes, topic, field, what, fix string, wrong func(key string) bool) error {
	var errs []error
	for i, route := range routes {
		if route.Topic == topic && wrong(route.Key) {
			where := fmt.Sprintf("context key chimewatch.routes[%d].%s", i, field)
			errs = append(errs, apperr.New(apperr.Invalid, where, what, fix))
		}
	}
	return errors.Join(errs...)
}
