// Package lambdahost stands in for Lambda: it runs the real binary of each function under
// the Lambda Runtime API, with Lambda's retries of asynchronous invocations and its
// records of those that failed for good.
package lambdahost

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// maxAsync is Lambda's limit for the payload of an asynchronous invocation.
const maxAsync = 1 << 20

// Function is a function to run.
type Function struct {
	Name string
	ARN  string
	// Path is the binary to start.
	Path string
	// Environment holds NAME=value pairs. A function has them and what the Lambda
	// runtime sets, but nothing of this process's own environment.
	Environment []string
	// Timeout is how long one invocation may last; zero means 30 seconds.
	Timeout time.Duration
	// Once is set if a failed asynchronous invocation is neither retried nor recorded.
	Once bool
}

// Options are the functions of a host, and how it runs them.
type Options struct {
	Functions []Function
	// Processes is how many processes each function has, and so how many
	// invocations of it run at once; zero means 2.
	Processes int
	// Retries is how often a failed asynchronous invocation is tried again; zero means
	// 2, as in Lambda, and a negative number means never.
	Retries int
	// RetryDelay is the wait before the first retry; it is doubled before the second.
	// Zero means a second. Lambda waits a minute.
	RetryDelay time.Duration
	// MaxAge is how old an asynchronous event may be at a retry; zero means 6 hours.
	MaxAge time.Duration
	// OnFailure receives the record of an asynchronous invocation that failed for good.
	OnFailure func(Record)
	// LogDir is the folder for one log file per function.
	LogDir string
	// Echo, when it is not nil, receives every log line as well, after the function's name.
	Echo io.Writer
}

func (o Options) withDefaults() Options {
	o.Processes = cmp.Or(o.Processes, 2)
	o.Retries = max(0, cmp.Or(o.Retries, 2))
	o.RetryDelay = cmp.Or(o.RetryDelay, time.Second)
	o.MaxAge = cmp.Or(o.MaxAge, 6*time.Hour)
	return o
}

// Host runs functions until it is closed. Its methods may be called from any goroutine.
type Host struct {
	options   Options
	functions map[string]*function
	closing   context.Context // ends when Close begins
	close     context.CancelFunc

	mu      sync.Mutex // held by run and Close
	running sync.WaitGroup
	pending atomic.Int64
}

// Start starts every process of every function and returns when each has asked for its
// first event, so that a function that cannot initialise is reported at once: the error
// then contains the end of its log.
func Start(ctx context.Context, o Options) (*Host, error) {
	h := &Host{options: o.withDefaults(), functions: map[string]*function{}}
	h.closing, h.close = context.WithCancel(context.Background())
	err := h.prepare()
	if err == nil {
		err = h.startProcesses(ctx)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// prepare opens the logs.
func (h *Host) prepare() error {
	if err := os.MkdirAll(h.options.LogDir, 0o755); err != nil {
		return apperr.Wrap(err, apperr.Internal, "log folder "+h.options.LogDir, "cannot be made",
			"choose another data folder")
	}
	echo := log.New(cmp.Or[io.Writer](h.options.Echo, io.Discard), "", 0)
	for _, f := range h.options.Functions {
		f.Timeout = cmp.Or(f.Timeout, 30*time.Second)
		path, err := filepath.Abs(f.Path) // a process starts in the folder of its binary
		if err != nil {
			return apperr.Wrap(err, apperr.Internal, "function "+f.Name, "its path cannot be made absolute", "")
		}
		f.Path = path
		book, err := newLogbook(h.options.LogDir, f.Name, echo)
		if err != nil {
			return err
		}
		h.functions[f.Name] = &function{Function: f, log: book, idle: make(chan *process, h.options.Processes)}
	}
	return nil
}

// startProcesses returns when every process has asked for an event or one has failed to.
func (h *Host) startProcesses(ctx context.Context) error {
	group, starting := errgroup.WithContext(ctx)
	for _, f := range h.functions {
		for range h.options.Processes {
			group.Go(func() error {
				p, err := startProcess(starting, f)
				f.idle <- p
				return err
			})
		}
	}
	return group.Wait()
}

// Invoke invokes a function synchronously with the payload as it is, JSON or not, and
// returns its reply. An invocation that failed is not tried again; its error is a
// *FunctionError.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	f, err := h.find(name)
	if err != nil {
		return nil, err
	}
	ended := make(chan outcome, 1)
	if err := h.run(func() {
		reply, err := f.invoke(h.closing, awsprotocol.NewID(), payload)
		ended <- outcome{reply, err}
	}); err != nil {
		return nil, err
	}
	select {
	case o := <-ended:
		return o.reply, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Enqueue invokes a function asynchronously, as an event source does: the event is
// queued, failed invocations are tried again, and the record of one that fails for good
// goes to Options.OnFailure. As in Lambda, events have no order. An error means that the
// event was refused: NotFound for a function that is not there, Invalid for a payload that
// Lambda refuses.
func (h *Host) Enqueue(name string, payload []byte) error {
	f, err := h.find(name)
	if err != nil {
		return err
	}
	if len(payload) > maxAsync {
		return apperr.New(apperr.Invalid, "payload",
			fmt.Sprintf("has %d bytes; an asynchronous invocation may have %d", len(payload), maxAsync), "")
	}
	if !json.Valid(payload) {
		return apperr.New(apperr.Invalid, "payload", "is not JSON", "")
	}
	return h.run(func() { h.deliver(f, payload) })
}

// run starts an invocation, which is pending until it returns. The error is errClosed.
func (h *Host) run(invoke func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing.Err() != nil {
		return errClosed
	}
	h.pending.Add(1)
	h.running.Go(func() {
		defer h.pending.Add(-1)
		invoke()
	})
	return nil
}

var errClosed = apperr.New(apperr.Unavailable, "function host", "is closed", "")

func (h *Host) find(name string) (*function, error) {
	f, ok := h.functions[name]
	if !ok {
		return nil, apperr.New(apperr.NotFound, "function "+name,
			"it is not there; its binary was not found when the stack started", "build the functions and start again")
	}
	return f, nil
}

// Pending returns how many invocations are queued, running or waiting for a retry.
func (h *Host) Pending() int { return int(h.pending.Load()) }

// Retries returns how often a failed asynchronous invocation is tried again, and the
// wait before the first retry.
func (h *Host) Retries() (times int, delay time.Duration) {
	return h.options.Retries, h.options.RetryDelay
}

// Counts is what one function has done so far.
type Counts struct {
	// Invocations counts attempts; Errors those that failed.
	Invocations int `json:"invocations"`
	Errors      int `json:"errors"`
	// LogFile is the file with what the function wrote.
	LogFile string `json:"logFile"`
}

// Counts returns the counts of every function.
func (h *Host) Counts() map[string]Counts {
	all := make(map[string]Counts, len(h.functions))
	for name, f := range h.functions {
		all[name] = Counts{int(f.invocations.Load()), int(f.errors.Load()), f.log.path}
	}
	return all
}

// LogTail returns the last lines that a function wrote; empty for an unknown one.
func (h *Host) LogTail(name string) string {
	if f, ok := h.functions[name]; ok {
		return f.log.tail()
	}
	return ""
}

// Close kills all processes. What is queued or running is given up without a record:
// wait until nothing is pending to complete it.
func (h *Host) Close() {
	h.close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running.Wait()
	for _, f := range h.functions {
		for len(f.idle) > 0 {
			if p := <-f.idle; p != nil {
				p.close()
			}
		}
		f.log.file.Close()
	}
}
