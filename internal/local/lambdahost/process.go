package lambdahost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/childprocess"
)

// function is a function with its processes.
type function struct {
	Function
	log *logbook
	// idle has the processes that wait for an invocation; nil stands for one that could
	// not be started.
	idle                chan *process
	invocations, errors atomic.Int64 // attempts, and those that failed
}

// invoke waits for an idle process and runs one attempt. A process that ended by itself
// between two invocations is replaced, which does not count as an attempt. The error is a
// *FunctionError, or errClosed.
func (f *function) invoke(closing context.Context, id string, payload []byte) (reply []byte, err error) {
	var p *process
	select {
	case p = <-f.idle:
	case <-closing.Done():
		return nil, errClosed
	}
	defer func() {
		f.invocations.Add(1)
		if err != nil {
			f.errors.Add(1)
		}
		f.idle <- p
	}()
	for {
		if p != nil && p.ended() {
			p.close()
			p = nil
		}
		if p == nil {
			if p, err = startProcess(closing, f); err != nil {
				return nil, failure("Runtime.InitError", "%v", err)
			}
		}
		if reply, err = p.invoke(closing, id, payload); !errors.Is(err, errGone) {
			return reply, err
		}
	}
}

// process is one running copy of a function together with a Runtime API of its own, so
// that a copy that was killed cannot receive an invocation of its successor.
type process struct {
	function *function
	child    *childprocess.Process
	runtime  *runtimeAPI
	server   *http.Server
	out      *lineWriter
}

// errGone means that a process had ended before it received an invocation.
var errGone = errors.New("the process has ended")

// startProcess starts a process and waits until it has asked for an event.
func startProcess(ctx context.Context, f *function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "function "+f.Name, "its Runtime API cannot listen", "")
	}
	p := &process{function: f, runtime: newRuntimeAPI(f), out: &lineWriter{log: f.log}}
	p.server = &http.Server{Handler: p.runtime.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }() // ends when the server is closed

	cmd := exec.Command(f.Path)
	cmd.Dir = filepath.Dir(f.Path)
	cmd.Env = append(lambdaEnvironment(f, listener.Addr().String()), f.Environment...)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if p.child, err = childprocess.Start(cmd); err != nil {
		p.server.Close()
		return nil, apperr.Wrap(err, apperr.Internal, "function "+f.Name, f.Path+" cannot be started",
			"build it for this machine")
	}
	if err := p.awaitReady(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// lambdaEnvironment returns what Lambda sets for every function. Credentials and
// configuration of the person at the keyboard do not reach the function.
func lambdaEnvironment(f *function, api string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"TZ=:UTC",
		"LANG=en_US.UTF-8",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(f.Path),
		"_HANDLER=" + filepath.Base(f.Path),
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// initLimit is how long Lambda lets a function initialise.
const initLimit = 10 * time.Second

// awaitReady waits until the process asks for its first event.
func (p *process) awaitReady(ctx context.Context) error {
	select {
	case <-p.runtime.polled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(initLimit):
		return p.initFailed(fmt.Errorf("it did not ask for an event within %s", initLimit))
	case <-p.child.Done():
		return p.initFailed(cmp.Or(p.runtime.initError(), p.exit()))
	}
}

func (p *process) initFailed(cause error) error {
	what := "ended before it asked for an event"
	if tail := p.function.log.tail(); tail != "" {
		what += "; the end of its log:\n" + tail
	}
	return apperr.Wrap(cause, apperr.Internal, "function "+p.function.Name, what, "see "+p.function.log.path)
}

// invoke passes the process one invocation and waits for its end. The error is a
// *FunctionError, errGone when the process ended before it received it, or errClosed.
func (p *process) invoke(closing context.Context, id string, payload []byte) ([]byte, error) {
	inv := &invocation{id, payload, make(chan outcome, 1)}
	select {
	case p.runtime.invocations <- inv:
	case <-p.child.Done():
		return nil, errGone
	case <-closing.Done():
		return nil, errClosed
	}
	select {
	case o := <-inv.result:
		return o.reply, o.err
	case <-p.child.Done():
		select {
		case o := <-inv.result: // it answered and then ended
			return o.reply, o.err
		default:
			return nil, failure("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: %v", id, p.exit())
		}
	case <-time.After(p.function.Timeout):
		p.child.Kill()
		return nil, failure("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", id,
			p.function.Timeout.Seconds())
	case <-closing.Done():
		return nil, errClosed
	}
}

// exit returns how the process ended.
func (p *process) exit() error { return cmp.Or(p.child.Err(), errors.New("exit status 0")) }

func (p *process) ended() bool {
	select {
	case <-p.child.Done():
		return true
	default:
		return false
	}
}

// close kills the process and ends its Runtime API.
func (p *process) close() {
	p.child.Kill()
	p.server.Close()
	p.out.flush()
}
