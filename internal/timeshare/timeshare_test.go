package timeshare_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/chimewatch/chimewatch/internal/draws"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/fault"
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
func TestEachHasItsTurn(t *testing.T) {
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

func TestEachReportsWhatHadNoTurnAndWhatPanicked(t *testing.T) {
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
			if fault.ClassOf(errs[0]) != fault.Internal || !strings.Contains(errs[0].Error(), part) {
				t.Errorf("got %v, want the panic with its stack", errs[0])
			}
		}
		if !errors.Is(errs[1], context.DeadlineExceeded) || !errors.Is(errs[2], context.DeadlineExceeded) {
			t.Errorf("got %v and %v, want them to have used up their time", errs[1], errs[2])
		}
		if fault.ClassOf(errs[3]) != fault.Unavailable || !strings.Contains(errs[3].Error(), "not begun") {
			t.Errorf("got %v, want that it had no turn", errs[3])
		}
	})
}
