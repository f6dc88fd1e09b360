package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/test/binaries"
)

const (
	failuresARN = "arn:aws:sns:us-east-1:111122223333:Chimewatch-FailureTopic"
	alertsARN   = "arn:aws:sns:us-east-1:111122223333:Chimewatch-AlertTopic"
	alarmsARN   = "arn:aws:sns:us-east-1:111122223333:Chimewatch-AlarmTopic"
)

// subscribedAWS returns a fakeAWS with three topics, each with a subscriber.
func subscribedAWS(t *testing.T) *fakeAWS {
	f := newFakeAWS(t)
	f.outputs = map[string]string{
		"FailureTopicArn": failuresARN, "AlertTopicArn": alertsARN, "AlarmTopicArn": alarmsARN,
	}
	f.sns.subscriptions = map[string][]fakeSubscription{
		failuresARN: {
			{failuresARN + ":1", "email", "ops@example.com", ""},
			{"PendingConfirmation", "email", "newcomer@example.com", ""},
			{failuresARN + ":2", "https", "https://user:secret@events.pagerduty.com/integration/0123456789abcdef/enqueue",
				`{"severity":["critical","high"]}`},
			{failuresARN + ":3", "sms", "+12065550137", ""},
			{failuresARN + ":4", "sqs", "arn:aws:sqs:us-east-1:111122223333:failures", ""},
			{failuresARN + ":5", "https", "https://global.sns-api.chatbot.amazonaws.com", ""},
			{"Deleted", "email-json", "@example.com", ""},
		},
		alertsARN: {{alertsARN + ":1", "email", "supervisors@example.com", `{"rule":["escalation"]}`}},
		alarmsARN: {{alarmsARN + ":1", "https", "https://api.opsgenie.com/v1/json/cloudwatch?apiKey=0123", ""}},
	}
	return f
}

// topicsOf runs "chimewatch topics …" on a fakeAWS.
func topicsOf(f *fakeAWS, args ...string) result {
	args = append([]string{"topics"}, args...)
	return execute(nil, "", append(args, "--region", "us-east-1", "--endpoint-url", f.URL)...)
}

func TestTopicsList(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		got := topicsOf(subscribedAWS(t), "list")
		if got.code != exitDone || got.stderr != "" {
			t.Errorf("got exit code %d and %q, want 0 and nothing", got.code, got.stderr)
		}
		golden(t, "topics/list.txt", got.stdout)
	})
	t.Run("NoSubscribers", func(t *testing.T) {
		f := subscribedAWS(t)
		delete(f.outputs, "AlarmTopicArn") // a stack of an older version
		f.sns.subscriptions[failuresARN] = f.sns.subscriptions[failuresARN][1:2]
		f.sns.subscriptions[alertsARN] = nil
		got := topicsOf(f, "list")
		if got.code != exitFailed {
			t.Errorf("got exit code %d, want 1", got.code)
		}
		golden(t, "topics/list-no-subscribers.txt", got.stdout+got.stderr)
		for _, part := range []string{
			"topics failures, alerts: there is no confirmed subscription", "pending subscription", "docs/NOTIFY.md",
		} {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("got %q, want %q in it", got.stderr, part)
			}
		}
	})
	t.Run("JSON", func(t *testing.T) {
		got := topicsOf(subscribedAWS(t), "list", "-o", "json")
		var reports []topicReport
		if err := json.Unmarshal([]byte(got.stdout), &reports); err != nil || got.code != exitDone {
			t.Fatalf("got exit code %d, %q and %v", got.code, got.stderr, err)
		}
		yes := true
		want := topicReport{
			Topic: "alerts", ARN: alertsARN, Confirmed: 1, Filtered: 1, Subscriptions: []subscriptionReport{
				{Protocol: "email", Endpoint: "s…@example.com", State: "confirmed", Filtered: &yes},
			},
		}
		if len(reports) != 3 || reports[0].Confirmed != 5 || reports[0].Pending != 1 || reports[0].Filtered != 1 {
			t.Fatalf("got %+v, want three topics, the first with 5 confirmed, 1 pending and 1 filtered", reports)
		}
		if diff := cmp.Diff(want, reports[1]); diff != "" {
			t.Errorf("alerts (-want +got):\n%s", diff)
		}
		for _, secret := range []string{"secret", "0123456789abcdef", "apiKey", "ops@", "2065550137"} {
			if strings.Contains(got.stdout, secret) {
				t.Errorf("got %q in %s", secret, got.stdout)
			}
		}
	})
	t.Run("FilterUnknown", func(t *testing.T) {
		f := subscribedAWS(t)
		f.sns.errors = map[string]string{"GetSubscriptionAttributes": "AuthorizationError"}
		got := topicsOf(f, "list")
		if got.code != exitDone || !strings.Contains(got.stdout, "confirmed  ?") || strings.Count(got.stderr, "\n") != 3 ||
			!strings.Contains(got.stderr, "allow sns:GetSubscriptionAttributes") {
			t.Errorf("got exit code %d, %q and %q, want the filters unknown and one line a topic why",
				got.code, got.stdout, got.stderr)
		}
	})
	t.Run("ErrDenied", func(t *testing.T) {
		f := subscribedAWS(t)
		f.sns.errors = map[string]string{"ListSubscriptionsByTopic": "AuthorizationError"}
		got := topicsOf(f, "list")
		for _, part := range []string{
			"topic " + failuresARN, "permission is denied", "allow sns:ListSubscriptionsByTopic",
		} {
			if got.code != exitFailed || !strings.Contains(got.stderr, part) {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, part)
			}
		}
	})
	t.Run("ErrNoTopics", func(t *testing.T) {
		got := topicsOf(newFakeAWS(t), "list")
		want := "stack Chimewatch: it has no output FailureTopicArn or AlertTopicArn or AlarmTopicArn (name the deployed " +
			"stack with --stack"
		if got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("got exit code %d and %q", got.code, got.stderr)
		}
	})
}

