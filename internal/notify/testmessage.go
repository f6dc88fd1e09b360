package notify

import (
	"cmp"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// TestKind is the kind of a message that an operator sends to see who receives it.
const TestKind Kind = "test"

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
	var l lines
	l.line("This is a test of the notifications about " + t.About + ". Nothing is wrong, and there is nothing to do.")
	l.blank()
	l.field("Topic", t.Topic)
	l.field("Sent", instant(t.At, time.Time{}))
	l.field("Sent with", testCommand)
	l.field("Account", place(t.Account, t.Region))
	id := testID(t.Topic, t.At)
	d := data{Severity: string(incident.Low), Account: clean(t.Account, maxID), Region: clean(t.Region, maxID)}
	title := "[test] Notifications about " + t.About + " arrive here"
	return Message{
		ID: id, Kind: TestKind, Title: title, Subject: fit(title), Body: l.text,
		Attributes: attributes(map[string]string{
			"id": id, "kind": string(TestKind), "severity": d.Severity, "account": t.Account, "region": t.Region,
		}),
	}.complete(extras{
		thread: id, data: d, keywords: []string{string(TestKind)},
		steps: []string{"Nothing is wrong, and there is nothing to do"},
		short: [][]string{{title + "."}, {"Nothing is wrong."}, {"Sent " + t.At.UTC().Format("2 Jan 15:04") + " UTC."}},
	}, o)
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

// alarm is what CloudWatch publishes when the state of an alarm on one metric
// changes.
type alarm struct {
	AlarmName                          string
	AlarmDescription                   string
	AWSAccountID                       string `json:"AWSAccountId"`
	AlarmConfigurationUpdatedTimestamp string
	NewStateValue                      string
	NewStateReason                     string
	StateChangeTime                    string
	Region                             string
	AlarmARN                           string `json:"AlarmArn"`
	OldStateValue                      string
	OKActions                          []string
	AlarmActions                       []string
	InsufficientDataActions            []string
	Trigger                            alarmTrigger
}

type alarmTrigger struct {
	MetricName                       string
	Namespace                        string
	StatisticType                    string
	Statistic                        string
	Unit                             *string
	Dimensions                       []string
	Period                           int
	EvaluationPeriods                int
	DatapointsToAlarm                int
	ComparisonOperator               string
	Threshold                        float64
	TreatMissingData                 string
	EvaluateLowSampleCountPercentile string
}

// regionNames are the names that CloudWatch writes for the Regions of call analytics.
var regionNames = map[string]string{
	"us-east-1": "US East (N. Virginia)", "us-west-2": "US West (Oregon)", "eu-central-1": "EU (Frankfurt)",
}

// Message renders the test: text for people, and the alarm for all others. As in those
// of CloudWatch, the subject begins with the state, which integrations read, and there
// are no attributes.
func (t TestAlarm) Message(Options) Message {
	const (
		about = "This is a test of the notifications about chimewatch's own alarms. " +
			"Nothing is wrong, and there is nothing to do."
		layout = "2006-01-02T15:04:05.000-0700"
	)
	at := t.At.UTC().Format(layout)
	region := cmp.Or(regionNames[t.Region], t.Region)
	body := marshal(alarm{
		AlarmName: TestAlarmName, AlarmDescription: about, AWSAccountID: t.Account,
		AlarmConfigurationUpdatedTimestamp: at, NewStateValue: "OK", OldStateValue: "ALARM",
		NewStateReason: "Sent with " + testCommand + ". There is no such alarm.", StateChangeTime: at, Region: region,
		AlarmARN:  "arn:aws:cloudwatch:" + t.Region + ":" + t.Account + ":alarm:" + TestAlarmName,
		OKActions: []string{t.TopicARN}, AlarmActions: []string{t.TopicARN}, InsufficientDataActions: []string{},
		Trigger: alarmTrigger{
			MetricName: "Test", Namespace: "Chimewatch", StatisticType: "Statistic", Statistic: "SUM",
			Dimensions: []string{}, Period: 60, EvaluationPeriods: 1, DatapointsToAlarm: 1,
			ComparisonOperator: "GreaterThanOrEqualToThreshold", Threshold: 1, TreatMissingData: "notBreaching",
		},
	})
	title := `OK: "` + TestAlarmName + `" in ` + region
	var l lines
	l.line(about)
	l.blank()
	l.field("Sent", instant(t.At, time.Time{}))
	l.field("Sent with", testCommand)
	l.field("Account", place(t.Account, t.Region))
	return Message{
		ID: testID("alarms", t.At), Kind: TestKind, Title: title, Subject: fit(title), Body: l.text,
		SMS:  textMessage([][]string{{title + "."}, {"This is a test: nothing is wrong."}}),
		Card: body, Data: body,
	}
}
