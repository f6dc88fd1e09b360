package lambdahost

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// maxReply is Lambda's limit for a function's reply.
const maxReply = 6 << 20

// runtimeAPI is the Lambda Runtime API of version 2018-06-01 for one process
// (Lambda developer guide, "Using the Lambda runtime API").
type runtimeAPI struct {
	function *function
	// invocations passes an invocation to the open request for the next event.
	invocations chan *invocation
	// polled is closed when the process asks for its first event.
	polled     chan struct{}
	polledOnce sync.Once

	mu      sync.Mutex
	current *invocation
	initErr error // what the process reported about its failed start
}

func newRuntimeAPI(f *function) *runtimeAPI {
	return &runtimeAPI{function: f, invocations: make(chan *invocation), polled: make(chan struct{})}
}

func (a *runtimeAPI) handler() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", a.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		a.finish(w, r, func(body []byte) outcome { return outcome{reply: body} })
	})
	mux.HandleFunc("POST "+base+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		a.finish(w, r, func(body []byte) outcome { return outcome{err: reported(body)} })
	})
	mux.HandleFunc("POST "+base+"init/error", a.initFailed)
	return mux
}

// next keeps the request open until there is an event.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.polledOnce.Do(func() { close(a.polled) })
	var inv *invocation
	select {
	case inv = <-a.invocations:
	case <-r.Context().Done():
		return
	}
	a.mu.Lock()
	a.current = inv
	a.mu.Unlock()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(a.function.Timeout).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", a.function.ARN)
	header.Set("Lambda-Runtime-Trace-Id", traceID())
	header.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	_, _ = w.Write(inv.payload) // the worker notices a process that is gone
}

// finish ends the current invocation with what the process posted.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request, read func(body []byte) outcome) {
	a.mu.Lock()
	inv := a.current
	if inv == nil || inv.id != r.PathValue("id") {
		a.mu.Unlock()
		awsprotocol.WriteJSON(w, http.StatusBadRequest,
			failure("InvalidRequestID", "no invocation under way has this request id"))
		return
	}
	a.current = nil
	a.mu.Unlock()
	inv.result <- readOutcome(w, r, read)
}

// readOutcome reads the body that a process posted, and answers.
func readOutcome(w http.ResponseWriter, r *http.Request, read func(body []byte) outcome) outcome {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReply))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		e := failure("Function.ResponseSizeTooLarge", "the reply has more than %d bytes", maxReply)
		awsprotocol.WriteJSON(w, http.StatusRequestEntityTooLarge, failure("RequestEntityTooLarge", "%s", e.Message))
		return outcome{err: e}
	}
	awsprotocol.WriteJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
	if err != nil {
		return outcome{err: failure("Runtime.TruncatedResponse", "%v", err)}
	}
	return read(body)
}

func (a *runtimeAPI) initFailed(w http.ResponseWriter, r *http.Request) {
	o := readOutcome(w, r, func(body []byte) outcome { return outcome{err: reported(body)} })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.initErr = o.err
}

// initError returns what the process reported about its failed start, nil if nothing.
func (a *runtimeAPI) initError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.initErr
}

// traceID returns an X-Ray trace id of a request that is not sampled.
func traceID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x;Sampled=0", time.Now().Unix(), b)
}
