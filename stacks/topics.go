package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"
)

// topics are where people hear of things. One key encrypts both.
type topics struct {
	key              awskms.Key
	failures, alerts awssns.Topic
}

func (w *watchtower) newTopics() topics {
	t := topics{key: awskms.NewKey(w.stack, jsii.String("TopicKey"), &awskms.KeyProps{
		Description:       jsii.String("Encrypts the notifications of chimewatch"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY, // messages in flight are all that it protects
	})}
	// Alarms publish through a topic's own permissions, and need the key as well.
	alarms := awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)
	ours := &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": w.stack.Account()}}
	t.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsEncrypt"), Principals: &[]awsiam.IPrincipal{alarms},
		Actions: jsii.Strings("kms:GenerateDataKey", "kms:Decrypt"), Resources: jsii.Strings("*"), Conditions: ours,
	}), nil)
	t.failures = w.newTopic("FailureTopic", "Call analytics failures", t.key, w.chosen.FailureEmails)
	t.alerts = w.newTopic("AlertTopic", "Call alerts", t.key, w.chosen.AlertEmails)
	t.failures.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsPublish"), Principals: &[]awsiam.IPrincipal{alarms},
		Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{t.failures.TopicArn()}, Conditions: ours,
	}))
	return t
}

func (w *watchtower) newTopic(id, display string, key awskms.Key, emails []string) awssns.Topic {
	topic := awssns.NewTopic(w.stack, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(display), MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	for _, address := range emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	return topic
}
