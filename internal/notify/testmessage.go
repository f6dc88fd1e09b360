package notify

import (
	"cmp"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// TestMessage is sent as the notifications of a topic are, so that people see that these
// arrive.
type TestMessage struct {
	// Topic is the short name of the topic, About what its notifications are about.
	Topic, About    string
	Account, Region string
	// At is when it is sent; it distinguishes one test from another.
	At time.Time
}

// Message renders the test like a notification, for every protocol.
func (t TestMessage) Message(o Options) Message {
	id := testID(t.Topic, t.At)
	d := data{
		ID: id, Kind: TestKind, Severity: string(incident.Low),
		Account: clean(t.Account, maxID), Region: clean(t.Region, maxID),
	}
	title := "[test] Notifications about " + t.About + " arrive here"
	body := testBody(t.About, t.Topic, t.At, t.Account, t.Region)
	return Message{ID: id, Title: title, Subject: fit(title), Body: body}.complete(extras{
		thread: id, data: d, keywords: []string{string(TestKind)},
		steps: []string{"Nothing is wrong, and there is nothing to do"},
		short: [][]string{{title + "."}, {"Nothing is wrong."}, {"Sent " + t.At.UTC().Format("2 Jan 15:04") + " UTC."}},
	}, o)
}

// testBody is the text of a test of the notifications about something.
func testBody(about, topic string, at time.Time, account, region string) string {
	var l lines
	l.line(testText(about))
	l.blank()
	l.field("Topic", topic)
	l.field("Sent", instant(at, time.Time{}))
	l.field("Sent with", testCommand)
	l.field("Account", place(account, region))
	return l.text
}

func testText(about string) string {
	return "This is a test of the notifications about " + about + ". Nothing is wrong, and there is nothing to do."
}

const testCommand = "chimewatch topics test"

func testID(topic string, at time.Time) string {
	return string(TestKind) + "/" + topic + "/" + at.UTC().Format(time.RFC3339Nano)
}

// TestAlarm is the test of the topic of alarms: it has the form in which CloudWatch
// notifies of an alarm, so that integrations with CloudWatch parse it, and says that
// an alarm that does not exist is OK.
type TestAlarm struct {
	TopicARN        string
	Account, Region string
	At              time.Time
}

// TestAlarmName is the name of the alarm that does not exist.
const TestAlarmName = "chimewatch-test"

// regionNames are the names that CloudWatch writes for the Regions of call analytics.
var regionNames = map[string]string{
	"us-east-1": "US East (N. Virginia)", "us-west-2": "US West (Oregon)", "eu-central-1": "EU (Frankfurt)",
}

// Message renders the test: text for people, and the alarm for all others. As in those
// of CloudWatch, the subject begins with the state, which integrations read, and there
// are no attributes.
func (t TestAlarm) Message(Options) Message {
	const about = "chimewatch's own alarms"
	at := t.At.UTC().Format("2006-01-02T15:04:05.000-0700")
	region := cmp.Or(regionNames[t.Region], t.Region)
	// This is what CloudWatch publishes when the state of an alarm on one metric changes.
	body := marshal(map[string]any{
		"AlarmName": TestAlarmName, "AlarmDescription": testText(about), "AWSAccountId": t.Account,
		"AlarmConfigurationUpdatedTimestamp": at, "NewStateValue": "OK", "OldStateValue": "ALARM",
		"NewStateReason":  "Sent with " + testCommand + ". There is no such alarm.",
		"StateChangeTime": at, "Region": region,
		"AlarmArn":  "arn:aws:cloudwatch:" + t.Region + ":" + t.Account + ":alarm:" + TestAlarmName,
		"OKActions": []string{t.TopicARN}, "AlarmActions": []string{t.TopicARN}, "InsufficientDataActions": []string{},
		"Trigger": map[string]any{
			"MetricName": "Test", "Namespace": "Chimewatch", "StatisticType": "Statistic", "Statistic": "SUM",
			"Unit": nil, "Dimensions": []string{}, "Period": 60, "EvaluationPeriods": 1, "DatapointsToAlarm": 1,
			"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1,
			"TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": "",
		},
	})
	title := `OK: "` + TestAlarmName + `" in ` + region
	return Message{
		ID: testID("alarms", t.At), Kind: TestKind, Title: title, Subject: fit(title),
		Body: testBody(about, "", t.At, t.Account, t.Region),
		SMS:  textMessage([][]string{{title + "."}, {"This is a test: nothing is wrong."}}),
		Card: body, Data: body,
	}
}
