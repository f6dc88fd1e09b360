package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// confirm asks a question on the error stream. It returns an error unless the next line of the
// standard input is yes; command and done name in that error what was not done.
func (a *app) confirm(question, command, done string) error {
	fmt.Fprint(a.stderr, question+" Type yes to continue: ")
	type answer struct {
		line string
		err  error
	}
	// A read cannot be interrupted; the process ends without it.
	answers := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case <-a.ctx.Done():
		fmt.Fprintln(a.stderr)
		return a.ctx.Err()
	case got := <-answers:
		if got.err != nil && got.err != io.EOF {
			return got.err
		}
		switch strings.ToLower(strings.TrimSpace(got.line)) {
		case "y", "yes":
			return nil
		}
		return apperr.New(apperr.Conflict, command, "nothing was "+done+": the answer was not yes", "")
	}
}
