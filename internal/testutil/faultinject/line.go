// Package faultinject is for tests. It makes AWS calls of a process fail where a test wants
// it, kills the process there, or lets several processes run one call at a time; and it
// compares the result with that of a run without faults.
package faultinject

import (
	"context"
	"errors"
	"net/http"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// How is a kind of fault.
type How int

const (
	// Before kills the process before the call: the call has no effect.
	Before How = iota
	// After kills the process when the call has taken effect, before it sees the answer.
	After
	// Throttled is the service's refusal, after the client's own retries.
	Throttled
	// Failed is the service's answer 500, after the client's own retries.
	Failed
	// Twice is a lost answer, so that the client sends the call again: it takes effect, and
	// returns the second answer.
	Twice
)

func (h How) String() string {
	return [...]string{"killed before", "killed after", "throttled at", "answered 500 at", "repeated at"}[h]
}

// ErrKilled is the error of every call of a killed process.
var ErrKilled = errors.New("killed")

// Line connects one process with AWS. Its methods may be called from any goroutine.
type Line struct {
	// Intercept, if set, is called before each call with its name. An error is the result of
	// the call, which then has no effect.
	Intercept func(name string) error

	mu    sync.Mutex
	calls []string
	at    int // the call with the fault, from 1; 0 for none
	// atName is the name of the call with the fault, instead of at; empty where at counts.
	atName string
	how    How
	dead   bool
	// refused are the errors of every call of a name.
	refused map[string]error
	turn    func() // waits for the process's turn; nil where all may run at once
}

// Disturb injects a fault into the n-th call from now; 1 is the next one.
func (l *Line) Disturb(n int, how How) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.atName, l.how = len(l.calls)+n, "", how
}

// DisturbCall injects a fault into the next call of a name, such as "Publish".
func (l *Line) DisturbCall(name string, how How) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.atName, l.how = 0, name, how
}

// Refuse makes every call of a name fail with an AWS error from now on, without effect.
func (l *Line) Refuse(name string, status int, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == nil {
		l.refused = map[string]error{}
	}
	l.refused[name] = refused(status, &smithy.GenericAPIError{Code: code, Message: injected})
}

// Allow ends all refusals.
func (l *Line) Allow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = nil
}

// Revive starts the process again after it was killed.
func (l *Line) Revive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = false
}

// Calls returns the names of all calls so far, with those that had a fault.
func (l *Line) Calls() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.calls...)
}

// Do makes a call, or injects its fault. refusal returns the service's own error for
// Throttled and Failed.
func (l *Line) Do(name string, refusal func(How) error, call func() error) error {
	if l.turn != nil {
		l.turn()
	}
	if l.Intercept != nil {
		if err := l.Intercept(name); err != nil {
			return err
		}
	}
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return ErrKilled
	}
	l.calls = append(l.calls, name)
	disturbed, how, err := len(l.calls) == l.at || name == l.atName, l.how, l.refused[name]
	if disturbed {
		l.atName = ""
	}
	l.dead = disturbed && (how == Before || how == After)
	l.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !disturbed:
		return call()
	case how == Before:
		return ErrKilled
	case how == After:
		return errors.Join(ErrKilled, call())
	case how == Twice:
		_ = call() // its answer is lost
		return call()
	}
	return refusal(how)
}

// connect makes the calls of a DynamoDB client go over the line.
func (l *Line) connect(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("faultinject", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		err = l.Do(awsmiddleware.GetOperationName(ctx), tableRefusal, func() (err error) {
			out, metadata, err = next.HandleInitialize(ctx, in)
			return err
		})
		return out, metadata, err
	}), middleware.After)
}

const injected = "a fault that the test injected"

// refused returns an error as an AWS client does.
func refused(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}, RequestID: "injected"}
}

func tableRefusal(how How) error {
	message := injected
	if how == Throttled {
		return refused(http.StatusBadRequest, &types.ProvisionedThroughputExceededException{Message: &message})
	}
	return refused(http.StatusInternalServerError,
		&smithy.GenericAPIError{Code: "InternalServerError", Message: message, Fault: smithy.FaultServer})
}

func topicRefusal(how How) error {
	message := injected
	if how == Throttled {
		return refused(http.StatusTooManyRequests, &snstypes.ThrottledException{Message: &message})
	}
	return refused(http.StatusInternalServerError, &snstypes.InternalErrorException{Message: &message})
}
