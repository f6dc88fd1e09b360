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

// IgnoreChanged returns err, or nil when it says ErrChanged: another writer was faster,
// and has done the same.
func IgnoreChanged(err error) error {
	if errors.Is(err, ErrChanged) {
		return nil
	}
	return err
}

// Again reports whether work is to be done again whose attempt, from 0, ended with err:
// it says ErrChanged. Again pauses before. It sets err to ctx's error when ctx is done,
// and after the last attempt to an error of class Conflict; what names the thing that
// others changed.
func Again(ctx context.Context, what string, attempt int, err *error) bool {
	if !errors.Is(*err, ErrChanged) {
		return false
	}
	if attempt+1 == Attempts {
		*err = apperr.New(apperr.Conflict, what, fmt.Sprintf("changed by others %d times in a row", Attempts), "try again")
		return false
	}
	if failed := Pause(ctx, attempt); failed != nil {
		*err = failed
		return false
	}
	return true
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
