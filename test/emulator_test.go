//go:build linux

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/childprocess"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// emulator is AWS's emulator with one function under it.
type emulator struct {
	process *childprocess.Process
	url     string
	output  *transcript // what both wrote
	// function is the process id of the function; 0 before the first invocation,
	// which starts it.
	function int
}

// startEmulator runs the binary of a function under the emulator, with the
// environment of a stack's functions, until the test ends.
func startEmulator(t *testing.T, s *local.Stack, name, binary string) *emulator {
	t.Helper()
	program := binaries.Emulator(t, "rie")
	for range 5 { // a port that was free may be taken a moment later
		if e := tryEmulator(t, program, s, name, binary); e != nil {
			return e
		}
	}
	t.Fatal("the emulator did not listen on any of five pairs of free ports")
	return nil
}

// tryEmulator returns nil when the emulator ended before it listened.
func tryEmulator(t *testing.T, program string, s *local.Stack, name, binary string) *emulator {
	t.Helper()
	runtimeAPI, invocations := freeAddresses(t)
	cmd := exec.Command(program, "--log-level", "warning", "--runtime-api-address", runtimeAPI,
		"--runtime-interface-emulator-address", invocations, binary)
	cmd.Dir = filepath.Dir(binary)
	// It hands its own environment on to the function.
	cmd.Env = append(s.Environment(),
		"PATH="+os.Getenv("PATH"), "_HANDLER=bootstrap",
		"AWS_LAMBDA_FUNCTION_NAME="+name, "AWS_LAMBDA_FUNCTION_TIMEOUT=30",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	e := &emulator{url: "http://" + invocations + "/2015-03-31/functions/function/invocations", output: newTranscript()}
	cmd.Stdout, cmd.Stderr = e.output, e.output
	var err error
	if e.process, err = childprocess.Start(cmd); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case <-e.process.Done():
			t.Logf("the emulator ended: %v\n%s", e.process.Err(), e.output)
			return nil
		case <-time.After(20 * time.Millisecond):
		}
		if conn, err := net.Dial("tcp", invocations); err == nil {
			conn.Close()
			t.Cleanup(func() { e.stop(t) })
			return e
		}
	}
}

// freeAddresses returns two loopback addresses that nobody listened on just now.
// The emulator needs both: it would pass a port 0 for the Runtime API to the function as it
// is.
func freeAddresses(t *testing.T) (a, b string) {
	t.Helper()
	var addresses [2]string
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // when both are known, so that they differ
		addresses[i] = listener.Addr().String()
	}
	return addresses[0], addresses[1]
}

// stop ends the emulator, and makes sure that its function ends with it.
func (e *emulator) stop(t *testing.T) {
	if t.Failed() {
		t.Logf("the emulator and its function wrote:\n%s", e.output)
	}
	_ = syscall.Kill(e.process.Pid(), syscall.SIGTERM) // fails only when it is gone
	if err := e.process.Stop(10 * time.Second); err != nil {
		t.Errorf("the emulator ended badly: %v", err)
	}
	if e.function == 0 {
		return
	}
	for deadline := time.Now().Add(10 * time.Second); runs(e.function); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("process %d of the function outlives the emulator", e.function)
			return
		}
	}
}

// invoke posts a payload and returns what the function answers.
func (e *emulator) invoke(t *testing.T, payload []byte) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(payload))
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
		t.Fatalf("got status %d, %s and %v, want the function's answer to\n%.300s",
			response.StatusCode, body, err, payload)
	}
	started := childrenOf(t, e.process.Pid())
	switch {
	case len(started) != 1:
		t.Fatalf("got the processes %v under the emulator, want the one of the function", started)
	case e.function == 0:
		e.function = started[0]
	case e.function != started[0]:
		t.Fatalf("the function's process was %d and is %d, want it to live on after\n%.300s",
			e.function, started[0], payload)
	}
	return body
}

// answer is what a function may answer.
type answer struct {
	ErrorMessage, ErrorType string
	BatchItemFailures       []struct{ ItemIdentifier string }
}

// handles posts a payload and wants no part of it to fail.
func (e *emulator) handles(t *testing.T, payload []byte) {
	t.Helper()
	body := e.invoke(t, payload)
	if len(body) == 0 {
		return
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		t.Errorf("got %q, want JSON: %v", body, err)
	}
	if diff := cmp.Diff(answer{BatchItemFailures: a.BatchItemFailures}, a); diff != "" || len(a.BatchItemFailures) > 0 {
		t.Errorf("got %s, want no failure of\n%.300s", body, payload)
	}
}

// refuses posts a payload and wants the function to fail it with an error of its own.
func (e *emulator) refuses(t *testing.T, payload []byte) {
	t.Helper()
	body := e.invoke(t, payload)
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.ErrorMessage == "" || a.ErrorType == "" {
		t.Errorf("got %q (%v), want an error for\n%.300s", body, err, payload)
	}
	if strings.HasPrefix(a.ErrorType, "Runtime.") || strings.Contains(a.ErrorMessage, "panic") {
		t.Errorf("got %s, want an error and no crash for\n%.300s", body, payload)
	}
}

// childrenOf returns the ids of the processes that a process has started and that
// run.
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && parentOf(pid) == parent {
			found = append(found, pid)
		}
	}
	return found
}

// runs reports whether a process is there and has not ended.
func runs(pid int) bool { return parentOf(pid) != 0 }

// parentOf returns the id of a process's parent, and 0 for one that has ended
// (proc_pid_stat(5): the state and the parent follow the name in brackets).
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}
