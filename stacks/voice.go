package stacks

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesis"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/stacks/config"
)

// How notifications reach the function. A queue's messages stay hidden for six
// times the function's timeout (Lambda developer guide, "Creating an SQS event
// source mapping").
const (
	voiceBatch    = 25
	voiceTimeout  = 60
	voiceReceives = 5
	voiceRetries  = 5
	voiceMaxAge   = 6 * 60 * 60 // seconds
)

// mediaPipelines and voiceConnectors are the services that send notifications.
const (
	mediaPipelines  = "mediapipelines.chime.amazonaws.com"
	voiceConnectors = "voiceconnector.chime.amazonaws.com"
)

// voice is how voice-analytics notifications come in; what was not chosen is nil.
type voice struct {
	key    awskms.Key
	queue  awssqs.Queue
	topic  awssns.Topic
	stream awskinesis.Stream
	// dead keeps what the queue and the topic could not hand over, failures what
	// the stream could not.
	dead     awssqs.Queue
	failures awss3.Bucket
}

// voiceSpec is the function for the notifications.
func (w *watchtower) voiceSpec() spec {
	s := spec{name: "voice", about: "Keeps voice-analytics notifications, and holds calls until there is consent", timeout: voiceTimeout,
		table: []string{"BatchWriteItem", "PutItem"}, environment: w.voiceTasks()}
	if len(w.chosen.VoiceTasks) > 0 {
		s.table = append(s.table, "BatchGetItem", "Query")
		s.statements = w.voiceStatements()
	}
	return s
}

// consentSpec is the function for consent, which also starts and stops tasks.
func (w *watchtower) consentSpec() spec {
	s := spec{name: "consent", about: "Takes consent to voice-analytics tasks", timeout: voiceTimeout,
		table: []string{"PutItem", "Query"}, environment: w.voiceTasks(), statements: w.voiceStatements()}
	if len(w.chosen.VoiceTasks) > 0 {
		s.table = append(s.table, "BatchGetItem")
	}
	return s
}

// voiceTasks are the variables that turn tasks on.
func (w *watchtower) voiceTasks() map[string]*string {
	return map[string]*string{
		"CHIMEWATCH_VOICE_TASKS":              jsii.String(strings.Join(w.chosen.VoiceTasks, ",")),
		"CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN": jsii.String(w.chosen.VoiceProfileDomainARN),
	}
}

// voiceStatements let a function start the tasks that are turned on, on the
// account's Voice Connectors. It may stop the others, too: whoever withdraws
// consent after a task was turned off means the one that still runs. It asks
// about a task that cannot be stopped whether it has ended.
func (w *watchtower) voiceStatements() []awsiam.PolicyStatementProps {
	actions := []string{"chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask", "chime:StopSpeakerSearchTask", "chime:StopVoiceToneAnalysisTask"}
	for _, task := range w.chosen.VoiceTasks {
		actions = append(actions, "chime:Start"+map[string]string{"speaker-search": "SpeakerSearchTask", "voice-tone": "VoiceToneAnalysisTask"}[task])
	}
	slices.Sort(actions)
	resources := []*string{w.chimeARN("vc", "*")}
	if w.chosen.VoiceProfileDomainARN != "" {
		resources = append(resources, jsii.String(w.chosen.VoiceProfileDomainARN))
	}
	return []awsiam.PolicyStatementProps{{Sid: jsii.String("RunVoiceTasks"), Actions: jsii.Strings(actions...), Resources: &resources}}
}

func (w *watchtower) chimeARN(resource, name string) *string {
	return w.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("chime"), Resource: jsii.String(resource), ResourceName: jsii.String(name)})
}

// takes tells whether a source was chosen.
func (w *watchtower) takes(source string) bool {
	for _, chosen := range w.chosen.VoiceSources {
		if chosen == source {
			return true
		}
	}
	return false
}

// newVoice makes the chosen sources and wires them to the function.
func (w *watchtower) newVoice() {
	if len(w.chosen.VoiceSources) == 0 {
		return
	}
	f := w.functions["voice"].Function
	if w.takes(config.VoiceLambda) {
		for _, by := range []struct{ id, service string }{{"PipelinesInvoke", mediaPipelines}, {"VoiceConnectorsInvoke", voiceConnectors}} {
			f.AddPermission(jsii.String(by.id), &awslambda.Permission{
				Principal: awsiam.NewServicePrincipal(jsii.String(by.service), nil), SourceAccount: w.stack.Account(),
			})
		}
	}
	if w.takes(config.VoiceSQS) || w.takes(config.VoiceSNS) || w.takes(config.VoiceKinesis) {
		w.voice.key = w.newVoiceKey()
	}
	if w.takes(config.VoiceSQS) || w.takes(config.VoiceSNS) {
		w.voice.dead = w.newDeadLetterQueue("VoiceDeadLetters")
		w.newAlarm("VoiceDeadLettersAlarm", "Voice-analytics notifications were given up. See the queue VoiceDeadLetters.", 1, 1,
			w.voice.dead.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(1)), Statistic: jsii.String("Maximum")}))
	}
	if w.takes(config.VoiceSQS) {
		w.newVoiceQueue(f)
	}
	if w.takes(config.VoiceSNS) {
		w.newVoiceTopic(f)
	}
	if w.takes(config.VoiceKinesis) {
		w.newVoiceStream(f)
	}
	statements := w.accessStatements()
	if w.chosen.VoiceAccessRole {
		w.newAccessRole(statements)
	}
	w.newVoiceOutputs(statements)
}

