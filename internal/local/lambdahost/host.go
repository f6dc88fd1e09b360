// Package lambdahost runs functions the way Lambda does: the real binary of each
// under the Lambda Runtime API, with Lambda's asynchronous retries and its
// record of what could not be handled.
package lambdahost

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// maxAsync is Lambda's limit for the payload of an asynchronous invocation.
const maxAsync = 1 << 20

// Defaults of Options. Lambda itself waits one minute before the first retry
// and two before the second, which is too long for someone who looks on.
const (
	DefaultProcesses  = 2
	DefaultRetries    = 2
	DefaultRetryDelay = time.Second
	DefaultMaxAge     = 6 * time.Hour
	DefaultTimeout    = 30 * time.Second
)

// Function is a function to run.
type Function struct {
	Name string
	ARN  string
	// Path is the binary to start.
	Path string
	// Environment holds NAME=value pairs. A function sees them and what the
	// Lambda runtime sets, but nothing of this process's own environment.
	Environment []string
	// Timeout is how long one invocation may take; zero means DefaultTimeout.
	Timeout time.Duration
}

// Options says what to run, and how.
type Options struct {
	Functions []Function
	// Processes is how many processes each function has, and so how many
	// invocations of it run at once; zero means DefaultProcesses.
	Processes int
	// Retries is how often a failed asynchronous invocation is tried again;
	// negative means never, zero means DefaultRetries.
	Retries int
	// RetryDelay is the wait before the first retry; it is doubled before the
	// second. Zero means DefaultRetryDelay.
	RetryDelay time.Duration
	// MaxAge is how old an asynchronous event may be at a retry; zero means DefaultMaxAge.
	MaxAge time.Duration
	// OnFailure takes the record of an asynchronous invocation that was given up.
	OnFailure func(Record)
	// LogDir is the folder for one log file per function.
	LogDir string
	// Echo, when it is not nil, gets every log line too, the function's name before it.
	Echo io.Writer
}

func (o Options) withDefaults() Options {
	if o.Processes <= 0 {
		o.Processes = DefaultProcesses
	}
	switch {
	case o.Retries < 0:
		o.Retries = 0
	case o.Retries == 0:
		o.Retries = DefaultRetries
	}
	if o.RetryDelay <= 0 {
		o.RetryDelay = DefaultRetryDelay
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.OnFailure == nil {
		o.OnFailure = func(Record) {}
	}
	return o
}

// Host runs functions until it is closed. Its methods may be called from any
// goroutine.
type Host struct {
	options   Options
	functions map[string]*function
	pending   tally
	workers   sync.WaitGroup
	closing   chan struct{}
	closeOnce sync.Once
}

// function is a function with its queue of work.
type function struct {
	Function
	log   *logbook
	queue *queue
	// invocations and errors count attempts.
	counts struct {
		sync.Mutex
		invocations, errors int
	}
}

// Start starts every process of every function and returns when each has asked
// for its first event, so that a function that cannot initialise is known at
// once: the error then holds the end of its log.
func Start(ctx context.Context, o Options) (*Host, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.LogDir, 0o755); err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "log folder "+o.LogDir, "cannot be made", "choose another data folder")
	}
	h := &Host{options: o, functions: map[string]*function{}, closing: make(chan struct{})}
	if err := h.prepare(); err != nil {
		h.Close()
		return nil, err
	}
	if err := h.startWorkers(ctx); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// prepare opens the logs.
func (h *Host) prepare() error {
	var echo io.Writer
	if h.options.Echo != nil {
		echo = &sharedWriter{to: h.options.Echo}
	}
	for _, f := range h.options.Functions {
		if f.Timeout <= 0 {
			f.Timeout = DefaultTimeout
		}
		path, err := filepath.Abs(f.Path) // a process starts in the folder of its binary
		if err != nil {
			return apperr.Wrap(err, apperr.Internal, "function "+f.Name, "its path cannot be made absolute", "")
		}
		f.Path = path
		log, err := newLogbook(h.options.LogDir, f.Name, echo)
		if err != nil {
			return err
		}
		h.functions[f.Name] = &function{Function: f, log: log, queue: newQueue()}
	}
	return nil
}

