package deadletter_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// functions records invocations, and returns the answer that a test sets.
type functions struct {
	names, payloads []string
	out             lambda.InvokeOutput
	err             error
}

func (f *functions) Invoke(
	_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options),
) (*lambda.InvokeOutput, error) {
	f.names, f.payloads = append(f.names, *in.FunctionName), append(f.payloads, string(in.Payload))
	return &f.out, f.err
}

// redriveAll redrives the dead letters until one fails.
func redriveAll(t *testing.T, queues deadletter.Queues) error {
	t.Helper()
	_, err := queues.Each(t.Context(), func(l *deadletter.Message) error { return queues.Redrive(t.Context(), l) })
	return err
}

// opened returns two queues on a server for the real client.
func opened(t *testing.T) (queues deadletter.Queues, rules, voice *localsqs.Queue, lambda *functions) {
	t.Helper()
	rules, voice, lambda = localsqs.New("rules"), localsqs.New("voice"), &functions{}
	server := httptest.NewServer(localsqs.NewService("111122223333", "us-east-1", rules, voice).Handler())
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	return deadletter.Queues{SQS: client, Lambda: lambda, List: []deadletter.Queue{
		{Name: "rules", URL: server.URL + "/111122223333/rules"},
		{Name: "voice", URL: server.URL + "/111122223333/voice", Function: "voice-function"},
	}, Functions: deadletter.Functions{
		ARNPrefix: "arn:aws:lambda:us-east-1:111122223333:function:",
		Names:     []string{"failures", "status", "voice-function"},
	}}, rules, voice, lambda
}

// visible returns how many messages another reader could receive at this moment.
func visible(t *testing.T, queues deadletter.Queues, q deadletter.Queue) int {
	t.Helper()
	out, err := queues.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	stateChange = `{"id":"e1","detail-type":"Media Insights State Change","source":"aws.chime","detail":{}}`
	given       = `{"version":"1.0","requestContext":{"condition":"RetriesExhausted",` +
		`"functionArn":"arn:aws:lambda:us-east-1:111122223333:function:failures:$LATEST"},` +
		`"requestPayload":` + stateChange + `,` +
		`"responsePayload":{"errorMessage":"table calls: throttled","errorType":"Error"}}`
	silent = `{"requestContext":{"functionArn":"arn:aws:lambda:us-east-1:111122223333:function:failures",` +
		`"condition":"EventAgeExceeded"},"requestPayload":{},"responsePayload":null}`
)

func TestMessageFields(t *testing.T) {
	undelivered := map[string]localsqs.Attribute{
		"TARGET_ARN":    {DataType: "String", StringValue: "arn:aws:lambda:us-east-1:111122223333:function:status"},
		"ERROR_CODE":    {DataType: "String", StringValue: "NO_PERMISSIONS"},
		"ERROR_MESSAGE": {DataType: "String", StringValue: "not allowed"},
	}
	const failures = "arn:aws:lambda:us-east-1:111122223333:function:failures"
	for _, test := range []struct {
		name, body string
		attributes map[string]localsqs.Attribute
		want       deadletter.Message
	}{
		{"an event that was not delivered", stateChange, undelivered, deadletter.Message{
			Function: "arn:aws:lambda:us-east-1:111122223333:function:status", Reason: "NO_PERMISSIONS: not allowed",
			EventID: "e1", DetailType: "Media Insights State Change",
		}},
		{"a failed invocation", given, nil, deadletter.Message{
			Function: failures, Reason: "table calls: throttled", EventID: "e1", DetailType: "Media Insights State Change",
		}},
		{"one that ended without an answer", silent, nil, deadletter.Message{Function: failures, Reason: "EventAgeExceeded"}},
		{"a failed invocation that could not be delivered", given, undelivered, deadletter.Message{
			Function: "arn:aws:lambda:us-east-1:111122223333:function:status", Reason: "NO_PERMISSIONS: not allowed",
			EventID: "e1", DetailType: "Media Insights State Change",
		}},
		{"no JSON", "{", nil, deadletter.Message{}},
		{"an id that is a number", `{"id":7,"detail-type":["x"]}`, nil, deadletter.Message{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			queues, rules, _, _ := opened(t)
			id := rules.Send(test.body, test.attributes)
			var got []deadletter.Message
			if _, err := queues.Each(t.Context(), func(l *deadletter.Message) error {
				got = append(got, *l)
				return nil
			}); err != nil || len(got) != 1 {
				t.Fatalf("got %d messages (%v), want 1", len(got), err)
			}
			want := test.want
			want.ID, want.Queue, want.Body, want.SentAt = id, "rules", test.body, got[0].SentAt
			if diff := cmp.Diff(want, got[0], cmp.FilterPath(func(p cmp.Path) bool {
				name := p.Last().String()
				return name == ".url" || name == ".receipt" || name == ".deleted" || name == ".fromQueue"
			}, cmp.Ignore())); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
			if sent := rules.Messages()[0].SentAt; got[0].SentAt.UnixMilli() != sent.UnixMilli() {
				t.Errorf("got %s, want it sent at %s", got[0].SentAt, sent)
			}
			if !got[0].Is(id) || got[0].Is("") || got[0].Is("e1") != (want.EventID == "e1") {
				t.Errorf("got a message that goes by wrong names")
			}
		})
	}
}

