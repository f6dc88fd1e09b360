package deadletter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// target is the attribute in which EventBridge names the function of an event that
// it could not deliver.
func target(function string) map[string]sqs.Attribute {
	return map[string]sqs.Attribute{"TARGET_ARN": {DataType: "String", StringValue: function}}
}

// Everybody who may send to a queue can name any function in a message. Redrive invokes only the stack's own:
// every other message stays, with the reason, and the messages after it are redriven.
func TestRedriveInvokesFunctionsOfTheStackOnly(t *testing.T) {
	const ours, refusal = "arn:aws:lambda:us-east-1:111122223333:function:", "not a function of this stack"
	for _, tt := range []struct{ name, function string }{
		{"another function", ours + "delete-all-customers"},
		{"another function by its name", "delete-all-customers"},
		{"another account", "arn:aws:lambda:us-east-1:999988887777:function:status"},
		{"another Region", "arn:aws:lambda:eu-central-1:111122223333:function:status"},
		{"another partition", "arn:aws-cn:lambda:us-east-1:111122223333:function:status"},
		{"another service", "arn:aws:states:us-east-1:111122223333:function:status"},
		{"another resource", "arn:aws:lambda:us-east-1:111122223333:layer:status"},
		{"ours as a prefix", ours + "status-of-payments"},
		{"ours as a suffix", ours + "delete-status"},
		{"ours as a suffix, by its name", "delete-status"},
		{"ours in another case", ours + "Status"},
		{"ours as the qualifier", ours + "delete-all-customers:status"},
		{"a qualifier that is none", ours + "status:live/../delete-all-customers"},
		{"two qualifiers", ours + "status:live:1"},
		{"an empty qualifier", ours + "status:"},
		{"a partial ARN", "111122223333:function:status"},
		{"ours behind another ARN", "arn:aws:lambda:us-east-1:999988887777:function:x," + ours + "status"},
		{"ours with a space", ours + "status "},
		{"a URL", "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/status"},
	} {
		body, err := json.Marshal(map[string]any{
			"requestContext": map[string]string{"functionArn": tt.function}, "requestPayload": map[string]any{},
		})
		if err != nil {
			t.Fatal(err)
		}
		for by, send := range map[string]func(*sqs.Queue) string{
			"body": func(q *sqs.Queue) string { return q.Send(string(body), nil) },
			"attribute": func(q *sqs.Queue) string {
				return q.Send(given, target(tt.function))
			},
		} {
			t.Run(tt.name+" by "+by, func(t *testing.T) {
				queues, rules, voice, called := opened(t)
				called.out.Payload = []byte("null")
				foreign := map[string]bool{send(rules): true, send(voice): true}
				rules.Send(given, nil)
				redriven := 0
				if _, err := queues.Each(t.Context(), func(l *deadletter.Message) error {
					err := queues.Redrive(t.Context(), l)
					if !foreign[l.ID] {
						redriven++
						return err
					}
					if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), refusal) {
						t.Errorf("got %v, want it to say %s", err, refusal)
					}
					if l.Refusal != refusal || l.Function != tt.function {
						t.Errorf("got %q and %q, want the function that the message names, and why not",
							l.Function, l.Refusal)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{ours + "failures"}, called.names); diff != "" || redriven != 1 {
					t.Errorf("invoked (-want +got):\n%s", diff)
				}
				if len(rules.Messages()) != 1 || len(voice.Messages()) != 1 {
					t.Errorf("got %d and %d messages left, want the foreign one in each queue",
						len(rules.Messages()), len(voice.Messages()))
				}
			})
		}
	}
}

// A qualifier names a version of the same function. The stack has none, so the function itself is invoked.
func TestRedriveIgnoresTheQualifier(t *testing.T) {
	const status = "arn:aws:lambda:us-east-1:111122223333:function:status"
	for function, want := range map[string]string{
		status: status, status + ":$LATEST": status, status + ":7": status, status + ":live": status,
		"status": "status", "status:live": "status",
	} {
		queues, rules, _, called := opened(t)
		called.out.Payload = []byte("null")
		rules.Send(stateChange, target(function))
		if err := redriveAll(t, queues); err != nil {
			t.Errorf("%s: %v", function, err)
		}
		if diff := cmp.Diff([]string{want}, called.names); diff != "" {
			t.Errorf("%s, invoked (-want +got):\n%s", function, diff)
		}
	}
}

// The sender of a notification writes the whole message of its queue. It must not
// choose another function of the stack, such as the one that records consent.
func TestRedriveKeepsTheFunctionOfTheQueue(t *testing.T) {
	queues, _, voice, called := opened(t)
	const status = "arn:aws:lambda:us-east-1:111122223333:function:status"
	voice.Send(`{"requestContext":{"functionArn":"`+status+`"},"requestPayload":{}}`, nil)
	err := redriveAll(t, queues)
	if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), "not the function of its queue") {
		t.Errorf("got %v, want the message refused", err)
	}
	if len(voice.Messages()) != 1 || len(called.names) != 0 {
		t.Errorf("got %d messages and the calls %v, want the message and no call", len(voice.Messages()), called.names)
	}
}

// Queues without known functions invoke none.
func TestRedriveWithoutFunctions(t *testing.T) {
	queues, rules, voice, called := opened(t)
	queues.Functions = deadletter.Functions{}
	rules.Send(given, nil)
	voice.Send(`{}`, nil)
	if _, err := queues.Each(t.Context(), func(l *deadletter.Message) error {
		if err := queues.Redrive(t.Context(), l); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("got %v, want it refused", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(called.names) != 0 {
		t.Errorf("got the calls %v, want none", called.names)
	}
}

func TestFunctionsOf(t *testing.T) {
	const stack = "arn:aws-us-gov:cloudformation:us-gov-west-1:111122223333:stack/Chimewatch/0f"
	got, err := deadletter.FunctionsOf(stack, map[string]string{
		"StatusFunctionName": "Chimewatch-Status-1", "VoiceFunctionName": "Chimewatch-Voice-2",
		"AlertsFunctionName": "", "OtherFunctionNames": "other",
		"TableName": "table", "VoiceStreamFailuresName": "bucket", "VoiceFunctionArn": "arn",
	})
	want := deadletter.Functions{
		ARNPrefix: "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:",
		Names:     []string{"Chimewatch-Status-1", "Chimewatch-Voice-2"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{
		"", "Chimewatch", "arn:aws:cloudformation", "arn:aws:cloudformation:::stack/x",
		"arn:aws:lambda:us-east-1:111122223333:function:x",
	} {
		if _, err := deadletter.FunctionsOf(bad, nil); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%q: got %v, want it invalid", bad, err)
		}
	}
}
