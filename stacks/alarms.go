package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/jsii-runtime-go"
)

// newAlarms watches the watcher: what is given up, and runs that do not work.
// They publish to the failure topic.
func (w *watchtower) newAlarms() {
	minute := awscdk.Duration_Minutes(jsii.Number(1))
	w.newAlarm("RuleDeadLettersAlarm", "EventBridge could not deliver events to chimewatch. See the queue RuleDeadLetters.", 1, 1,
		w.queues.rules.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")}))
	w.newAlarm("FunctionDeadLettersAlarm", "Functions of chimewatch gave up events. See the queue FunctionDeadLetters.", 1, 1,
		w.queues.functions.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")}))
	w.newAlarm("WatchAlarm", "The function watch of chimewatch fails, run after run: what events do not tell goes unseen.", 5, 5,
		w.functions["watch"].MetricErrors(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Sum")}))
	for _, spec := range w.specs() {
		name := spec.name
		w.newAlarm("Throttled-"+name, "The function "+name+" of chimewatch is throttled: the account's concurrency is used up.", 5, 5,
			w.functions[name].MetricThrottles(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Sum")}))
	}
}

// newAlarm alarms when the metric is at least one in so many of the last periods.
func (w *watchtower) newAlarm(id, about string, of, periods int, metric awscloudwatch.Metric) {
	alarm := awscloudwatch.NewAlarm(w.stack, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(about), Metric: metric, Threshold: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		EvaluationPeriods:  jsii.Number(periods), DatapointsToAlarm: jsii.Number(of),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(w.topics.failures))
}
