package lambdafn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/schemas"
)

// environment is what the template sets at least.
var environment = map[string]string{
	"CHIMEWATCH_TABLE": "calls", "CHIMEWATCH_RETENTION_DAYS": "90",
	"CHIMEWATCH_ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
}

// with gives the environment with changes; an empty value takes one away.
func with(changes map[string]string) func(string) string {
	env := maps.Clone(environment)
	maps.Copy(env, changes)
	return func(name string) string { return env[name] }
}

func nothing(lambdafn.Parts) handler.Handler {
	return func(context.Context, intake.Message) error { return nil }
}

// A function that lacks something says all that it lacks at once, by name.
func TestNewRefusesAnEnvironmentThatIsNotTheTemplates(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, tt := range []struct {
		name    string
		changes map[string]string
		build   func(lambdafn.Parts) handler.Handler
		says    []string // none: it starts
	}{
		{"the template's", nil, lambdafn.Alerts, nil},
		{"for ever", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "0"}, nothing, nil},
		{"no table", map[string]string{"CHIMEWATCH_TABLE": ""}, nothing, []string{"CHIMEWATCH_TABLE: is not set"}},
		{"no topic", map[string]string{"CHIMEWATCH_ALERT_TOPIC_ARN": ""}, lambdafn.Alerts, []string{"CHIMEWATCH_ALERT_TOPIC_ARN: is not set"}},
		{"a topic that is not needed", map[string]string{"CHIMEWATCH_ALERT_TOPIC_ARN": ""}, nothing, nil},
		{"no retention", map[string]string{"CHIMEWATCH_RETENTION_DAYS": ""}, nothing, []string{"CHIMEWATCH_RETENTION_DAYS"}},
		{"a retention in words", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "ninety"}, nothing, []string{`CHIMEWATCH_RETENTION_DAYS: is "ninety"`}},
		{"a retention below zero", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "-1"}, nothing, []string{`CHIMEWATCH_RETENTION_DAYS: is "-1"`}},
		{"a retention that overflows", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "200000"}, nothing, []string{`CHIMEWATCH_RETENTION_DAYS: is "200000"`}},
		{"a retention of a century", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "36500"}, nothing, nil},
		{"a retention of more", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "36501"}, nothing,
			[]string{`CHIMEWATCH_RETENTION_DAYS: is "36501"`}},
		{"a setting", map[string]string{"CHIMEWATCH_INCIDENT_WINDOW": "soon"}, nothing, []string{`CHIMEWATCH_INCIDENT_WINDOW: is "soon"`}},
		{"a body for https", map[string]string{"CHIMEWATCH_HTTPS_BODY": "json"}, nothing,
			[]string{`CHIMEWATCH_HTTPS_BODY: is "json"`, "card or data"}},
		{"routes", map[string]string{"CHIMEWATCH_ROUTES": "{"}, lambdafn.Alerts, []string{"CHIMEWATCH_ROUTES"}},
		{"all of it", map[string]string{"CHIMEWATCH_TABLE": "", "CHIMEWATCH_RETENTION_DAYS": "x", "CHIMEWATCH_ALERT_TOPIC_ARN": "", "CHIMEWATCH_MATCH_WINDOW": "x", "CHIMEWATCH_ROUTES": "x"},
			lambdafn.Alerts, []string{"CHIMEWATCH_TABLE", "CHIMEWATCH_RETENTION_DAYS", "CHIMEWATCH_ALERT_TOPIC_ARN", "CHIMEWATCH_MATCH_WINDOW", "CHIMEWATCH_ROUTES"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := lambdafn.New(t.Context(), "alerts", with(tt.changes), tt.build)
			if (err == nil) != (tt.says == nil) || (f == nil) != (err != nil) {
				t.Fatalf("got %v and %v, want an error: %v", f, err, tt.says != nil)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
		})
	}
}

// output catches what a function writes to the standard output, where Lambda
// takes logs and metrics from.
func output(t *testing.T, run func()) []map[string]any {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout, logger := os.Stdout, slog.Default()
	os.Stdout = file
	slog.SetDefault(telemetry.NewLogger(file, "status"))
	defer func() { os.Stdout = stdout; slog.SetDefault(logger) }()
	run()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for line := range bytes.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}

