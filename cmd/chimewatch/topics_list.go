package main

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// topicsCmd holds the commands for the topics of notifications.
type topicsCmd struct {
	List topicsListCmd `cmd:"" help:"List the topics and their subscribers; fails if a topic has none."`
	Test topicsTestCmd `cmd:"" help:"Send a test notification to each topic; fails if a topic has no subscribers."`
}

type topicsListCmd struct{}

// stackTopic is a topic of the stack.
type stackTopic struct {
	name   string // in the command line
	output string // of the stack, with the ARN
	about  string // what its notifications are about
	arn    string
}

var stackTopics = []stackTopic{
	{"failures", "FailureTopicArn", "failures", ""},
	{"alerts", "AlertTopicArn", "rule matches", ""},
	{alarmTopic, "AlarmTopicArn", "chimewatch's own alarms", ""},
}

// alarmTopic is the topic to which CloudWatch publishes.
const alarmTopic = "alarms"

// topicReport is the JSON form of a topic.
type topicReport struct {
	Topic string `json:"topic"`
	ARN   string `json:"arn"`
	// Confirmed, Pending and Filtered are numbers of subscriptions. Filtered ones are confirmed and have a
	// filter policy, so that they may not get every notification.
	Confirmed     int                  `json:"confirmed"`
	Pending       int                  `json:"pending"`
	Filtered      int                  `json:"filtered"`
	Subscriptions []subscriptionReport `json:"subscriptions"`
}

type subscriptionReport struct {
	Protocol string                   `json:"protocol"`
	Endpoint string                   `json:"endpoint"` // shortened
	State    notify.SubscriptionState `json:"state"`
	// Filtered is absent if it is not known.
	Filtered *bool `json:"filtered,omitempty"`
}

// noSubscriber marks a topic without a confirmed subscription.
const noSubscriber = "no subscribers"

// Run lists the topics, and fails if one of them has no confirmed subscription.
func (c *topicsListCmd) Run(a *app) error {
	client, topics, _, err := a.topics("")
	if err != nil {
		return err
	}
	reports := make([]topicReport, len(topics))
	for i, t := range topics {
		if reports[i], err = a.subscriptions(client, t); err != nil {
			return err
		}
	}
	if a.asJSON() {
		err = a.printJSON(reports)
	} else {
		err = a.printTable([]string{"topic", "protocol", "endpoint", "state", "filter"}, topicRows(reports))
	}
	if err != nil {
		return err
	}
	return checkSubscribers(reports)
}

func topicRows(reports []topicReport) (rows [][]string) {
	for _, r := range reports {
		for _, s := range r.Subscriptions {
			filter := "no"
			switch {
			case s.State != notify.Confirmed:
				filter = ""
			case s.Filtered == nil:
				filter = "?"
			case *s.Filtered:
				filter = "yes"
			}
			rows = append(rows, []string{r.Topic, s.Protocol, s.Endpoint, string(s.State), filter})
		}
		if r.Confirmed == 0 {
			rows = append(rows, []string{r.Topic, "", "", noSubscriber, ""})
		}
	}
	return rows
}

// checkSubscribers returns an error that names the topics without a confirmed subscription.
func checkSubscribers(reports []topicReport) error {
	var names []string
	pending := 0
	for _, r := range reports {
		if r.Confirmed == 0 {
			names = append(names, r.Topic)
			pending += r.Pending
		}
	}
	if len(names) == 0 {
		return nil
	}
	fix := "subscribe to it as docs/NOTIFY.md says"
	if pending > 0 {
		fix = "have the pending subscription confirmed, by the link in the message that SNS sent, " +
			"or subscribe as docs/NOTIFY.md says"
	}
	where := "topic " + joined(names)
	if len(names) > 1 {
		where = "topics " + joined(names)
	}
	return apperr.New(apperr.NotFound, where, "there is no confirmed subscription", fix)
}

// topics returns the topics that the outputs of the stack name, and the outputs. only is the name of the one topic to
// return; empty for all.
func (a *app) topics(only string) (*sns.Client, []stackTopic, map[string]string, error) {
	cfg, err := a.awsConfig()
	if err != nil {
		return nil, nil, nil, err
	}
	_, outputs, err := a.describeStack(cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	var found []stackTopic
	var missing []string
	for _, t := range stackTopics {
		if only != "" && t.name != only {
			continue
		}
		missing = append(missing, t.output)
		if t.arn = outputs[t.output]; t.arn != "" {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil, nil, nil, apperr.New(apperr.NotFound, "stack "+a.Stack, "it has no output "+strings.Join(missing, " or "),
			"name the deployed stack with --stack, or deploy it again with this version")
	}
	return sns.NewFromConfig(cfg), found, outputs, nil
}

// subscriptions reads the subscriptions of a topic. If filter policies cannot be read, it notes that once.
func (a *app) subscriptions(client notify.SubscriptionClient, t stackTopic) (topicReport, error) {
	report := topicReport{Topic: t.name, ARN: t.arn, Subscriptions: []subscriptionReport{}}
	all, err := notify.Subscriptions(a.ctx, client, t.arn)
	if err != nil {
		return report, err
	}
	var filterErr error
	for _, s := range all {
		shown := subscriptionReport{Protocol: s.Protocol, Endpoint: shortEndpoint(s.Protocol, s.Endpoint), State: s.State}
		switch s.State {
		case notify.Pending:
			report.Pending++
		case notify.Confirmed:
			report.Confirmed++
			if s.FilterErr != nil {
				filterErr = s.FilterErr
				break
			}
			shown.Filtered = &s.Filtered
			if s.Filtered {
				report.Filtered++
			}
		}
		report.Subscriptions = append(report.Subscriptions, shown)
	}
	if a.ctx.Err() != nil {
		return report, a.ctx.Err()
	}
	if filterErr != nil {
		a.note("topic %s: %s", t.name, explain(filterErr))
	}
	return report, nil
}

// shortEndpoint shortens an endpoint so that only its owner recognizes it: the first letter and the domain of an e-mail
// address, the last four digits of a phone number, the host of a URL, whose path is often a secret, and a full ARN.
func shortEndpoint(protocol, endpoint string) string {
	const hidden = "…"
	switch protocol {
	case "email", "email-json":
		at := strings.LastIndexByte(endpoint, '@')
		if at <= 0 {
			return hidden
		}
		_, size := utf8.DecodeRuneInString(endpoint)
		return endpoint[:size] + hidden + endpoint[at:]
	case "sms":
		return redact.Number(endpoint)
	case "http", "https":
		parsed, err := url.Parse(endpoint)
		if err != nil || parsed.Host == "" {
			return hidden
		}
		return fmt.Sprintf("%s://%s/%s", parsed.Scheme, parsed.Host, hidden)
	}
	return redact.Text(endpoint)
}
