package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/stacks/config"
)

// statement is one of those that the resource access role needs so that the
// service can deliver (Amazon Chime SDK developer guide, "Using the call
// analytics resource access role").
type statement struct {
	sid       string
	actions   []string
	resource  *string
	condition map[string]any
}

// accessStatements gives what the role needs for the chosen sources.
func (w *watchtower) accessStatements() []statement {
	var list []statement
	if w.takes(config.VoiceLambda) {
		list = append(list, statement{"InvokeVoice", []string{"lambda:InvokeFunction", "lambda:GetPolicy"}, w.functions["voice"].FunctionArn(), nil})
	}
	if w.voice.queue != nil {
		list = append(list, statement{"SendToVoiceQueue", []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}, w.voice.queue.QueueArn(), nil})
	}
	if w.voice.topic != nil {
		list = append(list, statement{"PublishToVoiceTopic", []string{"sns:Publish", "sns:GetTopicAttributes"}, w.voice.topic.TopicArn(), nil})
	}
	if w.voice.stream != nil {
		list = append(list, statement{"PutToVoiceStream", []string{"kinesis:PutRecord"}, w.voice.stream.StreamArn(), nil})
	}
	if w.voice.key != nil {
		list = append(list, statement{"EncryptNotifications", []string{"kms:GenerateDataKey", "kms:Decrypt"}, w.voice.key.KeyArn(),
			map[string]any{"StringLike": map[string]any{"aws:ResourceTag/AWSServiceName": "ChimeSDK"}}})
	}
	return list
}

// newAccessRole makes the role with these statements, for a media insights
// pipeline configuration to name. Its trust is what the guide asks for: the
// service, for this account's calls alone.
func (w *watchtower) newAccessRole(statements []statement) {
	role := awsiam.NewRole(w.stack, jsii.String("VoiceAccessRole"), &awsiam.RoleProps{
		Description: jsii.String("How Amazon Chime SDK delivers voice-analytics notifications to chimewatch"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(mediaPipelines), &awsiam.ServicePrincipalOpts{Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": w.stack.Account()},
			"ArnLike":      map[string]any{"aws:SourceArn": "arn:" + *w.stack.Partition() + ":chime:*:" + *w.stack.Account() + ":*"},
		}}),
	})
	for _, s := range statements {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(s.sid), Actions: jsii.Strings(s.actions...), Resources: &[]*string{s.resource}, Conditions: &s.condition,
		}))
	}
	w.newOutput("VoiceAccessRoleArn", "ResourceAccessRoleArn of the media insights pipeline configuration", role.RoleArn())
}

// newVoiceOutputs names what the Chime side has to be told: the targets, and
// what its role must be allowed.
func (w *watchtower) newVoiceOutputs(statements []statement) {
	if w.takes(config.VoiceLambda) {
		w.newOutput("VoiceFunctionArn", "Target of the LambdaFunctionSink, or of the Voice Connector", w.functions["voice"].FunctionArn())
	}
	if w.voice.queue != nil {
		w.newOutput("VoiceQueueArn", "Target of the SqsQueueSink, or of the Voice Connector", w.voice.queue.QueueArn())
	}
	if w.voice.topic != nil {
		w.newOutput("VoiceTopicArn", "Target of the SnsTopicSink, or of the Voice Connector", w.voice.topic.TopicArn())
	}
	if w.voice.stream != nil {
		w.newOutput("VoiceStreamArn", "Target of the KinesisDataStreamSink", w.voice.stream.StreamArn())
		w.newOutput("VoiceStreamFailuresName", "Bucket of what was given up of the stream", w.voice.failures.BucketName())
	}
	if w.voice.dead != nil {
		w.newOutput("VoiceDeadLettersUrl", "Notifications that were given up", w.voice.dead.QueueUrl())
	}
	policy := make([]map[string]any, len(statements))
	for i, s := range statements {
		policy[i] = map[string]any{"Sid": s.sid, "Effect": "Allow", "Action": s.actions, "Resource": s.resource}
		if s.condition != nil {
			policy[i]["Condition"] = s.condition
		}
	}
	w.newOutput("VoiceAccessStatements", "Statements for the resource access role of "+strings.Join(w.chosen.VoiceSources, ", "), w.stack.ToJsonString(policy, nil))
}
