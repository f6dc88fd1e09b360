package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/test/binaries"
)

func TestLocalRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"functions that are not built", []string{"--functions", "testdata"}, exitFailed, "make build"},
		{"once and no play", []string{"--once", "--no-play"}, exitUsage, "--no-play"},
		{"no calls", []string{"--calls", "0"}, exitUsage, "--calls"},
		{"a negative duration", []string{"--duration=-1s"}, exitUsage, "--duration"},
		{"a port that is none", []string{"--port", "65536"}, exitUsage, "--port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := execute(nil, "", append([]string{"local", "--dir", t.TempDir()}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("got exit code %d and %q, want %d and %q", got.code, got.stderr, tc.code, tc.says)
			}
		})
	}
}

// A played day ends as it was played, and calls list prints the same calls.
func TestLocalPlaysADay(t *testing.T) {
	needNode(t)
	functions := binaries.Functions(t, binaries.All...)
	dir := t.TempDir()
	got := execute(nil, "", "local", "--once", "--duration", "1s", "--calls", "30", "--port", "0",
		"--dir", dir, "--functions", functions, "--output", "json")
	var day dayReport
	if err := json.Unmarshal([]byte(got.stdout), &day); err != nil || got.code != exitDone || !day.Agrees {
		t.Fatalf("got exit code %d, error stream %q and report %s; want a day on which all agrees", got.code, got.stderr,
			got.stdout)
	}
	want := map[string]int{}
	for _, line := range day.Lines {
		if status, ok := strings.CutPrefix(line.What, "calls "); ok && status != "degraded" {
			want[status] = line.Found
		}
	}

	listed := execute(nil, "", "calls", "list", "--local", "--local-dir", dir, "--limit", "1000", "--output", "json")
	var calls []struct{ Status string }
	if err := json.Unmarshal([]byte(listed.stdout), &calls); err != nil || listed.code != exitDone {
		t.Fatalf("calls list: got exit code %d, error stream %q, error %v", listed.code, listed.stderr, err)
	}
	if len(calls) != 30 {
		t.Errorf("calls list: got %d calls, want 30", len(calls))
	}
	for _, call := range calls {
		want[call.Status]--
	}
	for status, missing := range want {
		if missing != 0 {
			t.Errorf("calls list: got %d calls %s less than the summary, want the same", missing, status)
		}
	}
}

// Without --once the command serves until an interrupt, and then exits with 0.
func TestLocalServesUntilInterrupted(t *testing.T) {
	needNode(t)
	functions := binaries.Functions(t, binaries.All...)
	dir := t.TempDir()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"local", "--no-play", "--port", "0", "--dir", dir, "--functions", functions},
			func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	}()
	for {
		if _, err := local.FindRunning(t.Context(), dir); err == nil {
			break
		}
		select {
		case code := <-ended:
			t.Fatalf("got exit code %d and %q, want it to serve", code, stderr.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	sent := execute(nil, "", "send", "permanent-failure", "--local", "--local-dir", dir)
	if sent.code != exitDone {
		t.Errorf("send: got exit code %d and %q, want 0", sent.code, sent.stderr)
	}
	interrupt()
	if code := <-ended; code != exitDone || stderr.Len() > 0 {
		t.Errorf("got exit code %d and %q on the error stream, want 0 and nothing", code, stderr.String())
	}
	if !strings.Contains(stdout.String(), "aws dynamodb scan --endpoint-url http://127.0.0.1:") ||
		!strings.Contains(stdout.String(), "Serving.") {
		t.Errorf("got %q, want commands to copy and word that it serves", stdout.String())
	}
	listed := execute(nil, "", "calls", "list", "--local", "--local-dir", dir, "--output", "json")
	var calls []struct{ Status string }
	if err := json.Unmarshal([]byte(listed.stdout), &calls); err != nil || len(calls) != 1 || calls[0].Status != "Failed" {
		t.Errorf("calls list afterwards: got %q, %q; want the one that failed", listed.stdout, listed.stderr)
	}
}

// needNode skips a test if the table's server cannot run.
func needNode(t *testing.T) {
	t.Helper()
	need.Dynalite(t)
}
