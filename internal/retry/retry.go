// Package retry repeats work that loses a race: what was read has changed before it
// was written on condition that it had not.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Attempts is how often such work is done before it fails: each lost race means that
// another writer has succeeded, so this many are lost only among very many writers.
const Attempts = 12

// ErrChanged is the error of a conditional write whose condition does not hold.
var ErrChanged = errors.New("it was changed by another writer")

// WhileChanged calls do until it returns nil or an error that is not ErrChanged, with a
// pause after each attempt. After the last attempt it returns an error of class
// Conflict; what names the thing that others changed.
func WhileChanged(ctx context.Context, what string, do func() error) error {
	for attempt := range Attempts {
		if err := do(); !errors.Is(err, ErrChanged) {
			return err
		}
		if err := Pause(ctx, attempt); err != nil {
			return err
		}
	}
	return apperr.New(apperr.Conflict, what, fmt.Sprintf("changed by others %d times in a row", Attempts), "try again")
}

// Pause waits before attempt+1, at random, longer after each attempt and at most a
// third of a second. It returns ctx's error when ctx is done before.
func Pause(ctx context.Context, attempt int) error {
	longest := 5 * time.Millisecond << min(attempt, 6)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(longest)):
		return nil
	}
}
