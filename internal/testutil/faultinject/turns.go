package faultinject

import "math/rand"

// Work is what one process does among others.
type Work struct {
	Line *Line
	Do   func() error
}

// Interleave does all works at once, and lets one process make one call at a
// time; whose turn it is follows from the seed. It gives the error of each work.
func Interleave(seed int64, works ...Work) []error {
	random := rand.New(rand.NewSource(seed))
	errs := make([]error, len(works))
	asks := make([]chan struct{}, len(works))
	turns := make([]chan struct{}, len(works))
	ends := make([]chan error, len(works))
	for i, w := range works {
		asks[i], turns[i], ends[i] = make(chan struct{}), make(chan struct{}), make(chan error)
		w.Line.turn = func() {
			asks[i] <- struct{}{}
			<-turns[i]
		}
		go func() { ends[i] <- w.Do() }()
	}
	// Everyone who runs is waited for, to ask or to end, before one is chosen.
	waits := func(i int) bool {
		select {
		case <-asks[i]:
			return true
		case errs[i] = <-ends[i]:
			works[i].Line.turn = nil
			return false
		}
	}
	var waiting []int
	for i := range works {
		if waits(i) {
			waiting = append(waiting, i)
		}
	}
	for len(waiting) > 0 {
		at := random.Intn(len(waiting))
		i := waiting[at]
		turns[i] <- struct{}{}
		if !waits(i) {
			waiting = append(waiting[:at], waiting[at+1:]...)
		}
	}
	return errs
}
