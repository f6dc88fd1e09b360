package stacks_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const cloudwatchAlarm = "AWS::CloudWatch::Alarm"

// wantAlarm is what an alarm has to be.
type wantAlarm struct {
	// Metrics are its metrics, as metricsOf writes them.
	Metrics []string
	// When is the comparison, the threshold and the minutes.
	When string
	// To is the topic for both ALARM and OK.
	To string
	// Names are what its description has to name, Section the runbook's heading.
	Names, Section string
}

// wantAlarms are the alarms of a configuration, by their paths.
func wantAlarms(c config.Stack) map[string]wantAlarm {
	const (
		once   = ">= 1 in 1 of 1, missing is fine"
		five   = ">= 1 in 5 of 5, missing is fine"
		silent = "< 1 in 5 of 5, missing is not"
	)
	to := "[AlarmTopic]"
	if c.AlarmTopicARN != "" {
		to = c.AlarmTopicARN
	}
	sent := func(queue string) []string {
		return []string{"AWS/SQS NumberOfMessagesSent QueueName=[" + queue + ".QueueName] Sum 60"}
	}
	undelivered := func(topic string) []string {
		return []string{"AWS/SNS NumberOfNotificationsFailed TopicName=[" + topic + ".TopicName] Sum 60"}
	}
	lambda := func(metric, function, statistic string) []string {
		return []string{"AWS/Lambda " + metric + " FunctionName=[" + function + "] " + statistic + " 60"}
	}
	const (
		unheard   = "undelivered-notifications"
		events    = "[RuleDeadLetters.QueueName]"
		records   = "[FunctionDeadLetters.QueueName]"
		voiceDead = "[VoiceDeadLetters.QueueName]"
	)
	want := map[string]wantAlarm{
		"RuleDeadLettersAlarm":     {sent("RuleDeadLetters"), once, to, events, "dead-letters"},
		"FunctionDeadLettersAlarm": {sent("FunctionDeadLetters"), once, to, records, "dead-letters"},
		"NotRunning-watch":         {lambda("Invocations", "Watch", "Sum"), silent, to, "[Watch]", "watch-not-running"},
		"UndeliveredFailures":      {undelivered("FailureTopic"), once, to, "[FailureTopic.TopicName]", unheard},
		"UndeliveredAlerts":        {undelivered("AlertTopic"), once, to, "[AlertTopic.TopicName]", unheard},
	}
	if c.AlarmTopicARN == "" { // reported by a way that does not need it
		want["UndeliveredAlarms"] = wantAlarm{
			undelivered("AlarmTopic"), once, "[FailureTopic]", "[AlarmTopic.TopicName]", unheard,
		}
	}
	sum := func(metrics ...string) []string { return append([]string{"= SUM(FILL(METRICS(), 0))"}, metrics...) }
	var unrecorded, unsent []string
	for _, name := range functionsOf(c) {
		path := functionPath(name)
		about := "[" + path + "]"
		want["Failing-"+name] = wantAlarm{lambda("Errors", path, "Sum"), five, to, about, "failing-function"}
		want["Throttled-"+name] = wantAlarm{lambda("Throttles", path, "Sum"), five, to, about, "throttled-function"}
		if name != "watch" {
			unrecorded = append(unrecorded, lambda("DestinationDeliveryFailures", path, "Sum")...)
		}
	}
	for _, r := range eventrule.Table(eventrule.Options{}) {
		unsent = append(unsent, "AWS/Events InvocationsFailedToBeSentToDlq RuleName=[Rule-"+r.Name+"] Sum 60")
	}
	slices.Sort(unsent)
	want["LostRecords1"] = wantAlarm{sum(unrecorded...), once, to, records, "lost-events"}
	want["LostEvents1"] = wantAlarm{sum(unsent...), once, to, events, "lost-events"}
	has := func(source string) bool { return slices.Contains(c.VoiceSources, source) }
	if has("sqs") || has("sns") {
		want["VoiceDeadLettersAlarm"] = wantAlarm{[]string{
			"= DIFF(FILL(visible, 0) + FILL(hidden, 0))",
			"AWS/SQS ApproximateNumberOfMessagesNotVisible QueueName=" + voiceDead + " Maximum 60",
			"AWS/SQS ApproximateNumberOfMessagesVisible QueueName=" + voiceDead + " Maximum 60",
		}, once, to, voiceDead, "dead-letters"}
	}
	if has("sqs") {
		want["VoiceQueueLate"] = wantAlarm{
			[]string{"AWS/SQS ApproximateAgeOfOldestMessage QueueName=[VoiceQueue.QueueName] Maximum 60"},
			">= 60 in 3 of 3, missing is fine", to, "[VoiceQueue.QueueName]", "voice-late",
		}
	}
	if has("kinesis") {
		want["VoiceStreamLate"] = wantAlarm{
			lambda("IteratorAge", "Voice", "Maximum"),
			">= 60000 in 3 of 3, missing is fine", to, "[VoiceStream]", "voice-late",
		}
		want["VoiceStreamFailuresAlarm"] = wantAlarm{
			[]string{"AWS/Lambda OnFailureDestinationDeliveredEventCount EventSourceMappingUUID=[VoiceStreamMapping] Sum 60"},
			once, to, "[VoiceStreamFailures]", "voice-stream-failures",
		}
	}
	if len(c.VoiceTasks) > 0 {
		var refused []string
		for _, name := range []string{"consent", "voice", "watch"} {
			refused = append(refused, "Chimewatch VoiceTasksRefused Function="+name+" Stack="+c.StackName+" Sum 60")
		}
		want["VoiceTasksRefused1"] = wantAlarm{sum(refused...), once, to, "voice profile domain", "voice-tasks-refused"}
	}
	return want
}

