package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local"
)

// broken is a writer that accepts a number of bytes.
type broken struct{ room int }

func (b *broken) Write(p []byte) (int, error) {
	n := min(len(p), b.room)
	if b.room -= n; n < len(p) {
		return n, errors.New("no space left")
	}
	return n, nil
}

// A command that cannot print its whole result fails.
func TestOutputThatCannotBeWritten(t *testing.T) {
	server := startTable(t, t.TempDir())
	for _, args := range [][]string{
		{"--help"}, {"--version"}, {"version"}, {"version", "-o", "json"}, {"help", "calls", "show"}, {"completion", "bash"},
		{"complete", "--", "ca"}, {"send", "--list"}, {"send", "created", "--print"},
		{"calls", "list"}, {"calls", "list", "-o", "json"}, {"calls", "list", "-o", "jsonl"}, {"calls", "list", "-o", "csv"},
		{"calls", "show", lost}, {"calls", "show", running, "--events"}, {"calls", "show", ended, "-o", "jsonl"},
		{"calls", "erasures"}, {"calls", "erasures", "-o", "csv"}, {"alerts", "list", "-o", "csv"},
		{"incidents", "list", "-o", "csv"}, {"consent", "list", "-o", "csv"},
	} {
		if slices.Contains([]string{"calls", "alerts", "incidents", "consent"}, args[0]) {
			args = append(args, "--endpoint-url", server.URL(), "--region", "us-east-1", "--table", local.TableName)
		}
		whole := execute(nil, "", args...)
		if whole.code != exitDone || whole.stdout == "" {
			t.Fatalf("%v: got exit code %d and %q, want 0", args, whole.code, whole.stderr)
		}
		for _, room := range []int{0, len(whole.stdout) / 2, len(whole.stdout) - 1} {
			var stderr bytes.Buffer
			code := run(context.Background(), args, func(string) string { return "" }, strings.NewReader(""), &broken{room},
				&stderr)
			text := stderr.String()
			if code != exitFailed || !strings.Contains(text, "standard output") || !strings.Contains(text, "no space left") {
				t.Errorf("%v with room for %d: got exit code %d and %q, want 1 and the error", args, room, code, text)
			}
		}
	}
}

func TestPages(t *testing.T) {
	// read returns seven items, on pages of three.
	read := func(failAt int) func(string, int) ([]int, string, error) {
		return func(cursor string, limit int) (page []int, next string, err error) {
			from := 0
			fmt.Sscanf(cursor, "c%d", &from)
			if from == failAt {
				return nil, "", errors.New("throttled")
			}
			for n := from; n < 7 && n < from+min(limit, 3); n++ {
				page = append(page, n)
			}
			if to := from + len(page); to < 7 {
				next = fmt.Sprintf("c%d", to)
			}
			return page, next, nil
		}
	}
	for _, test := range []struct {
		name           string
		output         string
		pages          paging
		failAt         int
		stdout, stderr string
		fails          bool
	}{
		{"one page", outputLines, paging{Limit: 2}, -1, "0\n1\n", `{"next":"c2"}` + "\n", false},
		{"all", outputLines, paging{Limit: 50, All: true}, -1, "0\n1\n2\n3\n4\n5\n6\n", "", false},
		{"all, as one array", outputJSON, paging{Limit: 50, All: true, Cursor: "c5"}, -1, "[\n  5,\n  6\n]\n", "", false},
		{"none", outputJSON, paging{Limit: 50, All: true, Cursor: "c7"}, -1, "[]\n", "", false},
		{"as CSV", outputCSV, paging{Limit: 50, All: true}, -1, "n\n0\n1\n2\n3\n4\n5\n6\n", "", false},
		{"as a table", "table", paging{Limit: 50, All: true}, -1, "n\n0\n1\n2\n3\n4\n5\n6\n", "", false},
		{"cut short", outputLines, paging{Limit: 50, All: true}, 6, "0\n1\n2\n3\n4\n5\n", `{"next":"c6"}` + "\n", true},
		{"cut short, as CSV", outputCSV, paging{Limit: 50, All: true}, 3, "n\n0\n1\n2\n",
			"chimewatch: there is more: --cursor c3\n", true},
		{"never begun", outputJSON, paging{Limit: 50, All: true, Cursor: "c3"}, 3, "", "", true},
		{"nothing printed yet", outputJSON, paging{Limit: 50, All: true}, 3, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			a := &app{
				globals: globals{Output: test.output}, stdout: &stdout, stderr: &stderr,
				getenv: func(string) string { return "" },
			}
			numbers := columns[int]{[]string{"n"}, func(n int) []string { return []string{fmt.Sprint(n)} }}
			err := printPages(a, test.pages, read(test.failAt), numbers)
			if stdout.String() != test.stdout || stderr.String() != test.stderr || (err != nil) != test.fails {
				t.Errorf("got %q, %q and error %v, want %q, %q and an error: %v", stdout.String(), stderr.String(), err,
					test.stdout, test.stderr, test.fails)
			}
		})
	}
}

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	a := &app{globals: globals{Output: outputLines}, stdout: &out}
	for _, v := range []any{[]map[string]int{{"a": 1}, {"a": 2}}, []int{}, map[string][]int{"b": {3}},
		json.RawMessage("{\n\"c\": 4 }")} {
		if err := a.printJSON(v); err != nil {
			t.Fatal(err)
		}
	}
	if want := "{\"a\":1}\n{\"a\":2}\n{\"b\":[3]}\n{\"c\":4}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// The writer that remembers errors does not hide a terminal.
func TestColourOfATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	defer terminal.Close()
	a := &app{stdout: &checkedWriter{to: terminal}, getenv: func(string) string { return "" }}
	if !a.colour() {
		t.Error("got no colour, want colour")
	}
}
