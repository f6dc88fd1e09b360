package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// tagged returns the statement with the condition under which the guide grants a resource whose name does not show
// that it belongs to the service.
func (s Statement) tagged() Statement {
	s.Conditions = map[string]any{"StringLike": map[string]any{"aws:ResourceTag/AWSServiceName": "ChimeSDK"}}
	return s
}

// accessStatements returns what the resource access role of a media insights pipeline configuration needs: the
// minimum policy of the Amazon Chime SDK developer guide ("Using the call analytics resource access role", "Minimum
// required policy"), without which every pipeline of the configuration fails, and delivery to each chosen source.
func (v *VoiceIngest) accessStatements(stack awscdk.Stack) (list []Statement) {
	add := func(sid string, resource *string, actions ...string) {
		list = append(list, statement(sid, resource, actions...))
	}
	const known = "The developer guide's minimum policy: streams and keys of calls are known by the service's name or tag."
	media := []string{"kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"}
	transcribe := statement("Transcribe", jsii.String("*"),
		"transcribe:StartCallAnalyticsStreamTranscription", "transcribe:StartStreamTranscription")
	transcribe.wildcard, transcribe.reason = "*", "Transcription has no resources to name."
	list = []Statement{
		transcribe, anyOf(stack, "ReadChimeStreams", known, "kinesisvideo", "stream/Chime*", media...),
		anyOf(stack, "ReadTaggedStreams", known, "kinesisvideo", "stream/*", media...).tagged(),
		anyOf(stack, "DecryptTaggedStreams", known, "kms", "key/*", "kms:Decrypt").tagged(),
	}
	if v.props.has(VoiceLambda) {
		add("InvokeVoice", v.props.Function.FunctionArn(), "lambda:InvokeFunction", "lambda:GetPolicy")
	}
	if v.Queue != nil {
		add("SendToVoiceQueue", v.Queue.QueueArn(), "sqs:SendMessage", "sqs:GetQueueAttributes")
	}
	if v.Topic != nil {
		add("PublishToVoiceTopic", v.Topic.TopicArn(), "sns:Publish", "sns:GetTopicAttributes")
	}
	if v.Stream != nil {
		add("PutToVoiceStream", v.Stream.StreamArn(), "kinesis:PutRecord")
	}
	if v.Key != nil {
		list = append(list,
			statement("EncryptNotifications", v.Key.KeyArn(), "kms:GenerateDataKey", "kms:Decrypt").tagged())
	}
	return list
}

// newAccessRole makes the role with these statements. Its trust is the guide's: the service, for calls of this
// account alone.
func newAccessRole(scope constructs.Construct, id *string, statements []Statement) awsiam.Role {
	stack := awscdk.Stack_Of(scope)
	sources := "arn:" + *stack.Partition() + ":chime:*:" + *stack.Account() + ":*"
	role := awsiam.NewRole(scope, id, &awsiam.RoleProps{
		Description: jsii.String("How Amazon Chime SDK reads call audio " +
			"and delivers voice-analytics notifications to chimewatch"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(mediaPipelines), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()},
				"ArnLike":      map[string]any{"aws:SourceArn": sources},
			},
		}),
	})
	allow(role, statements...)
	return role
}

// addStatements adds an output with the statements, for a role that exists already.
func (v *VoiceIngest) addStatements(add func(name, description string, value *string)) {
	policy := make([]map[string]any, len(v.statements))
	for i, s := range v.statements {
		policy[i] = map[string]any{"Sid": s.Sid, "Effect": "Allow", "Action": s.Actions, "Resource": s.Resources[0]}
		if s.Conditions != nil {
			policy[i]["Condition"] = s.Conditions
		}
	}
	add("VoiceAccessStatements", "Statements for the resource access role of "+strings.Join(v.props.Sources, ", "),
		awscdk.Stack_Of(v.props.Function).ToJsonString(policy, nil))
}
