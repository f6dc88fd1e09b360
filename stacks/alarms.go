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
	id string
	// section is the heading in docs/RUNBOOK.md that says what to do.
	section string
	// about is what has happened; it names resources as AWS calls them.
	about  string
	metric awscloudwatch.IMetric
	// minutes is for how many minutes in a row; 0 means one.
	minutes int
	// threshold is 1 where it is not set.
	threshold float64
	// silence goes off when the metric is below the threshold or missing.
	silence bool
	// to is the topic; nil means that of the alarms.
	to awssns.ITopic
}

// lasting is for how many minutes in a row a function has to fail.
const lasting = 5

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

// countOf returns a metric that counts, and that no construct has.
func countOf(namespace, name string, dimensions map[string]*string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), DimensionsMap: &dimensions,
		Period: minute(), Statistic: jsii.String("Sum"),
	})
}

// newDeadLetters begins and ends what an alarm on the arrival of dead letters says.
func newDeadLetters(queue awssqs.Queue, what string) string {
	return "New dead letters in the queue " + *queue.QueueName() + ": " + what +
		" OK means that no more come, not that they are gone."
}

// alarmOnDeadLetters reports each arrival. An alarm on the number of messages would
// be mute for as long as one of them stays: actions run on changes of state only
// (CloudWatch user guide, "Alarm actions").
func (w *watchtower) alarmOnDeadLetters() {
	arrived := func(id string, queue awssqs.Queue, what string) {
		w.newAlarm(alarm{
			id: id, section: "dead-letters", about: newDeadLetters(queue, what),
			metric: queue.MetricNumberOfMessagesSent(sumOf()),
		})
	}
	arrived("RuleDeadLettersAlarm", w.queues.rules, "EventBridge could not deliver events.")
	arrived("FunctionDeadLettersAlarm", w.queues.functions, "a function failed at each attempt.")
}

func (w *watchtower) alarmOnFunctions() {
	for _, spec := range w.specs() {
		f := w.functions[spec.name]
		name := "The function " + *f.FunctionName()
		w.newAlarm(alarm{
			id: "Failing-" + spec.name, section: "failing-function", minutes: lasting,
			about: name + " fails, minute after minute. See its log.", metric: f.MetricErrors(sumOf()),
		})
		w.newAlarm(alarm{
			id: "Throttled-" + spec.name, section: "throttled-function", minutes: lasting,
			about: name + " is throttled: the concurrency is used up.", metric: f.MetricThrottles(sumOf()),
		})
		if spec.once { // it runs by the schedule
			w.newAlarm(alarm{
				id: "NotRunning-" + spec.name, section: "watch-not-running", minutes: lasting, silence: true,
				about: name + " has not run for five minutes: nobody looks for lost calls, " +
					"open incidents and consent that has ended.",
				metric: f.MetricInvocations(sumOf()),
			})
		}
	}
}

// alarmOnNotifications reports notifications that SNS could not deliver. The alarm
// about the alarms' own topic goes to the other one.
func (w *watchtower) alarmOnNotifications() {
	undelivered := func(id string, topic, to awssns.ITopic) {
		w.newAlarm(alarm{
			id: id, section: "undelivered-notifications", to: to,
			about:  "Notifications of the topic " + *topic.TopicName() + " could not be delivered to a subscriber.",
			metric: topic.MetricNumberOfNotificationsFailed(sumOf()),
		})
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
			f := w.functions[spec.name]
			records = append(records, f.Metric(jsii.String("DestinationDeliveryFailures"), sumOf()))
		}
	}
	for _, rule := range w.rules {
		dimensions := map[string]*string{"RuleName": rule.RuleName()}
		events = append(events, countOf("AWS/Events", "InvocationsFailedToBeSentToDlq", dimensions))
	}
	w.newSumAlarms(alarm{
		id: "LostRecords", section: "lost-events",
		about: "Records of failed invocations could not be put into the queue " +
			*w.queues.functions.QueueName() + ": these events are lost.",
	}, records)
	w.newSumAlarms(alarm{
		id: "LostEvents", section: "lost-events",
		about: "EventBridge could put events neither to their function nor into the queue " +
			*w.queues.rules.QueueName() + ": these events are lost.",
	}, events)
}

