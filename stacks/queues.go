package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// queues keep what could not be handled: rules what EventBridge could not
// deliver, functions the records of invocations that were given up.
type queues struct{ rules, functions awssqs.Queue }

func (w *watchtower) newQueues() queues {
	return queues{w.newDeadLetterQueue("RuleDeadLetters"), w.newDeadLetterQueue("FunctionDeadLetters")}
}

func (w *watchtower) newDeadLetterQueue(id string) awssqs.Queue {
	removal := awscdk.RemovalPolicy_DESTROY
	if w.chosen.Retain {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	queue := awssqs.NewQueue(w.stack, jsii.String(id), &awssqs.QueueProps{
		// Managed encryption: EventBridge and Lambda need no grant on a key.
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		// Long enough for a redrive to handle a batch.
		VisibilityTimeout: awscdk.Duration_Minutes(jsii.Number(5)),
		RemovalPolicy:     removal,
	})
	acknowledge(queue, "AwsSolutions-SQS3", "It is a dead-letter queue itself; an alarm watches its depth.")
	return queue
}
