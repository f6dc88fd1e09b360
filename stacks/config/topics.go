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

	"github.com/chimewatch/chimewatch/internal/fault"
)

// Topics is what CheckTopics needs of SNS; *sns.Client has it.
type Topics interface {
	GetTopicAttributes(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error)
}

// CheckTopics asks SNS for the topics that routes name, each in its Region. The
// error, of class Invalid, names those that do not exist. Those that SNS does not
// tell of, such as another account's, are given with the reason, not refused.
func (c Stack) CheckTopics(ctx context.Context, in func(region string) Topics) (unchecked []string, err error) {
	var errs []error
	for _, topic := range c.Routes.Topics() {
		region := strings.Split(topic, ":")[3] // its form was checked
		_, err := in(region).GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(topic)})
		var missing *types.NotFoundException
		switch {
		case err == nil:
		case errors.As(err, &missing):
			for i := range c.Routes {
				if c.Routes[i].Topic == topic {
					errs = append(errs, fault.New(fault.Invalid, fmt.Sprintf("context key %s.routes[%d].topic", contextKey, i), fmt.Sprintf("is %q, and there is no such topic", topic),
						"name a topic that exists, or make it first"))
				}
			}
		default:
			unchecked = append(unchecked, fmt.Sprintf("topic %s could not be checked: %v", topic, err))
		}
	}
	slices.Sort(unchecked)
	return unchecked, errors.Join(errs...)
}
