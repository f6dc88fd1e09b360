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

// topicsCmd holds what looks after the topics that people hear by.
type topicsCmd struct {
	List topicsListCmd `cmd:"" help:"List the topics and who subscribes to them; fails where nobody does."`
	Test topicsTestCmd `cmd:"" help:"Send a test message to each topic; fails where nobody subscribes."`
}

type topicsListCmd struct{}

// stackTopic is a topic of the stack.
type stackTopic struct {
	name string // in the command line
	arn  string
	// about is what its notifications are about.
	about string
}

// topicOutputs are the outputs of the stack that name topics.
var topicOutputs = []struct{ name, output, about string }{
	{"failures", "FailureTopicArn", "failures"},
	{"alerts", "AlertTopicArn", "rule matches"},
	{alarmTopic, "AlarmTopicArn", "chimewatch's own alarms"},
}

// alarmTopic is the topic to which CloudWatch publishes.
const alarmTopic = "alarms"

// topicReport is a topic as the command prints it.
type topicReport struct {
	Topic string `json:"topic"`
	ARN   string `json:"arn"`
	// Confirmed, Pending and Filtered count subscriptions; those with a filter
	// policy, which may keep messages from them, are confirmed ones.
	Confirmed     int                  `json:"confirmed"`
	Pending       int                  `json:"pending"`
	Filtered      int                  `json:"filtered"`
	Subscriptions []subscriptionReport `json:"subscriptions"`
}

type subscriptionReport struct {
	Protocol string                   `json:"protocol"`
	Endpoint string                   `json:"endpoint"` // shortened
	State    notify.SubscriptionState `json:"state"`
	// Filtered is absent where it is not known.
	Filtered *bool `json:"filtered,omitempty"`
}

// nobodyHears marks a topic without a confirmed subscription.
const nobodyHears = "nobody hears of these"

// Run lists the topics, and fails when nobody hears of one of them.
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
	return unheard(reports)
}

func topicRows(reports []topicReport) (rows [][]string) {
	for _, r := range reports {
		for _, s := range r.Subscriptions {
			rows = append(rows, []string{r.Topic, s.Protocol, s.Endpoint, string(s.State), filterText(s)})
		}
		if r.Confirmed == 0 {
			rows = append(rows, []string{r.Topic, "", "", nobodyHears, ""})
		}
	}
	return rows
}

func filterText(s subscriptionReport) string {
	switch {
	case s.State != notify.Confirmed:
		return ""
	case s.Filtered == nil:
		return "?"
	case *s.Filtered:
		return "yes"
	}
	return "no"
}

// unheard returns an error that names the topics without a confirmed subscription,
// nil when there is none.
func unheard(reports []topicReport) error {
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
	where := "topic " + strings.Join(names, ", ")
	if len(names) > 1 {
		where = "topics " + strings.Join(names, ", ")
	}
	return apperr.New(apperr.NotFound, where, nobodyHears+": there is no confirmed subscription", fix)
}

// topics finds the topics, which the outputs of the stack name; only is the name of
// the one that is meant, empty for all. It returns the outputs, too.
func (a *app) topics(only string) (*sns.Client, []stackTopic, map[string]string, error) {
	cfg, err := a.awsConfig()
	if err != nil {
		return nil, nil, nil, err
	}
	outputs, err := a.outputs(cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	var found []stackTopic
	lacks := "an output that names a topic"
	for _, t := range topicOutputs {
		if only != "" && t.name != only {
			continue
		}
		if only != "" {
			lacks = "the output " + t.output
		}
		if arn := outputs[t.output]; arn != "" {
			found = append(found, stackTopic{t.name, arn, t.about})
		}
	}
	if len(found) == 0 {
		return nil, nil, nil, apperr.New(apperr.NotFound, "stack "+a.Stack, "it lacks "+lacks,
			"name the deployed stack with --stack, or deploy it again with this version")
	}
	return sns.NewFromConfig(cfg), found, outputs, nil
}

// subscriptions asks who subscribes to a topic. Where a filter policy cannot be
// looked for it says so, once a topic.
func (a *app) subscriptions(client notify.SubscriptionClient, t stackTopic) (topicReport, error) {
	report := topicReport{Topic: t.name, ARN: t.arn, Subscriptions: []subscriptionReport{}}
	all, err := notify.Subscriptions(a.ctx, client, t.arn)
	if err != nil {
		return report, err
	}
	var unknown error
	for _, s := range all {
		shown := subscriptionReport{Protocol: s.Protocol, Endpoint: shortEndpoint(s.Protocol, s.Endpoint), State: s.State}
		switch {
		case s.State == notify.Pending:
			report.Pending++
		case s.State == notify.Confirmed:
			report.Confirmed++
			if s.FilterErr != nil {
				unknown = s.FilterErr
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
	if unknown != nil {
		a.note("topic %s: %s", t.name, explain(unknown))
	}
	return report, nil
}

// shortEndpoint shows so much of an endpoint that whoever set it up knows it again:
// the first letter and the domain of an e-mail address, the last four digits of a
// phone number, the host of a URL, whose path is often a secret, and all of an ARN.
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
