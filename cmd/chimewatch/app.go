package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// globals are the flags of every command.
type globals struct {
	Output      string `short:"o" enum:"${formats}" default:"table" placeholder:"FORMAT" help:"${output_help}"`
	Local       bool   `xor:"endpoint" help:"Use the local stack: the running one, else the table of the last one."`
	LocalDir    string `default:".chimewatch" placeholder:"DIR" help:"Folder of the local stack (${default})."`
	EndpointURL string `name:"endpoint-url" xor:"endpoint" placeholder:"URL" help:"${endpoint_help}"`
	Region      string `placeholder:"REGION" help:"AWS Region (or $AWS_REGION, or the profile's)."`
	Profile     string `placeholder:"NAME" help:"Profile of the AWS configuration files (or $AWS_PROFILE)."`
	Table       string `fromenv:"" placeholder:"NAME" help:"${table_help}"`
	Stack       string `default:"Chimewatch" placeholder:"NAME" help:"${stack_help} (${default})."`
}

// app is the environment of one command line: streams, variables and global flags. It is not for
// concurrent use, except for stdout.
type app struct {
	globals

	ctx            context.Context // ends on Ctrl-C
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	width          int  // columns of the terminal; 0 if stdout is no terminal
	interactive    bool // whether confirm can ask a person
	// knownPaths are the working directory and the absolute paths among the arguments. Digits in
	// them are no phone numbers.
	knownPaths []string
	csvStarted bool // whether the header of a list was written as CSV
	atEnd      []func() error
}

// absolutePaths returns the working directory and the absolute paths among the arguments, but not the root.
func absolutePaths(args []string) (paths []string) {
	if dir, err := os.Getwd(); err == nil {
		args = append([]string{dir}, args...)
	}
	for _, arg := range args {
		if _, value, isFlag := strings.Cut(arg, "="); isFlag {
			arg = value
		}
		if filepath.IsAbs(arg) && filepath.Dir(arg) != arg {
			paths = append(paths, arg)
		}
	}
	return paths
}

// masked masks phone numbers in a text, outside of known paths.
func (a *app) masked(text string) string {
	for _, path := range a.knownPaths {
		if before, after, found := strings.Cut(text, path); found {
			return a.masked(before) + path + a.masked(after)
		}
	}
	return redact.Text(text)
}

// note writes one line to the error stream, as a JSON object if the output is JSON.
func (a *app) note(format string, args ...any) {
	line := oneLine(fmt.Sprintf(format, args...))
	if a.asJSON() {
		a.writeStderrJSON("note", line)
		return
	}
	fmt.Fprintln(a.stderr, "chimewatch: "+printable(line))
}

// noteMasked is note with phone numbers masked, unless fullNumbers is set.
func (a *app) noteMasked(fullNumbers bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !fullNumbers {
		text = redact.Text(text)
	}
	a.note("%s", text)
}

// writeStderrJSON writes an object with one member as a line on the error stream. An error of
// that stream cannot be reported.
func (a *app) writeStderrJSON(name string, value any) {
	enc := json.NewEncoder(a.stderr)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(map[string]any{name: value})
}

// widthOf returns the width of a terminal, 0 if w is none.
func widthOf(w any) int {
	if !isTerminal(w) {
		return 0
	}
	width, _, _ := term.GetSize(int(w.(*os.File).Fd())) // 0 with an error
	return width
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// colour reports whether the standard output is a terminal that shows colours.
func (a *app) colour() bool {
	out := a.stdout
	if checked, ok := out.(*checkedWriter); ok {
		out = checked.to
	}
	return isTerminal(out) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// flagVariables are the environment variables that set a global flag.
var flagVariables = map[string]string{"output": config.EnvOutput, "table": config.EnvTable, "stack": config.EnvStack}

// environment sets the flags of flagVariables. Kong's own tag env reads the process's environment, which parallel
// tests would share.
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
