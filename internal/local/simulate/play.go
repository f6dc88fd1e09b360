package simulate

import (
	"context"
	"time"
)

// Play puts every delivery on a bus, the day compressed into the duration, and calls done
// after each. It returns when all are put, with the first error of put, or with the
// context's when that ends before.
func (d Day) Play(ctx context.Context, duration time.Duration, put func(event []byte) error, done func()) error {
	began := time.Now()
	for _, delivery := range d.Deliveries {
		due := began.Add(time.Duration(float64(delivery.At.Sub(d.Began)) / float64(Length) * float64(duration)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := put(delivery.Event); err != nil {
			return err
		}
		done()
	}
	return nil
}
