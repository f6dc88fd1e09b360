package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
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

// colours maps such a heading to the function that returns a value in its colour.
var colours = map[string]func(string) string{
	statusColumn: colourStatus, stateColumn: colourState, severityColumn: colourSeverity,
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
	lines := make([]string, len(all))
	for from := 0; from < len(header); {
		separator := indent
		if from > 0 {
			separator = "\n" + indent + columnGap
		}
		to := a.fitting(all, from, len(strings.TrimPrefix(separator, "\n")))
		for i, line := range a.render(all, from, to) {
			if from == 0 || line != "" {
				lines[i] += separator + line
			}
		}
		from = to
	}
	_, err := fmt.Fprintln(a.stdout, strings.Join(lines, "\n"))
	return err
}

// fitting returns the end of the columns, starting with from, that fit into one line of the
// terminal: at least one column, and all of them without a terminal.
func (a *app) fitting(all [][]string, from, indent int) (to int) {
	room := a.width - indent
	for to = from; to < len(all[0]); to++ {
		width := 0
		for _, cells := range all {
			width = max(width, text.StringWidth(printable(cells[to])))
		}
		if a.width > 0 && to > from && width > room {
			return to
		}
		room -= width + len(columnGap)
	}
	return to
}

// render returns some columns of a header and rows, one line per row.
func (a *app) render(all [][]string, from, to int) []string {
	t := table.NewWriter()
	t.SetStyle(table.Style{Name: "columns", Box: table.BoxStyle{PaddingRight: columnGap}})
	for i, cells := range all {
		row := mapped(cells[from:to], func(cell string) any { return printable(cell) })
		if i == 0 {
			t.AppendHeader(row)
		} else {
			t.AppendRow(row)
		}
	}
	var configs []table.ColumnConfig
	for i, heading := range all[0][from:to] {
		if colour := colours[heading]; colour != nil && a.colour() {
			configs = append(configs, table.ColumnConfig{
				Number: i + 1, Transformer: func(cell any) string { return colour(fmt.Sprint(cell)) },
			})
		}
	}
	t.SetColumnConfigs(configs)
	return mapped(strings.Split(t.Render(), "\n"), func(line string) string { return strings.TrimRight(line, " ") })
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
		if colour := colours[f[0]]; colour != nil && a.colour() {
			f[1] = colour(f[1])
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

// colourStatus colours a status of a pipeline or an element that needs attention.
func colourStatus(status string) string {
	word, _, degraded := strings.Cut(status, " ")
	switch {
	case word == string(pipeline.Failed) || word == string(pipeline.CreateFailed):
		return text.FgRed.Sprint(status)
	case degraded || word == string(pipeline.TemporarilyFailed) || word == chime.StatusNotSupported:
		return text.FgYellow.Sprint(status)
	}
	return status
}

// colourState colours an open incident.
func colourState(state string) string {
	if state == stateOpen {
		return text.FgRed.Sprint(state)
	}
	return state
}

func colourSeverity(severity string) string {
	switch incident.Severity(severity) {
	case incident.Critical:
		return text.FgRed.Sprint(severity)
	case incident.High:
		return text.FgYellow.Sprint(severity)
	}
	return severity
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
