package faultinject

import "math/rand"

// Work is what one of several processes does.
type Work struct {
	Injector *Injector
	Do       func() error
}

// RunInterleaved runs all works at once, but only one makes a call at a time; the seed decides
// which one. It returns the error of each work.
func RunInterleaved(seed int64, works ...Work) []error {
	random := rand.New(rand.NewSource(seed))
	errs := make([]error, len(works))
	asks := make([]chan struct{}, len(works))
	turns := make([]chan struct{}, len(works))
	ends := make([]chan error, len(works))
	for i, w := range works {
		asks[i], turns[i], ends[i] = make(chan struct{}), make(chan struct{}), make(chan error)
		w.Injector.turn = func() {
			asks[i] <- struct{}{}
			<-turns[i]
		}
		go func() { ends[i] <- w.Do() }()
	}
	// Every running work either asks for its next call or ends before one of those that ask
	// is chosen.
	waits := func(i int) bool {
		select {
		case <-asks[i]:
			return true
		case errs[i] = <-ends[i]:
			works[i].Injector.turn = nil
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
