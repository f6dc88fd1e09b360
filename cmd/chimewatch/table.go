package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// statusColumn is the heading, or the field, whose values are painted.
const statusColumn = "status"

// printTable writes rows under a header, in columns without lines, so that a
// reader's eye and a script's awk can follow.
func (a *app) printTable(header []string, rows [][]string) error {
	return a.printIndented("", header, rows)
}

func (a *app) printIndented(indent string, header []string, rows [][]string) error {
	t := table.NewWriter()
	t.SetStyle(table.Style{Name: "columns", Box: table.BoxStyle{PaddingRight: "  "}})
	t.AppendHeader(tableRow(header))
	for _, cells := range rows {
		t.AppendRow(tableRow(cells))
	}
	if at := slices.Index(header, statusColumn); at >= 0 && a.colour() {
		t.SetColumnConfigs([]table.ColumnConfig{{Number: at + 1, Transformer: func(cell any) string { return paint(fmt.Sprint(cell)) }}})
	}
	for line := range strings.Lines(t.Render()) {
		if _, err := fmt.Fprintln(a.stdout, indent+strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
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
		if f[0] == statusColumn && a.colour() {
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
