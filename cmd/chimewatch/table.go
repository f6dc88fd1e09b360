package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The headings and field names whose values are coloured.
const (
	statusColumn   = "status"
	stateColumn    = "state"
	severityColumn = "severity"
)

// colours are the colours of values that need attention, by heading and first word.
var colours = map[[2]string]text.Color{
	{statusColumn, string(pipeline.Failed)}:            text.FgRed,
	{statusColumn, string(pipeline.CreateFailed)}:      text.FgRed,
	{statusColumn, string(pipeline.TemporarilyFailed)}: text.FgYellow,
	{statusColumn, chime.StatusNotSupported}:           text.FgYellow,
	{stateColumn, stateOpen}:                           text.FgRed,
	{severityColumn, string(incident.Critical)}:        text.FgRed,
	{severityColumn, string(incident.High)}:            text.FgYellow,
}

// coloured returns a value in its colour.
func coloured(heading, value string) string {
	word, _, degraded := strings.Cut(value, " ")
	colour, ok := colours[[2]string{heading, word}]
	if !ok && degraded && heading == statusColumn {
		colour, ok = text.FgYellow, true
	}
	if !ok {
		return value
	}
	return colour.Sprint(value)
}

const columnGap = "  "

// printTable writes rows under a header, or as CSV. Columns have no lines, so that awk can read
// them. Columns that do not fit into the terminal follow on an indented line.
func (a *app) printTable(header []string, rows [][]string) error {
	if a.Output == outputCSV {
		return a.printCSV(header, rows)
	}
	return a.printIndented("", header, rows)
}

func (a *app) printIndented(indent string, header []string, rows [][]string) error {
	all := append([][]string{header}, rows...)
	lines, parts := make([]string, len(all)), make([]string, len(all))
	separator, used := indent, len(indent)
	endParts := func() {
		for i, part := range parts {
			if part = strings.TrimRight(part, " "); part != "" || separator == indent {
				lines[i] += separator + part
			}
			parts[i] = ""
		}
	}
	for column, heading := range header {
		width := 0
		for _, cells := range all {
			width = max(width, text.StringWidth(printable(cells[column])))
		}
		if column > 0 && a.width > 0 && used+width > a.width {
			endParts()
			separator, used = "\n"+indent+columnGap, len(indent)+len(columnGap)
		}
		used += width + len(columnGap)
		for i, cells := range all {
			cell := printable(cells[column])
			if i > 0 && a.colour() {
				cell = coloured(heading, cell)
			}
			parts[i] += text.Pad(cell, width, ' ') + columnGap
		}
	}
	endParts()
	_, err := fmt.Fprintln(a.stdout, strings.Join(lines, "\n"))
	return err
}

// printFields writes the fields that have a value, name and value, indented below the title if there is one.
func (a *app) printFields(title string, fields [][2]string) {
	fields = slices.DeleteFunc(fields, func(f [2]string) bool { return f[1] == "" })
	if len(fields) == 0 {
		return
	}
	width := 0
	for i, f := range fields {
		fields[i] = [2]string{printable(f[0]), printable(f[1])}
		width = max(width, text.StringWidth(fields[i][0]))
	}
	indent := ""
	if title != "" {
		fmt.Fprintf(a.stdout, "\n%s\n", title)
		indent = "  "
	}
	for _, f := range fields {
		if a.colour() {
			f[1] = coloured(f[0], f[1])
		}
		fmt.Fprintln(a.stdout, indent+text.Pad(f[0], width, ' ')+columnGap+f[1])
	}
}

// section is a table with a title, as part of a detail view.
type section struct {
	title  string
	header []string
	rows   [][]string
}

// printSections writes the sections that have rows.
func (a *app) printSections(sections []section) error {
	for _, s := range sections {
		if len(s.rows) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "\n%s\n", s.title)
		if err := a.printIndented("  ", s.header, s.rows); err != nil {
			return err
		}
	}
	return nil
}

// printable replaces control characters, which a terminal would execute: texts come from events,
// and so from callers.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// spaced writes free text on one line.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// snipped writes free text on one line of at most 100 columns.
func snipped(s string) string { return text.Snip(spaced(s), 100, "…") }

// at formats a time in UTC; the zero time is empty text.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// count formats a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
