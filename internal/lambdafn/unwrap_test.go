package lambdafn_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/google/go-cmp/cmp"
)

const (
	event = `{"version":"0","id":"9a1f","detail-type":"Media Insights State Change","source":"aws.chime",` +
		`"detail":{"eventType":"chime:MediaInsightsStopped"}}`
	replay = `{"version":"0","id":"9a1f","replay-name":"march","detail-type":"Media Insights State Change",` +
		`"source":"aws.chime","detail":{}}`
	voice = `{"service-type":"VoiceAnalytics","detail":{"taskId":"t"},"id":"Id-7","detail-type":"SpeakerSearchStatus"}`
)

// The builders below write wrappings the way the services do.

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func records(list ...string) string { return `{"Records":[` + strings.Join(list, ",") + `]}` }

func sqsRecord(id, body string) string {
	return fmt.Sprintf(`{"messageId":%q,"receiptHandle":"r","body":%s,
		"attributes":{"ApproximateReceiveCount":"1"},"messageAttributes":{},"md5OfBody":"0","eventSource":"aws:sqs",
		"eventSourceARN":"arn:aws:sqs:us-east-1:111122223333:q","awsRegion":"us-east-1"}`, id, quote(body))
}

func snsRecord(id, message string) string {
	return fmt.Sprintf(`{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"arn:s",
		"Sns":{"Type":"Notification","MessageId":%q,"TopicArn":"arn:t","Subject":null,"Message":%s,
		"Timestamp":"2026-01-31T12:00:00.000Z","MessageAttributes":{}}}`, id, quote(message))
}

func kinesisRecord(sequence, data string) string {
	return fmt.Sprintf(`{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":%q,"data":%q,
		"approximateArrivalTimestamp":1.5},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-0:%s"}`,
		sequence, base64.StdEncoding.EncodeToString([]byte(data)), sequence)
}

func snsEnvelope(message string) string {
	return fmt.Sprintf(
		`{"Type":"Notification","MessageId":"m","TopicArn":"arn:t","Message":%s,"Timestamp":"2026-01-31T12:00:00.000Z"}`,
		quote(message))
}

func failedInvocation(payload string) string {
	return `{"version":"1.0","timestamp":"2026-01-31T12:00:00.000Z",
		"requestContext":{"requestId":"r","functionArn":"arn:f","condition":"RetriesExhausted",
		"approximateInvokeCount":3},"requestPayload":` + payload + `,
		"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},
		"responsePayload":{"errorMessage":"no"}}`
}

type message struct {
	Source   lambdafn.Source
	RecordID string
	Body     string
	Redriven bool
}

func plain(list []lambdafn.Message) []message {
	var out []message
	for _, m := range list {
		out = append(out, message{m.Source, m.RecordID, string(m.Body), m.Redriven})
	}
	return out
}

