package stacks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const (
	snsTopic     = "AWS::SNS::Topic"
	snsPolicy    = "AWS::SNS::TopicPolicy"
	subscription = "AWS::SNS::Subscription"
	kmsKey       = "AWS::KMS::Key"
)

// topicKeys are the topics of a configuration and their keys.
func topicKeys(c config.Stack) map[string]string {
	keys := map[string]string{"FailureTopic": "TopicKey", "AlertTopic": "TopicKey"}
	if c.AlarmTopicARN == "" {
		keys["AlarmTopic"] = "AlarmTopicKey"
	}
	if slices.Contains(c.VoiceSources, "sns") {
		keys["VoiceTopic"] = "VoiceKey"
	}
	return keys
}

// displayNames are the senders of the topics' e-mails.
var displayNames = map[string]string{
	"FailureTopic": "Call analytics failures", "AlertTopic": "Call alerts", "AlarmTopic": "chimewatch alarms",
	"VoiceTopic": "Voice-analytics notifications",
}

func topicChecks() []check {
	return []check{
		{
			name: "topics are encrypted and refuse plain HTTP",
			find: func(s synthesized) (problems []string) {
				keys := topicKeys(s.chosen)
				if got := s.Paths(snsTopic); len(got) != len(keys) {
					problems = append(problems, fmt.Sprintf("got the topics %v, want %d", got, len(keys)))
				}
				for path, key := range keys {
					if got := s.Words(s.Get(snsTopic, path).Prop("KmsMasterKeyId")); got != "["+key+".Arn]" {
						problems = append(problems, path+": its key is "+got+", want the ARN of "+key)
					}
					name := fmt.Sprint(s.Get(snsTopic, path).Prop("DisplayName"))
					if name != displayNames[path] {
						problems = append(problems, path+": writes as "+name+", want "+displayNames[path])
					}
					if got := s.Get(snsTopic, path).Prop("SignatureVersion"); got != "2" {
						problems = append(problems, fmt.Sprintf("%s: got signature version %v, want 2, which is SHA-256", path, got))
					}
					if got := s.Get(kmsKey, key); got.Prop("EnableKeyRotation") != true {
						problems = append(problems, key+": is not rotated")
					}
					if !s.ClosedTo(snsPolicy, path+"/Policy") {
						problems = append(problems, path+": accepts plain HTTP")
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "not encrypted", do: set(snsTopic, "FailureTopic", nil, "KmsMasterKeyId")},
				{name: "the sender of another topic", do: set(snsTopic, "AlarmTopic", "Call alerts", "DisplayName")},
				{name: "signed with SHA-1", do: set(snsTopic, "AlertTopic", nil, "SignatureVersion")},
				{name: "alarms with the key of the notifications",
					do: point(snsTopic, "AlarmTopic", refer("TopicKey", kmsKey, "Arn"), "KmsMasterKeyId")},
				{name: "a key that is not rotated", do: set(kmsKey, "AlarmTopicKey", false, "EnableKeyRotation")},
				{name: "plain HTTP", do: remove(snsPolicy, "AlertTopic/Policy")},
			},
		},
		{
			name: "alarms of this account reach their topics",
			find: func(s synthesized) (problems []string) {
				for topic, key := range map[string]string{"AlarmTopic": "AlarmTopicKey", "FailureTopic": "TopicKey"} {
					if s.chosen.AlarmTopicARN != "" {
						continue // the deployer's topic, and nothing goes to the others
					}
					ofTopic := cfn.Listed(s.Get(snsPolicy, topic+"/Policy").Prop("PolicyDocument", "Statement"))
					ofKey := cfn.Listed(s.Get(kmsKey, key).Prop("KeyPolicy", "Statement"))
					var granted []string
					for _, statement := range slices.Concat(ofTopic, ofKey) {
						if cfn.At(statement, "Principal", "Service") != "cloudwatch.amazonaws.com" {
							continue
						}
						if cfn.At(statement, "Condition", "StringEquals", "aws:SourceAccount", "Ref") != "AWS::AccountId" {
							problems = append(problems, topic+": alarms of any account get in")
						}
						for _, action := range cfn.Listed(cfn.At(statement, "Action")) {
							granted = append(granted, action.(string))
						}
					}
					slices.Sort(granted)
					if diff := cmp.Diff([]string{"kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"}, granted); diff != "" {
						problems = append(problems, topic+": what alarms may do: want (-), got (+):\n"+diff)
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "no key", do: func(c cfn.Template) {
					policy := c.Get(kmsKey, "AlarmTopicKey").Properties["KeyPolicy"].(map[string]any)
					policy["Statement"] = policy["Statement"].([]any)[:1]
				}},
				{name: "no topic", do: remove(snsPolicy, "AlarmTopic/Policy")},
				{name: "any account", do: func(c cfn.Template) {
					policy := c.Get(snsPolicy, "FailureTopic/Policy")
					for _, statement := range cfn.Listed(policy.Prop("PolicyDocument", "Statement")) {
						delete(statement.(map[string]any), "Condition")
					}
				}},
			},
		},
		{
			name: "addresses are subscribed to their topics",
			find: func(s synthesized) (problems []string) {
				var want, got []string
				for topic, emails := range map[string][]string{
					"FailureTopic": s.chosen.FailureEmails, "AlertTopic": s.chosen.AlertEmails, "AlarmTopic": s.chosen.AlarmEmails,
				} {
					for _, address := range emails {
						want = append(want, "["+topic+"] "+address)
					}
				}
				for _, r := range s.Of(subscription) {
					if r.Prop("Protocol") == "email" {
						got = append(got, s.Words(r.Prop("TopicArn"))+" "+s.Words(r.Prop("Endpoint")))
					}
				}
				slices.Sort(want)
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					problems = append(problems, "want (-), got (+):\n"+diff)
				}
				return problems
			},
			breakages: []breakage{
				{name: "nobody", do: remove(subscription, "AlarmTopic/ops@example.com")},
				{name: "another topic", do: func(c cfn.Template) {
					another := c.Get(subscription, "AlertTopic/team@example.com").Properties["TopicArn"]
					c.Get(subscription, "FailureTopic/ops@example.com").Properties["TopicArn"] = another
				}},
			},
		},
	}
}

// A synth warns if nobody would receive the notifications.
func TestSynthWarnsWhereNobodyIsSubscribed(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*config.Stack)
		want   []string
	}{
		{"nobody", func(*config.Stack) {}, []string{"AlarmTopicArn", "FailureTopicArn"}},
		{"failures alone", func(c *config.Stack) { c.FailureEmails = []string{"ops@example.com"} },
			[]string{"AlarmTopicArn"}},
		{"both", func(c *config.Stack) {
			c.FailureEmails, c.AlarmEmails = []string{"ops@example.com"}, []string{"ops@example.com"}
		}, nil},
		{"a topic that exists", func(c *config.Stack) { c.AlarmTopicARN = alarmTopic }, []string{"FailureTopicArn"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			chosen := config.Default()
			test.change(&chosen)
			_, stack := newStack(t, chosen)
			var got []string
			for _, output := range []string{"AlarmTopicArn", "AlertTopicArn", "FailureTopicArn"} {
				key := strings.Replace(output, "TopicArn", "Emails", 1)
				key = strings.ToLower(key[:1]) + key[1:]
				words := jsii.String("Nobody is subscribed .* set chimewatch:" + key + ".* output " + output + " .*topics list")
				found := assertions.Annotations_FromStack(stack).FindWarning(
					jsii.String("*"), assertions.Match_StringLikeRegexp(words))
				if len(*found) > 0 {
					got = append(got, output)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}
