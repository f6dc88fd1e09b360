package main

import (
	"strings"
	"testing"
)

// Deleting cannot be undone: on a terminal the command shows the dead letters and asks.
func TestDeleteAsksOnATerminal(t *testing.T) {
	for _, test := range []struct {
		name, typed string
		flags       []string
		code, left  int
		says        string
	}{
		{name: "no", typed: "no\n", code: exitFailed, left: 2, says: "nothing was deleted"},
		{name: "nothing", typed: "\n", code: exitFailed, left: 2, says: "nothing was deleted"},
		{name: "yes", typed: "yes\n", code: exitDone, left: 1, says: "Delete 1 dead letter permanently?"},
		{name: "not asked", flags: []string{"--yes"}, code: exitDone, left: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newDeadLetterStack(t)
			id := s.send(0, "wanted")
			s.send(1, "other")
			got := atTerminal(t.Context(), strings.NewReader(test.typed),
				s.args(append([]string{"delete", id}, test.flags...)...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) || s.all() != test.left {
				t.Errorf("got %d, %q and %d left, want %d, %q and %d", got.code, got.stderr, s.all(), test.code, test.says,
					test.left)
			}
			if asked := strings.Contains(got.stderr, "permanently?"); asked != (test.flags == nil) ||
				asked && !strings.Contains(got.stderr, id) {
				t.Errorf("got %q, want a question that shows the dead letter", got.stderr)
			}
			noNumbers(t, "delete", got, "4155550160")
			if n := s.visible(t); n != test.left {
				t.Errorf("got %d visible, want %d", n, test.left)
			}
		})
	}
	s := newDeadLetterStack(t)
	s.send(0, "wanted")
	got := atTerminal(t.Context(), strings.NewReader("yes\n"), s.args("delete", "wanted", "absent")...)
	if got.code != exitFailed || !strings.Contains(got.stderr, "dead letter absent") || s.all() != 1 {
		t.Errorf("got %d, %q and %d left, want it to name what is not there and delete nothing", got.code, got.stderr,
			s.all())
	}
}
