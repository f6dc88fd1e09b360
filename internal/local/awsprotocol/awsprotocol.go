// Package awsprotocol implements the protocols of AWS clients, and what SQS and SNS have in
// common.
package awsprotocol

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
)

// MaxBody is the largest request that is read, in bytes. It is above the limit of every
// service, so that the service refuses a request with its own error.
const MaxBody = 16 << 20

// Error is what a service answers when it refuses a request. Any other error that an
// operation returns is answered as an InternalFailure.
type Error struct {
	// Code is the name of the error in the service's model.
	Code string
	// Legacy is the code in the query protocol, where it is another one.
	Legacy string
	// Message is for people.
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError returns the service error in err's chain and the HTTP status to send.
func asError(err error) (*Error, int) {
	var e *Error
	if errors.As(err, &e) {
		return e, cmp.Or(e.Status, http.StatusBadRequest)
	}
	return &Error{Code: "InternalFailure", Message: err.Error()}, http.StatusInternalServerError
}

// NewID returns a random UUID, as the services use them for requests and messages.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return UUID(b)
}

// UUID returns the UUID of version 4 that has these random bytes.
func UUID(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func tooLarge(err error) *Error {
	return Errorf("RequestEntityTooLarge", "the request could not be read: %v", err)
}
