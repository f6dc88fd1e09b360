package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// How far back DynamoDB can restore a table, and how long SQS stores messages.
const (
	maxRecoveryDays   = 35
	maxDeadLetterDays = 14
)

// TableProps are the properties of the table. RetentionDays limits how far back it can be restored; 0 means as far
// as DynamoDB can.
type TableProps struct {
	RetentionDays float64
	Retain        bool
}

// NewTable makes the table that internal/dynamo defines.
func NewTable(scope constructs.Construct, id *string, props *TableProps) awsdynamodb.Table {
	definition := dynamo.Definition()
	key := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	table := awsdynamodb.NewTable(scope, id, &awsdynamodb.TableProps{
		PartitionKey:        key(definition.PartitionKey),
		SortKey:             key(definition.SortKey),
		TimeToLiveAttribute: jsii.String(definition.TTLAttribute),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
			RecoveryPeriodInDays:       limited(maxRecoveryDays, props.RetentionDays),
		},
		DeletionProtection: jsii.Bool(props.Retain), RemovalPolicy: removal(props.Retain),
	})
	for _, index := range definition.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(index.Name), PartitionKey: key(index.PartitionKey), SortKey: key(index.SortKey),
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return table
}

// DeadLetterQueueProps are the properties of a dead-letter queue. OfQueue is set if its source is a queue; else
// only services send to it.
type DeadLetterQueueProps struct {
	RetentionDays float64
	Retain        bool
	OfQueue       bool
}

// NewDeadLetterQueue makes a dead-letter queue, which stores messages for 14 days or for RetentionDays.
func NewDeadLetterQueue(scope constructs.Construct, id *string, props *DeadLetterQueueProps) awssqs.Queue {
	p := &awssqs.QueueProps{
		// Managed encryption: EventBridge and Lambda need no grant on a key.
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(limited(maxDeadLetterDays, props.RetentionDays)),
		// Long enough for a redrive to handle a batch.
		VisibilityTimeout: awscdk.Duration_Minutes(jsii.Number(5)), RemovalPolicy: removal(props.Retain),
	}
	if !props.OfQueue {
		// The dead-letter queue of a queue cannot name its source, which names it: CloudFormation refuses the
		// circular dependency.
		p.RedriveAllowPolicy = &awssqs.RedriveAllowPolicy{RedrivePermission: awssqs.RedrivePermission_DENY_ALL}
	}
	queue := awssqs.NewQueue(scope, id, p)
	acknowledge(queue, "It is a dead-letter queue itself; an alarm reports each arrival.",
		"AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy")
	return queue
}

// removal returns the policy of resources with data: they are retained when the stack is deleted, if chosen.
func removal(retain bool) awscdk.RemovalPolicy {
	if retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// limited returns the retention of calls in days, or the limit if it is longer; 0 means for ever.
func limited(limit, retentionDays float64) *float64 {
	if retentionDays > 0 {
		limit = min(limit, retentionDays)
	}
	return &limit
}
