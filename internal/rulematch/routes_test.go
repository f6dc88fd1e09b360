package rulematch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

const (
	urgent = "arn:aws:sns:us-east-1:111122223333:urgent"
	sales  = "arn:aws:sns:us-east-1:111122223333:sales"
	key    = "arn:aws:kms:us-east-1:111122223333:key/k-1"
)

func TestOf(t *testing.T) {
	routes, err := rulematch.Parse("routes", `[
		{"rule": "cancel-*", "severity": "high", "topic": "`+sales+`"},
		{"rule": "cancel-contract", "severity": "critical", "topic": "`+urgent+`"},
		{"rule": "cancel-con*", "severity": "low"},
		{"rule": "greeting", "topic": "`+sales+`"},
		{"rule": "q*"}
	]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rule     string
		severity incident.Severity
		topic    string
	}{
		{"cancel-contract", incident.Critical, urgent}, // the name itself before every beginning
		{"cancel-contracts", incident.Low, ""},         // the longest beginning
		{"cancel-order", incident.High, sales},
		{"greeting", incident.Medium, sales},
		{"greetings", incident.Medium, ""},
		{"quiet", incident.Medium, ""},
	} {
		if got := routes.Of(test.rule); got.Severity != test.severity || got.Topic != test.topic {
			t.Errorf("%s: got %s to %q, want %s to %q", test.rule, got.Severity, got.Topic, test.severity, test.topic)
		}
	}
	again, err := rulematch.Parse("routes", routes.String())
	if diff := cmp.Diff(routes, again); err != nil || diff != "" {
		t.Errorf("written and read again (%v): want (-), got (+):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{sales, urgent}, routes.Topics()); diff != "" {
		t.Errorf("topics: want (-), got (+):\n%s", diff)
	}
}

func TestEmptyTextHasNoRoutes(t *testing.T) {
	for _, text := range []string{"", " ", "[]"} {
		routes, err := rulematch.Parse("routes", text)
		if err != nil || len(routes) != 0 {
			t.Errorf("%q: got %v (%v)", text, routes, err)
		}
	}
}

func TestIsTopicARN(t *testing.T) {
	for _, test := range []struct {
		text string
		want bool
	}{
		{urgent, true}, {"arn:aws-us-gov:sns:us-gov-west-1:111122223333:a_B-9", true}, {"", false}, {"urgent", false},
		{urgent + ".fifo", false}, {urgent + ":6b0e71bd-7e97-4d97-80ce-4a0994e55286", false}, {" " + urgent, false},
		{strings.Replace(urgent, "sns", "sqs", 1), false}, {strings.Replace(urgent, "1111", "111", 1), false},
	} {
		if got := rulematch.IsTopicARN(test.text); got != test.want {
			t.Errorf("%q: got %t, want %t", test.text, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no JSON", `rule`, "routes: is no list of routes"},
		{"no list", `{"rule": "ab"}`, "is no list of routes"},
		{"an unknown field", `[{"rule": "ab", "colour": "red"}]`, "colour"},
		{"no name", `[{"severity": "high"}]`, `routes[0].rule: is ""`},
		{"an asterisk in the middle", `[{"rule": "a*b"}]`, `routes[0].rule: is "a*b"`},
		{"twice", `[{"rule": "ab"}, {"rule": "ab"}]`, `routes[1].rule: is "ab" again`},
		{"a severity", `[{"rule": "ab", "severity": "urgent"}]`,
			`routes[0].severity: is "urgent" (set critical, high, medium or low)`},
		{"a topic", `[{"rule": "ab", "topic": "sales"}]`, `routes[0].topic: is "sales"`},
		{"an alias for a key", `[{"rule": "ab", "topic": "` + urgent + `", "key": "alias/k"}]`,
			`routes[0].key: is "alias/k" (set the ARN of the KMS key that encrypts the topic: `},
		{"a key without a topic", `[{"rule": "ab"}, {"rule": "cd", "key": "` + key + `"}]`,
			"routes[1].key: is set, but topic is not (set topic as well: "},
		{"a queue", `[{"rule": "ab", "topic": "arn:aws:sqs:us-east-1:111122223333:q"}]`,
			"set the ARN of a standard SNS topic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := rulematch.Parse("routes", test.text)
			if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it refused with %q", err, test.want)
			}
		})
	}
}
