package stacks

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesis"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// How notifications reach the function. A queue's messages stay hidden for six times the function's timeout of a
// minute (Lambda developer guide, "Creating an SQS event source mapping").
const (
	voiceBatch             = 25
	voiceVisibilityMinutes = 6
	voiceReceives          = 5
	voiceRetries           = 5
	voiceMaxAge            = 6 * 60 * 60 // seconds
	// voiceDays is how long the queue stores messages that could not be handled.
	voiceDays = 4
)

// mediaPipelines and voiceConnectors are the services that send notifications.
const (
	mediaPipelines  = "mediapipelines.chime.amazonaws.com"
	voiceConnectors = "voiceconnector.chime.amazonaws.com"
)

// VoiceIngestProps are the properties of a VoiceIngest.
type VoiceIngestProps struct {
	Function awslambda.Function
	// Sources are any of VoiceLambda, VoiceSQS, VoiceSNS and VoiceKinesis.
	Sources []string
	// AccessRole makes the role by which Amazon Chime reads the audio and delivers to the sources.
	AccessRole    bool
	RetentionDays float64 // 0 means for ever
	Retain        bool
}

func (p *VoiceIngestProps) has(sources ...string) bool {
	return slices.ContainsFunc(sources, func(s string) bool { return slices.Contains(p.Sources, s) })
}

// VoiceIngest is how voice-analytics notifications reach the function. What was not chosen is nil.
type VoiceIngest struct {
	// Key encrypts Queue, Topic and Stream.
	Key    awskms.Key
	Queue  awssqs.Queue
	Topic  awssns.Topic
	Stream awskinesis.Stream
	// DeadLetters stores what the queue and the topic could not deliver, Failures what the stream could not.
	DeadLetters awssqs.Queue
	Failures    awss3.Bucket
	AccessRole  awsiam.Role

	props      *VoiceIngestProps
	mapping    awslambda.CfnEventSourceMapping // of the stream
	statements []Statement                     // for an access role
}

// NewVoiceIngest makes the chosen sources and connects them with the function.
func NewVoiceIngest(scope constructs.Construct, id *string, props *VoiceIngestProps) *VoiceIngest {
	v := &VoiceIngest{props: props, statements: minimumStatements(awscdk.Stack_Of(scope))}
	named := func(suffix string) *string { return jsii.String(*id + suffix) }
	if props.has(VoiceLambda) {
		permit := func(id, service string) {
			props.Function.AddPermission(jsii.String(id), &awslambda.Permission{
				Principal:     awsiam.NewServicePrincipal(jsii.String(service), nil),
				SourceAccount: awscdk.Stack_Of(scope).Account(),
			})
		}
		permit("PipelinesInvoke", mediaPipelines)
		permit("VoiceConnectorsInvoke", voiceConnectors)
		v.grant("InvokeVoice", props.Function.FunctionArn(), "lambda:InvokeFunction", "lambda:GetPolicy")
	}
	if props.has(VoiceSQS, VoiceSNS, VoiceKinesis) {
		v.Key = awskms.NewKey(scope, named("Key"), &awskms.KeyProps{
			Description:       jsii.String("Encrypts the voice-analytics notifications on their way into chimewatch"),
			EnableKeyRotation: jsii.Bool(true), RemovalPolicy: removal(props.Retain),
		})
		// The service's policy for the resource access role grants keys with this tag only.
		awscdk.Tags_Of(v.Key).Add(jsii.String("AWSServiceName"), jsii.String("ChimeSDK"), nil)
	}
	if props.has(VoiceSQS, VoiceSNS) {
		v.DeadLetters = NewDeadLetterQueue(scope, named("DeadLetters"), &DeadLetterQueueProps{
			RetentionDays: props.RetentionDays, Retain: props.Retain, OfQueue: props.has(VoiceSQS),
		})
	}
	if props.has(VoiceSQS) {
		v.newQueue(scope, named)
		v.grant("SendToVoiceQueue", v.Queue.QueueArn(), "sqs:SendMessage", "sqs:GetQueueAttributes")
	}
	if props.has(VoiceSNS) {
		v.Topic = NewNotificationTopic(scope, named("Topic"), &NotificationTopicProps{
			DisplayName: jsii.String("Voice-analytics notifications"), Key: v.Key,
		})
		props.Function.AddEventSource(awslambdaeventsources.NewSnsEventSource(v.Topic,
			&awslambdaeventsources.SnsEventSourceProps{DeadLetterQueue: v.DeadLetters}))
		v.grant("PublishToVoiceTopic", v.Topic.TopicArn(), "sns:Publish", "sns:GetTopicAttributes")
	}
	if props.has(VoiceKinesis) {
		v.newStream(scope, named)
		v.grant("PutToVoiceStream", v.Stream.StreamArn(), "kinesis:PutRecord")
	}
	if props.has(VoiceSQS, VoiceKinesis) {
		v.allow("DecryptVoiceSources", v.Key.KeyArn(), "kms:Decrypt")
	}
	if v.Key != nil {
		v.statements = append(v.statements,
			statement("EncryptNotifications", v.Key.KeyArn(), "kms:GenerateDataKey", "kms:Decrypt").tagged())
	}
	if props.AccessRole {
		v.AccessRole = newAccessRole(scope, named("AccessRole"), v.statements)
	}
	return v
}

