package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableFitsTheTerminal(t *testing.T) {
	header := []string{"time", "status", "id", "call", "failure"}
	rows := [][]string{
		{"2026-03-09T14:00:00Z", "Failed", "390c229b", "4dbb6ce5", "permissions: Access denied"},
		{"2026-03-09T14:00:01Z", "InProgress", "e34fdbde", "", ""},
	}
	for _, test := range []struct {
		name   string
		width  int
		indent string
		want   string
	}{
		{"no terminal", 0, "", `time                  status      id        call      failure
2026-03-09T14:00:00Z  Failed      390c229b  4dbb6ce5  permissions: Access denied
2026-03-09T14:00:01Z  InProgress  e34fdbde
`},
		{"just wide enough", 80, "", `time                  status      id        call      failure
2026-03-09T14:00:00Z  Failed      390c229b  4dbb6ce5  permissions: Access denied
2026-03-09T14:00:01Z  InProgress  e34fdbde
`},
		{"one too narrow", 79, "", `time                  status      id        call
  failure
2026-03-09T14:00:00Z  Failed      390c229b  4dbb6ce5
  permissions: Access denied
2026-03-09T14:00:01Z  InProgress  e34fdbde
`},
		{"narrow and indented", 44, "  ", `  time                  status      id
    call      failure
  2026-03-09T14:00:00Z  Failed      390c229b
    4dbb6ce5  permissions: Access denied
  2026-03-09T14:00:01Z  InProgress  e34fdbde
`},
		{"narrower than any column", 5, "", `time
  status
  id
  call
  failure
2026-03-09T14:00:00Z
  Failed
  390c229b
  4dbb6ce5
  permissions: Access denied
2026-03-09T14:00:01Z
  InProgress
  e34fdbde
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{stdout: &out, width: test.width, getenv: func(string) string { return "" }}
			if err := a.printIndented(test.indent, header, rows); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}
