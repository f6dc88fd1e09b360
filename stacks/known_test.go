package stacks_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// known are the types of the resources, and the properties that the checks look at. A
// property that is not among them may undo what they look at: a key that is disabled, a
// subscription with a filter. Add new properties to a check, too.
var known = map[string][]string{
	cloudwatchAlarm: {
		"AlarmActions", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm", "Dimensions",
		"EvaluationPeriods", "MetricName", "Metrics", "Namespace", "OKActions", "Period", "Statistic", "Threshold",
		"TreatMissingData",
	},
	dynamoTable: {
		"AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes", "KeySchema",
		"PointInTimeRecoverySpecification", "SSESpecification", "TimeToLiveSpecification",
	},
	eventRule:     {"Description", "EventPattern", "ScheduleExpression", "State", "Targets"},
	iamPolicy:     {"PolicyDocument", "PolicyName", "Roles"},
	iamRole:       {"AssumeRolePolicyDocument", "Description", "ManagedPolicyArns"},
	kmsKey:        {"Description", "EnableKeyRotation", "KeyPolicy", "Tags"},
	kinesisStream: {"RetentionPeriodHours", "StreamEncryption", "StreamModeDetails"},
	invokeConfig: {
		"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier",
	},
	mapping: {
		"BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "EventSourceArn", "FilterCriteria",
		"FunctionName", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds",
		"MaximumRetryAttempts", "MetricsConfig", "StartingPosition",
	},
	lambdaFunction: {
		"Architectures", "Code", "Description", "Environment", "Handler", "LoggingConfig", "MemorySize",
		"ReservedConcurrentExecutions", "Role", "Runtime", "Timeout", "TracingConfig",
	},
	lambdaPermission: {"Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"},
	logGroup:         {"RetentionInDays"},
	s3Bucket: {
		"BucketEncryption", "LifecycleConfiguration", "LoggingConfiguration", "PublicAccessBlockConfiguration", "Tags",
	},
	s3Policy:     {"Bucket", "PolicyDocument"},
	subscription: {"Endpoint", "Protocol", "RedrivePolicy", "TopicArn"},
	snsTopic:     {"DisplayName", "KmsMasterKeyId", "SignatureVersion"},
	snsPolicy:    {"PolicyDocument", "Topics"},
	sqsQueue: {
		"KmsMasterKeyId", "MessageRetentionPeriod", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled",
		"VisibilityTimeout",
	},
	sqsPolicy:  {"PolicyDocument", "Queues"},
	autoDelete: {"BucketName", "ServiceToken"},
}

func knownChecks() []check {
	return []check{{
		name: "nothing is deployed that no check is about",
		find: func(s synthesized) (problems []string) {
			for id, r := range s.Resources {
				properties, ok := known[r.Type]
				if !ok {
					problems = append(problems, fmt.Sprintf("%s: no property is about a %s", id, r.Type))
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
					if !slices.Contains(properties, name) {
						problems = append(problems, fmt.Sprintf("%s: no property is about its %s", id, name))
					}
				}
			}
			return problems
		},
		breakages: []breakage{
			{name: "a function with an address", do: func(c cfn.Template) {
				c.Resources["Address"] = &cfn.Resource{Type: "AWS::Lambda::Url"}
			}},
			{name: "a key that is disabled", do: set(kmsKey, "TopicKey", false, "Enabled")},
			{name: "a subscription with a filter", do: set(subscription, "FailureTopic/ops@example.com",
				map[string]any{"severity": []any{"critical"}}, "FilterPolicy")},
			{name: "a rule on another bus", do: set(eventRule, "Rule-state-change", "calls", "EventBusName")},
			{name: "messages that come late", do: set(sqsQueue, "VoiceQueue", 900.0, "DelaySeconds")},
			{name: "logs without metrics", do: set(logGroup, "StatusLogs", "INFREQUENT_ACCESS", "LogGroupClass")},
		},
	}}
}
