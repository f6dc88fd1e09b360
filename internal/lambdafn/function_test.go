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
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/schemas"
)

// environment is the minimum that a function needs.
var environment = map[string]string{"CHIMEWATCH_STACK": "watch-eu"}

func handled(context.Context, []byte) error { return nil }

func getenv(name string) string { return environment[name] }

// output returns what a function writes to the standard output, from which Lambda
// reads logs and metrics.
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
	raw, err := json.Marshal(
		map[string]any{"Records": []any{map[string]any{"eventSource": "aws:sqs", "messageId": "m-1", "body": string(body)}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What a handler returns is returned to Lambda, is counted, and is logged with the
// numbers masked, whichever way the payload came.
func TestInvoke(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	event := example(t, "stopped")
	refused := func(context.Context, []byte) error {
		return apperr.New(apperr.Throttled, "call of +12065550112", "is too much", "")
	}
	for _, tt := range []struct {
		name    string
		payload []byte
		handle  func(context.Context, []byte) error
		reply   string
		says    string // in the error
		failed  bool   // whether the invocation counts as failed
		log     string
	}{
		{"an event", event, handled, "", "", false, ""},
		{"an event that fails", event, refused, "", "is too much", true, "call of …0112: is too much"},
		{"a record", record(t, event), handled, `{"batchItemFailures":[]}`, "", false, ""},
		{"a record that fails", record(t, event), refused, `{"batchItemFailures":[{"itemIdentifier":"m-1"}]}`, "", false,
			"call of …0112: is too much"},
		{"no payload", []byte("{"), handled, "", "payload", true, "payload"},
		{"a panic", event, func(context.Context, []byte) error {
			panic("lost my head over sip:12065550112@198.51.100.7")
		}, "", "lost my head", true, "lost my head over sip:…0112"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var reply []byte
			var err error
			lines := output(t, func() {
				f, newErr := lambdafn.New(t.Context(), "status", getenv, func(env lambdafn.Env) (lambdafn.Handler, error) {
					return lambdafn.Each(func(ctx context.Context, event []byte) error {
						env.Metrics.Count("Handled", 1)
						return tt.handle(ctx, event)
					}), nil
				})
				if newErr != nil {
					t.Fatal(newErr)
				}
				reply, err = f.Invoke(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"}),
					tt.payload)
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
		f, err := lambdafn.New(t.Context(), "voice", getenv, func(lambdafn.Env) (lambdafn.Handler, error) {
			return func(_ context.Context, messages []lambdafn.Message) []error {
				calls++
				errs := make([]error, len(messages))
				errs[1] = apperr.New(apperr.Invalid, "message", "is the second", "")
				return errs
			}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		payload := []byte(records(sqsRecord("m-1", "{}"), sqsRecord("m-2", "{}"), sqsRecord("m-3", "{}")))
		if reply, err = f.Invoke(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	})
	if want := `{"batchItemFailures":[{"itemIdentifier":"m-2"}]}`; calls != 1 || string(reply) != want {
		t.Errorf("got %d calls and the reply %s, want one call and %s", calls, reply, want)
	}
}

// deadlines is a network that is down, and records the timeout of each request.
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
	build := func(env lambdafn.Env) (lambdafn.Handler, error) { cfg = env.AWS; return lambdafn.Each(handled), nil }
	if _, err := lambdafn.New(t.Context(), "status", getenv, build); err != nil {
		t.Fatal(err)
	}
	network := &deadlines{}
	cfg.HTTPClient, cfg.Region, cfg.RetryMaxAttempts = network, "us-east-1", 1
	cfg.Credentials = credentials.NewStaticCredentialsProvider("id", "secret", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, _ = dynamodb.NewFromConfig(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	topic := "arn:aws:sns:us-east-1:111122223333:alerts"
	_, _ = sns.NewFromConfig(cfg).Publish(ctx, &sns.PublishInput{TopicArn: &topic, Message: aws.String("m")})
	if len(network.within) != 2 || network.within[0] > 10*time.Second || network.within[1] > 10*time.Second {
		t.Errorf("got %v to answer in, want 10 s each", network.within)
	}
}

func TestInvocationIsLambdasRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-7"})
	if got := lambdafn.RequestID(ctx); got != "r-7" {
		t.Errorf("got %q, want r-7", got)
	}
	if got := lambdafn.RequestID(t.Context()); got != "unknown" {
		t.Errorf("outside of Lambda: got %q, want unknown", got)
	}
}

// A batch that needs too long is answered in time, so that Lambda offers only
// those records again that were not done.
func TestBatchIsAnsweredInTime(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	var left time.Time
	f, err := lambdafn.New(t.Context(), "voice", getenv, func(lambdafn.Env) (lambdafn.Handler, error) {
		return func(ctx context.Context, m []lambdafn.Message) []error {
			left, _ = ctx.Deadline()
			errs := make([]error, len(m))
			errs[1] = ctx.Err()
			return errs
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	payload := records(sqsRecord("1", "{}"), sqsRecord("2", "{}"))
	for _, tt := range []struct {
		name, want string
		time       time.Duration
	}{
		{"enough time", `{"batchItemFailures":[]}`, time.Hour},
		{"no time but for the answer", `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deadline := time.Now().Add(tt.time)
			ctx, cancel := context.WithDeadline(t.Context(), deadline)
			defer cancel()
			got, err := f.Invoke(ctx, []byte(payload))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s and %v, want %s", got, err, tt.want)
			}
			if reserve := deadline.Sub(left); reserve < time.Second {
				t.Errorf("got %s to answer in, want a second at least", reserve)
			}
		})
	}
}

func TestNewSaysThatTheConfigurationIsWrong(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	f, err := lambdafn.New(t.Context(), "status", getenv,
		func(lambdafn.Env) (lambdafn.Handler, error) { return lambdafn.Each(handled), nil })
	if f != nil || apperr.ClassOf(err) != apperr.Internal || !strings.HasPrefix(err.Error(),
		"AWS configuration: cannot be loaded: ") {
		t.Errorf("got %v and %v, want an error about the AWS configuration", f, err)
	}
}

// Metrics that cannot be written are said to be lost; the invocation is none the worse for it.
func TestInvokeSaysThatMetricsAreLost(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	closed, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	stdout, logger := os.Stdout, slog.Default()
	defer func() { os.Stdout = stdout; slog.SetDefault(logger) }()
	os.Stdout = closed
	var log strings.Builder
	slog.SetDefault(telemetry.NewLogger(&log, "status"))
	f, err := lambdafn.New(t.Context(), "status", getenv,
		func(lambdafn.Env) (lambdafn.Handler, error) { return lambdafn.Each(handled), nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invoke(t.Context(), example(t, "stopped")); err != nil || log.String() != "" {
		t.Errorf("got %v and the log %s of nothing counted, want neither", err, log.String())
	}
	if _, err := f.Invoke(t.Context(), []byte("{")); err == nil {
		t.Error("got no error of a payload that is none")
	}
	for _, want := range []string{`"msg":"invocation failed","function":"status","class":"invalid","error":"payload: `,
		`"msg":"metrics are lost","function":"status","error":"write `} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got the log %s, want %s", log.String(), want)
		}
	}
}
