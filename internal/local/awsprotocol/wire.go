// Package awsprotocol speaks the protocols in which AWS clients ask: JSON with an
// operation in the X-Amz-Target header, and forms answered in XML.
package awsprotocol

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// MaxBody is the largest request that is read, in bytes. It lies above every
// limit that a service sets for itself, so that the service can name its own.
const MaxBody = 16 << 20

// Error is what a service answers when it refuses. Any other error that an
// operation returns is answered as an InternalFailure.
type Error struct {
	// Code is the name of the error in the service's model.
	Code string
	// Legacy is the code under which clients of an older protocol know the
	// error, where the service has such a code.
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

// asError gives the service error in err's chain and the HTTP status to send.
func asError(err error) (*Error, int) {
	var e *Error
	if errors.As(err, &e) {
		return e, cmp.Or(e.Status, http.StatusBadRequest)
	}
	return &Error{Code: "InternalFailure", Message: err.Error()}, http.StatusInternalServerError
}

// NewID gives a random id in the form of a UUID, as the services give them.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return nil, Errorf("RequestEntityTooLarge", "the request could not be read: %v", err)
	}
	return body, nil
}

func unknown(operation string, known []string) *Error {
	slices.Sort(known)
	return Errorf("UnknownOperationException", "%s is not among the operations that the local stack answers: %s",
		operation, strings.Join(known, ", "))
}
