//go:build unix

package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// result is the outcome of a command line.
type result struct {
	code           int
	stdout, stderr string
}

// command returns a command line of the built command, in the project's folder and without
// variables about AWS or chimewatch in its environment.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binaries.Command(t), args...)
	cmd.Dir = ".."
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "AWS_") && !strings.HasPrefix(pair, "CHIMEWATCH_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// chimewatch runs a command line to its end.
func chimewatch(t *testing.T, args ...string) result {
	t.Helper()
	cmd := command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("chimewatch %s: %v", strings.Join(args, " "), err)
	}
	timer := time.AfterFunc(processLimit, func() {
		t.Errorf("chimewatch %s does not end", strings.Join(args, " "))
		_ = cmd.Process.Kill()
	})
	defer timer.Stop()
	_ = cmd.Wait() // ProcessState has the exit code
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// localStack is "chimewatch local", running as a process of its own.
type localStack struct {
	dir, endpoint string
	*process
}

// startLocal starts a local stack on a free port, in a folder, and returns it when it
// serves. It plays no day. It is stopped with the test, and must then exit with code 0.
func startLocal(t *testing.T, dir string) *localStack {
	t.Helper()
	needNode(t)
	s := &localStack{dir: dir, process: startProcess(t, "local", "--no-play", "--port", "0", "--local-dir", dir,
		"--functions", functionBinaries(t))}
	t.Cleanup(func() {
		if code := s.interrupt(t); code != 0 {
			t.Errorf("chimewatch local: got exit code %d, want 0; it wrote:\n%s", code, s.output)
		}
	})
	s.endpoint, _, _ = strings.Cut(s.await(t, "chimewatch runs at "), "\n")
	s.await(t, "Serving. ")
	return s
}

// run runs a command line on this stack, which must succeed without a message on the error
// stream. It returns what it printed.
func (s *localStack) run(t *testing.T, args ...string) string {
	t.Helper()
	got := chimewatch(t, append(args, "--local", "--local-dir", s.dir)...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("chimewatch %s: got exit code %d and %q on the error stream, want 0 and nothing",
			strings.Join(args, " "), got.code, got.stderr)
	}
	return got.stdout
}

// send puts an example on the bus and returns the id of the event.
func (s *localStack) send(t *testing.T, args ...string) string {
	t.Helper()
	var sent struct{ EventID string }
	decode(t, s.run(t, append([]string{"send", "--output", "json"}, args...)...), &sent)
	return sent.EventID
}

// show returns the one object that calls show prints.
func (s *localStack) show(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var shown map[string]any
	decode(t, s.run(t, append([]string{"calls", "show", "--output", "json"}, args...)...), &shown)
	return shown
}

// drained waits until every event so far is handled, as the stack offers it.
func (s *localStack) drained(t *testing.T) local.Status {
	t.Helper()
	var status local.Status
	decode(t, s.page(t, "/drained"), &status)
	return status
}

func (s *localStack) page(t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.endpoint+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: got status %d and error %v, want 200", path, response.StatusCode, err)
	}
	return string(body)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("got %q, want JSON: %v", text, err)
	}
}

// process is a command line that runs during the test, in a process group of its own, as a
// shell starts it.
type process struct {
	*exec.Cmd
	output *transcript // both streams
	ended  chan struct{}
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t, args...), output: newTranscript(), ended: make(chan struct{})}
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Stdout, p.Stderr = p.output, p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait() // ProcessState has the exit code
	}()
	return p
}

// interrupt does what Ctrl-C does in a terminal, which signals the whole group. It returns
// the exit code.
func (p *process) interrupt(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	default:
		if err := syscall.Kill(-p.Process.Pid, syscall.SIGINT); err != nil {
			t.Errorf("interrupt: %v", err)
		}
	}
	return p.exitCode(t)
}

// exitCode waits for the end of the process.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(processLimit):
		_ = p.Process.Kill()
		t.Errorf("chimewatch %s does not end; it wrote:\n%s", strings.Join(p.Args[1:], " "), p.output)
		<-p.ended
	}
	return p.ProcessState.ExitCode()
}

// processLimit is longer than any process needs on a busy machine.
const processLimit = 2 * time.Minute

// await waits for a whole line that begins with a text, and returns what follows.
func (p *process) await(t *testing.T, prefix string) string {
	t.Helper()
	limit := time.After(processLimit)
	for {
		text, wrote := p.output.read()
		if _, after, ok := strings.Cut("\n"+text, "\n"+prefix); ok && strings.Contains(after, "\n") {
			return after
		}
		select {
		case <-wrote:
		case <-p.ended:
			t.Fatalf("chimewatch %s has ended and wrote %q, want %q in it", strings.Join(p.Args[1:], " "), p.output, prefix)
		case <-limit:
			t.Fatalf("chimewatch %s wrote %q, want %q in it", strings.Join(p.Args[1:], " "), text, prefix)
		}
	}
}

// transcript stores what a process writes.
type transcript struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{} // closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{wrote: make(chan struct{})} }

func (w *transcript) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.wrote)
	w.wrote = make(chan struct{})
	return w.text.Write(b)
}

// read returns the text so far and a channel that is closed when there is more.
func (w *transcript) read() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String(), w.wrote
}

func (w *transcript) String() string {
	text, _ := w.read()
	return text
}
