package stacks_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// wantOutputs are the outputs of a configuration. Tools read them by these names.
func wantOutputs(c config.Stack) map[string]string {
	want := map[string]string{
		"TableName": "[Table]", "HttpsBody": c.HTTPS.String(),
		"FailureTopicArn": "[FailureTopic]", "AlertTopicArn": "[AlertTopic]", "AlarmTopicArn": "[AlarmTopic]",
		"RuleDeadLettersUrl": "[RuleDeadLetters]", "FunctionDeadLettersUrl": "[FunctionDeadLetters]",
	}
	if c.TableName != "" {
		want["TableName"] = c.TableName
	}
	if c.AlarmTopicARN != "" {
		want["AlarmTopicArn"] = c.AlarmTopicARN
	}
	for _, name := range functionsOf(c) {
		want[functionPath(name)+"FunctionName"] = "[" + functionPath(name) + "]"
	}
	for source, outputs := range map[string]map[string]string{
		"lambda":  {"VoiceFunctionArn": "[Voice.Arn]"},
		"sqs":     {"VoiceQueueArn": "[VoiceQueue.Arn]", "VoiceDeadLettersUrl": "[VoiceDeadLetters]"},
		"sns":     {"VoiceTopicArn": "[VoiceTopic]", "VoiceDeadLettersUrl": "[VoiceDeadLetters]"},
		"kinesis": {"VoiceStreamArn": "[VoiceStream.Arn]", "VoiceStreamFailuresName": "[VoiceStreamFailures]"},
	} {
		if slices.Contains(c.VoiceSources, source) {
			maps.Copy(want, outputs)
		}
	}
	if c.VoiceAccessRole {
		want["VoiceAccessRoleArn"] = "[VoiceAccessRole.Arn]"
	}
	return want
}

// sinks are the elements of a media insights pipeline configuration that outputs are
// for.
var sinks = map[string]string{
	"VoiceFunctionArn": "LambdaFunctionSink", "VoiceQueueArn": "SqsQueueSink", "VoiceTopicArn": "SnsTopicSink",
	"VoiceStreamArn": "KinesisDataStreamSink",
}

func outputChecks() []check {
	output := func(name string, value any) func(cfn.Template) {
		return func(c cfn.Template) {
			changed := c.Outputs[name]
			changed.Value = value
			c.Outputs[name] = changed
		}
	}
	reference := func(name, path, kind, attribute string) func(cfn.Template) {
		return func(c cfn.Template) { output(name, refer(path, kind, attribute)(c))(c) }
	}
	return []check{
		{
			name: "outputs have the names and values that tools read",
			find: func(s synthesized) (problems []string) {
				got := map[string]string{}
				for name, o := range s.Outputs {
					if name != "VoiceAccessStatements" { // is looked at with the role that they are for
						got[name] = s.Words(o.Value)
					}
					if sink := sinks[name]; !strings.HasSuffix(fmt.Sprint(o.Description), sink) {
						problems = append(problems, fmt.Sprintf("output %s: got %q, want it for a %s", name, o.Description, sink))
					}
				}
				if diff := cmp.Diff(wantOutputs(s.chosen), got); diff != "" {
					problems = append(problems, "want (-), got (+):\n"+diff)
				}
				return problems
			},
			breakages: []breakage{
				{name: "no alarm topic", do: func(c cfn.Template) { delete(c.Outputs, "AlarmTopicArn") }},
				{name: "the other topic", do: reference("FailureTopicArn", "AlertTopic", snsTopic, "TopicArn")},
				{name: "an ARN for a URL", do: reference("RuleDeadLettersUrl", "RuleDeadLetters", sqsQueue, "Arn")},
				{name: "another function", do: reference("WatchFunctionName", "Status", lambdaFunction, "Ref")},
				{name: "another body", do: output("HttpsBody", "data")},
				{name: "the other sink", do: func(c cfn.Template) {
					changed := c.Outputs["VoiceTopicArn"]
					changed.Description = c.Outputs["VoiceQueueArn"].Description
					c.Outputs["VoiceTopicArn"] = changed
				}},
			},
		},
		{
			name: "CloudFormation refuses Regions where the stack is of no use",
			find: func(s synthesized) (problems []string) {
				want := map[string]any{}
				rule := func(id string, regions ...string) {
					region := map[string]any{"Ref": "AWS::Region"}
					want[id] = map[string]any{"Fn::Contains": []any{jsonOf(regions), region}}
				}
				reasons := map[string]string{
					"SupportedRegion": strings.Join(s.chosen.Regions(), ", "), "RouteRegion0": routeTopic,
					"AlarmTopicRegion": s.chosen.AlarmTopicARN,
				}
				switch {
				case s.chosen.AnyRegion:
				case len(s.chosen.VoiceSources) > 0:
					rule("SupportedRegion", "us-east-1", "us-west-2")
				default:
					rule("SupportedRegion", "us-east-1", "us-west-2", "eu-central-1")
				}
				if len(s.chosen.Routes) > 0 {
					rule("RouteRegion0", "us-east-1")
				}
				if s.chosen.AlarmTopicARN != "" {
					rule("AlarmTopicRegion", "us-east-1")
				}
				got := map[string]any{}
				for id, r := range s.Rules {
					if id != "CheckBootstrapVersion" { // the CDK's own
						got[id] = cfn.At(r, "Assertions", 0, "Assert")
						about := fmt.Sprint(cfn.At(r, "Assertions", 0, "AssertDescription"))
						if !strings.HasSuffix(about, ": "+reasons[id]) {
							problems = append(problems, fmt.Sprintf("%s: got the reason %q, want it to name %s", id, about, reasons[id]))
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					problems = append(problems, "want (-), got (+):\n"+diff)
				}
				return problems
			},
			breakages: []breakage{
				{name: "anywhere", do: func(c cfn.Template) { delete(c.Rules, "SupportedRegion") }},
				{name: "voice in Frankfurt", do: func(c cfn.Template) {
					c.Rules["SupportedRegion"] = c.Rules["RouteRegion0"]
				}},
				{name: "nobody knows why", do: func(c cfn.Template) {
					assertion := cfn.At(c.Rules["RouteRegion0"], "Assertions", 0).(map[string]any)
					assertion["AssertDescription"] = "The Region is wrong."
				}},
				{name: "a route elsewhere", in: "routes", do: func(c cfn.Template) { delete(c.Rules, "RouteRegion0") }},
			},
		},
	}
}
