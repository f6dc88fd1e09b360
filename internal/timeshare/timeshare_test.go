package timeshare_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

func TestPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for n, want := range map[int]time.Duration{1: time.Minute, 2: 30 * time.Second, 60: time.Second} {
			part, cancel := timeshare.Part(ctx, n)
			if deadline, _ := part.Deadline(); time.Until(deadline) != want {
				t.Errorf("1 of %d: got %s, want %s", n, time.Until(deadline), want)
			}
			cancel()
		}
		part, cancel := timeshare.Part(t.Context(), 2)
		defer cancel()
		if deadline, has := part.Deadline(); has {
			t.Errorf("without a deadline: got %s, want none", deadline)
		}
	})
}

// However much work there is, and whatever of it hangs: never more than so many
// at once, all in the time, and each has its turn as long as two seconds each fit.
func TestEachRunsEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, atOnce := rapid.IntRange(0, 100).Draw(rt, "n"), rapid.IntRange(1, 10).Draw(rt, "at once")
		all := time.Duration(rapid.IntRange(1, 120).Draw(rt, "seconds")) * time.Second
		hangs := rapid.SliceOfN(rapid.Bool(), n, n).Draw(rt, "hangs")
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), all)
			defer cancel()
			began := time.Now()
			var running, turns atomic.Int32
			errs := timeshare.Each(ctx, n, atOnce, func(ctx context.Context, i int) error {
				turns.Add(1)
				if now := running.Add(1); int(now) > atOnce {
					t.Errorf("got %d at once, want %d", now, atOnce)
				}
				defer running.Add(-1)
				if hangs[i] {
					<-ctx.Done()
				}
				return ctx.Err()
			})
			if took := time.Since(began); took > all {
				t.Errorf("took %s, want %s", took, all)
			}
			if len(errs) != n {
				t.Fatalf("got %d errors, want %d", len(errs), n)
			}
			rounds := (n + atOnce - 1) / atOnce
			for i, err := range errs {
				if enough := all >= time.Duration(rounds)*2*time.Second; enough && (err != nil) != hangs[i] {
					t.Errorf("%d of %d: got %v, want an error: %t", i, n, err, hangs[i])
				}
			}
		})
	})
}

// Where all of them hang, the time is divided evenly over the rounds, and used up. A round has two seconds at least.
func TestEachDividesTheTimeEvenly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rounds, atOnce := rapid.IntRange(1, 20).Draw(rt, "rounds"), rapid.IntRange(1, 10).Draw(rt, "at once")
		all := time.Duration(rapid.IntRange(1, 120).Draw(rt, "seconds")) * time.Second
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), all)
			defer cancel()
			end, _ := ctx.Deadline()
			shares := make([]time.Duration, rounds*atOnce)
			timeshare.Each(ctx, len(shares), atOnce, func(ctx context.Context, i int) error {
				began := time.Now()
				<-ctx.Done()
				shares[i] = time.Since(began)
				return ctx.Err()
			})
			if left := time.Until(end); left < 0 || left > time.Duration(rounds) { // rounded to nanoseconds
				t.Errorf("%d rounds in %s: got %s left, want none", rounds, all, left)
			}
			left := all
			for i, got := range shares {
				want := min(max(all/time.Duration(rounds), 2*time.Second), left)
				if (got - want).Abs() > time.Duration(rounds) {
					t.Errorf("%d of %d, %d at once, in %s: got %s, want %s", i, len(shares), atOnce, all, got, want)
				}
				if (i+1)%atOnce == 0 {
					left -= want
				}
			}
		})
	})
}

// What a piece of work has started ends with it: its context is done when it returns.
func TestEachEndsTheContextOfItsWork(t *testing.T) {
	var contexts [3]context.Context
	timeshare.Each(t.Context(), len(contexts), 1, func(ctx context.Context, i int) error {
		contexts[i] = ctx
		return ctx.Err()
	})
	for i, ctx := range contexts {
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("%d: got the context with the error %v, want it canceled", i, ctx.Err())
		}
	}
}

func TestEachErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		errs := timeshare.Each(ctx, 4, 1, func(ctx context.Context, i int) error {
			if i == 0 {
				panic("no such thing")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		for _, part := range []string{"panic: no such thing", "timeshare_test.go"} {
			text := errs[0].Error()
			if apperr.ClassOf(errs[0]) != apperr.Internal || !strings.HasPrefix(text, "work: panic: ") ||
				!strings.Contains(text, part) {
				t.Errorf("got %v, want the panic with its stack", errs[0])
			}
		}
		if !errors.Is(errs[1], context.DeadlineExceeded) || !errors.Is(errs[2], context.DeadlineExceeded) {
			t.Errorf("got %v and %v, want them to have used up their time", errs[1], errs[2])
		}
		const want = "work: was not begun in the time left: context deadline exceeded (it is tried again)"
		if apperr.ClassOf(errs[3]) != apperr.Unavailable || errs[3].Error() != want {
			t.Errorf("got %v, want that it had no turn", errs[3])
		}
	})
}
