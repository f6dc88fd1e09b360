package lambdahost

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/childprocess"
)

// process is one running copy of a function together with the Runtime API that
// it alone talks to: a copy that was killed cannot take work from its successor.
type process struct {
	child   *childprocess.Process
	runtime *runtimeAPI
	server  *http.Server
	out     *lineWriter
}

// errGone tells that a process had ended before it took an invocation.
var errGone = errors.New("the process has ended")

func startProcess(f *function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "function "+f.Name, "its Runtime API cannot listen", "")
	}
	p := &process{runtime: newRuntimeAPI(f.ARN), out: f.log.writer()}
	p.server = &http.Server{Handler: p.runtime, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }() // ends when the server is closed

	cmd := exec.Command(f.Path)
	cmd.Dir = filepath.Dir(f.Path)
	cmd.Env = append(lambdaEnvironment(f, listener.Addr().String()), f.Environment...)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if p.child, err = childprocess.Start(cmd); err != nil {
		p.server.Close()
		return nil, apperr.Wrap(err, apperr.Internal, "function "+f.Name, f.Path+" cannot be started", "build it for this machine")
	}
	return p, nil
}

// lambdaEnvironment holds what Lambda sets for every function. Credentials and
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

// awaitReady waits until the process asks for its first event.
func (p *process) awaitReady(f *function, closing <-chan struct{}) error {
	limit := time.NewTimer(initLimit)
	defer limit.Stop()
	select {
	case <-p.runtime.polled:
		return nil
	case <-closing:
		return errClosed
	case <-limit.C:
		return p.initFailed(f, fmt.Errorf("it did not ask for an event within %s", initLimit))
	case <-p.child.Done():
		return p.initFailed(f, p.child.Err())
	}
}

// initLimit is what Lambda gives a function to initialise.
const initLimit = 10 * time.Second

func (p *process) initFailed(f *function, cause error) error {
	if told := p.runtime.initError(); told != nil {
		cause = told
	}
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	what := "ended before it asked for an event"
	if tail := f.log.tail(); tail != "" {
		what += "; the end of its log:\n" + tail
	}
	return apperr.Wrap(cause, apperr.Internal, "function "+f.Name, what, "see "+f.log.path)
}

// invoke gives the process one invocation. The error is errGone when the
// process ended before it took it, or errClosed.
func (p *process) invoke(j *job, timeout time.Duration, closing <-chan struct{}) (outcome, error) {
	inv := &invocation{id: j.id, payload: j.payload, timeout: timeout, result: make(chan outcome, 1)}
	select {
	case p.runtime.invocations <- inv:
	case <-p.child.Done():
		return outcome{}, errGone
	case <-closing:
		return outcome{}, errClosed
	}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case o := <-inv.result:
		return o, nil
	case <-p.child.Done():
		select {
		case o := <-inv.result: // it answered and then ended
			return o, nil
		default:
			return outcome{failure: crashed(j.id, p.child.Err())}, nil
		}
	case <-limit.C:
		p.child.Kill()
		return outcome{failure: timedOut(j.id, timeout)}, nil
	case <-closing:
		return outcome{}, errClosed
	}
}

// ended tells whether the process is gone.
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
