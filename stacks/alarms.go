package stacks

import (
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/telemetry"
)

// alarm is one CloudWatch alarm. It goes off when the metric reaches the threshold in
// so many of the last minutes.
type alarm struct {
	id, about string
	// section is the heading in docs/RUNBOOK.md that says what to do.
	section string
	metric  awscloudwatch.IMetric
	// threshold is 1 where it is not set.
	threshold   float64
	of, minutes int
	// silence goes off when the metric is below the threshold or missing.
	silence bool
	// to is the topic; nil means that of the alarms.
	to awssns.ITopic
}

// newAlarms watches chimewatch itself: dead letters, functions that fail or do not
// run, notifications that nobody receives, and what is lost for good.
func (w *watchtower) newAlarms() {
	w.alarmOnDeadLetters()
	w.alarmOnFunctions()
	w.alarmOnNotifications()
	w.alarmOnLosses()
	w.alarmOnVoice()
}

func minute() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(1)) }

func sumOf() *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: minute(), Statistic: jsii.String("Sum")}
}

func maximumOf() *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: minute(), Statistic: jsii.String("Maximum")}
}

// alarmOnDeadLetters reports each arrival. An alarm on the number of messages would
// be mute for as long as one of them stays: actions run on changes of state only
// (CloudWatch user guide, "Alarm actions").
func (w *watchtower) alarmOnDeadLetters() {
	arrived := func(id string, queue awssqs.Queue, what string) {
		w.newAlarm(alarm{id: id, about: "New dead letters in the queue " + *queue.QueueName() + ": " + what + " OK means that no more come, not that they are gone.",
			section: "dead-letters", metric: queue.MetricNumberOfMessagesSent(sumOf()), of: 1, minutes: 1})
	}
	arrived("RuleDeadLettersAlarm", w.queues.rules, "EventBridge could not deliver events.")
	arrived("FunctionDeadLettersAlarm", w.queues.functions, "a function failed at each attempt.")
}

func (w *watchtower) alarmOnFunctions() {
	for _, spec := range w.specs() {
		f := w.functions[spec.name]
		w.newAlarm(alarm{id: "Failing-" + spec.name, about: "The function " + *f.FunctionName() + " fails, minute after minute. See its log.",
			section: "failing-function", metric: f.MetricErrors(sumOf()), of: 5, minutes: 5})
		w.newAlarm(alarm{id: "Throttled-" + spec.name, about: "The function " + *f.FunctionName() + " is throttled: the concurrency is used up.",
			section: "throttled-function", metric: f.MetricThrottles(sumOf()), of: 5, minutes: 5})
		if spec.once { // it runs by the schedule
			w.newAlarm(alarm{id: "NotRunning-" + spec.name, about: "The function " + *f.FunctionName() + " has not run for five minutes: nobody looks for lost calls, " +
				"open incidents and consent that has ended.", section: "watch-not-running", metric: f.MetricInvocations(sumOf()), of: 5, minutes: 5, silence: true})
		}
	}
}

// alarmOnNotifications reports notifications that SNS could not deliver. The alarm
// about the alarms' own topic goes to the other one.
func (w *watchtower) alarmOnNotifications() {
	undelivered := func(id string, topic, to awssns.ITopic) {
		w.newAlarm(alarm{id: id, about: "Notifications of the topic " + *topic.TopicName() + " could not be delivered to a subscriber.",
			section: "undelivered-notifications", metric: topic.MetricNumberOfNotificationsFailed(sumOf()), of: 1, minutes: 1, to: to})
	}
	undelivered("UndeliveredFailures", w.topics.failures, nil)
	undelivered("UndeliveredAlerts", w.topics.alerts, nil)
	if w.topics.ownAlarms != nil {
		undelivered("UndeliveredAlarms", w.topics.ownAlarms, w.topics.failures)
	}
}

func (w *watchtower) alarmOnLosses() {
	var records, events []awscloudwatch.IMetric
	for _, spec := range w.specs() {
		if !spec.once {
			records = append(records, w.functions[spec.name].Metric(jsii.String("DestinationDeliveryFailures"), sumOf()))
		}
	}
	for _, rule := range w.rules {
		events = append(events, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Events"), MetricName: jsii.String("InvocationsFailedToBeSentToDlq"),
			DimensionsMap: &map[string]*string{"RuleName": rule.RuleName()}, Period: minute(), Statistic: jsii.String("Sum"),
		}))
	}
	w.newSumAlarms(alarm{id: "LostRecords", section: "lost-events", of: 1, minutes: 1, about: "Records of failed invocations could not be put into the queue " +
		*w.queues.functions.QueueName() + ": these events are lost."}, records)
	w.newSumAlarms(alarm{id: "LostEvents", section: "lost-events", of: 1, minutes: 1, about: "EventBridge could put events neither to their function nor into the queue " +
		*w.queues.rules.QueueName() + ": these events are lost."}, events)
}