// record makes the payload of a queue with one record.
func record(t *testing.T, body []byte) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventSource": "aws:sqs", "messageId": "m-1", "body": string(body)}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What a handler gives comes back to Lambda, is counted, and is logged with the
// numbers masked, whichever way the payload came.
func TestInvoke(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	event := example(t, "stopped")
	refused := func(context.Context, intake.Message) error {
		return apperr.New(apperr.Throttled, "call of +12065550112", "is too much", "")
	}
	for _, tt := range []struct {
		name    string
		payload []byte
		handle  handler.Handler
		reply   string
		says    string // in the error
		failed  bool   // whether the invocation counts as failed
		log     string
	}{
		{"an event", event, func(context.Context, intake.Message) error { return nil }, "", "", false, ""},
		{"an event that fails", event, refused, "", "is too much", true, "call of …0112: is too much"},
		{"a record", record(t, event), func(context.Context, intake.Message) error { return nil }, `{"batchItemFailures":[]}`, "", false, ""},
		{"a record that fails", record(t, event), refused, `{"batchItemFailures":[{"itemIdentifier":"m-1"}]}`, "", false, "call of …0112: is too much"},
		{"no payload", []byte("{"), func(context.Context, intake.Message) error { return nil }, "", "payload", true, "payload"},
		{"a panic", event, func(context.Context, intake.Message) error {
			panic("lost my head over sip:12065550112@198.51.100.7")
		}, "", "lost my head", true, "lost my head over sip:…0112"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var reply []byte
			var err error
			lines := output(t, func() {
				env := with(map[string]string{"CHIMEWATCH_STACK": "watch-eu"})
				f, newErr := lambdafn.New(t.Context(), "status", env, func(p lambdafn.Parts) handler.Handler {
					return func(ctx context.Context, m intake.Message) error {
						p.Metrics.Count("Handled", 1)
						return tt.handle(ctx, m)
					}
				})
				if newErr != nil {
					t.Fatal(newErr)
				}
				reply, err = f.Invoke(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"}), tt.payload)
			})
			if string(reply) != tt.reply {
				t.Errorf("got the reply %q, want %q", reply, tt.reply)
			}
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got the error %v, want one that says %q", err, tt.says)
			}
			var reported messages.InvokeResponse_Error
			typed := errors.As(err, &reported) && reported.Type != ""
			if err != nil && (!typed || strings.Contains(reported.Message, "2065550112")) {
				t.Errorf("got %#v, want an error for Lambda with its type, and the number masked", err)
			}
			counts, logged := map[string]any{}, ""
			for _, line := range lines {
				if line["_aws"] != nil {
					maps.Copy(counts, line)
					continue
				}
				text, _ := line["error"].(string)
				logged += text
				if line["requestId"] != "r-1" || line["function"] != "status" {
					t.Errorf("got the log line %v, want it to name function and request", line)
				}
			}
			if tt.log == "" && logged != "" || !strings.Contains(logged, tt.log) || strings.Contains(logged, "2065550112") {
				t.Errorf("got the error %q in the log, want %q", logged, tt.log)
			}
			if n, failed := counts["FailedInvocations"]; failed != tt.failed || failed && n != 1.0 {
				t.Errorf("got the counts %v, want a failed invocation: %t", counts, tt.failed)
			}
			if len(counts) > 0 && (counts["Stack"] != "watch-eu" || counts["Function"] != "status") {
				t.Errorf("got the counts %v, want them of the stack and the function", counts)
			}
			if handled := counts["Handled"] == 1.0; handled != (tt.name != "no payload") {
				t.Errorf("got the counts %v, want what the handler counted", counts)
			}
		})
	}
}

