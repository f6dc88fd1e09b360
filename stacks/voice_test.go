package stacks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const mapping, accessPolicy = "AWS::Lambda::EventSourceMapping", "AWS::IAM::Policy"

func voiceChecks() []check {
	return []check{
		{
			name: "each voice source is made and wired, and no other",
			find: sourceProblems,
			breakages: []breakage{
				{name: "voice where none is chosen", in: "default", do: func(c cfn.Template) {
					c.Resources["VoiceX"] = &cfn.Resource{Type: sqsQueue, Metadata: map[string]any{"aws:cdk:path": "Chimewatch/VoiceX/Resource"}}
				}},
				{name: "a stream beside the queue", in: "source sqs", do: func(c cfn.Template) { c.Resources["S"] = &cfn.Resource{Type: "AWS::Kinesis::Stream"} }},
				{name: "transcripts reach the function", do: set(mapping, "VoiceStreamMapping", nil, "FilterCriteria")},
				{name: "nothing reaches the function", do: set(mapping, "VoiceStreamMapping", `{"data":{"service-type":["CallAnalytics"]}}`, "FilterCriteria", "Filters", 0, "Pattern")},
				{name: "a bad record fails its batch", do: set(mapping, "VoiceStreamMapping", nil, "FunctionResponseTypes")},
				{name: "a bad message fails its batch", do: set(mapping, "VoiceQueueMapping", nil, "FunctionResponseTypes")},
				{name: "only the newest", do: set(mapping, "VoiceStreamMapping", "LATEST", "StartingPosition")},
				{name: "retries for ever", do: set(mapping, "VoiceStreamMapping", nil, "MaximumRetryAttempts")},
				{name: "the bytes are lost", do: set(mapping, "VoiceStreamMapping", nil, "DestinationConfig")},
				{name: "no metric for the alarm", do: set(mapping, "VoiceStreamMapping", nil, "MetricsConfig")},
				{name: "the queue gives up for ever", do: set(sqsQueue, "VoiceQueue", nil, "RedrivePolicy")},
				{name: "messages come twice", do: set(sqsQueue, "VoiceQueue", 60.0, "VisibilityTimeout")},
				{name: "the topic gives up for ever", do: set("AWS::SNS::Subscription", "Voice/VoiceTopic", nil, "RedrivePolicy")},
				{name: "any account invokes", do: func(c cfn.Template) {
					for _, p := range c.Of("AWS::Lambda::Permission") {
						delete(p.Properties, "SourceAccount")
					}
				}},
				{name: "a key without the service's tag", do: set(kmsKey, "VoiceKey", nil, "Tags")},
				{name: "an unread output", do: func(c cfn.Template) { delete(c.Outputs, "VoiceStreamFailuresName") }},
			},
		},
		{
			name: "the resource access role has the guide's minimum policy and each sink's",
			find: accessProblems,
			breakages: []breakage{
				{name: "anybody assumes it", do: set("AWS::IAM::Role", "VoiceAccessRole", nil, "AssumeRolePolicyDocument", "Statement", 0, "Condition")},
				{name: "another service assumes it", do: set("AWS::IAM::Role", "VoiceAccessRole", "lambda.amazonaws.com", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")},
				{name: "it cannot read the audio", do: func(c cfn.Template) {
					policy := c.Get(accessPolicy, "VoiceAccessRole/DefaultPolicy").Properties["PolicyDocument"].(map[string]any)
					policy["Statement"] = slices.DeleteFunc(policy["Statement"].([]any), func(s any) bool { return strings.HasPrefix(cfn.At(s, "Sid").(string), "Read") })
				}},
				{name: "every stream", do: func(c cfn.Template) {
					for _, s := range cfn.Listed(c.Get(accessPolicy, "VoiceAccessRole/DefaultPolicy").Prop("PolicyDocument", "Statement")) {
						if cfn.At(s, "Sid") == "ReadTaggedStreams" {
							delete(s.(map[string]any), "Condition")
						}
					}
				}},
				{name: "a role that nobody asked for", in: "source sqs", do: func(c cfn.Template) {
					c.Resources["R"] = &cfn.Resource{Type: "AWS::IAM::Role", Metadata: map[string]any{"aws:cdk:path": "Chimewatch/VoiceAccessRole/Resource"}}
				}},
				{name: "the output says less", do: func(c cfn.Template) {
					output := c.Outputs["VoiceAccessStatements"]
					output.Value = "[]"
					c.Outputs["VoiceAccessStatements"] = output
				}},
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
		{sqsQueue, "VoiceQueue", "sqs"}, {mapping, "VoiceQueueMapping", "sqs"}, {snsTopic, "VoiceTopic", "sns"}, {"AWS::SNS::Subscription", "Voice/VoiceTopic", "sns"},
		{"AWS::Kinesis::Stream", "VoiceStream", "kinesis"}, {mapping, "VoiceStreamMapping", "kinesis"},
	} {
		if (s.Get(r.kind, r.path) != nil) != has(r.source) {
			wrong("%s: there is one %t, want %t", r.path, s.Get(r.kind, r.path) != nil, has(r.source))
		}
	}
	if got, want := len(s.Of("AWS::Kinesis::Stream")), 0; !has("kinesis") && got != want {
		wrong("got %d streams where none is chosen", got)
	}
	for _, r := range s.Resources {
		if len(s.chosen.VoiceSources) == 0 && strings.HasPrefix(r.Path(), "Voice") {
			wrong("%s is made where no source is chosen", r.Path())
		}
	}
	outputs := map[string]string{"VoiceFunctionArn": "lambda", "VoiceQueueArn": "sqs", "VoiceTopicArn": "sns", "VoiceStreamArn": "kinesis", "VoiceStreamFailuresName": "kinesis"}
	for name, source := range outputs {
		if (s.Outputs[name].Value != nil) != has(source) {
			wrong("output %s: there is one %t, want %t", name, s.Outputs[name].Value != nil, has(source))
		}
		if about := fmt.Sprint(s.Outputs[name].Description); has(source) && strings.Contains(about, "Voice Connector") {
			wrong("output %s: a Voice Connector's notification target is a word, not an ARN: %s", name, about)
		}
	}
	if has("sqs") || has("sns") || has("kinesis") {
		if diff := cmp.Diff([]any{map[string]any{"Key": "AWSServiceName", "Value": "ChimeSDK"}}, s.Get(kmsKey, "VoiceKey").Prop("Tags")); diff != "" {
			wrong("the tag by which the service's policy grants a key: want (-), got (+):\n%s", diff)
		}
	}
	if has("lambda") {
		var principals []string
		for _, p := range s.Of("AWS::Lambda::Permission") {
			if service := fmt.Sprint(p.Prop("Principal")); strings.Contains(service, "chime") {
				principals = append(principals, service)
				if p.Prop("SourceAccount", "Ref") != "AWS::AccountId" {
					wrong("%s may invoke for any account", service)
				}
			}
		}
		slices.Sort(principals)
		if diff := cmp.Diff([]string{"mediapipelines.chime.amazonaws.com", "voiceconnector.chime.amazonaws.com"}, principals); diff != "" {
			wrong("who may invoke: want (-), got (+):\n%s", diff)
		}
	}
	if has("sqs") {
		q, m := s.Get(sqsQueue, "VoiceQueue"), s.Get(mapping, "VoiceQueueMapping")
		if s.Target(q.Prop("RedrivePolicy", "deadLetterTargetArn")) != "VoiceDeadLetters" || q.Prop("RedrivePolicy", "maxReceiveCount") != 5.0 {
			wrong("VoiceQueue: got the redrive policy %s, want five receives and then VoiceDeadLetters", cfn.AsText(q.Prop("RedrivePolicy")))
		}
		if timeout, _ := q.Prop("VisibilityTimeout").(float64); timeout < 6*timeouts["voice"] {
			wrong("VoiceQueue: got a visibility timeout of %v s, want six times the function's", timeout)
		}
		want := map[string]any{"BatchSize": 25.0, "MaximumBatchingWindowInSeconds": 1.0, "FunctionResponseTypes": []any{"ReportBatchItemFailures"}}
		wrongMapping(s, &problems, "VoiceQueueMapping", m, "VoiceQueue", want)
	}
	if has("kinesis") {
		want := map[string]any{
			"BatchSize": 25.0, "FunctionResponseTypes": []any{"ReportBatchItemFailures"}, "StartingPosition": "TRIM_HORIZON", "BisectBatchOnFunctionError": true,
			"MaximumRetryAttempts": 5.0, "MaximumRecordAgeInSeconds": 21600.0, "MetricsConfig": map[string]any{"Metrics": []any{"EventCount"}},
			"FilterCriteria": map[string]any{"Filters": []any{
				map[string]any{"Pattern": `{"data":{"service-type":["VoiceAnalytics"]}}`},
				map[string]any{"Pattern": `{"data":{"detail-type":["VoiceAnalyticsStatus","SpeakerSearchStatus","VoiceToneAnalysisStatus"]}}`},
			}},
		}
		m := s.Get(mapping, "VoiceStreamMapping")
		wrongMapping(s, &problems, "VoiceStreamMapping", m, "VoiceStream", want)
		if got := s.Target(m.Prop("DestinationConfig", "OnFailure", "Destination")); got != "VoiceStreamFailures" {
			wrong("VoiceStreamMapping: what fails goes to %q, want the bucket, which keeps the bytes", got)
		}
	}
	if has("sns") {
		sub := s.Get("AWS::SNS::Subscription", "Voice/VoiceTopic")
		if s.Target(sub.Prop("RedrivePolicy", "deadLetterTargetArn")) != "VoiceDeadLetters" || s.Target(sub.Prop("Endpoint")) != "Voice" {
			wrong("VoiceTopic: got the subscription %s, want the function, and VoiceDeadLetters for what cannot be delivered", cfn.AsText(sub.Properties))
		}
	}
	return problems
}

func wrongMapping(s synthesized, problems *[]string, name string, m *cfn.Resource, source string, want map[string]any) {
	if m == nil {
		return // reported already
	}
	got := map[string]any{}
	for key, value := range m.Properties {
		if key != "FunctionName" && key != "EventSourceArn" && key != "DestinationConfig" && key != "Tags" {
			got[key] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || s.Target(m.Prop("FunctionName")) != "Voice" || s.Target(m.Prop("EventSourceArn")) != source {
		*problems = append(*problems, name+": want (-), got (+):\n"+diff)
	}
}

// taggedKey is the condition under which the guide grants streams and keys of calls.
const taggedKey = ` if {"StringLike":{"aws:ResourceTag/AWSServiceName":"ChimeSDK"}}`

// accessProblems compares the resource access role with the policies of the Amazon
// Chime SDK developer guide, "Using the call analytics resource access role".
func accessProblems(s synthesized) (problems []string) {
	role := s.Get("AWS::IAM::Role", "VoiceAccessRole")
	if (role != nil) != s.chosen.VoiceAccessRole {
		return []string{fmt.Sprintf("there is a role %t, want %t", role != nil, s.chosen.VoiceAccessRole)}
	}
	if role == nil {
		return nil
	}
	const here = ":[AWS::Region]:[AWS::AccountId]:"
	want := []string{
		"transcribe:StartCallAnalyticsStreamTranscription on *", "transcribe:StartStreamTranscription on *",
		"kinesisvideo:GetDataEndpoint on arn:[AWS::Partition]:kinesisvideo" + here + "stream/Chime*", "kinesisvideo:GetMedia on arn:[AWS::Partition]:kinesisvideo" + here + "stream/Chime*",
		"kinesisvideo:GetDataEndpoint on arn:[AWS::Partition]:kinesisvideo" + here + "stream/*" + taggedKey, "kinesisvideo:GetMedia on arn:[AWS::Partition]:kinesisvideo" + here + "stream/*" + taggedKey,
		"kms:Decrypt on arn:[AWS::Partition]:kms" + here + "key/*" + taggedKey,
		"kms:Decrypt on [VoiceKey]" + taggedKey, "kms:GenerateDataKey on [VoiceKey]" + taggedKey,
		"lambda:InvokeFunction on [Voice]", "lambda:GetPolicy on [Voice]",
		"sqs:SendMessage on [VoiceQueue]", "sqs:GetQueueAttributes on [VoiceQueue]",
		"sns:Publish on [VoiceTopic]", "sns:GetTopicAttributes on [VoiceTopic]", "kinesis:PutRecord on [VoiceStream]",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, s.Permissions("VoiceAccessRole")); diff != "" {
		problems = append(problems, "want (-), got (+):\n"+diff)
	}
	trust := role.Prop("AssumeRolePolicyDocument", "Statement", 0)
	if cfn.At(trust, "Principal", "Service") != "mediapipelines.chime.amazonaws.com" || cfn.At(trust, "Condition", "StringEquals", "aws:SourceAccount", "Ref") != "AWS::AccountId" ||
		s.Words(cfn.At(trust, "Condition", "ArnLike", "aws:SourceArn")) != "arn:[AWS::Partition]:chime:*:[AWS::AccountId]:*" {
		problems = append(problems, "got the trust "+cfn.AsText(trust)+", want the service for calls of this account alone")
	}
	return append(problems, statementProblems(s, want)...)
}

// statementProblems compares the output for deployers who have a role already.
func statementProblems(s synthesized, want []string) (problems []string) {
	var statements []struct {
		Action   []string
		Resource string
	}
	text := s.Words(s.Outputs["VoiceAccessStatements"].Value)
	if err := json.Unmarshal([]byte(text), &statements); err != nil {
		return []string{"output VoiceAccessStatements: " + err.Error() + " in " + text}
	}
	var got []string
	for _, statement := range statements {
		for _, action := range statement.Action {
			got = append(got, action+" on "+statement.Resource)
		}
	}
	slices.Sort(got)
	var plain []string
	for _, one := range want {
		plain = append(plain, strings.TrimSuffix(one, taggedKey))
	}
	slices.Sort(plain)
	if diff := cmp.Diff(plain, got); diff != "" {
		problems = append(problems, "output VoiceAccessStatements: want (-), got (+):\n"+diff)
	}
	return problems
}
