package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/chimewatch/chimewatch/internal/fault"
)

func TestErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  *fault.Error
		want string
	}{
		{"all parts", fault.Wrap(io.EOF, fault.Unavailable, "table calls", "cannot be read", "try again"), "table calls: cannot be read: EOF (try again)"},
		{"no cause", fault.New(fault.Invalid, "/time", "is no time", "send RFC 3339"), "/time: is no time (send RFC 3339)"},
		{"what only", fault.New(fault.Internal, "", "broken", ""), "broken"},
		{"cause only", fault.Wrap(io.EOF, fault.Internal, "", "", ""), "EOF"},
		{"where and cause", fault.Wrap(io.EOF, fault.Internal, "/", "", ""), "/: EOF"},
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
func TestCauseIsFound(t *testing.T) {
	inner := fault.Wrap(io.EOF, fault.Throttled, "table", "busy", "")
	for _, err := range []error{
		inner, fmt.Errorf("while writing: %w", inner), fault.Wrap(inner, fault.Unavailable, "", "gave up", ""),
	} {
		if !errors.Is(err, io.EOF) {
			t.Errorf("%v: got no cause, want %v", err, io.EOF)
		}
	}
	if err := fault.New(fault.Invalid, "/time", "is no time", ""); errors.Unwrap(err) != nil {
		t.Errorf("got the cause %v, want none", errors.Unwrap(err))
	}
}

func TestClassOf(t *testing.T) {
	inner := fault.New(fault.Throttled, "table", "busy", "")
	tests := []struct {
		name string
		err  error
		want fault.Class
	}{
		{"nil", nil, ""},
		{"foreign", io.EOF, fault.Internal},
		{"direct", inner, fault.Throttled},
		{"wrapped", fmt.Errorf("while writing: %w", inner), fault.Throttled},
		{"outermost wins", fault.Wrap(inner, fault.Unavailable, "", "gave up", ""), fault.Unavailable},
		{"joined", errors.Join(io.EOF, inner), fault.Throttled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.ClassOf(tt.err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
