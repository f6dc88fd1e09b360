package topiccheck_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/topiccheck"
)

// topics answers with the keys of topics, and with errors for others.
type topics struct {
	keys  map[string]string
	errs  map[string]error
	asked []string
}

func (t *topics) GetTopicAttributes(_ context.Context, in *sns.GetTopicAttributesInput, _ ...func(*sns.Options)) (
	*sns.GetTopicAttributesOutput, error) {
	t.asked = append(t.asked, *in.TopicArn)
	out := &sns.GetTopicAttributesOutput{Attributes: map[string]string{"TopicArn": *in.TopicArn}}
	if key := t.keys[*in.TopicArn]; key != "" {
		out.Attributes["KmsMasterKeyId"] = key
	}
	return out, t.errs[*in.TopicArn]
}

func TestCheck(t *testing.T) {
	const (
		good    = "arn:aws:sns:us-east-1:111122223333:good"
		missing = "arn:aws:sns:us-east-1:111122223333:missing"
		others  = "arn:aws:sns:us-east-1:999922223333:others"
		managed = "arn:aws:sns:us-east-1:111122223333:managed"
		locked  = "arn:aws:sns:us-east-1:111122223333:locked"
		aliased = "arn:aws:sns:us-east-1:111122223333:aliased"
		id      = "0b4c6a52-2f4e-4d2a-9f6b-3f4d0a1b2c3d"
		key     = "arn:aws:kms:us-east-1:111122223333:key/" + id
		another = "arn:aws:kms:us-east-1:111122223333:key/1" + id
	)
	for _, test := range []struct {
		name             string
		routes           rulematch.Routes
		asked, unchecked []string
		refused          []string // parts of the error
	}{
		{name: "no routes"},
		{name: "no topics", routes: rulematch.Routes{{Rule: "a"}}},
		{name: "a good one twice", routes: rulematch.Routes{{Rule: "a", Topic: good}, {Rule: "b", Topic: good}},
			asked: []string{good}},
		{name: "a missing one twice",
			routes: rulematch.Routes{{Rule: "a", Topic: missing}, {Rule: "b", Topic: good}, {Rule: "c", Topic: missing}},
			asked:  []string{missing, good},
			refused: []string{
				"context key chimewatch.routes[0].topic", "chimewatch.routes[2].topic", missing, "no such topic",
			}},
		{name: "one that SNS does not describe", routes: rulematch.Routes{{Rule: "a", Topic: others}},
			asked:     []string{others},
			unchecked: []string{"topic " + others + " could not be checked: not allowed"}},
		{name: "the key of SNS", routes: rulematch.Routes{{Rule: "a", Topic: managed}}, asked: []string{managed}},
		{name: "a key that the route does not name",
			routes:  rulematch.Routes{{Rule: "a", Topic: good}, {Rule: "b", Topic: locked}},
			asked:   []string{good, locked},
			refused: []string{"context key chimewatch.routes[1].key", id, "set it to the key's ARN"}},
		{name: "another key", routes: rulematch.Routes{{Rule: "b", Topic: locked, Key: another}},
			asked: []string{locked}, refused: []string{"chimewatch.routes[0].key", id}},
		{name: "the key", routes: rulematch.Routes{{Rule: "b", Topic: locked, Key: key}}, asked: []string{locked}},
		{name: "an alias without a key", routes: rulematch.Routes{{Rule: "b", Topic: aliased}},
			asked: []string{aliased}, refused: []string{"chimewatch.routes[0].key", "alias/ours"}},
		{name: "an alias and a key", routes: rulematch.Routes{{Rule: "b", Topic: aliased, Key: another}},
			asked: []string{aliased}},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := &topics{
				keys: map[string]string{
					managed: "alias/aws/sns", locked: id, aliased: "arn:aws:kms:us-east-1:111122223333:alias/ours",
				},
				errs: map[string]error{missing: &types.NotFoundException{}, others: errors.New("not allowed")},
			}
			unchecked, err := topiccheck.Check(t.Context(), client, test.routes)
			if diff := cmp.Diff([][]string{test.asked, test.unchecked}, [][]string{client.asked, unchecked}); diff != "" {
				t.Errorf("asked and unchecked: want (-), got (+):\n%s", diff)
			}
			if (err != nil) != (len(test.refused) > 0) || err != nil && apperr.ClassOf(err) != apperr.Invalid {
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
