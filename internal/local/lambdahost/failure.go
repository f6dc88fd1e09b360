package lambdahost

import (
	"encoding/json"
	"fmt"
	"time"
)

// FunctionError is an invocation that failed: the function returned an error,
// or its process ended, or it took too long.
type FunctionError struct {
	// Type is the error's type as Lambda names it, such as Sandbox.Timedout.
	Type    string
	Message string
	// Payload is the error as JSON, with whatever else the function told.
	Payload json.RawMessage
}

func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// outcome is how one attempt ended: with a reply or with a failure.
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

// errorBody is the part of a function's error that Lambda defines.
type errorBody struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// reported makes a FunctionError of the body that a function posted.
func reported(body []byte) *FunctionError {
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		text, err := json.Marshal(string(body))
		if err != nil {
			text = []byte("null")
		}
		return &FunctionError{Message: string(body), Payload: text}
	}
	return &FunctionError{Type: b.Type, Message: b.Message, Payload: body}
}

func failure(errorType, message string) *FunctionError {
	body, err := json.Marshal(errorBody{errorType, message})
	if err != nil {
		body = []byte("{}")
	}
	return &FunctionError{Type: errorType, Message: message, Payload: body}
}

func crashed(requestID string, cause error) *FunctionError {
	how := "exit status 0"
	if cause != nil {
		how = cause.Error()
	}
	return failure("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", requestID, how))
}

func timedOut(requestID string, after time.Duration) *FunctionError {
	return failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, after.Seconds()))
}
