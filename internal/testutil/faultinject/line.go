// Package faultinject is support for tests: it makes the AWS calls of a process fail
// where a test wants it, kills the process there, or lets several processes
// take turns; and it holds what is left against a run that nothing disturbed.
package faultinject

import (
	"errors"
	"net/http"
	"sync"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// How says what becomes of a call.
type How int

const (
	// Before kills the process before the call: it has no effect.
	Before How = iota
	// After kills the process when the call has taken effect, and its answer
	// is not seen.
	After
	// Throttled is the service's refusal, after the client's own retries.
	Throttled
	// Failed is the service's answer 500, after the client's own retries.
	Failed
	// Twice is an answer that got lost, so that the client sent the call again:
	// it takes effect, and is answered like a second one.
	Twice
)

func (h How) String() string {
	return [...]string{"killed before", "killed after", "throttled at", "answered 500 at", "repeated at"}[h]
}

// ErrKilled is what every call of a killed process gives.
var ErrKilled = errors.New("killed")

// Line is what connects one process with AWS. Its methods may be called from
// any goroutine.
type Line struct {
	mu    sync.Mutex
	calls []string
	at    int // the call to disturb, from 1; none when zero
	// atName is the name of the call to disturb, instead of at; empty where at counts.
	atName string
	how    How
	dead   bool
	// refused are the errors of every call of a name.
	refused map[string]error
	turn    func() // waits for the process's turn; nil where all may run at once
}

// Disturb makes something of the n-th call from now; 1 is the next one.
func (l *Line) Disturb(n int, how How) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.atName, l.how = len(l.calls)+n, "", how
}

// DisturbCall makes something of the next call of a name, such as "Publish".
func (l *Line) DisturbCall(name string, how How) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.atName, l.how = 0, name, how
}

// Refuse makes every call of a name fail with an AWS error from now on, and
// have no effect.
func (l *Line) Refuse(name string, status int, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == nil {
		l.refused = map[string]error{}
	}
	l.refused[name] = refused(status, &smithy.GenericAPIError{Code: code, Message: "it is what the test wants"})
}

// Allow takes all back that Refuse did.
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

// Calls returns the names of the calls that were made, those disturbed included.
func (l *Line) Calls() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.calls...)
}

// Do makes a call, or what is to become of it. refusal makes the service's own
// error of Throttled and Failed.
func (l *Line) Do(name string, refusal func(How) error, call func() error) error {
	if l.turn != nil {
		l.turn()
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
		if err := call(); err != nil {
			return errors.Join(ErrKilled, err)
		}
		return ErrKilled
	case how == Twice:
		_ = call() // whatever it answers is what got lost
		return call()
	}
	return refusal(how)
}

// refused returns an error as an AWS client does.
func refused(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}, RequestID: "outage"}
}

func tableRefusal(how How) error {
	message := "it is what the test wants"
	if how == Throttled {
		return refused(http.StatusBadRequest, &types.ProvisionedThroughputExceededException{Message: &message})
	}
	return refused(http.StatusInternalServerError, &smithy.GenericAPIError{Code: "InternalServerError", Message: message, Fault: smithy.FaultServer})
}

func topicRefusal(how How) error {
	message := "it is what the test wants"
	if how == Throttled {
		return refused(http.StatusTooManyRequests, &snstypes.ThrottledException{Message: &message})
	}
	return refused(http.StatusInternalServerError, &snstypes.InternalErrorException{Message: &message})
}
