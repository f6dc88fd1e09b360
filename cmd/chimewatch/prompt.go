package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// isInteractive reports whether somebody can read a question on the one stream
// and answer it on the other. /dev/null, a pipe and a file are nobody.
func isInteractive(stdin io.Reader, stderr io.Writer) bool {
	in, isFile := stdin.(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	out, isFile := stderr.(*os.File)
	return isFile && term.IsTerminal(int(out.Fd()))
}

// confirm asks a question on the error stream and reports whether the next line
// of the standard input says yes. It returns an error when the command is
// interrupted meanwhile.
func (a *app) confirm(question string) (bool, error) {
	fmt.Fprint(a.stderr, question+" Type yes to go on: ")
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
		return false, a.ctx.Err()
	case got := <-answers:
		if got.err != nil && got.err != io.EOF {
			return false, got.err
		}
		switch strings.ToLower(strings.TrimSpace(got.line)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}