// metricsOf writes the metrics of an alarm: the expression first, then each sorted.
func metricsOf(c cfn.Template, a *cfn.Resource) []string {
	one := func(metric any, statistic, period any) string {
		var dimensions []string
		for _, d := range cfn.Listed(cfn.At(metric, "Dimensions")) {
			dimensions = append(dimensions, c.Words(cfn.At(d, "Name"))+"="+c.Words(cfn.At(d, "Value")))
		}
		slices.Sort(dimensions)
		return fmt.Sprint(cfn.At(metric, "Namespace"), " ", cfn.At(metric, "MetricName"), " ",
			strings.Join(dimensions, " "), " ", statistic, " ", period)
	}
	if a.Prop("MetricName") != nil {
		return []string{one(a.Properties, a.Prop("Statistic"), a.Prop("Period"))}
	}
	var expressions, metrics []string
	for _, m := range cfn.Listed(a.Prop("Metrics")) {
		if text := cfn.At(m, "Expression"); text != nil {
			expressions = append(expressions, "= "+c.Words(text))
			continue
		}
		stat := cfn.At(m, "MetricStat")
		metrics = append(metrics, one(cfn.At(stat, "Metric"), cfn.At(stat, "Stat"), cfn.At(stat, "Period")))
	}
	slices.Sort(metrics)
	return append(expressions, metrics...)
}

// alarmAs reads an alarm in the form of wantAlarm; names and section are the wanted
// ones where its description has them.
func alarmAs(c cfn.Template, a *cfn.Resource, want wantAlarm, runbook string) wantAlarm {
	operators := map[any]string{"GreaterThanOrEqualToThreshold": ">=", "LessThanThreshold": "<"}
	treatments := map[any]string{"notBreaching": "missing is fine", "breaching": "missing is not"}
	topics := func(actions string) string {
		var all []string
		for _, topic := range cfn.Listed(a.Prop(actions)) {
			all = append(all, c.Words(topic))
		}
		return strings.Join(all, " and ")
	}
	minutes := a.Prop("EvaluationPeriods")
	of := a.Prop("DatapointsToAlarm")
	if of == nil {
		of = minutes
	}
	got := wantAlarm{
		Metrics: metricsOf(c, a),
		When: fmt.Sprintf("%s %v in %v of %v, %s", operators[a.Prop("ComparisonOperator")], a.Prop("Threshold"),
			of, minutes, treatments[a.Prop("TreatMissingData")]),
		To: topics("AlarmActions"),
	}
	if a.Prop("ActionsEnabled") == false {
		got.To = "nobody"
	}
	if ok := topics("OKActions"); ok != topics("AlarmActions") {
		got.To += ", but when it is over " + ok
	}
	about := c.Words(a.Prop("AlarmDescription"))
	if strings.Contains(about, want.Names) {
		got.Names = want.Names
	}
	link := " docs/RUNBOOK.md, section " + want.Section
	if runbook != "" {
		link = " " + runbook + "#" + want.Section
	}
	if strings.HasSuffix(about, link) {
		got.Section = want.Section
	}
	return got
}

