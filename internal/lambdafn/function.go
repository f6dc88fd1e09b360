// Package lambdafn is Lambda's side of a function: it reads AWS's configuration,
// opens the envelopes around events (EventBridge, SQS, SNS, Kinesis, failed
// invocations), calls a Handler, answers with a partial batch response or an error,
// and writes logs and metrics.
package lambdafn

import (
	"context"
	"log/slog"
	"os"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/internal/trytimeout"
)

// Env is what a Handler is made from.
type Env struct {
	// AWS is the configuration of all clients; each try of a request has a timeout.
	AWS aws.Config
	// Metrics are written when an invocation ends.
	Metrics *telemetry.Metrics
	// Getenv reads an environment variable.
	Getenv func(name string) string
}

// Run runs the function until Lambda ends the process. A function that cannot
// start logs why, and exits with 1.
func Run(name string, build func(Env) (Handler, error)) {
	slog.SetDefault(telemetry.NewLogger(os.Stdout, name))
	f, err := New(context.Background(), name, os.Getenv, build)
	if err != nil {
		slog.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(f)
}

// Function is a Handler ready for Lambda.
type Function struct {
	handle  Handler
	metrics *telemetry.Metrics
}

// New makes a function from its environment.
func New(
	ctx context.Context, name string, getenv func(string) string, build func(Env) (Handler, error),
) (*Function, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "AWS configuration", "cannot be loaded", "")
	}
	trytimeout.Add(&cfg, trytimeout.Default)
	metrics := telemetry.NewMetrics(os.Stdout, getenv(config.EnvStack), name)
	handle, err := build(Env{AWS: cfg, Metrics: metrics, Getenv: getenv})
	if err != nil {
		return nil, err
	}
	return &Function{handle: handle, metrics: metrics}, nil
}

// Invoke handles one payload of Lambda. Phone numbers are masked in the error that
// it returns, which Lambda puts into the trace and into the record of the failed
// invocation.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	response, err := Handle(ctx, payload, f.handle)
	if err != nil {
		slog.ErrorContext(ctx, "invocation failed", "class", string(apperr.ClassOf(err)), "error", err)
		f.metrics.Count("FailedInvocations", 1)
	}
	if flushErr := f.metrics.Flush(); flushErr != nil {
		slog.ErrorContext(ctx, "metrics are lost", "error", flushErr)
	}
	if err != nil {
		return response, invocationError(err)
	}
	return response, nil
}

// invocationError is the error that Lambda reports, with the type that err has.
func invocationError(err error) error {
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return messages.InvokeResponse_Error{Type: kind.Name(), Message: redact.Text(err.Error())}
}

// RequestID returns Lambda's request id of the invocation that ctx belongs to. All
// attempts of an invocation have the same.
func RequestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return "unknown"
}
