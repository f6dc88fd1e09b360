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
	mux      *http.ServeMux
	function *function
	// invocations hands an invocation to the open request for the next event.
	invocations chan *invocation
	// polled is closed when the process asks for its first event.
	polled     chan struct{}
	polledOnce sync.Once

	mu      sync.Mutex
	current *invocation
	initErr *FunctionError
}

func newRuntimeAPI(f *function) *runtimeAPI {
	a := &runtimeAPI{
		mux: http.NewServeMux(), function: f, invocations: make(chan *invocation), polled: make(chan struct{}),
	}
	const base = "/2018-06-01/runtime/"
	a.mux.HandleFunc("GET "+base+"invocation/next", a.next)
	a.mux.HandleFunc("POST "+base+"invocation/{id}/response", a.response)
	a.mux.HandleFunc("POST "+base+"invocation/{id}/error", a.failed)
	a.mux.HandleFunc("POST "+base+"init/error", a.initFailed)
	return a
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

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

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome { return outcome{reply: body} })
}

func (a *runtimeAPI) failed(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome { return outcome{failure: reported(body)} })
}

// finish ends the current invocation with what the process posted.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request, read func(body []byte) outcome) {
	a.mu.Lock()
	inv := a.current
	if inv == nil || inv.id != r.PathValue("id") {
		a.mu.Unlock()
		awsprotocol.WriteJSON(w, http.StatusBadRequest,
			errorBody{"InvalidRequestID", "no invocation under way has this request id"})
		return
	}
	a.current = nil
	a.mu.Unlock()
	o, long := readOutcome(w, r, read)
	if long {
		awsprotocol.WriteJSON(w, http.StatusRequestEntityTooLarge, errorBody{"RequestEntityTooLarge", o.failure.Message})
	} else {
		writeAccepted(w)
	}
	inv.result <- o
}

// readOutcome reads the body that a process posted; long reports that it is too long.
func readOutcome(w http.ResponseWriter, r *http.Request, read func(body []byte) outcome) (o outcome, long bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReply))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return failure("Function.ResponseSizeTooLarge", "the reply has more than %d bytes", maxReply), true
	case err != nil:
		return failure("Runtime.TruncatedResponse", "%v", err), false
	}
	return read(body), false
}

func writeAccepted(w http.ResponseWriter) {
	awsprotocol.WriteJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func (a *runtimeAPI) initFailed(w http.ResponseWriter, r *http.Request) {
	o, _ := readOutcome(w, r, func(body []byte) outcome { return outcome{failure: reported(body)} })
	a.mu.Lock()
	a.initErr = o.failure
	a.mu.Unlock()
	writeAccepted(w)
}

// initError returns what the process reported about its failed start, nil if nothing.
func (a *runtimeAPI) initError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return outcome{failure: a.initErr}.err()
}

// traceID returns an X-Ray trace id of a request that is not sampled.
func traceID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x;Sampled=0", time.Now().Unix(), b)
}