// grant adds a statement for the access role: how the service delivers to a source.
func (v *VoiceIngest) grant(sid string, resource *string, actions ...string) {
	v.statements = append(v.statements, statement(sid, resource, actions...))
}

// allow adds a statement to the role of the function.
func (v *VoiceIngest) allow(sid string, resource *string, actions ...string) {
	allow(v.props.Function.Role(), statement(sid, resource, actions...))
}

func (v *VoiceIngest) newQueue(scope constructs.Construct, named func(string) *string) {
	f := v.props.Function
	v.Queue = awssqs.NewQueue(scope, named("Queue"), &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_KMS, EncryptionMasterKey: v.Key, EnforceSSL: jsii.Bool(true),
		RetentionPeriod:   awscdk.Duration_Days(limited(voiceDays, v.props.RetentionDays)),
		VisibilityTimeout: awscdk.Duration_Minutes(jsii.Number(voiceVisibilityMinutes)),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: v.DeadLetters, MaxReceiveCount: jsii.Number(voiceReceives)},
		RemovalPolicy:     removal(v.props.Retain),
	})
	// The CDK's own mapping would let the function change the queue's visibility timeouts as well; these are what
	// Lambda needs (Lambda developer guide, "Using Lambda with Amazon SQS", execution role permissions).
	v.allow("ReadVoiceQueue", v.Queue.QueueArn(),
		"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
	awslambda.NewCfnEventSourceMapping(scope, named("QueueMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName: f.FunctionName(), EventSourceArn: v.Queue.QueueArn(), BatchSize: jsii.Number(voiceBatch),
		MaximumBatchingWindowInSeconds: jsii.Number(1), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
	})
}

// addOutputs adds what the configuration of Amazon Chime needs: the targets of the sinks, and what its role must be
// allowed.
func (v *VoiceIngest) addOutputs(add func(name, description string, value *string)) {
	if v.props.has(VoiceLambda) {
		add("VoiceFunctionArn", "InsightsTarget of the LambdaFunctionSink", v.props.Function.FunctionArn())
	}
	if v.Queue != nil {
		add("VoiceQueueArn", "InsightsTarget of the SqsQueueSink", v.Queue.QueueArn())
	}
	if v.Topic != nil {
		add("VoiceTopicArn", "InsightsTarget of the SnsTopicSink", v.Topic.TopicArn())
	}
	if v.Stream != nil {
		add("VoiceStreamArn", "InsightsTarget of the KinesisDataStreamSink", v.Stream.StreamArn())
		add("VoiceStreamFailuresName", "Bucket of the stream's records that failed at each attempt",
			v.Failures.BucketName())
	}
	if v.DeadLetters != nil {
		add("VoiceDeadLettersUrl", "Voice notifications that failed at each attempt", v.DeadLetters.QueueUrl())
	}
	if v.AccessRole != nil {
		add("VoiceAccessRoleArn", "ResourceAccessRoleArn of the media insights pipeline configuration",
			v.AccessRole.RoleArn())
	}
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

// tagged returns the statement with the condition under which the guide grants a resource whose name does not show
// that it belongs to the service.
func (s Statement) tagged() Statement {
	s.Conditions = map[string]any{"StringLike": map[string]any{"aws:ResourceTag/AWSServiceName": "ChimeSDK"}}
	return s
}

// minimumStatements are the minimum policy of the resource access role of a media insights pipeline configuration,
// without which every pipeline of the configuration fails (Amazon Chime SDK developer guide, "Using the call analytics
// resource access role", "Minimum required policy").
func minimumStatements(stack awscdk.Stack) []Statement {
	const known = "The developer guide's minimum policy: streams and keys of calls are known by the service's name or tag."
	media := []string{"kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"}
	transcribe := statement("Transcribe", jsii.String("*"),
		"transcribe:StartCallAnalyticsStreamTranscription", "transcribe:StartStreamTranscription")
	transcribe.wildcard, transcribe.reason = "*", "Transcription has no resources to name."
	return []Statement{
		transcribe, anyOf(stack, "ReadChimeStreams", known, "kinesisvideo", "stream/Chime*", media...),
		anyOf(stack, "ReadTaggedStreams", known, "kinesisvideo", "stream/*", media...).tagged(),
		anyOf(stack, "DecryptTaggedStreams", known, "kms", "key/*", "kms:Decrypt").tagged(),
	}
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
