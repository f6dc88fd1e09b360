// Package timeshare divides the time of an invocation, so that a piece of work
// that hangs uses up its own share only.
package timeshare

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// minShare is the time that Each lets a piece of work have however many there are:
// in less, a few calls to AWS would hardly ever succeed.
const minShare = 2 * time.Second

// Part returns ctx with one of n equal parts of the time that is left until its
// deadline; without a deadline, ctx as it is. cancel must be called in any case.
func Part(ctx context.Context, n int) (part context.Context, cancel context.CancelFunc) {
	return partOf(ctx, n, 0)
}

func partOf(ctx context.Context, n int, atLeast time.Duration) (context.Context, context.CancelFunc) {
	deadline, has := ctx.Deadline()
	if !has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(n), atLeast))
}

// Each calls do for every index below n, in their order, atOnce of them side by
// side, and returns the error or nil of each. The time until ctx's deadline is
// divided so that all have their turn, even if each of them uses all it gets: a
// call of do has it as the deadline of its context. Only where the time is too
// short for that, so that it would be less than two seconds, the last ones have no
// turn; their error is of class Unavailable. A panic in do is the error of that
// index. do must be safe for concurrent use.
func Each(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) []error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error {
			turns := (n - i + atOnce - 1) / atOnce // that are still to come, with this one
			errs[i] = inTime(ctx, turns, i, do)
			return nil
		})
	}
	_ = group.Wait() // each error is in errs
	return errs
}

func inTime(ctx context.Context, turns, i int, do func(context.Context, int) error) (err error) {
	if err := context.Cause(ctx); err != nil {
		return apperr.Wrap(err, apperr.Unavailable, "work", "was not begun in the time left", "it is tried again")
	}
	ctx, cancel := partOf(ctx, turns, minShare)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = apperr.New(apperr.Internal, "work", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()), "")
		}
	}()
	return do(ctx, i)
}
