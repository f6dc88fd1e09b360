package stacks

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

// addAlarms makes the alarms about chimewatch itself: dead letters, functions that fail or do not run, notifications
// that nobody receives, and what is lost for good.
func (c *Chimewatch) addAlarms() {
	scope := constructs.NewConstruct(c.Construct, jsii.String("Default")) // see NewChimewatchStack
	runbook := "docs/RUNBOOK.md, section "
	if url := c.config.RunbookURL; url != "" {
		runbook = url + "#"
	}
	for _, a := range slices.Concat(
		c.deadLetterAlarms(), c.functionAlarms(), c.notificationAlarms(), c.lossAlarms(), c.voiceAlarms(),
	) {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
		missing := awscloudwatch.TreatMissingData_NOT_BREACHING
		if a.silence {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
			missing = awscloudwatch.TreatMissingData_BREACHING
		}
		minutes := jsii.Number(max(a.minutes, 1))
		made := awscloudwatch.NewAlarm(scope, jsii.String(a.id), &awscloudwatch.AlarmProps{
			AlarmDescription: jsii.String(a.description + " " + runbook + a.section), Metric: a.metric,
			Threshold: jsii.Number(max(a.threshold, 1)), ComparisonOperator: comparison, TreatMissingData: missing,
			EvaluationPeriods: minutes, DatapointsToAlarm: minutes,
		})
		action := awscloudwatchactions.NewSnsAction(cmp.Or(a.to, c.AlarmTopic))
		made.AddAlarmAction(action)
		made.AddOkAction(action)
	}
}

// alarm is one CloudWatch alarm. It is raised when the metric reaches the threshold in that many minutes in a row.
type alarm struct {
	id string
	// section is the heading in docs/RUNBOOK.md about what to do.
	section string
	// description is what has happened; it names resources as AWS does.
	description string
	metric      awscloudwatch.IMetric
	minutes     int     // 0 means one
	threshold   float64 // 0 means one
	// silence raises the alarm when the metric is below the threshold or missing.
	silence bool
	// to is the topic; nil means that of the alarms.
	to awssns.ITopic
}

// lasting is for how many minutes in a row a function has to fail.
const lasting = 5

// each returns the options of a metric with a statistic, such as Sum, of each minute.
func each(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: seconds(time.Minute), Statistic: jsii.String(statistic)}
}

// counter returns a metric that counts, and that no construct has.
func counter(namespace, name string, dimensions map[string]*string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), DimensionsMap: &dimensions,
		Period: seconds(time.Minute), Statistic: jsii.String("Sum"),
	})
}

func calculated(expression string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(expression), Period: seconds(time.Minute), UsingMetrics: &metrics,
	})
}

// arrival is an alarm about new dead letters in a queue.
func arrival(id string, queue awssqs.Queue, what string, metric awscloudwatch.IMetric) alarm {
	return alarm{id: id, section: "dead-letters", metric: metric,
		description: "New dead letters in the queue " + *queue.QueueName() + ": " + what +
			" OK means that no more come, not that they are gone."}
}

// deadLetterAlarms report each arrival. An alarm on the number of messages would report nothing new for as long as
// one of them stays: actions run on changes of state only (CloudWatch user guide, "Alarm actions").
func (c *Chimewatch) deadLetterAlarms() []alarm {
	return []alarm{
		arrival("RuleDeadLettersAlarm", c.RuleDeadLetters, "EventBridge could not deliver events.",
			c.RuleDeadLetters.MetricNumberOfMessagesSent(each("Sum"))),
		arrival("FunctionDeadLettersAlarm", c.FunctionDeadLetters, "a function failed at each attempt.",
			c.FunctionDeadLetters.MetricNumberOfMessagesSent(each("Sum"))),
	}
}

func (c *Chimewatch) functionAlarms() (list []alarm) {
	for _, spec := range c.deployed() {
		f := c.Functions[spec.Name]
		name := "The function " + *f.FunctionName()
		list = append(list, alarm{
			id: "Failing-" + spec.Name, section: "failing-function", minutes: lasting,
			description: name + " fails, minute after minute. See its log.", metric: f.MetricErrors(each("Sum")),
		}, alarm{
			id: "Throttled-" + spec.Name, section: "throttled-function", minutes: lasting,
			description: name + " is throttled: the concurrency is used up.", metric: f.MetricThrottles(each("Sum")),
		})
		if spec.Scheduled {
			list = append(list, alarm{
				id: "NotRunning-" + spec.Name, section: "watch-not-running", minutes: lasting, silence: true,
				description: name + " has not run for five minutes: nobody looks for lost calls, " +
					"open incidents and consent that has ended.",
				metric: f.MetricInvocations(each("Sum")),
			})
		}
	}
	return list
}

