package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"
)

// topics are where people subscribe. The alarms have a topic and a key of their
// own, so that a fault of the others is reported by a way that does not need them.
type topics struct {
	key              awskms.Key
	failures, alerts awssns.Topic
	alarms           awssns.ITopic
	// ownAlarms is alarms, unless the deployer named another topic.
	ownAlarms awssns.Topic
}

func (w *watchtower) newTopics() topics {
	t := topics{key: w.newTopicKey("TopicKey", "Encrypts the notifications of chimewatch")}
	t.failures = w.newTopic("FailureTopic", "Call analytics failures", t.key, w.chosen.FailureEmails)
	t.alerts = w.newTopic("AlertTopic", "Call alerts", t.key, w.chosen.AlertEmails)
	if arn := w.chosen.AlarmTopicARN; arn != "" {
		t.alarms = awssns.Topic_FromTopicArn(w.stack, jsii.String("AlarmTopic"), jsii.String(arn))
		return t
	}
	alarmKey := w.newTopicKey("AlarmTopicKey", "Encrypts the alarms of chimewatch")
	t.ownAlarms = w.newTopic("AlarmTopic", "chimewatch alarms", alarmKey, w.chosen.AlarmEmails)
	t.alarms = t.ownAlarms
	// The alarm about undelivered alarms goes to the failure topic.
	w.allowAlarms(t.ownAlarms, alarmKey)
	w.allowAlarms(t.failures, t.key)
	return t
}

func (w *watchtower) newTopicKey(id, about string) awskms.Key {
	return awskms.NewKey(w.stack, jsii.String(id), &awskms.KeyProps{
		Description: jsii.String(about), EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, // it protects messages on their way, and nothing that stays
	})
}

// allowAlarms lets CloudWatch publish the alarms of this account to a topic. The
// service does so by the topic's and the key's own policies.
func (w *watchtower) allowAlarms(topic awssns.Topic, key awskms.Key) {
	alarms := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)}
	ours := &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": w.stack.Account()}}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsEncrypt"), Principals: alarms,
		Actions: jsii.Strings("kms:GenerateDataKey", "kms:Decrypt"), Resources: jsii.Strings("*"), Conditions: ours,
	}), nil)
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsPublish"), Principals: alarms,
		Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()}, Conditions: ours,
	}))
}

func (w *watchtower) newTopic(id, display string, key awskms.Key, emails []string) awssns.Topic {
	topic := awssns.NewTopic(w.stack, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(display), MasterKey: key, EnforceSSL: jsii.Bool(true),
		SignatureVersion: jsii.String("2"), // SHA-256, by which webhooks verify a message
	})
	for _, address := range emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	acknowledge(topic, "Serverless-SNSRedrivePolicy",
		"An alarm reports e-mails that could not be delivered; what they say stays in the table.")
	return topic
}

// warnWhereNobodyListens adds a warning to the synth for each topic that no
// address is subscribed to. People may still subscribe after the deployment.
func (w *watchtower) warnWhereNobodyListens() {
	for _, t := range []struct {
		id, key, what string
		silent        bool
	}{
		{"FailureTopicArn", "failureEmails", "calls that fail", len(w.chosen.FailureEmails) == 0},
		{"AlarmTopicArn", "alarmEmails (or alarmTopicArn)", "faults of chimewatch itself",
			len(w.chosen.AlarmEmails) == 0 && w.chosen.AlarmTopicARN == ""},
	} {
		if t.silent {
			warning := "Nobody is subscribed to notifications about " + t.what + ": set chimewatch:" + t.key +
				", or subscribe to the output " + t.id + " after the deployment and check with: chimewatch topics list"
			awscdk.Annotations_Of(w.stack).AddWarningV2(
				jsii.String("chimewatch:nobody-subscribed-"+t.id), jsii.String(warning))
		}
	}
}
