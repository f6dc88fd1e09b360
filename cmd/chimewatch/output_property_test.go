package main

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// CSV can be read back, and no cell in it is a formula.
func TestCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.String(),
			rapid.SampledFrom([]string{"=1+1", "+12065550137", "-5.5", "@x", "-x", "+", "a,b", "\"q\"", "…0137"}))
		header := []string{"a", "b"}
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 2, 2), 0, 5).Draw(t, "rows")
		var out bytes.Buffer
		a := &app{globals: globals{Output: outputCSV}, stdout: &out}
		half := len(rows) / 2
		for _, page := range [][][]string{rows[:half], rows[half:]} {
			if err := a.printTable(header, page); err != nil {
				t.Fatal(err)
			}
		}
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{header}
		for _, row := range rows {
			want = append(want, []string{printable(row[0]), printable(row[1])})
		}
		for _, row := range got {
			for i, c := range row {
				if text, marked := strings.CutPrefix(c, "'"); marked && strings.ContainsAny(text[:min(1, len(text))], "=+-@") {
					row[i] = text
				} else if number := strings.TrimLeft(c, "+-"); c != "" && strings.ContainsAny(c[:1], "=+-@") &&
					strings.Trim(number, "0123456789.") != "" {
					t.Errorf("got the cell %q, want none that is a formula", c)
				}
			}
		}
		for _, row := range want { // an apostrophe of the text itself is cut as well
			for i, c := range row {
				if text, marked := strings.CutPrefix(c, "'"); marked && strings.ContainsAny(text[:min(1, len(text))], "=+-@") {
					row[i] = text
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}