func alarmChecks() []check {
	alarm := func(id string, value any, steps ...any) func(cfn.Template) {
		return set(cloudwatchAlarm, id, value, steps...)
	}
	toTopic := func(id, topic string) func(cfn.Template) {
		return point(cloudwatchAlarm, id, refer(topic, snsTopic, "TopicArn"), "AlarmActions", 0)
	}
	return []check{
		{
			name: "alarms watch chimewatch itself",
			find: func(s synthesized) (problems []string) {
				want, got := wantAlarms(s.chosen), s.Of(cloudwatchAlarm)
				for _, id := range slices.Sorted(maps.Keys(got)) {
					if _, known := want[id]; !known {
						problems = append(problems, "alarm "+id+" is not known to this test")
					}
				}
				for _, id := range slices.Sorted(maps.Keys(want)) {
					if got[id] == nil {
						problems = append(problems, "there is no alarm "+id)
						continue
					}
					is := alarmAs(s.Template, got[id], want[id], s.chosen.RunbookURL)
					if diff := cmp.Diff(want[id], is); diff != "" {
						problems = append(problems, "alarm "+id+": want (-), got (+):\n"+diff)
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "lost events are not reported", do: remove(cloudwatchAlarm, "LostEvents1")},
				{name: "lost records are not reported", do: remove(cloudwatchAlarm, "LostRecords1")},
				{name: "the watch is not watched", do: remove(cloudwatchAlarm, "NotRunning-watch")},
				{name: "a watch without data is fine", do: alarm("NotRunning-watch", "notBreaching", "TreatMissingData")},
				{name: "missing data breaches", do: alarm("Failing-status", "breaching", "TreatMissingData")},
				{name: "a threshold of 100", do: alarm("FunctionDeadLettersAlarm", 100.0, "Threshold")},
				{name: "less than", do: alarm("FunctionDeadLettersAlarm", "LessThanThreshold", "ComparisonOperator")},
				{name: "no alarm while an old dead letter stays",
					do: alarm("RuleDeadLettersAlarm", "ApproximateNumberOfMessagesVisible", "MetricName")},
				{name: "moved messages are not counted",
					do: alarm("VoiceDeadLettersAlarm", "FILL(visible, 0)", "Metrics", 0, "Expression")},
				{name: "no data is no sum", do: alarm("LostRecords1", "SUM(METRICS())", "Metrics", 0, "Expression")},
				{name: "another topic", do: toTopic("LostRecords1", "FailureTopic")},
				{name: "alarms about alarms by their own topic", do: toTopic("UndeliveredAlarms", "AlarmTopic")},
				{name: "the other queue", do: point(cloudwatchAlarm, "RuleDeadLettersAlarm",
					refer("FunctionDeadLetters", sqsQueue, "QueueName"), "Dimensions", 0, "Value")},
				{name: "nobody is notified that it is over", do: alarm("Throttled-watch", nil, "OKActions")},
				{name: "a name that AWS does not know",
					do: alarm("RuleDeadLettersAlarm", "See the queue RuleDeadLetters.", "AlarmDescription")},
				{name: "no link", do: alarm("LostEvents1", "Events are lost.", "AlarmDescription")},
				{name: "one minute of five", do: alarm("Failing-voice", 1.0, "DatapointsToAlarm")},
				{name: "actions are off", do: alarm("Failing-voice", false, "ActionsEnabled")},
				{name: "another statistic", do: alarm("Failing-voice", "Average", "Statistic")},
				{name: "an ARN for a name", do: point(cloudwatchAlarm, "RuleDeadLettersAlarm",
					refer("RuleDeadLetters", sqsQueue, "Arn"), "Dimensions", 0, "Value")},
			},
		},
		{
			name: "the runbook has a section for each alarm",
			find: func(s synthesized) (problems []string) {
				text, err := os.ReadFile("../docs/RUNBOOK.md")
				if err != nil {
					return []string{err.Error()}
				}
				for id, a := range s.Of(cloudwatchAlarm) {
					about := s.Words(a.Prop("AlarmDescription"))
					section := about[strings.LastIndexAny(about, "# ")+1:]
					if !strings.Contains(string(text), "\n## "+section+"\n") {
						problems = append(problems, "alarm "+id+": docs/RUNBOOK.md has no section "+section)
					}
					listed := id
					if kind, _, ofFunction := strings.Cut(id, "-"); ofFunction && kind != "NotRunning" {
						listed = kind + "-NAME"
					}
					row := regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(listed) + "`.*\\(#" +
						regexp.QuoteMeta(section) + "\\) \\|$")
					if !row.Match(text) {
						problems = append(problems, "alarm "+id+": the table of docs/RUNBOOK.md does not list it as "+listed+
							" with #"+section)
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "a section that is not there",
					do: alarm("LostEvents1", "See docs/RUNBOOK.md#everything-else", "AlarmDescription")},
				{name: "another section than in the table",
					do: alarm("LostEvents1", "See docs/RUNBOOK.md#silence", "AlarmDescription")},
			},
		},
		{
			name: "docs/COST.md counts the alarms",
			find: func(s synthesized) (problems []string) {
				if s.name != "default" && s.name != "everything" {
					return nil
				}
				metrics := 0
				for _, a := range s.Of(cloudwatchAlarm) {
					for _, m := range metricsOf(s.Template, a) {
						if !strings.HasPrefix(m, "=") {
							metrics++
						}
					}
				}
				text, err := os.ReadFile("../docs/COST.md")
				if err != nil {
					return []string{err.Error()}
				}
				want := fmt.Sprintf("%d metrics in alarms (%s)", metrics, s.name)
				if !strings.Contains(string(text), want) {
					problems = append(problems, "docs/COST.md does not say: "+want)
				}
				return problems
			},
			breakages: []breakage{{name: "an alarm less", do: remove(cloudwatchAlarm, "LostEvents1")}},
		},
	}
}
