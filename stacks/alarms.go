package stacks

import (
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/jsii-runtime-go"
)

// newAlarms watches the watcher: what is given up, functions that do not
// work, and what is lost for good.
// They publish to the failure topic.
func (w *watchtower) newAlarms() {
	minute := awscdk.Duration_Minutes(jsii.Number(1))
	w.newAlarm("RuleDeadLettersAlarm", "EventBridge could not deliver events to chimewatch. See the queue RuleDeadLetters.", 1, 1,
		w.queues.rules.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")}))
	w.newAlarm("FunctionDeadLettersAlarm", "Functions of chimewatch gave up events. See the queue FunctionDeadLetters.", 1, 1,
		w.queues.functions.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")}))
	sum := &awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Sum")}
	var undelivered []awscloudwatch.IMetric
	for _, spec := range w.specs() {
		f := w.functions[spec.name]
		w.newAlarm("Failing-"+spec.name, "The function "+spec.name+" of chimewatch fails, minute after minute. See its log.", 5, 5, f.MetricErrors(sum))
		w.newAlarm("Throttled-"+spec.name, "The function "+spec.name+" of chimewatch is throttled: the account's concurrency is used up.", 5, 5, f.MetricThrottles(sum))
		if !spec.once {
			undelivered = append(undelivered, f.Metric(jsii.String("DestinationDeliveryFailures"), sum))
		}
	}
	w.newLossAlarms("LostRecords", "Records of failed invocations of chimewatch could not be put into the queue FunctionDeadLetters: these events are lost.", undelivered)
	var refused []awscloudwatch.IMetric
	for _, rule := range w.rules {
		refused = append(refused, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Events"), MetricName: jsii.String("InvocationsFailedToBeSentToDlq"),
			DimensionsMap: &map[string]*string{"RuleName": rule.RuleName()}, Period: minute, Statistic: jsii.String("Sum"),
		}))
	}
	w.newLossAlarms("LostEvents", "EventBridge could put events for chimewatch neither to its functions nor into the queue RuleDeadLetters: these are lost.", refused)
}

// mostInAlarm is how many metrics an alarm may add up (CloudWatch user guide,
// "Create an alarm based on a metric math expression").
const mostInAlarm = 10

// newLossAlarms alarms when any of the metrics counts at all.
func (w *watchtower) newLossAlarms(id, about string, metrics []awscloudwatch.IMetric) {
	part := 0
	for some := range slices.Chunk(metrics, mostInAlarm) {
		part++
		using := map[string]awscloudwatch.IMetric{}
		for i, metric := range some {
			using["m"+strconv.Itoa(i)] = metric
		}
		w.newAlarm(id+strconv.Itoa(part), about, 1, 1, awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("SUM(METRICS())"), UsingMetrics: &using, Period: awscdk.Duration_Minutes(jsii.Number(1)),
		}))
	}
}

// newAlarm alarms when the metric is at least one in so many of the last periods.
func (w *watchtower) newAlarm(id, about string, of, periods int, metric awscloudwatch.IMetric) {
	alarm := awscloudwatch.NewAlarm(w.stack, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(about), Metric: metric, Threshold: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		EvaluationPeriods:  jsii.Number(periods), DatapointsToAlarm: jsii.Number(of),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(w.topics.failures))
}