// notificationAlarms report notifications that SNS could not deliver. The alarm about the alarms' own topic goes to
// another one.
func (c *Chimewatch) notificationAlarms() []alarm {
	undelivered := func(id string, topic, to awssns.ITopic) alarm {
		return alarm{id: id, section: "undelivered-notifications", to: to,
			description: "Notifications of the topic " + *topic.TopicName() + " could not be delivered to a subscriber.",
			metric:      topic.MetricNumberOfNotificationsFailed(each("Sum"))}
	}
	list := []alarm{
		undelivered("UndeliveredFailures", c.FailureTopic, nil), undelivered("UndeliveredAlerts", c.AlertTopic, nil),
	}
	if c.ownAlarmTopic != nil {
		list = append(list, undelivered("UndeliveredAlarms", c.ownAlarmTopic, c.FailureTopic))
	}
	return list
}

func (c *Chimewatch) lossAlarms() []alarm {
	var records, events []awscloudwatch.IMetric
	for _, spec := range c.deployed() {
		if !spec.Scheduled {
			records = append(records,
				c.Functions[spec.Name].Metric(jsii.String("DestinationDeliveryFailures"), each("Sum")))
		}
	}
	for _, rule := range c.Rules {
		events = append(events, counter("AWS/Events", "InvocationsFailedToBeSentToDlq",
			map[string]*string{"RuleName": rule.RuleName()}))
	}
	return append(sumAlarms(alarm{
		id: "LostRecords", section: "lost-events",
		description: "Records of failed invocations could not be put into the queue " +
			*c.FunctionDeadLetters.QueueName() + ": these events are lost.",
	}, records), sumAlarms(alarm{
		id: "LostEvents", section: "lost-events",
		description: "EventBridge could put events neither to their function nor into the queue " +
			*c.RuleDeadLetters.QueueName() + ": these events are lost.",
	}, events)...)
}

func (c *Chimewatch) voiceAlarms() (list []alarm) {
	v := c.Voice
	if v == nil {
		return nil
	}
	if v.DeadLetters != nil {
		// SQS itself moves messages that were received too often, and does not count them as sent (SQS developer
		// guide, "Available CloudWatch metrics"): so the growth counts. Messages that somebody reads are hidden for
		// a while, and still there.
		list = append(list, arrival("VoiceDeadLettersAlarm", v.DeadLetters, "voice notifications failed at each attempt.",
			calculated("DIFF(FILL(visible, 0) + FILL(hidden, 0))", map[string]awscloudwatch.IMetric{
				"visible": v.DeadLetters.MetricApproximateNumberOfMessagesVisible(each("Maximum")),
				"hidden":  v.DeadLetters.MetricApproximateNumberOfMessagesNotVisible(each("Maximum")),
			})))
	}
	const late = " for more than a minute: tasks start late, or never."
	if v.Stream != nil {
		list = append(list, alarm{
			id: "VoiceStreamFailuresAlarm", section: "voice-stream-failures",
			description: "Voice notifications of the stream " + *v.Stream.StreamName() + " failed at each attempt. " +
				"They are in the bucket " + *v.Failures.BucketName() + ".",
			metric: counter("AWS/Lambda", "OnFailureDestinationDeliveredEventCount",
				map[string]*string{"EventSourceMappingUUID": v.mapping.Ref()}),
		}, alarm{
			id: "VoiceStreamLate", section: "voice-late", minutes: 3, threshold: 60_000, // milliseconds
			description: "Voice notifications wait in the stream " + *v.Stream.StreamName() + late,
			metric:      v.props.Function.Metric(jsii.String("IteratorAge"), each("Maximum")),
		})
	}
	if v.Queue != nil {
		list = append(list, alarm{
			id: "VoiceQueueLate", section: "voice-late", minutes: 3, threshold: 60, // seconds
			description: "Voice notifications wait in the queue " + *v.Queue.QueueName() + late,
			metric:      v.Queue.MetricApproximateAgeOfOldestMessage(each("Maximum")),
		})
	}
	if len(c.config.VoiceTasks) == 0 {
		return list
	}
	var refused []awscloudwatch.IMetric
	for _, spec := range c.deployed() {
		if spec.Reads(config.Voice) {
			refused = append(refused, counter(telemetry.Namespace, "VoiceTasksRefused", map[string]*string{
				"Stack": awscdk.Stack_Of(c.Construct).StackName(), "Function": jsii.String(spec.Name),
			}))
		}
	}
	return append(list, sumAlarms(alarm{
		id: "VoiceTasksRefused", section: "voice-tasks-refused",
		description: "Amazon Chime SDK refused for good to start a voice task. " +
			"Where every start is refused, the voice profile domain is wrong.",
	}, refused)...)
}

// maxInAlarm is how many metrics an alarm may add up (CloudWatch user guide, "Create
// an alarm based on a metric math expression").
const maxInAlarm = 10

// sumAlarms returns alarms on the sum of metrics that count something; a metric without data counts nothing.
func sumAlarms(a alarm, metrics []awscloudwatch.IMetric) (list []alarm) {
	id := a.id
	for some := range slices.Chunk(metrics, maxInAlarm) {
		using := map[string]awscloudwatch.IMetric{}
		for i, metric := range some {
			using["m"+strconv.Itoa(i)] = metric
		}
		a.id, a.metric = id+strconv.Itoa(len(list)+1), calculated("SUM(FILL(METRICS(), 0))", using)
		list = append(list, a)
	}
	return list
}