// newVoiceKey makes the key of queue, topic and stream. The service's policy for
// the resource access role grants keys with this tag only.
func (w *watchtower) newVoiceKey() awskms.Key {
	key := awskms.NewKey(w.stack, jsii.String("VoiceKey"), &awskms.KeyProps{
		Description:       jsii.String("Encrypts the voice-analytics notifications on their way into chimewatch"),
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: w.removal(),
	})
	awscdk.Tags_Of(key).Add(jsii.String("AWSServiceName"), jsii.String("ChimeSDK"), nil)
	return key
}

// removal keeps what holds notifications, if the deployer wants that.
func (w *watchtower) removal() awscdk.RemovalPolicy {
	if w.chosen.Retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

func (w *watchtower) newVoiceQueue(f awslambda.Function) {
	w.voice.queue = awssqs.NewQueue(w.stack, jsii.String("VoiceQueue"), &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_KMS, EncryptionMasterKey: w.voice.key, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(4)), VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(6 * voiceTimeout)),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: w.voice.dead, MaxReceiveCount: jsii.Number(voiceReceives)},
		RemovalPolicy:   w.removal(),
	})
	f.AddEventSource(awslambdaeventsources.NewSqsEventSource(w.voice.queue, &awslambdaeventsources.SqsEventSourceProps{
		BatchSize: jsii.Number(voiceBatch), MaxBatchingWindow: awscdk.Duration_Seconds(jsii.Number(1)), ReportBatchItemFailures: jsii.Bool(true),
	}))
}

func (w *watchtower) newVoiceTopic(f awslambda.Function) {
	w.voice.topic = w.newTopic("VoiceTopic", "Voice-analytics notifications", w.voice.key, nil)
	f.AddEventSource(awslambdaeventsources.NewSnsEventSource(w.voice.topic, &awslambdaeventsources.SnsEventSourceProps{DeadLetterQueue: w.voice.dead}))
}

func (w *watchtower) newVoiceStream(f awslambda.Function) {
	w.voice.stream = awskinesis.NewStream(w.stack, jsii.String("VoiceStream"), &awskinesis.StreamProps{
		StreamMode: awskinesis.StreamMode_ON_DEMAND, Encryption: awskinesis.StreamEncryption_KMS, EncryptionKey: w.voice.key,
		RetentionPeriod: awscdk.Duration_Hours(jsii.Number(24)), RemovalPolicy: w.removal(),
	})
	// A bucket, because every other destination gets the place of what failed in
	// the stream, and not its bytes (Lambda developer guide, "Retain discarded
	// batch records for a Kinesis Data Streams event source").
	w.voice.failures = awss3.NewBucket(w.stack, jsii.String("VoiceStreamFailures"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), Encryption: awss3.BucketEncryption_S3_MANAGED, EnforceSSL: jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{Expiration: awscdk.Duration_Days(jsii.Number(90))}}, RemovalPolicy: w.removal(),
	})
	acknowledge(w.voice.stream, "AwsSolutions-KDS3", "The service's policy grants only keys with its tag, which AWS's own key cannot have.")
	acknowledge(w.voice.failures, "AwsSolutions-S1", "Lambda alone writes here, and only what it could not handle; CloudTrail can log who reads.")
	w.allowStream(f)
	mapping := awslambda.NewCfnEventSourceMapping(w.stack, jsii.String("VoiceStreamMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName: f.FunctionName(), EventSourceArn: w.voice.stream.StreamArn(), StartingPosition: jsii.String("TRIM_HORIZON"),
		BatchSize: jsii.Number(voiceBatch), BisectBatchOnFunctionError: jsii.Bool(true), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		MaximumRetryAttempts: jsii.Number(voiceRetries), MaximumRecordAgeInSeconds: jsii.Number(voiceMaxAge),
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: w.voice.failures.BucketArn()},
		},
		MetricsConfig: &awslambda.CfnEventSourceMapping_MetricsConfigProperty{Metrics: jsii.Strings("EventCount")},
	})
	w.newAlarm("VoiceStreamFailuresAlarm", "Voice-analytics notifications of the stream were given up. See the bucket VoiceStreamFailures.", 1, 1,
		awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Lambda"), MetricName: jsii.String("OnFailureDestinationDeliveredEventCount"),
			DimensionsMap: &map[string]*string{"EventSourceMappingUUID": mapping.Ref()},
			Period:        awscdk.Duration_Minutes(jsii.Number(1)), Statistic: jsii.String("Sum"),
		}))
}

// allowStream lets Lambda read the stream for the function, and write what it
// gave up. The CDK's own mapping would let it read and delete there as well.
func (w *watchtower) allowStream(f awslambda.Function) {
	allow := func(sid string, actions []string, resources ...*string) {
		f.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources}))
	}
	allow("ReadVoiceStream", []string{"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"}, w.voice.stream.StreamArn())
	allow("DecryptVoiceStream", []string{"kms:Decrypt"}, w.voice.key.KeyArn())
	allow("FindStreamFailures", []string{"s3:ListBucket"}, w.voice.failures.BucketArn())
	allow("KeepStreamFailures", []string{"s3:PutObject"}, w.voice.failures.ArnForObjects(jsii.String("*")))
	bucket := w.stack.GetLogicalId(w.voice.failures.Node().DefaultChild().(awscdk.CfnElement))
	acknowledge(f.Role(), "AwsSolutions-IAM5", "Lambda chooses the names of the objects that it writes.", "Resource::<"+*bucket+".Arn>/*")
}