func TestRedrive(t *testing.T) {
	for _, test := range []struct {
		name  string
		out   lambda.InvokeOutput
		err   error
		class apperr.Class // of the error; empty where there is none, and the messages are gone
		says  string
	}{
		{name: "it is handled", out: lambda.InvokeOutput{StatusCode: 200, Payload: []byte("null")}},
		{
			name: "a batch without failures",
			out:  lambda.InvokeOutput{StatusCode: 200, Payload: []byte(`{"batchItemFailures":[]}`)},
		},
		{
			name: "it fails again",
			out: lambda.InvokeOutput{
				StatusCode: 200, FunctionError: aws.String("Unhandled"), Payload: []byte(`{"errorMessage":"still broken"}`),
			},
			class: apperr.Invalid, says: "failed again: still broken",
		},
		{
			name:  "a part fails again",
			out:   lambda.InvokeOutput{StatusCode: 200, Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":"1"}]}`)},
			class: apperr.Invalid, says: "1 of its records",
		},
		{"it cannot be invoked", lambda.InvokeOutput{}, errors.New("not allowed"), apperr.Internal, "not allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			queues, rules, voice, called := opened(t)
			called.out, called.err = test.out, test.err
			rules.Send(given, nil)
			voice.Send(`{"a":"notification"}`, nil)
			if _, err := queues.Each(t.Context(), func(l *deadletter.Message) error {
				err := queues.Redrive(t.Context(), l)
				if apperr.ClassOf(err) != test.class || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want %q", err, test.says)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			want := 1
			if test.class == "" {
				want = 0
			}
			for i, q := range []*localsqs.Queue{rules, voice} {
				if stay, seen := len(q.Messages()), visible(t, queues, queues.List[i]); stay != want || seen != want {
					t.Errorf("queue %s: got %d messages, %d of them visible, want %d", q.Name(), stay, seen, want)
				}
			}
			names := []string{"arn:aws:lambda:us-east-1:111122223333:function:failures", "voice-function"}
			if diff := cmp.Diff(names, called.names); diff != "" {
				t.Errorf("functions: want (-), got (+):\n%s", diff)
			}
			if len(called.payloads) != 2 || called.payloads[0] != given {
				t.Errorf("got the payloads %v, want two, the first as it lay in its queue", called.payloads)
			}
		})
	}
}

// A voice notification is stored under its source, so redrive invokes the function with the same one.
func TestRedriveKeepsTheSource(t *testing.T) {
	const note = `{"id":"n","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:00Z",` +
		`"detail":{"taskId":"k \"quoted\""}}`
	quoted := strings.ReplaceAll(strings.ReplaceAll(note, `\`, `\\`), `"`, `\"`)
	failed := func(payload string) string {
		return `{"requestContext":{"functionArn":"arn:aws:lambda:us-east-1:111122223333:function:voice-function"},` +
			`"requestPayload":` + payload + `}`
	}
	for _, test := range []struct {
		name, body string
		want       lambdafn.Source
	}{
		{"by a queue", note, lambdafn.SQS},
		{"by a queue, no JSON", "{", lambdafn.SQS},
		{"by a topic, not delivered",
			`{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:111122223333:t","Message":"` + quoted + `"}`,
			lambdafn.SNS},
		{"by a topic, failed", failed(`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"` + quoted + `"}}]}`),
			lambdafn.SNS},
		{"directly, failed", failed(note), lambdafn.Direct},
	} {
		t.Run(test.name, func(t *testing.T) {
			queues, _, voice, called := opened(t)
			voice.Send(test.body, nil)
			if err := redriveAll(t, queues); err != nil {
				t.Fatal(err)
			}
			batch, err := lambdafn.Unwrap([]byte(called.payloads[0]))
			if err != nil {
				t.Fatal(err)
			}
			if test.body == "{" {
				if len(batch.Failures) != 1 || batch.Source != test.want {
					t.Errorf("got %+v, want a record of %s that fails", batch, test.want)
				}
				return
			}
			if len(batch.Messages) != 1 || batch.Messages[0].Source != test.want || string(batch.Messages[0].Body) != note {
				t.Errorf("got %+v, want the notification by %s", batch.Messages, test.want)
			}
		})
	}
}

func TestRedriveWithoutAFunction(t *testing.T) {
	queues, rules, _, called := opened(t)
	rules.Send(stateChange, nil)
	err := redriveAll(t, queues)
	if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), "which function") {
		t.Errorf("got %v, want it to say what is not known", err)
	}
	if len(rules.Messages()) != 1 || len(called.names) != 0 {
		t.Errorf("got %d messages and the calls %v, want the message there and no call", len(rules.Messages()), called.names)
	}
}

func TestMissingQueue(t *testing.T) {
	queues, _, _, _ := opened(t)
	queues.List = append(queues.List[:1:1], deadletter.Queue{Name: "gone", URL: queues.List[0].URL + "-gone"})
	_, err := queues.Each(t.Context(), func(*deadletter.Message) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "rules-gone") {
		t.Errorf("got %v, want it to name the queue", err)
	}
}
