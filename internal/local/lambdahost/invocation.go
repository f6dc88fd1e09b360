package lambdahost

import (
	"encoding/json"
	"fmt"
)

// invocation is one attempt at an invocation.
type invocation struct {
	id      string
	payload []byte
	// result receives how the process answered, if it did.
	result chan outcome
}

// outcome is how an attempt ended: with a reply or with an error.
type outcome struct {
	reply []byte
	err   error
}

// FunctionError is an invocation that failed: the function returned an error, or its
// process ended, or it took too long.
type FunctionError struct {
	// Type is the error's type as Lambda names it, such as Sandbox.Timedout.
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	// Payload is the error as JSON, with whatever else the function reported.
	Payload json.RawMessage `json:"-"`
}

func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// reported returns the error in the body that a function posted; a body that is not such
// an error is the message.
func reported(body []byte) *FunctionError {
	e := &FunctionError{Payload: body}
	if json.Unmarshal(body, e) != nil {
		return &FunctionError{Message: string(body), Payload: mustEncode(string(body))}
	}
	return e
}

func failure(errorType, format string, args ...any) *FunctionError {
	e := &FunctionError{Type: errorType, Message: fmt.Sprintf(format, args...)}
	e.Payload = mustEncode(e)
	return e
}

func mustEncode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("an error of a function has no JSON form: " + err.Error()) // strings always have
	}
	return text
}
