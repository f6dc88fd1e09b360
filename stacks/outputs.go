package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// newOutputs names what the operator's tools and people need.
func (w *watchtower) newOutputs() {
	for _, output := range []struct {
		name, about string
		value       *string
	}{
		{"TableName", "The table of calls; the command chimewatch finds it by this output", w.table.TableName()},
		{"FailureTopicArn", "Subscribe here for incidents", w.topics.failures.TopicArn()},
		{"AlertTopicArn", "Subscribe here for rule matches", w.topics.alerts.TopicArn()},
		{"AlarmTopicArn", "Subscribe here for faults of chimewatch itself", w.topics.alarms.TopicArn()},
		{"HttpsBody", "What https subscribers receive; chimewatch topics test sends the same",
			jsii.String(w.chosen.HTTPS.String())},
		{"RuleDeadLettersUrl", "Events that EventBridge could not deliver", w.queues.rules.QueueUrl()},
		{"FunctionDeadLettersUrl", "Records of invocations that failed at each attempt", w.queues.functions.QueueUrl()},
	} {
		w.newOutput(output.name, output.about, output.value)
	}
	for _, spec := range w.specs() {
		w.newOutput(constructID(spec.name)+"FunctionName", spec.about, w.functions[spec.name].FunctionName())
	}
}

func (w *watchtower) newOutput(name, about string, value *string) {
	awscdk.NewCfnOutput(w.stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(about)})
}
