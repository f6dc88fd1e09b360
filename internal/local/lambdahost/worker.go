package lambdahost

import "errors"

// worker keeps one process of a function running and feeds it from the queue.
type worker struct {
	host     *Host
	function *function
	process  *process
}

// run starts the process, tells on ready how that went, and works until the
// queue is closed.
func (w *worker) run(ready chan<- error) {
	defer func() {
		if w.process != nil {
			w.process.close()
		}
	}()
	err := w.ensure()
	select {
	case ready <- err:
	case <-w.host.closing:
		return
	}
	if err != nil {
		return
	}
	for j := w.function.queue.pop(); j != nil; j = w.function.queue.pop() {
		o := w.work(j)
		w.function.count(o)
		j.done(o)
	}
}

// work runs one attempt. A process that ended by itself between two invocations
// is replaced; that costs the event no attempt.
func (w *worker) work(j *job) outcome {
	for {
		if err := w.ensure(); err != nil {
			return outcome{failure: failure("Runtime.InitError", err.Error())}
		}
		o, err := w.process.invoke(j, w.function.Timeout, w.host.closing)
		switch {
		case errors.Is(err, errGone):
			continue
		case err != nil:
			return outcome{failure: failure("Runtime.Closed", err.Error())}
		}
		return o
	}
}

// ensure makes sure that there is a process and that it has asked for work.
func (w *worker) ensure() error {
	if w.process != nil && w.process.ended() {
		w.process.close()
		w.process = nil
	}
	if w.process != nil {
		return nil
	}
	p, err := startProcess(w.function)
	if err != nil {
		return err
	}
	if err := p.awaitReady(w.function, w.host.closing); err != nil {
		p.close()
		return err
	}
	w.process = p
	return nil
}

func (f *function) count(o outcome) {
	f.counts.Lock()
	defer f.counts.Unlock()
	f.counts.invocations++
	if o.failure != nil {
		f.counts.errors++
	}
}
