package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesis"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
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
	// voiceDays is how long the queue keeps what nobody could read.
	voiceDays = 4
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
	// dead keeps what the queue and the topic could not deliver, failures what the
	// stream could not.
	dead     awssqs.Queue
	failures awss3.Bucket
	mapping  awslambda.CfnEventSourceMapping // of the stream
}

// voiceSpec is the function for the notifications.
func (w *watchtower) voiceSpec() spec {
	s := spec{name: "voice", timeout: voiceTimeout,
		about: "Stores voice-analytics notifications, and holds tasks until there is consent",
		table: []string{"BatchWriteItem", "PutItem"}, environment: w.voiceTasks()}
	if len(w.chosen.VoiceTasks) > 0 {
		s.table = append(s.table, "BatchGetItem", "Query")
		s.statements = w.voiceStatements()
	}
	return s
}

// consentSpec is the function for consent, which also starts and stops tasks.
func (w *watchtower) consentSpec() spec {
	s := spec{name: "consent", timeout: voiceTimeout,
		about: "Receives consent to voice-analytics tasks, and starts and stops them",
		table: []string{"PutItem", "Query"}, environment: w.voiceTasks(), statements: w.voiceStatements()}
	if len(w.chosen.VoiceTasks) > 0 {
		s.table = append(s.table, "BatchGetItem")
	}
	return s
}

// voiceTasks are the variables that turn tasks on.
func (w *watchtower) voiceTasks() map[string]*string {
	return w.variables(config.Voice)
}

// voiceStatements let a function start the tasks that are turned on, on the
// account's Voice Connectors or on those that the deployer named. It may stop the
// others, too: whoever withdraws consent after a task was turned off means the one
// that still runs. It asks whether a task that cannot be stopped has ended.
func (w *watchtower) voiceStatements() []awsiam.PolicyStatementProps {
	actions := []string{"chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask", "chime:StopSpeakerSearchTask", "chime:StopVoiceToneAnalysisTask"}
	for _, task := range w.chosen.VoiceTasks {
		actions = append(actions, "chime:Start"+map[string]string{"speaker-search": "SpeakerSearchTask", "voice-tone": "VoiceToneAnalysisTask"}[task])
	}
	slices.Sort(actions)
	connectors := w.chosen.VoiceConnectorIDs
	if len(connectors) == 0 {
		connectors = []string{"*"}
	}
	var resources []*string
	for _, id := range connectors {
		resources = append(resources, w.chimeARN("vc", id))
	}
	return []awsiam.PolicyStatementProps{{Sid: jsii.String("RunVoiceTasks"), Actions: jsii.Strings(actions...), Resources: &resources}}
}

func (w *watchtower) chimeARN(resource, name string) *string {
	return w.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("chime"), Resource: jsii.String(resource), ResourceName: jsii.String(name)})
}

// takes reports whether a source was chosen.
func (w *watchtower) takes(source string) bool { return slices.Contains(w.chosen.VoiceSources, source) }

// newVoice makes the chosen sources and wires them to the function.
func (w *watchtower) newVoice() error {
	if len(w.chosen.VoiceSources) == 0 {
		return nil
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
		w.voice.dead = w.newDeadLetterQueue("VoiceDeadLetters", w.takes(config.VoiceSQS))
	}
	if w.takes(config.VoiceSQS) {
		w.newVoiceQueue(f)
	}
	if w.takes(config.VoiceSNS) {
		w.newVoiceTopic(f)
	}
	if w.takes(config.VoiceKinesis) {
		if err := w.newVoiceStream(f); err != nil {
			return err
		}
	}
	if w.voice.key != nil && (w.takes(config.VoiceSQS) || w.takes(config.VoiceKinesis)) {
		allow(f, "DecryptVoiceSources", []string{"kms:Decrypt"}, w.voice.key.KeyArn())
	}
	statements := w.accessStatements()
	if w.chosen.VoiceAccessRole {
		w.newAccessRole(statements)
	}
	w.newVoiceOutputs(statements)
	return nil
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

func (w *watchtower) newVoiceQueue(f awslambda.Function) {
	w.voice.queue = awssqs.NewQueue(w.stack, jsii.String("VoiceQueue"), &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_KMS, EncryptionMasterKey: w.voice.key, EnforceSSL: jsii.Bool(true),
		RetentionPeriod:   awscdk.Duration_Days(jsii.Number(w.atMost(voiceDays))),
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(6 * voiceTimeout)),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: w.voice.dead, MaxReceiveCount: jsii.Number(voiceReceives)},
		RemovalPolicy:     w.removal(),
	})
	// The CDK's own mapping would let the function change the queue's visibility
	// timeouts as well; these are what Lambda asks for (Lambda developer guide,
	// "Using Lambda with Amazon SQS", execution role permissions).
	allow(f, "ReadVoiceQueue",
		[]string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, w.voice.queue.QueueArn())
	awslambda.NewCfnEventSourceMapping(w.stack, jsii.String("VoiceQueueMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName: f.FunctionName(), EventSourceArn: w.voice.queue.QueueArn(), BatchSize: jsii.Number(voiceBatch),
		MaximumBatchingWindowInSeconds: jsii.Number(1), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
	})
}

func (w *watchtower) newVoiceTopic(f awslambda.Function) {
	w.voice.topic = w.newTopic("VoiceTopic", "Voice-analytics notifications", w.voice.key, nil)
	f.AddEventSource(awslambdaeventsources.NewSnsEventSource(w.voice.topic, &awslambdaeventsources.SnsEventSourceProps{DeadLetterQueue: w.voice.dead}))
}
