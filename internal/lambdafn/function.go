// Package lambdafn runs a handler as a Lambda function: environment, AWS
// clients, logs and metrics are made here, once for each process.
package lambdafn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/settings"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/internal/trytimeout"
)

// mostRetentionDays is a century: more would overflow a time.Duration after
// another two.
const mostRetentionDays = 36500

// Parts is what a function's handler is made of.
type Parts struct {
	AWS     aws.Config
	Table   *dynamo.Store
	Metrics *telemetry.Metrics
	// Env reads a variable that the template sets; that it is empty is an error
	// that New gives.
	Env func(name string) string
	// Optional reads a variable that may be empty.
	Optional func(name string) string
	// wrong takes what is wrong with a variable: an error that New gives.
	wrong func(error)
	// Settings are what the deployer chose of how failures are watched.
	Settings settings.Settings
	// FullNumbers is the deployer's wish to see phone numbers whole.
	FullNumbers bool
	// RunbookURL may be empty.
	RunbookURL string
	// HTTPS is what the subscribers of each topic by https get.
	HTTPS notify.HTTPSBodies
}

// Words returns how to render the notifications of a topic whose subscribers by
// https get that body.
func (p Parts) Words(https notify.HTTPSBody) notify.Options {
	return notify.Options{FullNumbers: p.FullNumbers, RunbookURL: p.RunbookURL, HTTPS: https}
}

// Main runs the function until Lambda ends the process. A function that cannot
// start says why, and exits with 1.
func Main(name string, build func(Parts) handler.Handler) {
	start(name, func(ctx context.Context) (*Function, error) { return New(ctx, name, os.Getenv, build) })
}

// MainBatch is Main for a handler that takes all messages of an invocation
// together.
func MainBatch(name string, build func(Parts) handler.Batch) {
	start(name, func(ctx context.Context) (*Function, error) { return NewBatch(ctx, name, os.Getenv, build) })
}

func start(name string, make func(context.Context) (*Function, error)) {
	slog.SetDefault(telemetry.NewLogger(os.Stdout, name))
	f, err := make(context.Background())
	if err != nil {
		slog.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(f)
}

// Function is a handler ready for Lambda.
type Function struct {
	invoke  invoker
	metrics *telemetry.Metrics
}

// New makes a function from its environment.
func New(ctx context.Context, name string, getenv func(string) string, build func(Parts) handler.Handler) (*Function, error) {
	return newFunction(ctx, name, getenv, func(p Parts) invoker {
		handle := build(p)
		return func(ctx context.Context, payload []byte) ([]byte, error) {
			return intake.Handle(ctx, payload, handle)
		}
	})
}

// NewBatch makes a function that handles all messages of an invocation together.
func NewBatch(ctx context.Context, name string, getenv func(string) string, build func(Parts) handler.Batch) (*Function, error) {
	return newFunction(ctx, name, getenv, func(p Parts) invoker {
		handle := build(p)
		return func(ctx context.Context, payload []byte) ([]byte, error) {
			if deadline, has := ctx.Deadline(); has {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerReserve))
				defer cancel()
			}
			return intake.HandleAll(ctx, payload, handle)
		}
	})
}

// answerReserve is what a batch keeps of its time to answer in: what is not done
// by then is reported as failed, and what is done is not offered again with it.
const answerReserve = 3 * time.Second

type invoker = func(ctx context.Context, payload []byte) ([]byte, error)

func newFunction(ctx context.Context, name string, getenv func(string) string, build func(Parts) invoker) (*Function, error) {
	var missing []error
	env := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, apperr.New(apperr.Invalid, "environment variable "+name, "is not set", "deploy the function with the stack, which sets it"))
		}
		return value
	}
	table := env("CHIMEWATCH_TABLE")
	days, err := strconv.Atoi(env("CHIMEWATCH_RETENTION_DAYS"))
	if err != nil || days < 0 || days > mostRetentionDays {
		missing = append(missing, apperr.New(apperr.Invalid, "environment variable CHIMEWATCH_RETENTION_DAYS",
			fmt.Sprintf("is %q", getenv("CHIMEWATCH_RETENTION_DAYS")), "set a number of days, 0 to keep items for ever"))
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "AWS configuration", "cannot be loaded", "")
	}
	trytimeout.Add(&cfg, trytimeout.Default)
	chosen, err := settings.Read(getenv)
	if err != nil {
		missing = append(missing, err)
	}
	https, err := notify.ParseHTTPSBodies("environment variable "+notify.HTTPSBodyVariable, getenv(notify.HTTPSBodyVariable))
	if err != nil {
		missing = append(missing, err)
	}
	metrics := telemetry.NewMetrics(os.Stdout, getenv("CHIMEWATCH_STACK"), name)
	invoke := build(Parts{
		AWS:     cfg,
		Table:   dynamo.New(dynamodb.NewFromConfig(cfg), table, dynamo.Options{Retention: time.Duration(days) * 24 * time.Hour}),
		Metrics: metrics, Env: env, Optional: getenv,
		wrong:       func(err error) { missing = append(missing, err) },
		Settings:    chosen,
		FullNumbers: getenv("CHIMEWATCH_FULL_NUMBERS") == "true",
		RunbookURL:  getenv("CHIMEWATCH_RUNBOOK_URL"),
		HTTPS:       https,
	})
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	return &Function{invoke: invoke, metrics: metrics}, nil
}

// Invoke handles one payload of Lambda's. Phone numbers are masked in the error that it
// returns, which Lambda puts into the trace and into the record of the failed invocation.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	reply, err := f.invoke(ctx, payload)
	if err != nil {
		slog.ErrorContext(ctx, "invocation failed", "class", string(apperr.ClassOf(err)), "error", err)
		f.metrics.Count("FailedInvocations", 1)
	}
	if flushErr := f.metrics.Flush(); flushErr != nil {
		slog.ErrorContext(ctx, "metrics are lost", "error", flushErr)
	}
	if err != nil {
		return reply, invocationError(err)
	}
	return reply, nil
}

// invocationError is the error that Lambda reports, with the type that err has.
func invocationError(err error) error {
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return messages.InvokeResponse_Error{Type: kind.Name(), Message: redact.Text(err.Error())}
}

// Invocation names the invocation that ctx belongs to: Lambda's request id,
// which its retries keep.
func Invocation(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return "unknown"
}
