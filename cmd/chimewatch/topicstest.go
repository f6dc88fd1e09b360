package main

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// topicsTestCmd publishes a test message.
type topicsTestCmd struct {
	Topic string `enum:",failures,alerts,alarms" default:"" placeholder:"failures|alerts|alarms" help:"Only this topic."`
}

// httpsBodyOutput is the output of the stack that says what subscribers by https get.
const httpsBodyOutput = "HttpsBody"

// testReport is what the command did with a topic.
type testReport struct {
	topicReport
	// ID is the id of the message, which is also its attribute "id"; Subject is its
	// subject.
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Sent    bool   `json:"sent"`
	Error   string `json:"error,omitempty"`
}

// Help says what the summary leaves out.
func (topicsTestCmd) Help() string {
	return "Publishes a message that begins with [test] to each topic, rendered for every protocol like a real one, " +
		"with the attributes kind=test and severity=low; to the topic of alarms, a message in CloudWatch's form about an " +
		"alarm chimewatch-test that is OK. It is safe in production: nothing is recorded, and no incident opens in " +
		"chimewatch. A subscription with a filter policy gets it only if the policy allows it."
}

// Run publishes the messages. It fails when one cannot be published, or when a topic
// has no confirmed subscription.
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
	var heard []topicReport
	var failed error
	for _, t := range topics {
		before, err := a.subscriptions(client, t)
		if err != nil {
			return err
		}
		m, err := c.message(a, t, bodies)
		if err != nil {
			return err
		}
		report := testReport{topicReport: before, ID: m.ID, Subject: m.Subject, Sent: true}
		if err := notify.NewTopic(client, t.arn).Publish(a.ctx, m); err != nil {
			if a.ctx.Err() != nil {
				return err
			}
			err = explain(err)
			report.Sent, report.Error = false, a.reportOf(err).What
			if failed == nil {
				failed = err
			}
		}
		reports, heard = append(reports, report), append(heard, before)
	}
	if err := c.print(a, reports); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return unheard(heard)
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
	words := notify.Options{HTTPS: bodies.Failures}
	if t.name == "alerts" {
		words.HTTPS = bodies.Alerts
	}
	test := notify.TestMessage{Topic: t.name, About: t.about, Account: account, Region: region, At: now}
	return test.Message(words), nil
}

func (c *topicsTestCmd) print(a *app, reports []testReport) error {
	if a.asJSON() {
		return a.printJSON(reports)
	}
	rows := make([][]string, len(reports))
	for i, r := range reports {
		sent := r.Subject
		if !r.Sent {
			sent = snipped("not sent: " + spaced(r.Error))
		}
		confirmed := strconv.Itoa(r.Confirmed)
		if r.Confirmed == 0 {
			confirmed += ", " + nobodyHears
		}
		rows[i] = []string{r.Topic, sent, confirmed, strconv.Itoa(r.Filtered), strconv.Itoa(r.Pending), r.ARN}
	}
	return a.printTable([]string{"topic", "sent", "confirmed", "filtered", "pending", "to"}, rows)
}
