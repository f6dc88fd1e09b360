package lambdahost

import (
	"crypto/rand"
	"encoding/hex"
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
	mux *http.ServeMux
	arn string
	// invocations hands work to the request for the next event that is open.
	invocations chan *invocation
	// polled is closed when the process asks for its first event.
	polled     chan struct{}
	polledOnce sync.Once

	mu      sync.Mutex
	current *invocation
	initErr *FunctionError
}

// invocation is a job on its way through a process.
type invocation struct {
	id      string
	payload []byte
	timeout time.Duration
	result  chan outcome // takes one
}

func newRuntimeAPI(arn string) *runtimeAPI {
	a := &runtimeAPI{
		mux: http.NewServeMux(), arn: arn,
		invocations: make(chan *invocation), polled: make(chan struct{}),
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
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(inv.timeout).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", a.arn)
	header.Set("Lambda-Runtime-Trace-Id", traceID())
	header.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	_, _ = w.Write(inv.payload) // a process that is gone is noticed by its end
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte, err error) outcome {
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			return outcome{failure: failure("Function.ResponseSizeTooLarge", fmt.Sprintf("the reply has more than %d bytes", maxReply))}
		case err != nil:
			return outcome{failure: failure("Runtime.TruncatedResponse", err.Error())}
		}
		return outcome{reply: body}
	})
}

func (a *runtimeAPI) failed(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte, err error) outcome {
		if err != nil {
			return outcome{failure: failure("Runtime.TruncatedResponse", err.Error())}
		}
		return outcome{failure: reported(body)}
	})
}

// finish ends the current invocation with what the process posted.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request, judge func([]byte, error) outcome) {
	a.mu.Lock()
	inv := a.current
	if inv != nil && inv.id == r.PathValue("id") {
		a.current = nil
	} else {
		inv = nil
	}
	a.mu.Unlock()
	if inv == nil {
		awsprotocol.WriteJSON(w, http.StatusBadRequest, errorBody{"InvalidRequestID", "no invocation under way has this request id"})
		return
	}
	o := judge(io.ReadAll(http.MaxBytesReader(w, r.Body, maxReply)))
	if o.failure != nil && o.failure.Type == "Function.ResponseSizeTooLarge" {
		awsprotocol.WriteJSON(w, http.StatusRequestEntityTooLarge, errorBody{"RequestEntityTooLarge", o.failure.Message})
	} else {
		awsprotocol.WriteJSON(w, http.StatusAccepted, status{"OK"})
	}
	inv.result <- o
}

type status struct {
	Status string `json:"status"`
}

func (a *runtimeAPI) initFailed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReply))
	told := reported(body)
	if err != nil {
		told = failure("Runtime.TruncatedResponse", err.Error())
	}
	a.mu.Lock()
	a.initErr = told
	a.mu.Unlock()
	awsprotocol.WriteJSON(w, http.StatusAccepted, status{"OK"})
}

// initError gives what the process told about its failed start, nil if nothing.
func (a *runtimeAPI) initError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.initErr == nil {
		return nil
	}
	return a.initErr
}

// traceID makes an X-Ray trace id of a request that is not sampled.
func traceID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(b[:]))
}
