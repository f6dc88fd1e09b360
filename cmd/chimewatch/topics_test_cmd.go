package main

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
)

type topicsTestCmd struct {
	Topic string `enum:",failures,alerts,alarms" default:"" placeholder:"failures|alerts|alarms" help:"Only this topic."`
}

// httpsBodyOutput is the output of the stack that says which body subscribers by https get.
const httpsBodyOutput = "HttpsBody"

// testReport is the JSON form of the test of a topic.
type testReport struct {
	topicReport
	// ID is the id of the notification, which is also its attribute "id".
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Sent    bool   `json:"sent"`
	Error   string `json:"error,omitempty"`
}

// Help returns what follows the short help.
func (topicsTestCmd) Help() string {
	return "Publishes a notification that begins with [test] to each topic, rendered for every protocol like a real " +
		"one, with the attributes kind=test and severity=low; to the topic of alarms, a message in CloudWatch's form " +
		"about an " +
		"alarm chimewatch-test that is OK. It is safe in production: nothing is recorded, and no incident opens in " +
		"chimewatch. A subscription with a filter policy gets it only if the policy allows it."
}

// Run publishes the notifications. It fails if one cannot be published, or if a topic has no confirmed
// subscription.
func (c *topicsTestCmd) Run(a *app) error {
	client, topics, outputs, err := a.topics(c.Topic)
	if err != nil {
		return err
	}
	bodies, err := notify.ParseHTTPSBodies("output "+httpsBodyOutput, outputs[httpsBodyOutput])
	if err != nil {
		return err
	}
	var reports []testReport
	var failed error
	for _, t := range topics {
		subscriptions, err := a.subscriptions(client, t)
		if err != nil {
			return err
		}
		m, err := c.message(a, t, bodies)
		if err != nil {
			return err
		}
		report := testReport{topicReport: subscriptions, ID: m.ID, Subject: m.Subject, Sent: true}
		if err := notify.NewTopic(client, t.arn).Publish(a.ctx, m); err != nil {
			if a.ctx.Err() != nil {
				return err
			}
			err = explain(err)
			report.Sent, report.Error = false, a.reportError(err).What
			failed = cmp.Or(failed, err)
		}
		reports = append(reports, report)
	}
	if err := printList(a, reports, testColumns); err != nil {
		return err
	}
	return cmp.Or(failed, checkSubscribers(mapped(reports, func(r testReport) topicReport { return r.topicReport })))
}

// message renders the test for a topic.
func (c *topicsTestCmd) message(a *app, t stackTopic, bodies notify.HTTPSBodies) (notify.Message, error) {
	parsed, err := arn.Parse(t.arn)
	if err != nil {
		return notify.Message{}, apperr.Wrap(err, apperr.Invalid, "topic "+t.name, fmt.Sprintf("%q is no ARN", t.arn),
			"see the stack's outputs")
	}
	account, region, now := parsed.AccountID, parsed.Region, a.now().UTC()
	if t.name == alarmTopic {
		test := notify.TestAlarm{TopicARN: t.arn, Account: account, Region: region, At: now}
		return test.Message(notify.Options{}), nil
	}
	options := notify.Options{HTTPS: bodies.Failures}
	if t.name == "alerts" {
		options.HTTPS = bodies.Alerts
	}
	test := notify.TestMessage{Topic: t.name, About: t.about, Account: account, Region: region, At: now}
	return test.Message(options), nil
}

var testColumns = columns[testReport]{
	[]string{"topic", "sent", "confirmed", "filtered", "pending", "to"},
	func(r testReport) []string {
		sent := r.Subject
		if !r.Sent {
			sent = snipped("not sent: " + r.Error)
		}
		confirmed := strconv.Itoa(r.Confirmed)
		if r.Confirmed == 0 {
			confirmed += ", " + noSubscriber
		}
		return []string{r.Topic, sent, confirmed, strconv.Itoa(r.Filtered), strconv.Itoa(r.Pending), r.ARN}
	},
}
