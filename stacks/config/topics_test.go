package config_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/routing"
	"github.com/chimewatch/chimewatch/stacks/config"
)

// topics answers for one Region, and keeps what it was asked for.
type topics struct {
	answers map[string]error
	asked   *[]string
}

func (t topics) GetTopicAttributes(_ context.Context, in *sns.GetTopicAttributesInput, _ ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error) {
	*t.asked = append(*t.asked, *in.TopicArn)
	return &sns.GetTopicAttributesOutput{}, t.answers[*in.TopicArn]
}

func TestTopicsOfRoutesMustExist(t *testing.T) {
	const (
		good    = "arn:aws:sns:us-east-1:111122223333:good"
		missing = "arn:aws:sns:us-east-1:111122223333:missing"
		others  = "arn:aws:sns:eu-west-1:999922223333:others"
	)
	answers := map[string]error{missing: &types.NotFoundException{}, others: errors.New("not allowed")}
	for _, test := range []struct {
		name             string
		routes           routing.Routes
		asked, unchecked []string
		refused          []string // parts of the error
	}{
		{name: "no routes"},
		{name: "no topics", routes: routing.Routes{{Rule: "a"}}},
		{name: "a good one twice", routes: routing.Routes{{Rule: "a", Topic: good}, {Rule: "b", Topic: good}}, asked: []string{"us-east-1 " + good}},
		{name: "a missing one twice", routes: routing.Routes{{Rule: "a", Topic: missing}, {Rule: "b", Topic: good}, {Rule: "c", Topic: missing}},
			asked:   []string{"us-east-1 " + missing, "us-east-1 " + good},
			refused: []string{"context key chimewatch.routes[0].topic", "chimewatch.routes[2].topic", missing, "no such topic"}},
		{name: "one that is not told of", routes: routing.Routes{{Rule: "a", Topic: others}}, asked: []string{"eu-west-1 " + others},
			unchecked: []string{"topic " + others + " could not be checked: not allowed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked, regions []string
			c := config.Default()
			c.Routes = test.routes
			unchecked, err := c.CheckTopics(t.Context(), func(region string) config.Topics {
				regions = append(regions, region)
				return topics{answers, &asked}
			})
			for i := range asked {
				asked[i] = regions[i] + " " + asked[i]
			}
			if diff := cmp.Diff([][]string{test.asked, test.unchecked}, [][]string{asked, unchecked}); diff != "" {
				t.Errorf("asked and unchecked: want (-), got (+):\n%s", diff)
			}
			if (err != nil) != (len(test.refused) > 0) || err != nil && fault.ClassOf(err) != fault.Invalid {
				t.Fatalf("got %v, want it refused: %v", err, len(test.refused) > 0)
			}
			for _, part := range test.refused {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to say %q", err, part)
				}
			}
		})
	}
}