func (w *watchtower) alarmOnVoice() {
	if w.voice.dead != nil {
		// SQS itself moves what was received too often, and counts no message as sent
		// (SQS developer guide, "Available CloudWatch metrics"): so the growth counts.
		// Messages that somebody reads are not visible for a while, and still there.
		w.newAlarm(alarm{id: "VoiceDeadLettersAlarm", section: "dead-letters", of: 1, minutes: 1, metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("DIFF(FILL(visible, 0) + FILL(hidden, 0))"), Period: minute(), UsingMetrics: &map[string]awscloudwatch.IMetric{
				"visible": w.voice.dead.MetricApproximateNumberOfMessagesVisible(maximumOf()),
				"hidden":  w.voice.dead.MetricApproximateNumberOfMessagesNotVisible(maximumOf()),
			},
		}), about: "New dead letters in the queue " + *w.voice.dead.QueueName() + ": voice notifications failed at each attempt. OK means that no more come, not that they are gone."})
	}
	if w.voice.mapping != nil {
		w.newAlarm(alarm{id: "VoiceStreamFailuresAlarm", section: "voice-stream-failures", of: 1, minutes: 1, metric: awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Lambda"), MetricName: jsii.String("OnFailureDestinationDeliveredEventCount"),
			DimensionsMap: &map[string]*string{"EventSourceMappingUUID": w.voice.mapping.Ref()}, Period: minute(), Statistic: jsii.String("Sum"),
		}), about: "Voice notifications of the stream " + *w.voice.stream.StreamName() + " failed at each attempt. They are in the bucket " + *w.voice.failures.BucketName() + "."})
		w.newAlarm(alarm{id: "VoiceStreamLate", section: "voice-late", of: 3, minutes: 3, threshold: 60_000, metric: w.functions["voice"].Metric(jsii.String("IteratorAge"), maximumOf()),
			about: "Voice notifications wait in the stream " + *w.voice.stream.StreamName() + " for more than a minute: tasks start late, or never."})
	}
	if w.voice.queue != nil {
		w.newAlarm(alarm{id: "VoiceQueueLate", section: "voice-late", of: 3, minutes: 3, threshold: 60, metric: w.voice.queue.MetricApproximateAgeOfOldestMessage(maximumOf()),
			about: "Voice notifications wait in the queue " + *w.voice.queue.QueueName() + " for more than a minute: tasks start late, or never."})
	}
	if len(w.chosen.VoiceTasks) == 0 {
		return
	}
	var refused []awscloudwatch.IMetric
	for _, name := range []string{"voice", "consent", "watch"} {
		refused = append(refused, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String(telemetry.Namespace), MetricName: jsii.String("VoiceTasksRefused"),
			DimensionsMap: &map[string]*string{"Stack": w.stack.StackName(), "Function": jsii.String(name)}, Period: minute(), Statistic: jsii.String("Sum"),
		}))
	}
	w.newSumAlarms(alarm{id: "VoiceTasksRefused", section: "voice-tasks-refused", of: 1, minutes: 1,
		about: "Amazon Chime SDK refused for good to start a voice task. Where every start is refused, the voice profile domain is wrong."}, refused)
}

// maxInAlarm is how many metrics an alarm may add up (CloudWatch user guide, "Create
// an alarm based on a metric math expression").
const maxInAlarm = 10

// newSumAlarms makes alarms on the sum of metrics that count something, where a
// metric without data counts nothing.
func (w *watchtower) newSumAlarms(a alarm, metrics []awscloudwatch.IMetric) {
	id, part := a.id, 0
	for some := range slices.Chunk(metrics, maxInAlarm) {
		part++
		using := map[string]awscloudwatch.IMetric{}
		for i, metric := range some {
			using["m"+strconv.Itoa(i)] = metric
		}
		a.id = id + strconv.Itoa(part)
		a.metric = awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("SUM(FILL(METRICS(), 0))"), UsingMetrics: &using, Period: minute(),
		})
		w.newAlarm(a)
	}
}

func (w *watchtower) newAlarm(a alarm) {
	comparison, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
	if a.silence {
		comparison, missing = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
	}
	made := awscloudwatch.NewAlarm(w.stack, jsii.String(a.id), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(a.about + " " + w.runbook(a.section)), Metric: a.metric,
		Threshold: jsii.Number(max(a.threshold, 1)), ComparisonOperator: comparison, TreatMissingData: missing,
		EvaluationPeriods: jsii.Number(a.minutes), DatapointsToAlarm: jsii.Number(a.of),
	})
	to := a.to
	if to == nil {
		to = w.topics.alarms
	}
	action := awscloudwatchactions.NewSnsAction(to)
	made.AddAlarmAction(action)
	made.AddOkAction(action)
}

// runbook returns where to read what to do.
func (w *watchtower) runbook(section string) string {
	if w.chosen.RunbookURL == "" {
		return "docs/RUNBOOK.md, section " + section
	}
	return w.chosen.RunbookURL + "#" + section
}
