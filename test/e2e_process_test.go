//go:build unix

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestSecondStackIsRefused starts stacks that cannot run at the same time as the first one.
func TestSecondStackIsRefused(t *testing.T) {
	t.Parallel()
	first := startLocal(t, t.TempDir())
	port := first.endpoint[strings.LastIndex(first.endpoint, ":")+1:]
	for _, test := range []struct{ name, dir, port, want string }{
		{
			name: "in its folder", dir: first.dir, port: "0",
			want: fmt.Sprintf("chimewatch: folder %s: it is in use by process %d "+
				"(stop that one, or choose another folder)\n", first.dir, first.Process.Pid),
		},
		{
			name: "at its port", dir: t.TempDir(), port: port,
			want: fmt.Sprintf("chimewatch: address 127.0.0.1:%s: cannot be listened on: ", port),
		},
	} {
		got := chimewatch(t, "local", "--no-play", "--port", test.port, "--local-dir", test.dir,
			"--functions", functionBinaries(t))
		if got.code != 1 || got.stdout != "" {
			t.Errorf("%s: got exit code %d and the output %q, want 1 and nothing", test.name, got.code, got.stdout)
		}
		if !strings.HasPrefix(got.stderr, test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: got %q on the error stream, want one line with %q", test.name, got.stderr, test.want)
		}
	}
	if got := chimewatch(t, "calls", "list", "--local", "--local-dir", first.dir); got.code != 0 {
		t.Errorf("calls list afterwards: got exit code %d and %q, want the first stack to serve on", got.code, got.stderr)
	}
}

// TestInterruptStopsEveryProcess sends Ctrl-C while the stack serves, and while it plays a
// day.
func TestInterruptStopsEveryProcess(t *testing.T) {
	t.Parallel()
	needNode(t)
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc")
	}
	for _, test := range []struct {
		name, until string
		args        []string
		code        int
		says        string // at the end
	}{
		{name: "while it serves", until: "Serving. ", args: []string{"--no-play"}},
		{name: "while it plays", until: "Playing a day ", args: []string{"--duration", "1h"}},
		{
			name: "while it plays once", until: "Playing a day ", args: []string{"--once", "--duration", "1h"},
			code: 1, says: "chimewatch: played day: it was interrupted before it was over\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"local", "--port", "0", "--local-dir", dir, "--functions", functionBinaries(t)}
			p := startProcess(t, append(args, test.args...)...)
			p.await(t, test.until)
			children := descendants(t, p.Process.Pid)
			if len(children) < 7 {
				t.Errorf("while it ran: got %d processes below it, want at least the table's server and six functions",
					len(children))
			}
			code := p.interrupt(t)
			output := p.output.String()
			if code != test.code || !strings.HasSuffix(output, test.says) || strings.Contains(output, "goroutine ") {
				t.Errorf("got exit code %d and %q, want %d and %q at the end", code, output, test.code, test.says)
			}
			for _, child := range children {
				if err := syscall.Kill(child, 0); err == nil {
					t.Errorf("process %d is left: %s", child, commandLine(child))
				}
			}
			if left, err := filepath.Glob(filepath.Join(dir, "local.json*")); err != nil || len(left) > 0 {
				t.Errorf("got %v (%v), want no file with the address of a stack", left, err)
			}
		})
	}
}

// descendants returns the ids of all processes below one.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	below := map[int][]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var child, parent int
		// The name, in parentheses, may have spaces.
		stat := regexp.MustCompile(`^(\d+) \(.*\) \S (\d+) `).FindStringSubmatch(string(text))
		if stat == nil {
			t.Fatalf("%s: got %q, want the id, the name, the state and the parent", file, text)
		}
		fmt.Sscan(stat[1], &child)
		fmt.Sscan(stat[2], &parent)
		below[parent] = append(below[parent], child)
	}
	var all []int
	for next := below[pid]; len(next) > 0; next = next[1:] {
		all = append(all, next[0])
		next = append(next, below[next[0]]...)
	}
	return all
}

func commandLine(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), "\x00", " ")
}