// startWorkers returns when every process has asked for work or one has failed to.
func (h *Host) startWorkers(ctx context.Context) error {
	ready := make(chan error)
	for _, f := range h.functions {
		for range h.options.Processes {
			w := &worker{host: h, function: f}
			h.workers.Add(1)
			go func() {
				defer h.workers.Done()
				w.run(ready)
			}()
		}
	}
	for range len(h.functions) * h.options.Processes {
		select {
		case err := <-ready:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Invoke invokes a function synchronously with the payload as it is, JSON or
// not, and gives its reply. An invocation that failed gives a *FunctionError
// and is not tried again.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	f, err := h.find(name)
	if err != nil {
		return nil, err
	}
	done := make(chan outcome, 1)
	h.pending.add(1)
	if !f.queue.push(&job{id: awsprotocol.NewID(), payload: payload, done: func(o outcome) {
		done <- o
		h.pending.add(-1)
	}}) {
		h.pending.add(-1)
		return nil, errClosed
	}
	select {
	case o := <-done:
		return o.reply, o.err()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-h.closing:
		return nil, errClosed
	}
}

// Enqueue invokes a function asynchronously, as an event source does: the event
// is queued, failed invocations are tried again, and what fails for good goes to
// Options.OnFailure. An error means that the event was not taken: NotFound for
// a function that is not there, Invalid for a payload that Lambda refuses.
func (h *Host) Enqueue(name string, payload []byte) error {
	f, err := h.find(name)
	if err != nil {
		return err
	}
	if len(payload) > maxAsync {
		return apperr.New(apperr.Invalid, "payload", fmt.Sprintf("has %d bytes; an asynchronous invocation takes %d", len(payload), maxAsync), "")
	}
	if !json.Valid(payload) {
		return apperr.New(apperr.Invalid, "payload", "is not JSON", "")
	}
	h.pending.add(1)
	if !h.submit(f, &event{id: awsprotocol.NewID(), payload: payload, queuedAt: time.Now()}) {
		h.pending.add(-1)
		return errClosed
	}
	return nil
}

var errClosed = apperr.New(apperr.Unavailable, "function host", "is closed", "")

func (h *Host) find(name string) (*function, error) {
	f, ok := h.functions[name]
	if !ok {
		return nil, apperr.New(apperr.NotFound, "function "+name, "it is not there; its binary was not found when the stack started", "build the functions and start again")
	}
	return f, nil
}

// Drain waits until nothing is queued, running or waiting for its retry.
func (h *Host) Drain(ctx context.Context) error {
	select {
	case <-h.pending.zero():
		return nil
	case <-ctx.Done():
		return apperr.Wrap(ctx.Err(), apperr.Unavailable, "function host", fmt.Sprintf("%d invocations are not done", h.Pending()), "")
	}
}

// Pending gives how many invocations are queued, running or waiting for a retry.
func (h *Host) Pending() int { return h.pending.value() }

// Counts is what one function has done so far.
type Counts struct {
	// Invocations counts attempts; Errors those that failed.
	Invocations int `json:"invocations"`
	Errors      int `json:"errors"`
	// LogFile holds what the function wrote.
	LogFile string `json:"logFile"`
}

// Counts gives the counts of every function.
func (h *Host) Counts() map[string]Counts {
	all := make(map[string]Counts, len(h.functions))
	for name, f := range h.functions {
		f.counts.Lock()
		all[name] = Counts{Invocations: f.counts.invocations, Errors: f.counts.errors, LogFile: f.log.path}
		f.counts.Unlock()
	}
	return all
}

// LogTail gives the last lines that a function wrote; empty for an unknown one.
func (h *Host) LogTail(name string) string {
	if f, ok := h.functions[name]; ok {
		return f.log.tail()
	}
	return ""
}

func (h *Host) closed() bool {
	select {
	case <-h.closing:
		return true
	default:
		return false
	}
}

// Close kills all processes. What is queued or running is given up without a
// record; Drain first to keep it.
func (h *Host) Close() {
	h.closeOnce.Do(func() {
		close(h.closing)
		for _, f := range h.functions {
			f.queue.close()
		}
		h.workers.Wait()
		for _, f := range h.functions {
			f.log.close()
		}
	})
}
