package stacks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

func accessChecks() []check {
	const accessPolicy = "VoiceAccessRole/DefaultPolicy"
	trust := func(value any, steps ...any) func(cfn.Template) {
		return set(iamRole, "VoiceAccessRole", value, append([]any{"AssumeRolePolicyDocument", "Statement", 0}, steps...)...)
	}
	// statements changes the text of the output for deployers who have a role already.
	statements := func(change func(string) string) func(cfn.Template) {
		return func(c cfn.Template) {
			output := c.Outputs["VoiceAccessStatements"]
			output.Value = change(c.Words(output.Value))
			c.Outputs["VoiceAccessStatements"] = output
		}
	}
	return []check{{
		name: "the resource access role has the guide's minimum policy and each sink's",
		find: accessProblems,
		breakages: []breakage{
			{name: "anybody assumes it", do: trust(nil, "Condition")},
			{name: "another service assumes it", do: trust("lambda.amazonaws.com", "Principal", "Service")},
			{name: "it cannot read the audio", do: func(c cfn.Template) {
				policy := c.Get(iamPolicy, accessPolicy).Properties["PolicyDocument"].(map[string]any)
				policy["Statement"] = slices.DeleteFunc(policy["Statement"].([]any), func(s any) bool {
					return strings.HasPrefix(cfn.At(s, "Sid").(string), "Read")
				})
			}},
			{name: "every stream", do: setStatement(accessPolicy, "ReadTaggedStreams", nothing, "Condition")},
			{name: "a role that nobody asked for", in: "source sqs", do: func(c cfn.Template) {
				at := map[string]any{"aws:cdk:path": "Chimewatch/VoiceAccessRole/Resource"}
				c.Resources["R"] = &cfn.Resource{Type: iamRole, Metadata: at}
			}},
			{name: "the output has less", do: statements(func(string) string { return "[]" })},
			{name: "the output has more", do: statements(func(text string) string {
				return strings.ReplaceAll(text, "aws:ResourceTag/AWSServiceName", "aws:ResourceTag/Anything")
			})},
			{name: "the output denies", do: statements(func(text string) string {
				return strings.Replace(text, "Allow", "Deny", 1)
			})},
			{name: "no output without a role", in: "source sqs", do: func(c cfn.Template) {
				delete(c.Outputs, "VoiceAccessStatements")
			}},
		},
	}}
}

// taggedKey is the condition under which the guide grants streams and keys of calls.
const taggedKey = ` if {"StringLike":{"aws:ResourceTag/AWSServiceName":"ChimeSDK"}}`

// accessProblems compares the resource access role with the policies of the Amazon
// Chime SDK developer guide, "Using the call analytics resource access role".
func accessProblems(s synthesized) (problems []string) {
	role := s.Get(iamRole, "VoiceAccessRole")
	if (role != nil) != s.chosen.VoiceAccessRole {
		return []string{fmt.Sprintf("there is a role %t, want %t", role != nil, s.chosen.VoiceAccessRole)}
	}
	if role == nil {
		return statementProblems(s)
	}
	want := wantAccess(s.chosen)
	if diff := cmp.Diff(want, s.Permissions("VoiceAccessRole")); diff != "" {
		problems = append(problems, "want (-), got (+):\n"+diff)
	}
	trust := role.Prop("AssumeRolePolicyDocument", "Statement", 0)
	condition := cfn.At(trust, "Condition")
	if role.Prop("AssumeRolePolicyDocument", "Statement", 1) != nil ||
		cfn.At(trust, "Principal", "Service") != "mediapipelines.chime.amazonaws.com" ||
		cfn.At(condition, "StringEquals", "aws:SourceAccount", "Ref") != "AWS::AccountId" ||
		s.Words(cfn.At(condition, "ArnLike", "aws:SourceArn")) != "arn:[AWS::Partition]:chime:*:[AWS::AccountId]:*" {
		problems = append(problems, "got the trust "+cfn.AsText(trust)+", want the service for calls of this account alone")
	}
	return append(problems, statementProblems(s)...)
}

// wantAccess is what the role needs for the chosen sources.
func wantAccess(c config.Stack) []string {
	const (
		here    = ":[AWS::Region]:[AWS::AccountId]:"
		streams = "arn:[AWS::Partition]:kinesisvideo" + here + "stream/"
	)
	want := []string{
		"transcribe:StartCallAnalyticsStreamTranscription on *", "transcribe:StartStreamTranscription on *",
		"kinesisvideo:GetDataEndpoint on " + streams + "Chime*", "kinesisvideo:GetMedia on " + streams + "Chime*",
		"kinesisvideo:GetDataEndpoint on " + streams + "*" + taggedKey,
		"kinesisvideo:GetMedia on " + streams + "*" + taggedKey,
		"kms:Decrypt on arn:[AWS::Partition]:kms" + here + "key/*" + taggedKey,
	}
	for source, grants := range map[string][]string{
		"lambda":  {"lambda:InvokeFunction on [Voice.Arn]", "lambda:GetPolicy on [Voice.Arn]"},
		"sqs":     {"sqs:SendMessage on [VoiceQueue.Arn]", "sqs:GetQueueAttributes on [VoiceQueue.Arn]"},
		"sns":     {"sns:Publish on [VoiceTopic]", "sns:GetTopicAttributes on [VoiceTopic]"},
		"kinesis": {"kinesis:PutRecord on [VoiceStream.Arn]"},
	} {
		if !slices.Contains(c.VoiceSources, source) {
			continue
		}
		want = append(want, grants...)
		if source != "lambda" {
			want = append(want, "kms:Decrypt on [VoiceKey.Arn]"+taggedKey, "kms:GenerateDataKey on [VoiceKey.Arn]"+taggedKey)
		}
	}
	slices.Sort(want)
	return slices.Compact(want)
}

// statementProblems compares the output for deployers who have a role already.
func statementProblems(s synthesized) (problems []string) {
	output, chosen := s.Outputs["VoiceAccessStatements"].Value, len(s.chosen.VoiceSources) > 0
	if !chosen || output == nil {
		if chosen != (output != nil) {
			return []string{fmt.Sprintf("output VoiceAccessStatements: there is one %t, want %t", output != nil, chosen)}
		}
		return nil
	}
	var statements []struct {
		Effect, Resource string
		Action           []string
		Condition        any
	}
	text := s.Words(output)
	if err := json.Unmarshal([]byte(text), &statements); err != nil {
		return []string{"output VoiceAccessStatements: " + err.Error() + " in " + text}
	}
	var got []string
	for _, statement := range statements {
		suffix := ""
		if statement.Condition != nil {
			suffix = " if " + cfn.AsText(statement.Condition)
		}
		if statement.Effect != "Allow" {
			suffix += " effect " + statement.Effect
		}
		for _, action := range statement.Action {
			got = append(got, action+" on "+statement.Resource+suffix)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(wantAccess(s.chosen), got); diff != "" {
		problems = append(problems, "output VoiceAccessStatements: want (-), got (+):\n"+diff)
	}
	return problems
}
