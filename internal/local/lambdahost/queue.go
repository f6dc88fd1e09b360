package lambdahost

import "sync"

// job is one attempt at an invocation. done is called once, by the worker.
type job struct {
	id      string
	payload []byte
	done    func(outcome)
}

// queue is an unbounded first-in, first-out queue of jobs.
type queue struct {
	mu     sync.Mutex
	jobs   []*job
	closed bool
	// filled is signalled when a job is there or the queue is closed.
	filled sync.Cond
}

func newQueue() *queue {
	q := &queue{}
	q.filled.L = &q.mu
	return q
}

// push says whether the job was taken: a closed queue takes none.
func (q *queue) push(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.jobs = append(q.jobs, j)
	q.filled.Signal()
	return true
}

// pop waits for a job; it gives nil when the queue is closed.
func (q *queue) pop() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return nil
	}
	j := q.jobs[0]
	q.jobs[0] = nil
	q.jobs = q.jobs[1:]
	return j
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}

// tally counts what is under way and tells when nothing is.
type tally struct {
	mu      sync.Mutex
	n       int
	waiting []chan struct{}
}

func (t *tally) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n += n; t.n > 0 {
		return
	}
	for _, c := range t.waiting {
		close(c)
	}
	t.waiting = nil
}

func (t *tally) value() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// zero gives a channel that closes when the count is zero, now or later.
func (t *tally) zero() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := make(chan struct{})
	if t.n == 0 {
		close(c)
	} else {
		t.waiting = append(t.waiting, c)
	}
	return c
}
