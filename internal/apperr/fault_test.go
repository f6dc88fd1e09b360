package apperr_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

func TestErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  *apperr.Error
		want string
	}{
		{"all parts", apperr.Wrap(io.EOF, apperr.Unavailable, "table calls", "cannot be read", "try again"),
			"table calls: cannot be read: EOF (try again)"},
		{"no cause", apperr.New(apperr.Invalid, "/time", "is no time", "send RFC 3339"),
			"/time: is no time (send RFC 3339)"},
		{"what only", apperr.New(apperr.Internal, "", "broken", ""), "broken"},
		{"cause only", apperr.Wrap(io.EOF, apperr.Internal, "", "", ""), "EOF"},
		{"where and cause", apperr.Wrap(io.EOF, apperr.Internal, "/", "", ""), "/: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The cause is found through any number of errors around it.
func TestUnwrap(t *testing.T) {
	inner := apperr.Wrap(io.EOF, apperr.Throttled, "table", "busy", "")
	for _, err := range []error{
		inner, fmt.Errorf("while writing: %w", inner), apperr.Wrap(inner, apperr.Unavailable, "", "gave up", ""),
	} {
		if !errors.Is(err, io.EOF) {
			t.Errorf("%v: got no cause, want %v", err, io.EOF)
		}
	}
	if err := apperr.New(apperr.Invalid, "/time", "is no time", ""); errors.Unwrap(err) != nil {
		t.Errorf("got the cause %v, want none", errors.Unwrap(err))
	}
}

func TestClassOf(t *testing.T) {
	inner := apperr.New(apperr.Throttled, "table", "busy", "")
	tests := []struct {
		name string
		err  error
		want apperr.Class
	}{
		{"nil", nil, ""},
		{"foreign", io.EOF, apperr.Internal},
		{"direct", inner, apperr.Throttled},
		{"wrapped", fmt.Errorf("while writing: %w", inner), apperr.Throttled},
		{"outermost wins", apperr.Wrap(inner, apperr.Unavailable, "", "gave up", ""), apperr.Unavailable},
		{"joined", errors.Join(io.EOF, inner), apperr.Throttled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := apperr.ClassOf(tt.err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
