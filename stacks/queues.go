package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// deadLetterDays is how long dead letters are kept at most: as long as SQS can.
const deadLetterDays = 14

// queues are the dead-letter queues: rules for what EventBridge could not deliver,
// functions for the records of failed invocations.
type queues struct{ rules, functions awssqs.Queue }

func (w *watchtower) newQueues() queues {
	return queues{w.newDeadLetterQueue("RuleDeadLetters", false), w.newDeadLetterQueue("FunctionDeadLetters", false)}
}

// newDeadLetterQueue makes a dead-letter queue. Only services send to it, unless it
// is the dead-letter queue of another queue.
func (w *watchtower) newDeadLetterQueue(id string, ofQueue bool) awssqs.Queue {
	props := &awssqs.QueueProps{
		// Managed encryption: EventBridge and Lambda need no grant on a key.
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(w.atMost(deadLetterDays))),
		// Long enough for a redrive to handle a batch.
		VisibilityTimeout: awscdk.Duration_Minutes(jsii.Number(5)),
		RemovalPolicy:     w.removal(),
	}
	if !ofQueue {
		// The dead-letter queue of a queue cannot name its source, which names it:
		// CloudFormation cannot create such a circle.
		props.RedriveAllowPolicy = &awssqs.RedriveAllowPolicy{RedrivePermission: awssqs.RedrivePermission_DENY_ALL}
	}
	queue := awssqs.NewQueue(w.stack, jsii.String(id), props)
	acknowledge(queue, "AwsSolutions-SQS3", "It is a dead-letter queue itself; an alarm reports each arrival.")
	acknowledge(queue, "Serverless-SQSRedrivePolicy", "It is a dead-letter queue itself; an alarm reports each arrival.")
	return queue
}

// removal keeps what holds data when the stack is deleted, if the deployer wants
// that.
func (w *watchtower) removal() awscdk.RemovalPolicy {
	if w.chosen.Retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// atMost returns the retention of calls in days, or the limit where they are kept
// for longer.
func (w *watchtower) atMost(limit int) int {
	if days := w.chosen.RetentionDays; days > 0 {
		return min(days, limit)
	}
	return limit
}
