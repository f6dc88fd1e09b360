package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
)

// statement is one of those that the resource access role of a media insights
// pipeline configuration needs (Amazon Chime SDK developer guide, "Using the call
// analytics resource access role").
type statement struct {
	sid       string
	actions   []string
	resource  *string
	condition map[string]any
}

// taggedForChime is the condition under which the guide grants a resource that its
// name does not show to belong to the service.
var taggedForChime = map[string]any{"StringLike": map[string]any{"aws:ResourceTag/AWSServiceName": "ChimeSDK"}}

// accessStatements returns what the role needs: the guide's minimum policy, by which
// the service reads the audio, and delivery to each chosen source.
func (w *watchtower) accessStatements() []statement {
	list := w.minimumStatements()
	deliver := func(sid string, resource *string, condition map[string]any, actions ...string) {
		list = append(list, statement{sid, actions, resource, condition})
	}
	if w.takes(config.VoiceLambda) {
		arn := w.functions["voice"].FunctionArn()
		deliver("InvokeVoice", arn, nil, "lambda:InvokeFunction", "lambda:GetPolicy")
	}
	if w.voice.queue != nil {
		deliver("SendToVoiceQueue", w.voice.queue.QueueArn(), nil, "sqs:SendMessage", "sqs:GetQueueAttributes")
	}
	if w.voice.topic != nil {
		deliver("PublishToVoiceTopic", w.voice.topic.TopicArn(), nil, "sns:Publish", "sns:GetTopicAttributes")
	}
	if w.voice.stream != nil {
		deliver("PutToVoiceStream", w.voice.stream.StreamArn(), nil, "kinesis:PutRecord")
	}
	if w.voice.key != nil {
		deliver("EncryptNotifications", w.voice.key.KeyArn(), taggedForChime, "kms:GenerateDataKey", "kms:Decrypt")
	}
	return list
}

// minimumStatements are the section "Minimum required policy" of the guide. Without
// them every pipeline of the configuration fails.
func (w *watchtower) minimumStatements() []statement {
	arn := func(service, resource, name string) *string {
		return w.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
		})
	}
	media := []string{"kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"}
	transcribe := []string{"transcribe:StartCallAnalyticsStreamTranscription", "transcribe:StartStreamTranscription"}
	return []statement{
		{"Transcribe", transcribe, jsii.String("*"), nil},
		{"ReadChimeStreams", media, arn("kinesisvideo", "stream", "Chime*"), nil},
		{"ReadTaggedStreams", media, arn("kinesisvideo", "stream", "*"), taggedForChime},
		{"DecryptTaggedStreams", []string{"kms:Decrypt"}, arn("kms", "key", "*"), taggedForChime},
	}
}

// newAccessRole makes the role with these statements, for a media insights pipeline
// configuration to name. Its trust is the guide's: the service, for calls of this
// account alone.
func (w *watchtower) newAccessRole(statements []statement) {
	role := awsiam.NewRole(w.stack, jsii.String("VoiceAccessRole"), &awsiam.RoleProps{
		Description: jsii.String("How Amazon Chime SDK reads call audio " +
			"and delivers voice-analytics notifications to chimewatch"),
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
	acknowledge(role, "AwsSolutions-IAM5", "The developer guide's minimum policy: transcription has no resources "+
		"to name, and streams and keys of calls are known by the service's name or tag.",
		"Resource::*", "Resource::arn:<AWS::Partition>:kinesisvideo:<AWS::Region>:<AWS::AccountId>:stream/Chime*",
		"Resource::arn:<AWS::Partition>:kinesisvideo:<AWS::Region>:<AWS::AccountId>:stream/*",
		"Resource::arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*")
	w.newOutput("VoiceAccessRoleArn", "ResourceAccessRoleArn of the media insights pipeline configuration", role.RoleArn())
}

// newVoiceOutputs names what the Chime side has to know: the targets of the sinks,
// and what its role must be allowed.
func (w *watchtower) newVoiceOutputs(statements []statement) {
	if w.takes(config.VoiceLambda) {
		w.newOutput("VoiceFunctionArn", "InsightsTarget of the LambdaFunctionSink", w.functions["voice"].FunctionArn())
	}
	if w.voice.queue != nil {
		w.newOutput("VoiceQueueArn", "InsightsTarget of the SqsQueueSink", w.voice.queue.QueueArn())
	}
	if w.voice.topic != nil {
		w.newOutput("VoiceTopicArn", "InsightsTarget of the SnsTopicSink", w.voice.topic.TopicArn())
	}
	if w.voice.stream != nil {
		w.newOutput("VoiceStreamArn", "InsightsTarget of the KinesisDataStreamSink", w.voice.stream.StreamArn())
		w.newOutput("VoiceStreamFailuresName", "Bucket of the stream's records that failed at each attempt",
			w.voice.failures.BucketName())
	}
	if w.voice.dead != nil {
		w.newOutput("VoiceDeadLettersUrl", "Voice notifications that failed at each attempt", w.voice.dead.QueueUrl())
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
