package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// globals are the flags that every command takes.
type globals struct {
	Output      string `short:"o" enum:"table,json,jsonl,csv" default:"table" placeholder:"FORMAT" help:"How to print: table, json, jsonl (an object a line) or, of lists, csv (or ${outputVariable})."`
	Local       bool   `xor:"endpoint" help:"Use the local stack: the running one, else the table that the last one left."`
	LocalDir    string `default:".chimewatch" placeholder:"DIR" help:"Folder of the local stack (${default})."`
	EndpointURL string `name:"endpoint-url" xor:"endpoint" placeholder:"URL" help:"Send AWS requests to this URL (or $AWS_ENDPOINT_URL)."`
	Region      string `placeholder:"REGION" help:"AWS Region (or $AWS_REGION, or the profile's)."`
	Profile     string `placeholder:"NAME" help:"Profile of the AWS configuration files (or $AWS_PROFILE)."`
	Table       string `placeholder:"NAME" help:"DynamoDB table (or ${tableVariable}; else the stack's output TableName)."`
	Stack       string `default:"Chimewatch" placeholder:"NAME" help:"CloudFormation stack whose outputs name the table (${default}; or ${stackVariable})."`
}

// app is what a command works with: the streams, the environment and the global
// flags. It serves one command line and is not for concurrent use.
type app struct {
	globals

	ctx            context.Context // ends on Ctrl-C
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	width          int // columns of the terminal; 0 where there is none
	// interactive is whether somebody can be asked by confirm.
	interactive bool
	// folders are paths of this machine that messages may name: the absolute ones that
	// the user gave, and the working directory.
	folders []string
	// headed is whether the heading of a list as CSV has been written.
	headed bool
	// atEnd is called when the command has ended.
	atEnd []func()
}

// knowFolders notes the absolute paths among the arguments, and the working directory.
func (a *app) knowFolders(args []string) {
	if dir, err := os.Getwd(); err == nil {
		args = append([]string{dir}, args...)
	}
	for _, arg := range args {
		if _, value, isFlag := strings.Cut(arg, "="); isFlag {
			arg = value
		}
		if filepath.IsAbs(arg) && filepath.Dir(arg) != arg { // not the root, which is in every path
			a.folders = append(a.folders, arg)
		}
	}
}

// masked masks phone numbers in a text. The paths of this machine that it names stay:
// digits in them are no numbers, and a path that is shown in part is of no use.
func (a *app) masked(text string) string {
	for _, folder := range a.folders {
		if before, after, found := strings.Cut(text, folder); found {
			return a.masked(before) + folder + a.masked(after)
		}
	}
	return redact.Text(text)
}

// note tells the reader something beside the output proper: one line on the
// error stream, a JSON object if the output is JSON.
func (a *app) note(format string, args ...any) {
	line := oneLine(fmt.Sprintf(format, args...))
	if a.asJSON() {
		a.beside("note", line)
		return
	}
	fmt.Fprintln(a.stderr, "chimewatch: "+printable(line))
}

// noteNumbers is note for what comes from the table: phone numbers in it are masked,
// unless they are to be whole.
func (a *app) noteNumbers(whole bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !whole {
		text = redact.Text(text)
	}
	a.note("%s", text)
}

// beside writes a JSON object of one member on one line of the error stream. The
// stream is where a failed write would be told of, so that cannot be told.
func (a *app) beside(name string, value any) {
	enc := json.NewEncoder(a.stderr)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(map[string]any{name: value})
}

// widthOf returns the width of the terminal that w is, 0 when it is none.
func widthOf(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// colour reports whether the standard output is a terminal that may be coloured.
func (a *app) colour() bool {
	out := a.stdout
	if c, ok := out.(*checked); ok {
		out = c.to
	}
	return isTerminal(out) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// fail reports err on the error stream, as one line or as JSON, with phone numbers
// masked, and returns the exit code for it.
func (a *app) fail(err error) int {
	if a.asJSON() {
		a.beside("error", a.reportOf(err))
	} else {
		a.note("%s", a.masked(err.Error()))
	}
	var misused usageError
	if errors.As(err, &misused) {
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

// reportOf returns the JSON form of an error, with phone numbers masked.
func (a *app) reportOf(err error) errorReport {
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

// flagVariables are the environment variables that set a global flag.
var flagVariables = map[string]string{"output": config.EnvOutput, "table": config.EnvTable, "stack": config.EnvStack}

// environment resolves the flags of flagVariables. Kong's own env tag reads the process's
// environment, which tests that run at the same time would share.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if name := flagVariables[flag.Name]; name != "" {
			if value := getenv(name); value != "" {
				return value, nil
			}
		}
		return nil, nil
	})
}
