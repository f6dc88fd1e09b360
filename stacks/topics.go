package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NotificationTopicProps are the properties of a topic. DisplayName is the sender of its e-mails. Alarms lets
// CloudWatch alarms of the account publish to it.
type NotificationTopicProps struct {
	DisplayName *string
	Key         awskms.Key
	Emails      []string
	Alarms      bool
}

// NewNotificationTopic makes an encrypted topic with subscribed e-mail addresses.
func NewNotificationTopic(scope constructs.Construct, id *string, props *NotificationTopicProps) awssns.Topic {
	topic := awssns.NewTopic(scope, id, &awssns.TopicProps{
		DisplayName: props.DisplayName, MasterKey: props.Key, EnforceSSL: jsii.Bool(true),
		SignatureVersion: jsii.String("2"), // SHA-256, by which webhooks verify a message
	})
	for _, address := range props.Emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	acknowledge(topic, "An alarm reports e-mails that could not be delivered; what they say stays in the table.",
		"Serverless-SNSRedrivePolicy")
	if props.Alarms {
		// CloudWatch publishes by the topic's and the key's own policies.
		alarms := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)}
		ours := &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()}}
		props.Key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("AlarmsEncrypt"), Principals: alarms, Conditions: ours,
			Actions: jsii.Strings("kms:GenerateDataKey", "kms:Decrypt"), Resources: jsii.Strings("*"),
		}), nil)
		topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("AlarmsPublish"), Principals: alarms, Conditions: ours,
			Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()},
		}))
	}
	return topic
}

func newTopicKey(scope constructs.Construct, id, description string) awskms.Key {
	return awskms.NewKey(scope, jsii.String(id), &awskms.KeyProps{
		Description: jsii.String(description), EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, // it encrypts messages in transit, and nothing that stays
	})
}

// warnWhereNobodyIsSubscribed adds a warning to the synth for each important topic without subscribers. People may
// still subscribe after the deployment.
func (c *Chimewatch) warnWhereNobodyIsSubscribed() {
	warn := func(output, key, what string) {
		awscdk.Annotations_Of(c.Construct).AddWarningV2(jsii.String("chimewatch:nobody-subscribed-"+output),
			jsii.String("Nobody is subscribed to notifications about "+what+": set chimewatch:"+key+
				", or subscribe to the output "+output+" after the deployment and check with: chimewatch topics list"))
	}
	if len(c.config.FailureEmails) == 0 {
		warn("FailureTopicArn", "failureEmails", "calls that fail")
	}
	if len(c.config.AlarmEmails) == 0 && c.ownAlarmTopic != nil {
		warn("AlarmTopicArn", "alarmEmails (or alarmTopicArn)", "faults of chimewatch itself")
	}
}
