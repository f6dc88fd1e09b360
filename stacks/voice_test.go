package stacks_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const (
	mapping       = "AWS::Lambda::EventSourceMapping"
	kinesisStream = "AWS::Kinesis::Stream"
)

func voiceChecks() []check {
	stream := func(value any, steps ...any) func(cfn.Template) {
		return set(mapping, "VoiceStreamMapping", value, steps...)
	}
	return []check{
		{
			name: "the chosen voice sources are made and connected, and no other",
			find: sourceProblems,
			breakages: []breakage{
				{name: "voice where none is chosen", in: "default", do: func(c cfn.Template) {
					at := map[string]any{"aws:cdk:path": "Chimewatch/VoiceX/Resource"}
					c.Resources["VoiceX"] = &cfn.Resource{Type: sqsQueue, Metadata: at}
				}},
				{name: "a stream besides the queue", in: "source sqs", do: func(c cfn.Template) {
					c.Resources["S"] = &cfn.Resource{Type: kinesisStream}
				}},
				{name: "transcripts reach the function", do: stream(nil, "FilterCriteria")},
				{name: "nothing reaches the function", do: stream(`{"data":{"service-type":["CallAnalytics"]}}`,
					"FilterCriteria", "Filters", 0, "Pattern")},
				{name: "a bad record fails its batch", do: stream(nil, "FunctionResponseTypes")},
				{name: "a bad message fails its batch", do: set(mapping, "VoiceQueueMapping", nil, "FunctionResponseTypes")},
				{name: "only the newest", do: stream("LATEST", "StartingPosition")},
				{name: "retries for ever", do: stream(nil, "MaximumRetryAttempts")},
				{name: "the bytes are lost", do: stream(nil, "DestinationConfig")},
				{name: "no metric for the alarm", do: stream(nil, "MetricsConfig")},
				{name: "the queue has no dead-letter queue", do: set(sqsQueue, "VoiceQueue", nil, "RedrivePolicy")},
				{name: "messages come twice", do: set(sqsQueue, "VoiceQueue", 60.0, "VisibilityTimeout")},
				{name: "a stream that costs by the shard", do: set(kinesisStream, "VoiceStream",
					"PROVISIONED", "StreamModeDetails", "StreamMode")},
				{name: "a stream with a key that the service cannot use", do: set(kinesisStream, "VoiceStream",
					"alias/aws/kinesis", "StreamEncryption", "KeyId")},
				{name: "records for a week", do: set(kinesisStream, "VoiceStream", 168.0, "RetentionPeriodHours")},
				{name: "the topic has no dead-letter queue", do: set(subscription, "Voice/VoiceTopic", nil, "RedrivePolicy")},
				{name: "any account invokes", do: func(c cfn.Template) {
					for _, p := range c.Of(lambdaPermission) {
						delete(p.Properties, "SourceAccount")
					}
				}},
				{name: "a key without the service's tag", do: set(kmsKey, "VoiceKey", nil, "Tags")},
				{name: "an unread output", do: func(c cfn.Template) { delete(c.Outputs, "VoiceStreamFailuresName") }},
			},
		},
	}
}

// sourceProblems compares the resources of the voice sources with the chosen ones.
func sourceProblems(s synthesized) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	has := func(source string) bool { return slices.Contains(s.chosen.VoiceSources, source) }
	type made struct{ kind, path, source string }
	for _, r := range []made{
		{sqsQueue, "VoiceQueue", "sqs"}, {mapping, "VoiceQueueMapping", "sqs"},
		{snsTopic, "VoiceTopic", "sns"}, {subscription, "Voice/VoiceTopic", "sns"},
		{kinesisStream, "VoiceStream", "kinesis"}, {mapping, "VoiceStreamMapping", "kinesis"},
	} {
		if (s.Get(r.kind, r.path) != nil) != has(r.source) {
			wrong("%s: there is one %t, want %t", r.path, s.Get(r.kind, r.path) != nil, has(r.source))
		}
	}
	if got, want := len(s.Of(kinesisStream)), 0; !has("kinesis") && got != want {
		wrong("got %d streams where none is chosen", got)
	}
	for _, r := range s.Resources {
		if len(s.chosen.VoiceSources) == 0 && strings.HasPrefix(r.Path(), "Voice") {
			wrong("%s is made where no source is chosen", r.Path())
		}
	}
	outputs := map[string]string{
		"VoiceFunctionArn": "lambda", "VoiceQueueArn": "sqs", "VoiceTopicArn": "sns",
		"VoiceStreamArn": "kinesis", "VoiceStreamFailuresName": "kinesis",
	}
	for name, source := range outputs {
		if (s.Outputs[name].Value != nil) != has(source) {
			wrong("output %s: there is one %t, want %t", name, s.Outputs[name].Value != nil, has(source))
		}
		about := fmt.Sprint(s.Outputs[name].Description)
		if has(source) && strings.Contains(about, "Voice Connector") {
			wrong("output %s: a Voice Connector's notification target is a word, not an ARN: %s", name, about)
		}
	}
	if has("sqs") || has("sns") || has("kinesis") {
		want := []any{map[string]any{"Key": "AWSServiceName", "Value": "ChimeSDK"}}
		if diff := cmp.Diff(want, s.Get(kmsKey, "VoiceKey").Prop("Tags")); diff != "" {
			wrong("the tag by which the service's policy grants a key: want (-), got (+):\n%s", diff)
		}
	}
	for source, problemsOf := range map[string]func(synthesized) []string{
		"lambda": invokerProblems, "sqs": voiceQueueProblems, "sns": voiceTopicProblems, "kinesis": voiceStreamProblems,
	} {
		if has(source) {
			problems = append(problems, problemsOf(s)...)
		}
	}
	return problems
}