func TestReadKnowsEveryShape(t *testing.T) {
	tests := []struct {
		name    string
		payload string
		source  lambdafn.Source
		partial bool
		want    []message
	}{
		{"event", event, lambdafn.EventBridge, false, []message{{lambdafn.EventBridge, "", event, false}}},
		{"event with space around", " \n" + event + "\n", lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", " \n" + event + "\n", false}}},
		{"event replayed from an archive", replay, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", replay, false}}},
		{"event with an escaped key", `{"detail\u002dtype":"x"}`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"detail\u002dtype":"x"}`, false}}},
		{"event with a key that begins escaped", `{"\u0064etail-type":"x"}`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"\u0064etail-type":"x"}`, false}}},
		{"event with a key escaped in its text", `"{\"\\u0064etail-type\":\"x\"}"`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"\u0064etail-type":"x"}`, false}}},
		{"voice notification with an escaped type", `{"detail-type":"\u0053peakerSearchStatus"}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"detail-type":"\u0053peakerSearchStatus"}`, false}}},
		{"event that is not UTF-8", "{\"id\":\"\xff\",\"detail-type\":\"x\"}", lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", "{\"id\":\"\xff\",\"detail-type\":\"x\"}", false}}},
		{"event with a key twice", `{"id":"1","id":"2","detail-type":"x"}`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"id":"1","id":"2","detail-type":"x"}`, false}}},
		{"event that has a Records key, too", `{"Records":[],"detail-type":"x"}`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"Records":[],"detail-type":"x"}`, false}}},
		{"event whose detail type is no text", `{"detail-type":7}`, lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", `{"detail-type":7}`, false}}},
		{"voice notification", voice, lambdafn.Direct, false, []message{{lambdafn.Direct, "", voice, false}}},
		{"array of events", "[" + event + ", " + replay + "]", lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", event, false}, {lambdafn.EventBridge, "", replay, false}}},
		{"text that holds an event", quote(event), lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", event, false}}},

		{"queue", records(sqsRecord("a", voice), sqsRecord("b", event)), lambdafn.SQS, true,
			[]message{{lambdafn.SQS, "a", voice, false}, {lambdafn.SQS, "b", event, false}}},
		{"queue behind a topic", records(sqsRecord("a", snsEnvelope(voice))), lambdafn.SQS, true,
			[]message{{lambdafn.SQS, "a", voice, false}}},
		{"queue with a text of JSON in it", records(sqsRecord("a", quote(voice))), lambdafn.SQS, true,
			[]message{{lambdafn.SQS, "a", voice, false}}},
		{"queue record alone", sqsRecord("a", voice), lambdafn.SQS, false, []message{{lambdafn.SQS, "a", voice, false}}},
		{"array of queue records", "[" + sqsRecord("a", voice) + "]", lambdafn.SQS, false,
			[]message{{lambdafn.SQS, "a", voice, false}}},
		{"topic", records(snsRecord("a", voice)), lambdafn.SNS, false, []message{{lambdafn.SNS, "a", voice, false}}},
		{"topic record alone", snsRecord("a", voice), lambdafn.SNS, false, []message{{lambdafn.SNS, "a", voice, false}}},
		{"topic envelope alone", snsEnvelope(voice), lambdafn.SNS, false, []message{{lambdafn.SNS, "", voice, false}}},
		{"stream", records(kinesisRecord("1", voice), kinesisRecord("2", voice)), lambdafn.Kinesis, true,
			[]message{{lambdafn.Kinesis, "1", voice, false}, {lambdafn.Kinesis, "2", voice, false}}},
		{"stream record alone", kinesisRecord("1", voice), lambdafn.Kinesis, false,
			[]message{{lambdafn.Kinesis, "1", voice, false}}},

		{"failed invocation", failedInvocation(event), lambdafn.EventBridge, false,
			[]message{{lambdafn.EventBridge, "", event, true}}},
		{"failed invocation of a topic", failedInvocation(records(snsRecord("s", voice))), lambdafn.SNS, false,
			[]message{{lambdafn.SNS, "s", voice, true}}},
		{"failed invocation with a queue's payload replies as a whole", failedInvocation(records(sqsRecord("s", voice))),
			lambdafn.SQS, false, []message{{lambdafn.SQS, "s", voice, true}}},
		{"failed invocation in a queue", records(sqsRecord("a", failedInvocation(voice))), lambdafn.SQS, true,
			[]message{{lambdafn.Direct, "a", voice, true}}},
		{"failed invocation of a topic in a queue",
			records(sqsRecord("a", failedInvocation(records(snsRecord("s", voice), snsRecord("t", voice))))), lambdafn.SQS, true,
			[]message{{lambdafn.SNS, "a", voice, true}, {lambdafn.SNS, "a", voice, true}}},
		{"failed batch of a stream, as a bucket keeps it",
			`{"requestContext":{"requestId":"r","condition":"RetryAttemptsExhausted"},
			"KinesisBatchInfo":{"batchSize":1},"payload":` + quote(records(kinesisRecord("1", voice))) + `}`,
			lambdafn.Kinesis, false, []message{{lambdafn.Kinesis, "1", voice, true}}},
		{"undelivered event in a queue",
			strings.Replace(records(sqsRecord("a", event)), `"messageAttributes":{}`,
				`"messageAttributes":{"RULE_ARN":{"stringValue":"arn:r"}}`, 1), lambdafn.SQS, true,
			[]message{{lambdafn.EventBridge, "a", event, true}}},
		{"function's dead letter in a queue",
			strings.Replace(records(sqsRecord("a", voice)), `"messageAttributes":{}`,
				`"messageAttributes":{"ErrorCode":{"stringValue":"200"}}`, 1), lambdafn.SQS, true,
			[]message{{lambdafn.Direct, "a", voice, true}}},
		{"queue redriven from its own dead-letter queue",
			strings.Replace(records(sqsRecord("a", voice)), `"attributes":{`,
				`"attributes":{"DeadLetterQueueSourceArn":"arn:d",`, 1), lambdafn.SQS, true,
			[]message{{lambdafn.SQS, "a", voice, true}}},

		{"unknown object", `{"hello":"world"}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"hello":"world"}`, false}}},
		{"empty object", `{}`, lambdafn.Direct, false, []message{{lambdafn.Direct, "", `{}`, false}}},
		{"Records that is no array", `{"Records":7}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"Records":7}`, false}}},
		{"requestPayload without its context", `{"requestPayload":{}}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"requestPayload":{}}`, false}}},
		{"requestPayload with a context that is no object", `{"requestContext":1,"requestPayload":{}}`, lambdafn.Direct,
			false, []message{{lambdafn.Direct, "", `{"requestContext":1,"requestPayload":{}}`, false}}},
		{"payload that is no text", `{"requestContext":{},"payload":{"a":1}}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"requestContext":{},"payload":{"a":1}}`, false}}},
		{"payload without its context", `{"payload":"{}"}`, lambdafn.Direct, false, []message{{lambdafn.Direct, "",
			`{"payload":"{}"}`, false}}},
		{"topic message that is no text", `{"Type":"Notification","Message":{"a":1}}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"Type":"Notification","Message":{"a":1}}`, false}}},
		{"topic confirmation", `{"Type":"SubscriptionConfirmation","Message":"m"}`, lambdafn.Direct, false,
			[]message{{lambdafn.Direct, "", `{"Type":"SubscriptionConfirmation","Message":"m"}`, false}}},
		{"null", `null`, lambdafn.Direct, false, []message{{lambdafn.Direct, "", `null`, false}}},
		{"number", `1e999`, lambdafn.Direct, false, []message{{lambdafn.Direct, "", `1e999`, false}}},
		{"text", `"hello"`, lambdafn.Direct, false, []message{{lambdafn.Direct, "", `"hello"`, false}}},
		{"empty text", `""`, lambdafn.Direct, false, []message{{lambdafn.Direct, "", `""`, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lambdafn.Unwrap([]byte(tt.payload))
			if err != nil {
				t.Fatalf("got error %v", err)
			}
			if diff := cmp.Diff(tt.want, plain(got.Messages)); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if got.Source != tt.source || got.Partial != tt.partial {
				t.Errorf("got source %s, partial %v; want %s, %v", got.Source, got.Partial, tt.source, tt.partial)
			}
			if len(got.Failures) > 0 {
				t.Errorf("got failures %v, want none", got.Failures)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	deep := event
	for range lambdafn.MaxDepth + 1 {
		deep = "[" + deep + "]"
	}
	tests := []struct {
		name    string
		payload string
		want    string
	}{
		{"nothing", "", "payload: is empty"},
		{"space", " \n\t", "payload: is empty"},
		{"words", "hello", "payload: is not JSON at byte 0"},
		{"broken in the middle", `{"a":1,"b":x}`, "payload: is not JSON at byte 11"},
		{"truncated object", `{"Records":[{"messageId":"a"`, "payload: is not JSON: it ends too early, at byte 28"},
		{"truncated text", `"abc`, "payload: is not JSON: it ends too early, at byte 4"},
		{"truncated array", `[{},`, "payload: is not JSON: it ends too early, at byte 4"},
		{"two values", `{} {}`, "payload: is not JSON: more follows after byte 2"},
		{"an array and a text", `[{}] "x"`, "payload: is not JSON: more follows after byte 4"},
		{"two numbers", `1 2`, "payload: is not JSON: more follows after byte 1"},
		{"a text and a truth", `"x" true`, "payload: is not JSON: more follows after byte 3"},
		{"a truth and a falsehood", `true false`, "payload: is not JSON: more follows after byte 4"},
		{"an object and null", `{"a":1} null`, "payload: is not JSON: more follows after byte 7"},
		{"an object and an array", `{} [`, "payload: is not JSON: more follows after byte 2"},
		{"an array and its end", `[{}]]`, "payload: is not JSON: more follows after byte 4"},
		{"garbage after", `{}}`, "payload: is not JSON"},
		{"garbage after a number", `7 x`, "payload: is not JSON"},
		{"byte order mark", "\xef\xbb\xbf{}", "payload: is not JSON at byte 0"},
		{"deep nesting", strings.Repeat("[", 100_000), "payload: is not JSON"},
		{"deep nesting inside an object", `{"a":` + strings.Repeat("[", 100_000), "payload: is not JSON"},
		{"no records", `{"Records":[]}`, "payload/Records: is empty"},
		{"no events", `[]`, "payload: is an empty array"},
		{"Records twice", `{"Records":[],"Records":[]}`, `payload: has the key "Records" twice`},
		{"failed invocation without records", failedInvocation(`{"Records":[]}`), "payload/requestPayload/Records: is empty"},
		{"text of broken JSON", `"{\"a\":"`, "payload(text): is not JSON: it ends too early, at byte 5"},
		{"too many", "[" + strings.Repeat("1,", lambdafn.MaxMessages) + "1]", "payload: holds more than 10000 messages"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := lambdafn.Unwrap([]byte(tt.payload))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("got error %v, want %s", err, tt.want)
			}
			if got := apperr.ClassOf(err); got != apperr.Invalid {
				t.Errorf("got class %s, want %s", got, apperr.Invalid)
			}
		})
	}
	t.Run("too many wrappings", func(t *testing.T) {
		got, err := lambdafn.Unwrap([]byte(deep))
		if err != nil || len(got.Failures) != 1 ||
			!strings.Contains(got.Failures[0].Err.Error(), "has more than 16 envelopes") {
			t.Errorf("got %v, error %v; want one failure for the depth", got.Failures, err)
		}
	})
	t.Run("as many as allowed", func(t *testing.T) {
		got, err := lambdafn.Unwrap([]byte("[" + strings.Repeat("1,", lambdafn.MaxMessages-1) + "1]"))
		if err != nil || len(got.Messages) != lambdafn.MaxMessages {
			t.Errorf("got %d messages, error %v; want %d", len(got.Messages), err, lambdafn.MaxMessages)
		}
	})
}

