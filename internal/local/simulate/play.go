package simulate

import (
	"context"
	"time"
)

// Play puts every delivery on a bus, the day compressed into the duration. It
// calls done after each. It returns when all are put, with the first error of
// put, or with the context's when that ends before.
func (d Day) Play(ctx context.Context, duration time.Duration, put func(event []byte) error, done func()) error {
	began := time.Now()
	for _, delivery := range d.Deliveries {
		due := began.Add(time.Duration(float64(delivery.At.Sub(d.Began)) / float64(Length) * float64(duration)))
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		if err := put(delivery.Event); err != nil {
			return err
		}
		done()
	}
	return nil
}

func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
