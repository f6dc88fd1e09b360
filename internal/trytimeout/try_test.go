package trytimeout_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/chimewatch/chimewatch/internal/trytimeout"
)

// try runs one try of a request whose answer serve returns, by a client with these bounds.
func try(ctx context.Context, serve func(context.Context) error, bounds ...time.Duration) (middleware.Metadata,
	error) {
	cfg := aws.Config{}
	for _, d := range bounds {
		trytimeout.Add(&cfg, d)
	}
	stack := middleware.NewStack("test", func() any { return nil })
	retry := middleware.FinalizeMiddlewareFunc("Retry", func(ctx context.Context, in middleware.FinalizeInput,
		next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		return next.HandleFinalize(ctx, in)
	})
	if err := stack.Finalize.Add(retry, middleware.After); err != nil {
		return middleware.Metadata{}, err
	}
	for _, option := range cfg.APIOptions {
		if err := option(stack); err != nil {
			return middleware.Metadata{}, err
		}
	}
	_, metadata, err := middleware.DecorateHandler(middleware.HandlerFunc(
		func(ctx context.Context, _ any) (any, middleware.Metadata, error) {
			var m middleware.Metadata
			m.Set("served", true)
			return nil, m, serve(ctx)
		}), stack).Handle(ctx, nil)
	return metadata, err
}

// Only what the bound ended is a try without an answer: what the server said, another deadline, and the caller's own
// come back as they are.
func TestWhatEndsATry(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	const silent = "no answer within 1m0s"
	for _, tt := range []struct {
		name   string
		caller time.Duration // until the caller's own deadline
		bounds []time.Duration
		serve  func(context.Context) error
		want   string // none: no error
		took   time.Duration
	}{
		{"answered", time.Hour, []time.Duration{time.Minute}, func(context.Context) error { return nil }, "", 0},
		{"refused", time.Hour, []time.Duration{time.Minute}, func(context.Context) error { return io.EOF }, "EOF", 0},
		{"not answered", time.Hour, []time.Duration{time.Minute}, hang, silent, time.Minute},
		{"refused at the last moment", time.Hour, []time.Duration{time.Minute}, func(ctx context.Context) error {
			<-ctx.Done()
			return io.EOF
		}, "EOF", time.Minute},
		{"a deadline of something else", time.Hour, []time.Duration{time.Minute}, func(context.Context) error {
			return context.DeadlineExceeded
		}, "context deadline exceeded", 0},
		{"the caller's deadline", time.Second, []time.Duration{time.Minute}, hang, "context deadline exceeded",
			time.Second},
		{"the first bound is the shorter", time.Hour, []time.Duration{time.Minute, 2 * time.Minute}, hang, silent,
			time.Minute},
		{"the first bound is the longer", time.Hour, []time.Duration{time.Minute, time.Second}, hang, silent, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.caller)
				defer cancel()
				began := time.Now()
				var within context.Context
				metadata, err := try(ctx, func(ctx context.Context) error {
					within = ctx
					return tt.serve(ctx)
				}, tt.bounds...)
				if got := text(err); got != tt.want || time.Since(began) != tt.took {
					t.Errorf("got %q after %s, want %q after %s", got, time.Since(began), tt.want, tt.took)
				}
				var timeout interface{ Timeout() bool }
				silence := tt.want == silent
				if errors.As(err, &timeout) && silence && !timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) &&
					silence {
					t.Errorf("got %v, which the SDK does not try again", err)
				}
				if metadata.Get("served") != true {
					t.Error("the metadata of the answer is lost")
				}
				if within.Err() == nil {
					t.Error("the context of the try goes on after it")
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A try may take longer than any call of the project needs, and less than an invocation has for several.
func TestDefault(t *testing.T) {
	if trytimeout.Default < 5*time.Second || trytimeout.Default > 20*time.Second {
		t.Errorf("got %s, want seconds", trytimeout.Default)
	}
}
