package stacks_test

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const (
	dynamoTable = "AWS::DynamoDB::Table"
	sqsQueue    = "AWS::SQS::Queue"
	sqsPolicy   = "AWS::SQS::QueuePolicy"
	s3Bucket    = "AWS::S3::Bucket"
	s3Policy    = "AWS::S3::BucketPolicy"
	autoDelete  = "Custom::S3AutoDeleteObjects"
)

// within is the chosen retention in days, or the limit of the service.
func within(c config.Stack, limit int) float64 {
	if c.RetentionDays > 0 {
		return float64(min(c.RetentionDays, limit))
	}
	return float64(limit)
}

func dataChecks() []check {
	const recovery = "PointInTimeRecoverySpecification"
	table := func(value any, steps ...any) func(cfn.Template) { return set(dynamoTable, "Table", value, steps...) }
	queue := func(path string, value any, property string) func(cfn.Template) {
		return set(sqsQueue, path, value, property)
	}
	bucket := func(value any, steps ...any) func(cfn.Template) {
		return set(s3Bucket, "VoiceStreamFailures", value, steps...)
	}
	return []check{
		{
			name: "the table is the one that the functions work on",
			find: func(s synthesized) (problems []string) {
				if s.chosen.TableName != "" {
					if got := s.Paths(dynamoTable); len(got) > 0 {
						problems = []string{fmt.Sprintf("got the tables %v, want that of the earlier stack alone", got)}
					}
					return problems
				}
				return tableProblems(s)
			},
			breakages: []breakage{
				{name: "a second table", in: "table of an earlier stack", do: func(c cfn.Template) {
					c.Resources["T"] = &cfn.Resource{Type: dynamoTable}
				}},
				{name: "no table", do: remove(dynamoTable, "Table")},
				{name: "no expiry", do: table(nil, "TimeToLiveSpecification")},
				{name: "no recovery", do: table(false, recovery, "PointInTimeRecoveryEnabled")},
				{name: "recovery for longer than the retention", in: "not retained",
					do: table(35.0, recovery, "RecoveryPeriodInDays")},
				{name: "not encrypted", do: table(nil, "SSESpecification")},
				{name: "another key", do: table("SK", "KeySchema", 0, "AttributeName")},
				{name: "numbers for keys", do: table("N", "AttributeDefinitions", 0, "AttributeType")},
				{name: "an index less", do: table(nil, "GlobalSecondaryIndexes")},
				{name: "whole items in an index",
					do: table("ALL", "GlobalSecondaryIndexes", 0, "Projection", "ProjectionType")},
				{name: "no protection", do: table(false, "DeletionProtectionEnabled")},
			},
		},
		{
			name: "resources with data are deleted with the stack or retained, as chosen",
			find: keepingProblems,
			breakages: []breakage{
				{name: "the table goes", do: func(c cfn.Template) {
					c.Get(dynamoTable, "Table").DeletionPolicy = "Delete"
				}},
				{name: "a queue is replaced with its messages", do: func(c cfn.Template) {
					c.Get(sqsQueue, "RuleDeadLetters").UpdateReplacePolicy = "Delete"
				}},
				{name: "the stream stays and costs", do: func(c cfn.Template) {
					c.Get("AWS::Kinesis::Stream", "VoiceStream").DeletionPolicy = "Retain"
				}},
				{name: "the bucket stays", in: "not retained", do: func(c cfn.Template) {
					c.Get(s3Bucket, "VoiceStreamFailures").DeletionPolicy = "Retain"
				}},
				{name: "objects keep the bucket", in: "not retained",
					do: remove(autoDelete, "VoiceStreamFailures/AutoDeleteObjectsCustomResource/Default")},
			},
		},
		{
			name: "queues are encrypted and closed, and their retention is not longer than that of calls",
			find: queueProblems,
			breakages: []breakage{
				{name: "dead letters for longer", in: "not retained",
					do: queue("FunctionDeadLetters", 1209600.0, "MessageRetentionPeriod")},
				{name: "dead letters for a day", do: queue("RuleDeadLetters", 86400.0, "MessageRetentionPeriod")},
				{name: "any queue may use it", do: queue("RuleDeadLetters", nil, "RedriveAllowPolicy")},
				{name: "its own queue may not use it", do: queue("VoiceDeadLetters",
					map[string]any{"redrivePermission": "denyAll"}, "RedriveAllowPolicy")},
				{name: "no time for a redrive", do: queue("FunctionDeadLetters", 0.0, "VisibilityTimeout")},
				{name: "not encrypted", do: queue("FunctionDeadLetters", nil, "SqsManagedSseEnabled")},
				{name: "plain HTTP", do: remove(sqsPolicy, "VoiceDeadLetters/Policy")},
				{name: "an unknown queue", do: func(c cfn.Template) { c.Resources["Q"] = &cfn.Resource{Type: sqsQueue} }},
			},
		},
		{
			name: "buckets are encrypted and closed, and their retention is not longer than that of calls",
			find: bucketProblems,
			breakages: []breakage{
				{name: "objects for ever", do: bucket(nil, "LifecycleConfiguration")},
				{name: "objects for 90 days", in: "not retained",
					do: bucket(90.0, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")},
				{name: "public", do: bucket(false, "PublicAccessBlockConfiguration", "BlockPublicAcls")},
				{name: "another key", do: bucket("AES256", "BucketEncryption",
					"ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")},
				{name: "the key of the notifications", do: point(s3Bucket, "VoiceStreamFailures",
					refer("TopicKey", kmsKey, "Arn"), "BucketEncryption", "ServerSideEncryptionConfiguration", 0,
					"ServerSideEncryptionByDefault", "KMSMasterKeyID")},
				{name: "a request to the key for each object", do: bucket(false, "BucketEncryption",
					"ServerSideEncryptionConfiguration", 0, "BucketKeyEnabled")},
				{name: "nobody knows who reads", do: bucket(nil, "LoggingConfiguration")},
				{name: "plain HTTP", do: remove(s3Policy, "VoiceStreamFailures/Policy")},
			},
		},
	}
}

// keepingProblems compares what stays when the stack is deleted with what was chosen.
func keepingProblems(s synthesized) (problems []string) {
	wrong := func(r *cfn.Resource, format string, args ...any) {
		problems = append(problems, r.Path()+": "+fmt.Sprintf(format, args...))
	}
	want := "Retain"
	if !s.chosen.Retain {
		want = "Delete"
	}
	for _, r := range s.Resources {
		keeps := r.Type == dynamoTable || r.Type == sqsQueue || r.Type == s3Bucket || r.Path() == "VoiceKey"
		emptied := s.Get(autoDelete, r.Path()+"/AutoDeleteObjectsCustomResource/Default") != nil
		switch {
		case keeps && (r.DeletionPolicy != want || r.UpdateReplacePolicy != want):
			wrong(r, "got the policies %s and %s, want %s", r.DeletionPolicy, r.UpdateReplacePolicy, want)
		case !keeps && r.DeletionPolicy == "Retain":
			wrong(r, "is retained when the stack is deleted, and has no data")
		case r.Type == s3Bucket && !s.chosen.Retain && !emptied:
			wrong(r, "cannot be deleted with objects in it")
		}
	}
	return problems
}

func tableProblems(s synthesized) (problems []string) {
	definition := dynamo.Definition()
	keys := func(partition, sort string) any {
		return []any{
			map[string]any{"AttributeName": partition, "KeyType": "HASH"},
			map[string]any{"AttributeName": sort, "KeyType": "RANGE"},
		}
	}
	types := map[any]any{definition.PartitionKey: "S", definition.SortKey: "S"}
	var indexes []any
	for _, i := range definition.Indexes {
		types[i.PartitionKey], types[i.SortKey] = "S", "S"
		indexes = append(indexes, map[string]any{
			"IndexName": i.Name, "KeySchema": keys(i.PartitionKey, i.SortKey),
			"Projection": map[string]any{"ProjectionType": "KEYS_ONLY"},
		})
	}
	if got := s.Paths(dynamoTable); !slices.Equal(got, []string{"Table"}) {
		return []string{fmt.Sprintf("got the tables %v, want one", got)}
	}
	want := map[string]any{
		"KeySchema": keys(definition.PartitionKey, definition.SortKey), "GlobalSecondaryIndexes": indexes,
		"BillingMode":             "PAY_PER_REQUEST",
		"TimeToLiveSpecification": map[string]any{"AttributeName": definition.TTLAttribute, "Enabled": true},
		"PointInTimeRecoverySpecification": map[string]any{
			"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": within(s.chosen, 35),
		},
		"SSESpecification":          map[string]any{"SSEEnabled": true},
		"DeletionProtectionEnabled": s.chosen.Retain,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, s.Get(dynamoTable, "Table").Prop(name)); diff != "" {
			problems = append(problems, name+": want (-), got (+):\n"+diff)
		}
	}
	defined := map[any]any{}
	for _, d := range cfn.Listed(s.Get(dynamoTable, "Table").Prop("AttributeDefinitions")) {
		defined[cfn.At(d, "AttributeName")] = cfn.At(d, "AttributeType")
	}
	if diff := cmp.Diff(types, defined); diff != "" {
		problems = append(problems, "types of the keys: want (-), got (+):\n"+diff)
	}
	return problems
}

func queueProblems(s synthesized) (problems []string) {
	const day = 24 * 60 * 60
	days := map[string]int{"RuleDeadLetters": 14, "FunctionDeadLetters": 14}
	if slices.Contains(s.chosen.VoiceSources, "sqs") {
		days["VoiceQueue"] = 4
	}
	if slices.Contains(s.chosen.VoiceSources, "sqs") || slices.Contains(s.chosen.VoiceSources, "sns") {
		days["VoiceDeadLetters"] = 14
	}
	if got := s.Paths(sqsQueue); len(got) != len(days) {
		problems = append(problems, fmt.Sprintf("got the queues %v, want %d", got, len(days)))
	}
	for path, limit := range days {
		q := s.Get(sqsQueue, path)
		wrong := func(format string, args ...any) { problems = append(problems, path+": "+fmt.Sprintf(format, args...)) }
		if got, want := q.Prop("MessageRetentionPeriod"), within(s.chosen, limit)*day; got != want {
			wrong("stores messages for %v s, want %v", got, want)
		}
		if !s.ClosedTo(sqsPolicy, path+"/Policy") {
			wrong("accepts plain HTTP")
		}
		if path == "VoiceQueue" {
			if s.Words(q.Prop("KmsMasterKeyId")) != "[VoiceKey.Arn]" {
				wrong("is not encrypted with the key of the voice sources")
			}
			continue
		}
		if q.Prop("SqsManagedSseEnabled") != true {
			wrong("is not encrypted")
		}
		if got := q.Prop("VisibilityTimeout"); got != 300.0 {
			wrong("a redrive has %v s for a batch, want 300", got)
		}
		// The dead-letter queue of a queue cannot name it: they would need each other.
		ofQueue := path == "VoiceDeadLetters" && slices.Contains(s.chosen.VoiceSources, "sqs")
		switch got := q.Prop("RedriveAllowPolicy", "redrivePermission"); {
		case ofQueue && got != nil:
			wrong("got the permission %v, want its queue to move messages to it", got)
		case !ofQueue && got != "denyAll":
			wrong("any queue of the account may use it as its dead-letter queue")
		}
	}
	return problems
}

func bucketProblems(s synthesized) (problems []string) {
	want := []string{"VoiceStreamFailures", "VoiceStreamFailuresLog"}
	if !slices.Contains(s.chosen.VoiceSources, "kinesis") {
		want = nil
	}
	if got := s.Paths(s3Bucket); !slices.Equal(got, want) {
		problems = append(problems, fmt.Sprintf("got the buckets %v, want %v", got, want))
	}
	for _, path := range want {
		b := s.Get(s3Bucket, path)
		wrong := func(format string, args ...any) { problems = append(problems, path+": "+fmt.Sprintf(format, args...)) }
		var days any
		if s.chosen.RetentionDays > 0 {
			days = float64(s.chosen.RetentionDays)
		}
		rule := b.Prop("LifecycleConfiguration", "Rules", 0)
		if cfn.At(rule, "ExpirationInDays") != days || days != nil && cfn.At(rule, "Status") != "Enabled" {
			wrong("got the lifecycle %s, want objects to expire after %v days", cfn.AsText(rule), days)
		}
		accesses := []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
		for _, access := range accesses {
			if b.Prop("PublicAccessBlockConfiguration", access) != true {
				wrong("%s is not set", access)
			}
		}
		if !s.ClosedTo(s3Policy, path+"/Policy") {
			wrong("accepts plain HTTP")
		}
		encryption := map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}}
		if path == "VoiceStreamFailures" {
			encryption = map[string]any{
				"ServerSideEncryptionByDefault": map[string]any{
					"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": refer("VoiceKey", kmsKey, "Arn")(s.Template),
				},
				"BucketKeyEnabled": true, // fewer requests to the key
			}
			if s.Target(b.Prop("LoggingConfiguration", "DestinationBucketName")) != "VoiceStreamFailuresLog" {
				wrong("no log of who reads it")
			}
		}
		got := b.Prop("BucketEncryption", "ServerSideEncryptionConfiguration")
		if diff := cmp.Diff([]any{encryption}, got); diff != "" {
			wrong("encryption: want (-), got (+):\n%s", diff)
		}
	}
	return problems
}
