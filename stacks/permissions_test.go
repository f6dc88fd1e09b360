package stacks_test

import (
	"slices"

	"github.com/chimewatch/chimewatch/internal/config"
)

// tableActions are the actions of a function on the table. The deployment test compares them with its calls.
func tableActions(c config.Stack, function string) []string {
	f := specOf(function)
	if len(c.VoiceTasks) > 0 {
		return append(f.TableActions, f.TaskActions...)
	}
	return f.TableActions
}

// wantPermissions is what a function of a configuration may do.
func wantPermissions(c config.Stack, function string) []string {
	var want []string
	add := func(resource string, actions ...string) {
		for _, action := range actions {
			want = append(want, action+" on "+resource)
		}
	}
	table := "[Table.Arn]"
	if c.TableName != "" {
		table = "arn:[AWS::Partition]:dynamodb:[AWS::Region]:[AWS::AccountId]:table/" + c.TableName
	}
	add("["+functionPath(function)+"Logs.Arn]", "logs:CreateLogStream", "logs:PutLogEvents")
	for _, action := range tableActions(c, function) {
		add(table, "dynamodb:"+action)
	}
	if c.Tracing {
		add("*", "xray:PutTelemetryRecords", "xray:PutTraceSegments")
	}
	if function != "watch" {
		add("[FunctionDeadLetters.Arn]", "sqs:SendMessage")
	}
	for topic, functions := range map[string][]string{
		"FailureTopic": {"failures", "watch"}, "AlertTopic": {"alerts", "watch"},
	} {
		if slices.Contains(functions, function) {
			add("["+topic+"]", "sns:Publish")
			add("[TopicKey.Arn]", "kms:Decrypt", "kms:GenerateDataKey")
		}
	}
	if function == "alerts" || function == "watch" {
		for _, topic := range c.Routes.Topics() {
			add(topic, "sns:Publish")
		}
		for _, key := range c.Routes.Keys() {
			add(key, "kms:Decrypt", "kms:GenerateDataKey")
		}
	}
	const chime = "arn:[AWS::Partition]:chime:[AWS::Region]:[AWS::AccountId]:"
	if function == "watch" {
		add(chime+"media-pipeline/*", "chime:GetMediaPipeline")
		add(table+"/index/by-state", "dynamodb:Query")
		add(table+"/index/by-time", "dynamodb:Query")
	}
	if function == "consent" || function == "watch" || function == "voice" && len(c.VoiceTasks) > 0 {
		connectors := c.VoiceConnectorIDs
		if len(connectors) == 0 {
			connectors = []string{"*"}
		}
		for _, id := range connectors {
			add(chime+"vc/"+id, "chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask",
				"chime:StopSpeakerSearchTask", "chime:StopVoiceToneAnalysisTask")
			for task, action := range map[string]string{
				"speaker-search": "chime:StartSpeakerSearchTask", "voice-tone": "chime:StartVoiceToneAnalysisTask",
			} {
				if slices.Contains(c.VoiceTasks, task) {
					add(chime+"vc/"+id, action)
				}
			}
		}
	}
	if function == "voice" && slices.Contains(c.VoiceSources, "sqs") {
		add("[VoiceQueue.Arn]", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
		add("[VoiceKey.Arn]", "kms:Decrypt")
	}
	if function == "voice" && slices.Contains(c.VoiceSources, "kinesis") {
		add("[VoiceStream.Arn]", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
			"kinesis:GetShardIterator", "kinesis:ListShards")
		add("[VoiceStreamFailures.Arn]", "s3:ListBucket")
		add("[VoiceStreamFailures.Arn]/*", "s3:PutObject")
		add("[VoiceKey.Arn]", "kms:Decrypt", "kms:GenerateDataKey")
	}
	slices.Sort(want)
	want = slices.Compact(want)
	return want
}
