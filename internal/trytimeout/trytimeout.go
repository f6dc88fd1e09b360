// Package trytimeout bounds how long one try of a request to AWS may take. The
// AWS SDK's clients have no such bound of their own: a server that accepts a
// request and never answers holds the call until the caller's deadline.
package trytimeout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// Default is how long a try may take. All the calls of this project have small answers.
const Default = 10 * time.Second

// Add makes every client of cfg end a try that is not answered to the last byte
// after d, whatever HTTP client it uses. The try then fails with a timeout, which
// the SDK's retryer tries again. A cfg that has a bound already keeps it.
//
// Operations that return a stream must not be called with such a client: the
// stream would end with the try.
func Add(cfg *aws.Config, d time.Duration) {
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		if _, bounded := stack.Finalize.Get(bound{}.ID()); bounded {
			return nil
		}
		return stack.Finalize.Insert(bound{d}, "Retry", middleware.After)
	})
}

// bound is the step of a request right after the SDK's retry loop, and so runs
// once for each try.
type bound struct{ time time.Duration }

// ID names the step.
func (bound) ID() string { return "chimewatch.TryTimeout" }

// HandleFinalize runs the rest of the try. What it returns when the time is over
// must not be, or wrap, a canceled context: the SDK does not try that again.
func (b bound) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	try, cancel := context.WithTimeout(ctx, b.time)
	defer cancel()
	out, metadata, err = next.HandleFinalize(try, in)
	if errors.Is(err, context.DeadlineExceeded) && try.Err() != nil && ctx.Err() == nil {
		err = noAnswer{b.time}
	}
	return out, metadata, err
}

// noAnswer is a try that took too long.
type noAnswer struct{ after time.Duration }

func (e noAnswer) Error() string { return fmt.Sprintf("no answer within %s", e.after) }

// Timeout reports that it is a timeout, for the SDK's retryer.
func (noAnswer) Timeout() bool { return true }
