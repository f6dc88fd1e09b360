package retry_test

import (
	"context"
	"fmt"

	"github.com/chimewatch/chimewatch/internal/retry"
)

// Two others write first, so that the work is done three times.
func ExampleAgain() {
	others := 2
	addOne := func() error { // reads a count, and writes the next one on condition that it has not changed
		if others > 0 {
			others--
			return retry.ErrChanged
		}
		return nil
	}
	add := func(ctx context.Context) error {
		for attempt := 0; ; attempt++ {
			err := addOne()
			fmt.Println(err)
			if !retry.Again(ctx, "the count", attempt, &err) {
				return err
			}
		}
	}
	fmt.Println(add(context.Background()))
	// Output:
	// it was changed by another writer
	// it was changed by another writer
	// <nil>
	// <nil>
}