// invokerProblems compares who may invoke the function directly with the services
// that send notifications.
func invokerProblems(s synthesized) (problems []string) {
	var principals []string
	for _, p := range s.Of(lambdaPermission) {
		if service := fmt.Sprint(p.Prop("Principal")); strings.Contains(service, "chime") {
			principals = append(principals, service)
			if p.Prop("SourceAccount", "Ref") != "AWS::AccountId" {
				problems = append(problems, service+" may invoke for any account")
			}
		}
	}
	slices.Sort(principals)
	want := []string{"mediapipelines.chime.amazonaws.com", "voiceconnector.chime.amazonaws.com"}
	if diff := cmp.Diff(want, principals); diff != "" {
		problems = append(problems, "who may invoke: want (-), got (+):\n"+diff)
	}
	return problems
}

func voiceQueueProblems(s synthesized) (problems []string) {
	q := s.Get(sqsQueue, "VoiceQueue")
	redrive := q.Prop("RedrivePolicy")
	to, receives := s.Words(cfn.At(redrive, "deadLetterTargetArn")), cfn.At(redrive, "maxReceiveCount")
	if to != "[VoiceDeadLetters.Arn]" || receives != 5.0 {
		problems = append(problems, "VoiceQueue: got the redrive policy "+cfn.AsText(redrive)+
			", want five receives and then VoiceDeadLetters")
	}
	if timeout, _ := q.Prop("VisibilityTimeout").(float64); timeout < 6*specOf("voice").Timeout.Seconds() {
		problems = append(problems, fmt.Sprintf(
			"VoiceQueue: got a visibility timeout of %v s, want six times the function's", timeout))
	}
	return append(problems, mappingProblems(s, "VoiceQueueMapping", "VoiceQueue", map[string]any{
		"BatchSize": 25.0, "MaximumBatchingWindowInSeconds": 1.0,
		"FunctionResponseTypes": []any{"ReportBatchItemFailures"},
	})...)
}

func voiceTopicProblems(s synthesized) []string {
	sub := s.Get(subscription, "Voice/VoiceTopic")
	dead, to := s.Words(sub.Prop("RedrivePolicy", "deadLetterTargetArn")), s.Words(sub.Prop("Endpoint"))
	if dead != "[VoiceDeadLetters.Arn]" || to != "[Voice.Arn]" || sub.Prop("Protocol") != "lambda" ||
		s.Words(sub.Prop("TopicArn")) != "[VoiceTopic]" || sub.Prop("FilterPolicy") != nil {
		return []string{"VoiceTopic: got the subscription " + cfn.AsText(sub.Properties) +
			", want the function, and VoiceDeadLetters for what cannot be delivered"}
	}
	return nil
}

func voiceStreamProblems(s synthesized) []string {
	const types = `["VoiceAnalyticsStatus","SpeakerSearchStatus","VoiceToneAnalysisStatus"]`
	problems := mappingProblems(s, "VoiceStreamMapping", "VoiceStream", map[string]any{
		"BatchSize": 25.0, "FunctionResponseTypes": []any{"ReportBatchItemFailures"},
		"StartingPosition": "TRIM_HORIZON", "BisectBatchOnFunctionError": true,
		"MaximumRetryAttempts": 5.0, "MaximumRecordAgeInSeconds": 21600.0,
		"MetricsConfig": map[string]any{"Metrics": []any{"EventCount"}},
		"FilterCriteria": map[string]any{"Filters": []any{
			map[string]any{"Pattern": `{"data":{"service-type":["VoiceAnalytics"]}}`},
			map[string]any{"Pattern": `{"data":{"detail-type":` + types + `}}`},
		}},
	})
	properties := map[string]any{
		"StreamModeDetails": map[string]any{"StreamMode": "ON_DEMAND"}, "RetentionPeriodHours": 24.0,
		"StreamEncryption": map[string]any{"EncryptionType": "KMS", "KeyId": refer("VoiceKey", kmsKey, "Arn")(s.Template)},
	}
	if diff := cmp.Diff(properties, s.Get(kinesisStream, "VoiceStream").Properties); diff != "" {
		problems = append(problems, "VoiceStream: want (-), got (+):\n"+diff)
	}
	to := s.Words(s.Get(mapping, "VoiceStreamMapping").Prop("DestinationConfig", "OnFailure", "Destination"))
	if to != "[VoiceStreamFailures.Arn]" {
		problems = append(problems, fmt.Sprintf(
			"VoiceStreamMapping: what fails goes to %q, want the bucket, which stores the bytes", to))
	}
	return problems
}

// mappingProblems compares the mapping of a source to the function, with its
// properties but those that refer to others.
func mappingProblems(s synthesized, name, source string, want map[string]any) []string {
	m := s.Get(mapping, name)
	if m == nil {
		return nil // reported already
	}
	got := map[string]any{}
	for key, value := range m.Properties {
		if key != "FunctionName" && key != "EventSourceArn" && key != "DestinationConfig" && key != "Tags" {
			got[key] = value
		}
	}
	function, of := s.Words(m.Prop("FunctionName")), s.Words(m.Prop("EventSourceArn"))
	if diff := cmp.Diff(want, got); diff != "" || function != "[Voice]" || of != "["+source+".Arn]" {
		return []string{name + ": from " + of + " to " + function + ": want (-), got (+):\n" + diff}
	}
	return nil
}
