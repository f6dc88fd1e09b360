package main

import (
	"errors"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// usageError is a wrong command line: exit code 2.
type usageError struct{ fault *apperr.Error }

func (e usageError) Error() string { return e.fault.Error() }
func (e usageError) Unwrap() error { return e.fault }

func usage(where, what, fix string) error {
	return usageError{apperr.New(apperr.Invalid, where, what, fix)}
}

// parseError returns the usageError in an error of kong, else a new one.
func parseError(err error) error {
	var wrongUsage usageError
	if errors.As(err, &wrongUsage) {
		return wrongUsage
	}
	see := "chimewatch --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		see = parse.Context.Selected().FullPath() + " --help"
	}
	return usage("command line", err.Error(), "see: "+see)
}

// asFault returns the apperr.Error in the chain of err, else a new one.
func asFault(err error) *apperr.Error {
	var known *apperr.Error
	if errors.As(err, &known) {
		return known
	}
	return apperr.Wrap(err, apperr.Internal, "chimewatch", "failed", "")
}

// fail writes err to the error stream, as a line or as JSON, with phone numbers masked, and
// returns its exit code.
func (a *app) fail(err error) int {
	if a.asJSON() {
		a.writeStderrJSON("error", a.reportError(err))
	} else {
		a.note("%s", a.masked(err.Error()))
	}
	var wrongUsage usageError
	if errors.As(err, &wrongUsage) {
		return exitUsage
	}
	return exitFailed
}

// errorReport is the JSON form of an error.
type errorReport struct {
	Class apperr.Class `json:"class"`
	Where string       `json:"where,omitempty"`
	What  string       `json:"what"`
	Fix   string       `json:"fix,omitempty"`
}

// reportError returns the JSON form of an error, with phone numbers masked.
func (a *app) reportError(err error) errorReport {
	known := asFault(err)
	what := known.What
	if known.Err != nil {
		what = strings.TrimPrefix(what+": "+known.Err.Error(), ": ")
	}
	return errorReport{Class: known.Class, Where: a.masked(known.Where), What: a.masked(what), Fix: a.masked(known.Fix)}
}

// oneLine joins the lines of a text.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
