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

// The formats of --output beside the table.
const (
	outputJSON  = "json"
	outputLines = "jsonl"
	outputCSV   = "csv"
)

// asJSON reports whether the output is JSON, in one document or one object a line.
func (a *app) asJSON() bool { return a.Output == outputJSON || a.Output == outputLines }

// printJSON writes v to the standard output, indented. As JSON Lines each element of a
// list is one line, and anything else is one line.
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

// printCSV writes rows as RFC 4180 says, below a heading that is written once.
func (a *app) printCSV(header []string, rows [][]string) error {
	w := csv.NewWriter(a.stdout)
	if !a.headed {
		rows = append([][]string{header}, rows...)
		a.headed = true
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = csvCell(cell)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// csvCell returns a cell that a spreadsheet does not take for a formula: texts come from
// whoever called. A number, also of a telephone, stays as it is.
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

// asksForJSON looks for the output format in a command line that did not parse.
func asksForJSON(args []string, getenv func(string) string) bool {
	format := getenv(config.EnvOutput)
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for i, arg := range args {
		switch {
		case (arg == "--output" || arg == "-o") && i+1 < len(args):
			format = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			format = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o"):
			format = strings.TrimPrefix(arg, "-o")
		}
	}
	return format == outputJSON || format == outputLines
}

// checked is a writer that remembers the first error, so that none is overlooked. It is
// safe for concurrent use.
type checked struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.to.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// failure adds what went wrong with the output to the error of a command: one that
// could not print what it found has failed.
func (c *checked) failure(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return err
	}
	lost := apperr.Wrap(c.err, apperr.Internal, "standard output", "cannot be written to",
		"see where it leads; what was printed is not whole")
	if err == nil || errors.Is(err, c.err) {
		return lost
	}
	return errors.Join(err, lost)
}
