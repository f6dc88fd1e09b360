package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// served is a local stack in a process of its own.
type served struct {
	cmd      *exec.Cmd
	endpoint string
	banner   string
}

// serve starts the command and returns when it serves.
func serve(t *testing.T, dir, functions string, args ...string) *served {
	t.Helper()
	fixed := []string{"local", "--port", "0", "--local-dir", dir, "--functions", functions}
	cmd := exec.Command(binaries.Command(t), append(fixed, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &served{cmd: cmd}
	t.Cleanup(func() { s.kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.banner += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Serving.") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			s.banner += stderr.String()
			state, err := local.FindRunning(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			s.endpoint = state.Endpoint
			return s
		}
	}
	t.Fatalf("it ended without serving: %s\n%s", s.banner, stderr.String())
	return nil
}

// kill ends the process like kill -9.
func (s *served) kill() {
	_ = s.cmd.Process.Kill() // fails when it is gone
	_ = s.cmd.Wait()
}

// counts are the numbers of items that lists print.
func (s *served) counts(t *testing.T, dir string) string {
	t.Helper()
	return fmt.Sprintf("%d calls, %d incidents, %d dead letters, %d notifications", length(t, "calls", dir),
		length(t, "incidents", dir),
		length(t, "dead-letters", dir), page(t, s.endpoint+"/notifications"))
}

// length returns how many items a list has.
func length(t *testing.T, what, dir string) int {
	t.Helper()
	got := execute(nil, "", what, "list", "--local", "--local-dir", dir, "--limit", "1000", "-o", "json")
	var list []any
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || got.code != exitDone {
		t.Fatalf("%s list: got exit code %d, %q and %q", what, got.code, got.stdout, got.stderr)
	}
	return len(list)
}

func page(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var list []any
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// After kill -9 everything can be read, and --keep continues with it.
func TestLocalKeepsEverythingAfterAKill(t *testing.T) {
	needNode(t)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	first := serve(t, dir, functions, "--calls", "20", "--duration", "1s")
	before := first.counts(t, dir)
	if !strings.HasPrefix(before, "20 calls") || strings.Contains(before, " 0 ") {
		t.Fatalf("got %s, want some of all", before)
	}
	if !strings.Contains(first.banner, "--keep keeps them") || strings.Contains(first.banner, "is replaced") {
		t.Errorf("banner: got %s, want it to say what --keep keeps, and nothing replaced", first.banner)
	}
	first.kill()

	messages := length(t, "dead-letters", dir) // of the ended stack
	if want := fmt.Sprintf(" %d dead letters", messages); !strings.Contains(before, want) {
		t.Errorf("ended: got %d dead letters, want those of %s", messages, before)
	}
	notes, err := os.ReadFile(filepath.Join(dir, "local", "messages", "notifications.jsonl"))
	if want := fmt.Sprintf(" %d notifications", strings.Count(string(notes), "\n")); err != nil ||
		!strings.HasSuffix(before, want) {
		t.Errorf("ended: got%s in the file (%v), want those of %s", want, err, before)
	}

	second := serve(t, dir, functions, "--keep", "--no-play")
	if after := second.counts(t, dir); after != before {
		t.Errorf("kept: got %s, want %s", after, before)
	}
	if !strings.Contains(second.banner, "goes on with the table, the dead letters and the notifications") {
		t.Errorf("banner: got %s, want it to say what it goes on with", second.banner)
	}
	second.kill()

	// A day that is played on top of it agrees with itself.
	got := execute(nil, "", "local", "--once", "--keep", "--calls", "20", "--seed", "2", "--duration", "0s", "--port", "0",
		"--local-dir", dir, "--functions", functions, "-o", "json")
	var day dayReport
	if err := json.Unmarshal([]byte(got.stdout), &day); err != nil || !day.Agrees || day.Kept != 20 {
		t.Errorf("next day: got exit code %d, %s and %s; want it to agree and 20 calls kept", got.code, got.stdout,
			got.stderr)
	}
	got = execute(nil, "", "local", "--once", "--calls", "5", "--duration", "0s", "--port", "0", "--local-dir", dir,
		"--functions", functions)
	if !strings.Contains(got.stderr, "the table of the last run (40 calls) is replaced; --keep keeps it") &&
		!strings.Contains(got.stderr, "the table of the last run is replaced") { // on a slow machine it is not counted
		t.Errorf("anew: got %s, want it to say what is replaced", got.stderr)
	}
}

// Dead letters of a stack that has ended can be listed, shown and deleted, but not redriven.
func TestDeadLettersOfAnEndedStack(t *testing.T) {
	needNode(t)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	execute(nil, "", "local", "--once", "--calls", "20", "--duration", "0s", "--port", "0", "--local-dir", dir,
		"--functions", functions)
	flags := []string{"--local", "--local-dir", dir, "-o", "json"}
	run := func(args ...string) result { return execute(nil, "", append(args, flags...)...) }
	var messages []deadLetterReport
	if err := json.Unmarshal([]byte(run("dead-letters", "list").stdout), &messages); err != nil || len(messages) < 2 {
		t.Fatalf("got %v and %v, want some dead letters", messages, err)
	}
	var shown deadLetterReport
	if got := run("dead-letters", "show", messages[0].ID); json.Unmarshal([]byte(got.stdout), &shown) != nil ||
		shown.ID != messages[0].ID || shown.Body == "" {
		t.Errorf("show: got %s %s, want the dead letter", got.stdout, got.stderr)
	}
	if got := run("dead-letters", "redrive", messages[0].ID); got.code != exitFailed ||
		!strings.Contains(got.stdout, "no local stack runs") {
		t.Errorf("redrive: got exit code %d, %s %s; want word that no stack runs", got.code, got.stdout, got.stderr)
	}
	if got := run("dead-letters", "delete", messages[0].ID); got.code != exitDone {
		t.Errorf("delete: got exit code %d and %s", got.code, got.stderr)
	}
	if got := length(t, "dead-letters", dir); got != len(messages)-1 {
		t.Errorf("after the delete: got %d dead letters, want %d", got, len(messages)-1)
	}
	if got := run("send", "in-progress"); got.code != exitFailed || !strings.Contains(got.stderr, "no local stack runs") {
		t.Errorf("send: got exit code %d and %s, want word that no stack runs", got.code, got.stderr)
	}
}

// Ten readers of an ended stack wait for each other.
func TestConcurrentReadersOfAnEndedStack(t *testing.T) {
	needNode(t)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	execute(nil, "", "local", "--once", "--calls", "5", "--duration", "0s", "--port", "0", "--local-dir", dir,
		"--functions", functions)
	var readers sync.WaitGroup
	for i := range 10 {
		readers.Go(func() {
			what := []string{"calls", "incidents", "alerts", "dead-letters"}[i%4]
			if got := execute(nil, "", what, "list", "--local", "--local-dir", dir); got.code != exitDone {
				t.Errorf("%s: got exit code %d and %s", what, got.code, got.stderr)
			}
		})
	}
	readers.Wait()
}

// A folder that is not a local stack's is not changed.
func TestReadersDoNotChangeAForeignFolder(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"calls", "list"}, {"calls", "show", "x"}, {"incidents", "list"}, {"alerts", "list"}, {"consent", "list"},
		{"dead-letters", "list"}, {"topics", "list"},
	} {
		got := execute(nil, "", append(args, "--local", "--local-dir", dir)...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "chimewatch local") {
			t.Errorf("%v: got exit code %d and %q, want it to say how to start a stack", args, got.code, got.stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v and error %v, want an empty folder", left, err)
	}
}

// The end of the table's server while a day is played is reported once.
func TestLocalReportsThatTheTableEnded(t *testing.T) {
	needNode(t)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	real, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	// It dies as a full disk makes it die, three seconds after the start.
	script := "#!/bin/sh\n" +
		"(sleep 3; echo '[Error: IO error: No space left on device]' >&2; kill -9 $$) >/dev/null &\n" +
		"exec " + real + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(bin, "node"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	got := execute(nil, "", "local", "--once", "--calls", "60", "--duration", "10m", "--port", "0", "--local-dir", dir,
		"--functions", functions)
	if got.code != exitFailed || strings.Count(got.stderr, "the disk of "+dir+" is full") != 1 ||
		strings.Contains(got.stderr, "npm") {
		t.Errorf("got exit code %d and %q, want word that the disk is full", got.code, got.stderr)
	}
}

// An interrupt while functions run prints what the command waits for.
func TestLocalPrintsWhatItWaitsFor(t *testing.T) {
	needNode(t)
	functions, dir := binaries.Functions(t, binaries.All...), t.TempDir()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"local", "--no-play", "--port", "0", "--local-dir", dir, "--functions", functions},
			func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	}()
	var state local.State
	for err := error(io.EOF); err != nil; time.Sleep(20 * time.Millisecond) {
		select {
		case code := <-ended:
			t.Fatalf("got exit code %d and %q, want it to serve", code, stderr.String())
		default:
			state, err = local.FindRunning(t.Context(), dir)
		}
	}
	// The function fails at this event, and tries again after one and two seconds.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, state.Endpoint,
		strings.NewReader(`{"Entries":[{"Source":"aws.chime","DetailType":"Media Insights Rules Matched","Detail":"{}"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %+v and error %v", response, err)
	}
	response.Body.Close()
	interrupt()
	if code := <-ended; code != exitDone ||
		!strings.Contains(stderr.String(), "waiting up to 5s for 1 invocation under way") {
		t.Errorf("got exit code %d and %q, want it to say what it waits for", code, stderr.String())
	}
	if got := length(t, "dead-letters", dir); got != 1 {
		t.Errorf("got %d dead letters, want the event that it waited for", got)
	}
}