// A batch handler gets all messages of an invocation in one call.
func TestInvokeBatch(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var calls int
	var reply []byte
	output(t, func() {
		f, err := lambdafn.NewBatch(t.Context(), "voice", with(nil), func(lambdafn.Parts) handler.Batch {
			return func(_ context.Context, messages []intake.Message) []error {
				calls++
				errs := make([]error, len(messages))
				errs[1] = apperr.New(apperr.Invalid, "message", "is the second", "")
				return errs
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		payload := []byte(`{"Records":[{"eventSource":"aws:sqs","messageId":"m-1","body":"{}"},{"eventSource":"aws:sqs","messageId":"m-2","body":"{}"},{"eventSource":"aws:sqs","messageId":"m-3","body":"{}"}]}`)
		if reply, err = f.Invoke(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	})
	if want := `{"batchItemFailures":[{"itemIdentifier":"m-2"}]}`; calls != 1 || string(reply) != want {
		t.Errorf("got %d calls and the reply %s, want one call and %s", calls, reply, want)
	}
}

func TestPartsAreWhatTheDeployerChose(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var got lambdafn.Parts
	_, err := lambdafn.New(t.Context(), "status", with(map[string]string{
		"CHIMEWATCH_FULL_NUMBERS": "true", "CHIMEWATCH_RUNBOOK_URL": "https://example.com/runbook", "CHIMEWATCH_PIPELINE_QUOTA": "40", "CHIMEWATCH_OTHER": "here",
		"CHIMEWATCH_HTTPS_BODY": "failures=data",
	}), func(p lambdafn.Parts) handler.Handler { got = p; return nothing(p) })
	if err != nil {
		t.Fatal(err)
	}
	if !got.FullNumbers || got.RunbookURL != "https://example.com/runbook" || got.Settings.Quota != 40 || got.Optional("CHIMEWATCH_OTHER") != "here" || got.Optional("NONE") != "" {
		t.Errorf("got %+v", got)
	}
	if want := (notify.HTTPSBodies{Failures: notify.HTTPSData, Alerts: notify.HTTPSCard}); got.HTTPS != want {
		t.Errorf("got the bodies %v for https, want %v", got.HTTPS, want)
	}
	want := notify.Options{FullNumbers: true, RunbookURL: "https://example.com/runbook", HTTPS: notify.HTTPSData}
	if words := got.Words(got.HTTPS.Failures); words != want {
		t.Errorf("got the words %+v, want %+v", words, want)
	}
	if _, err := lambdafn.New(t.Context(), "status", with(nil), func(p lambdafn.Parts) handler.Handler { got = p; return nothing(p) }); err != nil || got.FullNumbers {
		t.Errorf("got full numbers %t and %v, want masked ones unless it is said", got.FullNumbers, err)
	}
}

// deadlines is a network that is down, and keeps how long each request may take.
type deadlines struct{ within []time.Duration }

func (d *deadlines) Do(r *http.Request) (*http.Response, error) {
	deadline, _ := r.Context().Deadline()
	d.within = append(d.within, time.Until(deadline))
	return nil, errors.New("the network is down")
}

// No client of a function waits for one answer until the function's time is up.
func TestEveryTryOfARequestIsBounded(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var cfg aws.Config
	build := func(p lambdafn.Parts) handler.Handler { cfg = p.AWS; return nothing(p) }
	if _, err := lambdafn.New(t.Context(), "status", with(nil), build); err != nil {
		t.Fatal(err)
	}
	network := &deadlines{}
	cfg.HTTPClient, cfg.Region, cfg.RetryMaxAttempts = network, "us-east-1", 1
	cfg.Credentials = credentials.NewStaticCredentialsProvider("id", "secret", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, _ = dynamodb.NewFromConfig(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	topic := environment["CHIMEWATCH_ALERT_TOPIC_ARN"]
	_, _ = sns.NewFromConfig(cfg).Publish(ctx, &sns.PublishInput{TopicArn: &topic, Message: aws.String("m")})
	if len(network.within) != 2 || network.within[0] > 10*time.Second || network.within[1] > 10*time.Second {
		t.Errorf("got %v to answer in, want 10 s each", network.within)
	}
}

func TestInvocationIsLambdasRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-7"})
	if got := lambdafn.Invocation(ctx); got != "r-7" {
		t.Errorf("got %q, want r-7", got)
	}
	if got := lambdafn.Invocation(t.Context()); got != "unknown" {
		t.Errorf("outside of Lambda: got %q, want unknown", got)
	}
}
