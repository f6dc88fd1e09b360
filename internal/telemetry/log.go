// Package telemetry writes the log lines and the metrics of the functions.
// Nothing in it works at process start.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes one JSON object per line to w, from level
// Info up. Each line names the function and, where the context is that of a
// Lambda invocation, its request id, by which a failed-invocation record in the
// dead-letter queue finds its log. Phone numbers are masked wherever they stand in a
// line; see Redacted. The logger is safe for concurrent use.
func NewLogger(w io.Writer, function string) *slog.Logger {
	return slog.New(requestHandler{Redacted(slog.NewJSONHandler(w, nil))}).With("function", function)
}

// requestHandler adds the request id of the invocation to each record.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		record = record.Clone() // the caller may have handed it to other handlers
		record.AddAttrs(slog.String("requestId", lc.AwsRequestID))
	}
	return h.Handler.Handle(ctx, record)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