func TestTopicsTest(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		f := subscribedAWS(t)
		got := topicsOf(f, "test", "-o", "json")
		var reports []testReport
		if err := json.Unmarshal([]byte(got.stdout), &reports); err != nil || got.code != exitDone || got.stderr != "" {
			t.Fatalf("got exit code %d, %q and %v", got.code, got.stderr, err)
		}
		if len(reports) != 3 || len(f.sns.published) != 3 {
			t.Fatalf("got %d reports and %d messages, want 3 of each", len(reports), len(f.sns.published))
		}
		for i, want := range []struct {
			topic, arn, subject string
			confirmed           int
			kind                string
		}{
			{"failures", failuresARN, "[test] Notifications about failures arrive here", 5, "test"},
			{"alerts", alertsARN, "[test] Notifications about rule matches arrive here", 1, "test"},
			{"alarms", alarmsARN, `OK: "chimewatch-test" in US East (N. Virginia)`, 1, ""},
		} {
			r, form := reports[i], f.sns.published[i]
			if r.Topic != want.topic || r.ARN != want.arn || r.Subject != want.subject || r.Confirmed != want.confirmed ||
				!r.Sent || r.ID == "" {
				t.Errorf("got the report %+v, want %+v", r, want)
			}
			if form.Get("TopicArn") != want.arn || form.Get("Subject") != want.subject ||
				form.Get("MessageStructure") != "json" {
				t.Errorf("got the message %v, want %+v", form, want)
			}
			if kind := attribute(form, "kind"); kind != want.kind || attribute(form, "id") != r.ID {
				t.Errorf("%s: got the attributes kind=%q, id=%q, want %q and %q",
					want.topic, kind, attribute(form, "id"), want.kind, r.ID)
			}
		}
		var bodies map[string]string
		if err := json.Unmarshal([]byte(f.sns.published[2].Get("Message")), &bodies); err != nil {
			t.Fatal(err)
		}
		for _, protocol := range []string{"http", "https", "sqs", "lambda", "firehose", "email-json"} {
			var alarm struct{ AlarmName, NewStateValue, AlarmArn, AWSAccountId string }
			err := json.Unmarshal([]byte(bodies[protocol]), &alarm)
			if err != nil || alarm.NewStateValue != "OK" || alarm.AlarmName != "chimewatch-test" ||
				alarm.AWSAccountId != "111122223333" || !strings.HasSuffix(alarm.AlarmArn, ":alarm:chimewatch-test") {
				t.Errorf("%s: got %s (%v), want an alarm that is OK in CloudWatch's form", protocol, bodies[protocol], err)
			}
		}
	})
	t.Run("Table", func(t *testing.T) {
		got := topicsOf(subscribedAWS(t), "test")
		if got.code != exitDone || got.stderr != "" {
			t.Errorf("got exit code %d and %q, want 0 and nothing", got.code, got.stderr)
		}
		golden(t, "topics/test.txt", got.stdout)
		f := subscribedAWS(t)
		if got := topicsOf(f, "test", "--topic", "alerts"); got.code != exitDone || len(f.sns.published) != 1 ||
			strings.Contains(got.stdout, "failures") {
			t.Errorf("got exit code %d, %q and %d messages, want one", got.code, got.stdout, len(f.sns.published))
		}
	})
	t.Run("BodyForHTTPS", func(t *testing.T) {
		f := subscribedAWS(t)
		f.outputs["HttpsBody"] = "failures=data,alerts=card"
		if got := topicsOf(f, "test"); got.code != exitDone {
			t.Fatalf("got exit code %d and %q", got.code, got.stderr)
		}
		for i, want := range []string{`{"version":"1","id":"test/failures/`, `{"version":"1.0","source":"custom"`} {
			var bodies map[string]string
			err := json.Unmarshal([]byte(f.sns.published[i].Get("Message")), &bodies)
			if err != nil || !strings.HasPrefix(bodies["https"], want) {
				t.Errorf("got the https body %s (%v), want %s…", bodies["https"], err, want)
			}
		}
		f.outputs["HttpsBody"] = "xml"
		got := topicsOf(f, "test")
		if got.code != exitFailed || !strings.Contains(got.stderr, `output HttpsBody: is "xml" (set card or data`) {
			t.Errorf("got exit code %d and %q, want the output refused", got.code, got.stderr)
		}
	})
	t.Run("NoSubscribers", func(t *testing.T) {
		f := subscribedAWS(t)
		f.sns.subscriptions[alertsARN] = nil
		got := topicsOf(f, "test")
		if got.code != exitFailed || !strings.Contains(got.stdout, "0, no subscribers") || len(f.sns.published) != 3 ||
			!strings.Contains(got.stderr, "topic alerts: there is no confirmed subscription") {
			t.Errorf("got exit code %d, %q and %q, want 1, all sent, and the topic named",
				got.code, got.stdout, got.stderr)
		}
	})
	t.Run("ErrKey", func(t *testing.T) {
		f := subscribedAWS(t)
		f.sns.errors = map[string]string{"Publish": "KMSAccessDenied"}
		got := topicsOf(f, "test")
		for _, part := range []string{
			"topic " + failuresARN, "the key that encrypts the topic may not be used: said by the service",
			"(allow kms:GenerateDataKey and kms:Decrypt on the topic's key to these credentials)",
		} {
			if got.code != exitFailed || !strings.Contains(got.stderr, part) {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, part)
			}
		}
		if strings.Count(got.stdout, "not sent: ") != 3 || len(f.sns.published) != 3 {
			t.Errorf("got %q and %d tries, want each topic tried", got.stdout, len(f.sns.published))
		}
	})
	t.Run("ErrDenied", func(t *testing.T) {
		f := subscribedAWS(t)
		f.sns.errors = map[string]string{"Publish": "AuthorizationError"}
		got := topicsOf(f, "test")
		if got.code != exitFailed || !strings.Contains(got.stderr, "allow sns:Publish to these credentials") {
			t.Errorf("got exit code %d and %q", got.code, got.stderr)
		}
	})
	t.Run("ErrNoSuchTopic", func(t *testing.T) {
		f := subscribedAWS(t)
		delete(f.outputs, "AlarmTopicArn")
		got := topicsOf(f, "test", "--topic", "alarms")
		if got.code != exitFailed || !strings.Contains(got.stderr, "it has no output AlarmTopicArn") ||
			len(f.sns.published) != 0 {
			t.Errorf("got exit code %d and %q", got.code, got.stderr)
		}
		if got := topicsOf(f, "test", "--topic", "voice"); got.code != exitUsage {
			t.Errorf("got exit code %d and %q, want a topic that is none refused", got.code, got.stderr)
		}
	})
}

