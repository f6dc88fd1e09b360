package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/chimewatch/chimewatch/test/binaries"
)

// Messages that another reader has are not handled, so redrive fails.
func TestRedriveWithAnotherReader(t *testing.T) {
	s := newDeadLetterStack(t)
	for i := range 15 {
		s.send(1, fmt.Sprint("event-", i))
	}
	taken := s.receiveElsewhere(t, 1, 10)
	for _, output := range []string{"table", "json", "jsonl"} {
		got := s.run("redrive", "--all", "-o", output)
		if got.code != exitFailed || !strings.Contains(got.stderr, "10 more are with another reader until ") {
			t.Errorf("got %d and %q, want 1 and what is left", got.code, got.stderr)
		}
		if output == "table" && (strings.Count(got.stdout, "handled  ") != 5 ||
			!strings.Contains(got.stderr, "5 handled, 0 failed, 10 left")) {
			t.Errorf("got %q and %q, want a line a dead letter and the sum", got.stdout, got.stderr)
		}
	}
	for _, command := range []string{"redrive", "show", "delete"} {
		if got := s.run(command, taken[0]); got.code != exitFailed || !strings.Contains(got.stderr, "10 more are with") {
			t.Errorf("%s: got %d and %q, want it to say who has the dead letter", command, got.code, got.stderr)
		}
	}
	if got := s.run("list"); got.code != exitDone || !strings.Contains(got.stderr, "0 here; 10 more are with another") {
		t.Errorf("list: got %q, want it to say that dead letters are hidden", got.stderr)
	}
	if n := s.all(); n != 10 {
		t.Errorf("got %d dead letters, want the 10 of the other reader", n)
	}
}

// A message that fails again stays visible, and the reason is printed with masked numbers. A message of the
// voice queue, which names no function, is for the function voice.
func TestRedriveThatFailsAgain(t *testing.T) {
	s := newDeadLetterStack(t)
	s.queues[2].Send(`{"id":"v1","detail-type":"SpeakerSearchStatus","detail":{}}`, nil)
	s.send(0, "tel:+14155550160")
	s.send(1, "event-1")
	s.answer(func(_ int, function string) (string, string) {
		if function == "voice" {
			return `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, ""
		}
		return `{"errorMessage":"no call of sip:+14155550160@198.51.100.7 \u001b[31m"}`, "Unhandled"
	})
	for _, output := range []string{"table", "json", "jsonl"} {
		got := s.run("redrive", "--all", "-o", output)
		noNumbers(t, "redrive", got, "4155550160")
		if got.code != exitFailed || strings.Count(got.stdout, "failed again in 1 of its records") != 1 ||
			strings.Count(got.stdout, "no call of ") != 2 || strings.Contains(got.stdout, "\x1b") {
			t.Errorf("got %d and %q, want why each failed", got.code, got.stdout)
		}
		if !strings.Contains(got.stderr, "0 handled, 3 failed, 3 left") || s.visible(t) != 3 {
			t.Errorf("got %q and %d visible, want all left", got.stderr, s.visible(t))
		}
	}
	s.answer(nil)
	if got := s.run("redrive", "--all"); got.code != exitDone || s.all() != 0 ||
		!strings.Contains(got.stderr, "3 handled, 0 failed, 0 left") {
		t.Errorf("got %d, %q and %d dead letters, want all handled", got.code, got.stderr, s.all())
	}
}

// However redrive ends, its results are printed and counted, and no dead letter stays hidden.
func TestRedriveThatIsInterrupted(t *testing.T) {
	command := binaries.Command(t)
	// Where the tests run under nohup, the command must not inherit that a hangup is ignored.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for name, end := range map[string]func(*os.Process, io.Closer) error{
		"SIGHUP":          func(p *os.Process, _ io.Closer) error { return p.Signal(syscall.SIGHUP) },
		"SIGTERM":         func(p *os.Process, _ io.Closer) error { return p.Signal(syscall.SIGTERM) },
		"the reader goes": func(_ *os.Process, reader io.Closer) error { return reader.Close() },
	} {
		for _, output := range []string{"table", "jsonl"} {
			t.Run(name+" "+output, func(t *testing.T) {
				s := newDeadLetterStack(t)
				for i := range 40 {
					s.send(i%2, fmt.Sprint("event-", i))
				}
				reached, goOn := make(chan bool), make(chan bool)
				s.answer(func(n int, _ string) (string, string) {
					if n == 7 {
						close(reached)
						<-goOn
					}
					return "null", ""
				})
				c := exec.CommandContext(t.Context(), command, s.args("redrive", "--all", "-o", output)...)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				reader, writer, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				c.Stdout = writer
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				writer.Close()
				<-reached
				lines := bufio.NewReader(reader)
				for range 6 { // each line came as its dead letter was done
					if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "handled") {
						t.Fatalf("got %q (%v), want a line for each dead letter", line, err)
					}
				}
				if err := end(c.Process, reader); err != nil {
					t.Fatal(err)
				}
				if name == "the reader goes" {
					close(goOn)
				} else {
					defer close(goOn) // the server waits for it
				}
				_ = c.Wait()
				if c.ProcessState.ExitCode() != exitFailed {
					t.Errorf("got %s and %q, want exit code 1", c.ProcessState, stderr.String())
				}
				handled := 40 - s.all()
				if want := fmt.Sprintf("%d handled, 0 failed, about %d left", handled, s.all()); handled < 6 || handled > 7 ||
					!strings.Contains(stderr.String(), want) {
					t.Errorf("got %q, want %q", stderr.String(), want)
				}
				if n := s.visible(t); n != s.all() || s.hidden > 60 {
					t.Errorf("got %d of %d dead letters visible, and hidden for up to %.0f s; it said %q", n, s.all(), s.hidden,
						stderr.String())
				}
			})
		}
	}
}

// No dead letter stays hidden if the output is closed.
func TestClosedOutputHidesNothing(t *testing.T) {
	command := binaries.Command(t)
	s := newDeadLetterStack(t)
	for i := range 12 {
		s.send(i%3, fmt.Sprint("event-", i))
	}
	id := s.send(0, "wanted")
	for _, args := range [][]string{{"show", "wanted"}, {"list"}, {"list", "-o", "json"}, {"redrive", id}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		c := exec.CommandContext(t.Context(), command, s.args(args...)...)
		c.Stdout = writer
		if err := c.Run(); err == nil {
			t.Errorf("%v: got no error, want it to end by the signal or with 1", args)
		}
		writer.Close()
		if n := s.visible(t); n != s.all() {
			t.Errorf("%v: got %d of %d dead letters visible", args, n, s.all())
		}
	}
}
