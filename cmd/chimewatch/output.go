package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
)

// The formats of --output besides the table.
const (
	outputJSON  = "json"
	outputLines = "jsonl"
	outputCSV   = "csv"
)

// asJSON reports whether the output is JSON or JSON Lines.
func (a *app) asJSON() bool { return a.Output == outputJSON || a.Output == outputLines }

// printJSON writes v as an indented document; as JSON Lines each element of a list is a line,
// and anything else is one line.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	if a.Output != outputLines {
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() == reflect.Uint8 {
		return enc.Encode(v)
	}
	for i := range list.Len() {
		if err := enc.Encode(list.Index(i).Interface()); err != nil {
			return err
		}
	}
	return nil
}

// printCSV writes rows in the form of RFC 4180, and the header before the first page of a list.
func (a *app) printCSV(header []string, rows [][]string) error {
	w := csv.NewWriter(a.stdout)
	if !a.csvStarted {
		rows = append([][]string{header}, rows...)
		a.csvStarted = true
	}
	for _, row := range rows {
		if err := w.Write(mapped(row, csvCell)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// csvCell marks a cell that a spreadsheet would run as a formula: texts come from callers.
// A number, also a phone number, stays as it is.
func csvCell(cell string) string {
	cell = printable(cell)
	switch {
	case cell == "":
		return ""
	case strings.ContainsRune("=@", rune(cell[0])),
		strings.ContainsRune("+-", rune(cell[0])) && strings.Trim(cell[1:], "0123456789.") != "":
		return "'" + cell
	}
	return cell
}

// asksForJSON looks for the output format in a command line that was not parsed.
func asksForJSON(args []string, getenv func(string) string) bool {
	format := getenv(config.EnvOutput)
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for i, arg := range args {
		if (arg == "--output" || arg == "-o") && i+1 < len(args) {
			format = args[i+1]
		} else if value, ok := strings.CutPrefix(arg, "--output="); ok {
			format = value
		} else if value, ok := strings.CutPrefix(arg, "-o"); ok {
			format = value
		}
	}
	return format == outputJSON || format == outputLines
}

// checkedWriter remembers the first error of a writer. It is safe for concurrent use.
type checkedWriter struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.to.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// check waits for a write in progress, and joins the error of the writer with the error of a command.
func (c *checkedWriter) check(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return err
	}
	writeErr := apperr.Wrap(c.err, apperr.Internal, "standard output", "cannot be written to",
		"see where it leads; the output is incomplete")
	if err == nil || errors.Is(err, c.err) {
		return writeErr
	}
	return errors.Join(err, writeErr)
}

// mapped returns what f returns for each element of a list; never nil, so that JSON has an array.
func mapped[T, U any](list []T, f func(T) U) []U {
	result := make([]U, len(list))
	for i, item := range list {
		result[i] = f(item)
	}
	return result
}

// orEmpty returns an empty list instead of nil, which JSON would print as null.
func orEmpty[T any](list []T) []T { return append([]T{}, list...) }

// joined joins texts of any string type with commas.
func joined[T ~string](texts []T) string {
	return strings.Join(mapped(texts, func(text T) string { return string(text) }), ", ")
}