// attribute returns a message attribute of a form of Publish, empty for none.
func attribute(form map[string][]string, name string) string {
	for key, values := range form {
		if prefix, ok := strings.CutSuffix(key, ".Name"); ok && values[0] == name {
			if value := form[prefix+".Value.StringValue"]; len(value) > 0 {
				return value[0]
			}
		}
	}
	return ""
}

// The local stack records what is published, so that each topic has a subscriber.
func TestTopicsOfTheLocalStack(t *testing.T) {
	needNode(t)
	dir := t.TempDir()
	functions := binaries.Functions(t, binaries.All...)
	stack, err := local.Start(t.Context(), local.Options{Dir: dir, Functions: functions, Modules: "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	listed := execute(nil, "", "topics", "list", "--local", "--local-dir", dir)
	const record = "local     the record of the local stack  confirmed  no"
	if listed.code != exitDone || strings.Count(listed.stdout, record) != 3 {
		t.Errorf("list: got exit code %d, %q and %q, want the record of messages on each of three topics",
			listed.code, listed.stdout, listed.stderr)
	}
	if got := execute(nil, "", "topics", "test", "--local", "--local-dir", dir); got.code != exitDone || got.stderr != "" {
		t.Errorf("test: got exit code %d and %q", got.code, got.stderr)
	}
	var subjects []string
	for _, m := range stack.Notifications() {
		subjects = append(subjects, m.Topic()+": "+m.Subject)
	}
	want := []string{
		"chimewatch-failures: [test] Notifications about failures arrive here",
		"chimewatch-alerts: [test] Notifications about rule matches arrive here",
		`chimewatch-alarms: OK: "chimewatch-test" in US East (N. Virginia)`,
	}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
}