func (w *watchtower) alarmOnVoice() {
	if w.voice.dead != nil {
		w.alarmOnVoiceDeadLetters(w.voice.dead)
	}
	const late = " for more than a minute: tasks start late, or never."
	if w.voice.mapping != nil {
		stream := *w.voice.stream.StreamName()
		w.newAlarm(alarm{
			id: "VoiceStreamFailuresAlarm", section: "voice-stream-failures",
			about: "Voice notifications of the stream " + stream + " failed at each attempt. They are in the bucket " +
				*w.voice.failures.BucketName() + ".",
			metric: countOf("AWS/Lambda", "OnFailureDestinationDeliveredEventCount",
				map[string]*string{"EventSourceMappingUUID": w.voice.mapping.Ref()}),
		})
		w.newAlarm(alarm{
			id: "VoiceStreamLate", section: "voice-late", minutes: 3, threshold: 60_000, // milliseconds
			about:  "Voice notifications wait in the stream " + stream + late,
			metric: w.functions["voice"].Metric(jsii.String("IteratorAge"), maximumOf()),
		})
	}
	if w.voice.queue != nil {
		w.newAlarm(alarm{
			id: "VoiceQueueLate", section: "voice-late", minutes: 3, threshold: 60, // seconds
			about:  "Voice notifications wait in the queue " + *w.voice.queue.QueueName() + late,
			metric: w.voice.queue.MetricApproximateAgeOfOldestMessage(maximumOf()),
		})
	}
	if len(w.chosen.VoiceTasks) == 0 {
		return
	}
	var refused []awscloudwatch.IMetric
	for _, name := range []string{"voice", "consent", "watch"} {
		refused = append(refused, countOf(telemetry.Namespace, "VoiceTasksRefused",
			map[string]*string{"Stack": w.stack.StackName(), "Function": jsii.String(name)}))
	}
	w.newSumAlarms(alarm{
		id: "VoiceTasksRefused", section: "voice-tasks-refused",
		about: "Amazon Chime SDK refused for good to start a voice task. " +
			"Where every start is refused, the voice profile domain is wrong.",
	}, refused)
}

// alarmOnVoiceDeadLetters reports each arrival in the dead-letter queue of a queue.
// SQS itself moves what was received too often, and counts no message as sent (SQS
// developer guide, "Available CloudWatch metrics"): so the growth counts. Messages
// that somebody reads are not visible for a while, and still there.
func (w *watchtower) alarmOnVoiceDeadLetters(queue awssqs.Queue) {
	w.newAlarm(alarm{
		id: "VoiceDeadLettersAlarm", section: "dead-letters",
		about: newDeadLetters(queue, "voice notifications failed at each attempt."),
		metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("DIFF(FILL(visible, 0) + FILL(hidden, 0))"), Period: minute(),
			UsingMetrics: &map[string]awscloudwatch.IMetric{
				"visible": queue.MetricApproximateNumberOfMessagesVisible(maximumOf()),
				"hidden":  queue.MetricApproximateNumberOfMessagesNotVisible(maximumOf()),
			},
		}),
	})
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
	comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	missing := awscloudwatch.TreatMissingData_NOT_BREACHING
	if a.silence {
		comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		missing = awscloudwatch.TreatMissingData_BREACHING
	}
	minutes := jsii.Number(max(a.minutes, 1))
	made := awscloudwatch.NewAlarm(w.stack, jsii.String(a.id), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(a.about + " " + w.runbook(a.section)), Metric: a.metric,
		Threshold: jsii.Number(max(a.threshold, 1)), ComparisonOperator: comparison, TreatMissingData: missing,
		EvaluationPeriods: minutes, DatapointsToAlarm: minutes,
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