func TestReadFailsOnlyTheFaultyRecord(t *testing.T) {
	good := sqsRecord("good", voice)
	stream := kinesisRecord("good", voice)
	tests := []struct {
		name    string
		payload string
		wantID  string
		want    string
	}{
		{"queue body that is not JSON", records(good, sqsRecord("bad", "hello")), "bad",
			"payload/Records/1/body: is not JSON at byte 0"},
		{"queue body that is empty", records(good, sqsRecord("bad", "")), "bad", "payload/Records/1/body: is empty"},
		{"queue body that is missing", records(good, `{"messageId":"bad","eventSource":"aws:sqs"}`), "bad",
			"payload/Records/1/body: is not a text"},
		{"queue body with no records in it", records(good, sqsRecord("bad", `{"Records":[]}`)), "bad",
			"payload/Records/1/body/Records: is empty"},
		{"queue body with a broken record in it", records(good, sqsRecord("bad", records(kinesisRecord("7", "x")))), "bad",
			"payload/Records/1/body/Records/0/kinesis/data: is not JSON"},
		{"queue record without an id", records(good, `{"body":"{}","eventSource":"aws:sqs"}`), "",
			"payload/Records/1: has no identifier"},
		{"queue record with two ids", records(good, `{"messageId":"a","messageId":"b","body":"{}","eventSource":"aws:sqs"}`),
			"", `payload/Records/1: has the key "messageId" twice`},
		{"record of another service", records(good, `{"messageId":"bad","eventSource":"aws:s3","s3":{}}`), "bad",
			"payload/Records/1: is a record of an unknown eventSource"},
		{"record of another service first", records(`{"messageId":"bad","eventSource":"aws:s3","s3":{}}`, good), "bad",
			"payload/Records/0: is a record of an unknown eventSource"},
		{"record that is no object", records(good, `7`), "", "payload/Records/1: is not an object"},
		{"stream data that is not base64",
			records(stream, `{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"bad","data":"%%%"}}`), "bad",
			"payload/Records/1/kinesis/data: is not base64"},
		{"stream data that is empty", records(stream, kinesisRecord("bad", "")), "bad",
			"payload/Records/1/kinesis/data: is empty"},
		{"stream record without data", records(stream, `{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"bad"}}`),
			"bad", "payload/Records/1/kinesis/data: is not a text"},
		{"stream record without an eventSource", records(stream, `{"kinesis":{"sequenceNumber":"bad","data":"e30="}}`), "bad",
			"payload/Records/1: is a record of an unknown eventSource"},
		{"stream record without kinesis", records(stream, `{"eventSource":"aws:kinesis"}`), "",
			"payload/Records/1/kinesis: is not an object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lambdafn.Unwrap([]byte(tt.payload))
			if err != nil {
				t.Fatalf("got error %v", err)
			}
			if !got.Partial {
				t.Error("got a batch without partial replies")
			}
			if len(got.Messages) == 0 || got.Messages[0].RecordID != "good" {
				t.Errorf("got messages %v, want the good one", plain(got.Messages))
			}
			if len(got.Failures) != 1 {
				t.Fatalf("got failures %v, want one", got.Failures)
			}
			f := got.Failures[0]
			if f.RecordID != tt.wantID || !strings.HasPrefix(f.Err.Error(), tt.want) {
				t.Errorf("got %q: %v, want %q: %s", f.RecordID, f.Err, tt.wantID, tt.want)
			}
		})
	}
}

