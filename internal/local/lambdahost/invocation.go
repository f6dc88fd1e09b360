package lambdahost

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// invocation is one attempt at an invocation.
type invocation struct {
	id      string
	payload []byte
	// result receives how the process answered, if it did.
	result chan outcome
	// done is called once, when the attempt has ended.
	done func(outcome)
}

func newInvocation(id string, payload []byte, done func(outcome)) *invocation {
	return &invocation{id, payload, make(chan outcome, 1), done}
}

// outcome is how an attempt ended: with a reply or with a failure.
type outcome struct {
	reply   []byte
	failure *FunctionError
}

func (o outcome) err() error {
	if o.failure == nil {
		return nil
	}
	return o.failure
}

// FunctionError is an invocation that failed: the function returned an error, or its
// process ended, or it took too long.
type FunctionError struct {
	// Type is the error's type as Lambda names it, such as Sandbox.Timedout.
	Type    string
	Message string
	// Payload is the error as JSON, with whatever else the function reported.
	Payload json.RawMessage
}

func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// errorBody is the part of a function's error that Lambda defines.
type errorBody struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// reported returns the error in the body that a function posted; a body that is not such
// an error is the message.
func reported(body []byte) *FunctionError {
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		return &FunctionError{Message: string(body), Payload: mustEncode(string(body))}
	}
	return &FunctionError{Type: b.Type, Message: b.Message, Payload: body}
}

func failure(errorType, format string, args ...any) outcome {
	body := errorBody{errorType, fmt.Sprintf(format, args...)}
	return outcome{failure: &FunctionError{Type: body.Type, Message: body.Message, Payload: mustEncode(body)}}
}

func mustEncode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("an error of a function has no JSON form: " + err.Error()) // strings always have
	}
	return text
}

func crashed(requestID string, cause error) outcome {
	how := "exit status 0"
	if cause != nil {
		how = cause.Error()
	}
	return failure("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: %s", requestID, how)
}

func timedOut(requestID string, after time.Duration) outcome {
	return failure("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", requestID,
		after.Seconds())
}

// queue is an unlimited first-in, first-out queue of invocations.
type queue struct {
	mu     sync.Mutex
	all    []*invocation
	closed bool
	// filled is signalled when an invocation is there or the queue is closed.
	filled *sync.Cond
}

func newQueue() *queue {
	q := &queue{}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// push returns false when the queue is closed.
func (q *queue) push(inv *invocation) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.all = append(q.all, inv)
		q.filled.Signal()
	}
	return !q.closed
}

// pop waits for an invocation; it returns nil when the queue is closed.
func (q *queue) pop() *invocation {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.all) == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return nil
	}
	inv := q.all[0]
	q.all = q.all[1:]
	return inv
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
