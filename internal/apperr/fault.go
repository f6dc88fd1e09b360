// Package apperr holds the one error type that crosses package borders: what
// class of thing went wrong, where, what it was, and what to do about it.
package apperr

import (
	"errors"
	"slices"
	"strings"
)

// Class says what kind of thing went wrong, and so whether trying again can help.
type Class string

const (
	// Invalid is input that no retry will make acceptable.
	Invalid Class = "invalid"
	// NotFound is a thing that was asked for by name and is not there.
	NotFound Class = "not-found"
	// Conflict is a write that lost against another writer and may be tried again.
	Conflict Class = "conflict"
	// Throttled is a service that asked to be called less often.
	Throttled Class = "throttled"
	// Unavailable is a service that did not answer, or answered with its own failure.
	Unavailable Class = "unavailable"
	// Internal is everything else: refused permission, broken invariant, unknown error.
	Internal Class = "internal"
)

// Error is an error with its class, its place, and a way out.
type Error struct {
	Class Class
	// Where names the resource or field: "table chimewatch", "/detail/eventType".
	Where string
	// What says what was wrong there, without a full stop.
	What string
	// Fix says what the reader can do; empty where nothing can be advised.
	Fix string
	// Err is the cause, if another error caused it.
	Err error
}

// New makes an Error without a cause.
func New(class Class, where, what, fix string) *Error {
	return &Error{Class: class, Where: where, What: what, Fix: fix}
}

// Wrap makes an Error around its cause, which errors.Is and errors.As still find.
func Wrap(err error, class Class, where, what, fix string) *Error {
	return &Error{Class: class, Where: where, What: what, Fix: fix, Err: err}
}

// Error returns "where: what: cause (fix)" with the absent parts left out.
func (e *Error) Error() string {
	parts := []string{e.Where, e.What}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	text := strings.Join(parts, ": ")
	if e.Fix != "" {
		text += " (" + e.Fix + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the outermost Error in err's chain, Internal when
// there is none, and the empty class for nil.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}