// A topic's message is not offered again by itself, but what is wrong with it is still known by its id.
func TestReadFailsOnlyTheFaultyMessageOfATopic(t *testing.T) {
	good := snsRecord("good", voice)
	for _, tt := range []struct{ name, payload, wantID, want string }{
		{"without a message", records(good, `{"EventSource":"aws:sns","Sns":{"MessageId":"bad"}}`), "bad",
			"payload/Records/1/Sns/Message: is not a text"},
		{"without anything", records(good, `{"EventSource":"aws:sns"}`), "", "payload/Records/1/Sns: is not an object"},
		{"with an id twice", records(good,
			`{"EventSource":"aws:sns","Sns":{"MessageId":"a","MessageId":"b","Message":"{}"}}`),
			"", `payload/Records/1/Sns: has the key "MessageId" twice`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lambdafn.Unwrap([]byte(tt.payload))
			if err != nil || len(got.Messages) != 1 || len(got.Failures) != 1 {
				t.Fatalf("got %v, failures %v and error %v; want one message and one failure", plain(got.Messages), got.Failures,
					err)
			}
			if f := got.Failures[0]; f.RecordID != tt.wantID || !strings.HasPrefix(f.Err.Error(), tt.want) {
				t.Errorf("got %q: %v, want %q: %s", f.RecordID, f.Err, tt.wantID, tt.want)
			}
		})
	}
}

func TestErrorsHoldNothingOfThePayload(t *testing.T) {
	for _, payload := range []string{`{"fromNumber":"+14155550123" x`, `{"a":"+14155550123`,
		records(sqsRecord("a", "+14155550123"))} {
		got, err := lambdafn.Unwrap([]byte(payload))
		if err == nil {
			err = got.Failures[0].Err
		}
		if strings.Contains(err.Error(), "0123") {
			t.Errorf("got %v, which shows a number", err)
		}
	}
}

func TestReadKnowsEveryExample(t *testing.T) {
	for _, example := range schemas.Examples() {
		t.Run(example.Name, func(t *testing.T) {
			want := lambdafn.EventBridge
			if bytes.Contains(example.Body, []byte(`"service-type"`)) {
				want = lambdafn.Direct
			}
			got, err := lambdafn.Unwrap(example.Body)
			if err != nil || len(got.Messages) != 1 || got.Source != want {
				t.Fatalf("got %d messages from %s, error %v; want one from %s", len(got.Messages), got.Source, err, want)
			}
			if !bytes.Equal(got.Messages[0].Body, example.Body) {
				t.Errorf("got %s, want the example's bytes", got.Messages[0].Body)
			}
		})
	}
}
