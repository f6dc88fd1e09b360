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

// Fault is a kind of fault.
type Fault int

const (
	// Before kills the process before the call: the call has no effect.
	Before Fault = iota
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

func (f Fault) String() string {
	return [...]string{"killed before", "killed after", "throttled at", "answered 500 at", "repeated at"}[f]
}

// ErrKilled is the error of every call of a killed process.
var ErrKilled = errors.New("killed")

// Injector connects one process with AWS. Its methods may be called from any goroutine.
type Injector struct {
	// Intercept, if set, is called before each call with its name. An error is the result of
	// the call, which then has no effect.
	Intercept func(name string) error

	mu    sync.Mutex
	calls []string
	at    int // the call with the fault, from 1; 0 for none
	// atName is the name of the call with the fault, instead of at; empty where at counts.
	atName string
	fault  Fault
	dead   bool
	// refused are the errors of every call of a name.
	refused map[string]error
	turn    func() // waits for the process's turn; nil where all may run at once
}

// InjectAt injects a fault into the n-th call from now; 1 is the next one.
func (i *Injector) InjectAt(n int, fault Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at, i.atName, i.fault = len(i.calls)+n, "", fault
}

// InjectAtCall injects a fault into the next call of a name, such as "Publish".
func (i *Injector) InjectAtCall(name string, fault Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at, i.atName, i.fault = 0, name, fault
}

// Refuse makes every call of a name fail with an AWS error from now on, without effect.
func (i *Injector) Refuse(name string, status int, code string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refused == nil {
		i.refused = map[string]error{}
	}
	i.refused[name] = refused(status, &smithy.GenericAPIError{Code: code, Message: injected})
}

// Allow ends all refusals.
func (i *Injector) Allow() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused = nil
}

// Revive starts the process again after it was killed.
func (i *Injector) Revive() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.dead = false
}

// Calls returns the names of all calls so far, with those that had a fault.
func (i *Injector) Calls() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.calls...)
}

// Do makes a call, or injects its fault. refusal returns the service's own error for
// Throttled and Failed.
func (i *Injector) Do(name string, refusal func(Fault) error, call func() error) error {
	if i.turn != nil {
		i.turn()
	}
	if i.Intercept != nil {
		if err := i.Intercept(name); err != nil {
			return err
		}
	}
	i.mu.Lock()
	if i.dead {
		i.mu.Unlock()
		return ErrKilled
	}
	i.calls = append(i.calls, name)
	disturbed, fault, err := len(i.calls) == i.at || name == i.atName, i.fault, i.refused[name]
	if disturbed {
		i.atName = ""
	}
	i.dead = disturbed && (fault == Before || fault == After)
	i.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !disturbed:
		return call()
	case fault == Before:
		return ErrKilled
	case fault == After:
		return errors.Join(ErrKilled, call())
	case fault == Twice:
		_ = call() // its answer is lost
		return call()
	}
	return refusal(fault)
}

// connect makes the calls of a DynamoDB client go through the injector.
func (i *Injector) connect(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("faultinject", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		err = i.Do(awsmiddleware.GetOperationName(ctx), tableRefusal, func() (err error) {
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

func tableRefusal(fault Fault) error {
	message := injected
	if fault == Throttled {
		return refused(http.StatusBadRequest, &types.ProvisionedThroughputExceededException{Message: &message})
	}
	return refused(http.StatusInternalServerError,
		&smithy.GenericAPIError{Code: "InternalServerError", Message: message, Fault: smithy.FaultServer})
}

func topicRefusal(fault Fault) error {
	message := injected
	if fault == Throttled {
		return refused(http.StatusTooManyRequests, &snstypes.ThrottledException{Message: &message})
	}
	return refused(http.StatusInternalServerError, &snstypes.InternalErrorException{Message: &message})
}
