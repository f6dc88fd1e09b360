package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The headings, or fields, whose values are painted.
const (
	statusColumn   = "status"
	stateColumn    = "state"
	severityColumn = "severity"
)

// painters are what paints the values below these headings.
var painters = map[string]func(string) string{
	statusColumn: paint, stateColumn: paintState, severityColumn: paintSeverity,
}

// printTable writes rows under a header, in columns without lines, so that a
// reader's eye and a script's awk can follow. Columns that a terminal has no room
// for follow on a line of their own, indented.
//
// With -o csv the rows are written as CSV.
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
		to := a.fitting(all, from, len(indent))
		for i, line := range a.render(all, from, to) {
			switch {
			case from == 0:
				lines[i] = indent + line
			case line != "":
				lines[i] += "\n" + indent + continued + line
			}
		}
		from = to
	}
	_, err := fmt.Fprintln(a.stdout, strings.Join(lines, "\n"))
	return err
}

const (
	columnGap = "  "
	continued = "  " // before columns that follow on a line of their own
)

// fitting returns the end of the columns from one on that fit beside each other: one
// at least, and all where the width does not matter.
func (a *app) fitting(all [][]string, from, indent int) (to int) {
	room := a.width - indent
	if from > 0 {
		room -= len(continued)
	}
	for to = from; to < len(all[0]); to++ {
		widest := 0
		for _, cells := range all {
			widest = max(widest, text.StringWidth(printable(cells[to])))
		}
		if a.width > 0 && to > from && widest > room {
			return to
		}
		room -= widest + len(columnGap)
	}
	return to
}

// render returns some columns of a header and rows, each row as a line.
func (a *app) render(all [][]string, from, to int) []string {
	t := table.NewWriter()
	t.SetStyle(table.Style{Name: "columns", Box: table.BoxStyle{PaddingRight: columnGap}})
	t.AppendHeader(tableRow(all[0][from:to]))
	for _, cells := range all[1:] {
		t.AppendRow(tableRow(cells[from:to]))
	}
	var painted []table.ColumnConfig
	for at, heading := range all[0][from:to] {
		if paint := painters[heading]; paint != nil && a.colour() {
			transform := func(cell any) string { return paint(fmt.Sprint(cell)) }
			painted = append(painted, table.ColumnConfig{Number: at + 1, Transformer: transform})
		}
	}
	t.SetColumnConfigs(painted)
	lines := strings.Split(t.Render(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

func tableRow(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, cell := range cells {
		r[i] = printable(cell)
	}
	return r
}

// printFields writes the fields that have a value, name and value, indented below
// a title if there is one.
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
		if paint := painters[f[0]]; paint != nil && a.colour() {
			f[1] = paint(f[1])
		}
		fmt.Fprintln(a.stdout, indent+text.Pad(f[0], width, ' ')+"  "+f[1])
	}
}

// paint colours a status that somebody should look at.
func paint(status string) string {
	word, _, degraded := strings.Cut(status, " ")
	switch {
	case word == string(pipeline.Failed) || word == string(pipeline.CreateFailed):
		return text.FgRed.Sprint(status)
	case degraded || word == string(pipeline.TemporarilyFailed) || word == chime.StatusNotSupported:
		return text.FgYellow.Sprint(status)
	default:
		return status
	}
}

// paintState colours the state of an incident that goes on.
func paintState(state string) string {
	if state == stateOpen {
		return text.FgRed.Sprint(state)
	}
	return state
}

// paintSeverity colours what somebody should look at first.
func paintSeverity(severity string) string {
	switch incident.Severity(severity) {
	case incident.Critical:
		return text.FgRed.Sprint(severity)
	case incident.High:
		return text.FgYellow.Sprint(severity)
	}
	return severity
}

// printable replaces what a terminal would act upon instead of showing it. The
// texts come from events, and so from whoever called.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
