package lambdahost_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

func TestInvocationContext(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	h, _ := start(t, nil)
	reply, err := h.Invoke(t.Context(), "probe", do("look around"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ARN, RequestID, Trace, Home, Setting string
		Left                                 float64
	}
	if err := json.Unmarshal(reply, &got); err != nil {
		t.Fatal(err)
	}
	if got.ARN != probeARN || len(got.RequestID) != 36 || got.Setting != "seen" || !strings.HasPrefix(got.Trace,
		"Root=1-") {
		t.Errorf("got %+v, want the function's ARN, a request id, its setting and a trace id", got)
	}
	if got.Left < 8 || got.Left > 10 {
		t.Errorf("time left: got %.1f s, want nearly the timeout of 10 s", got.Left)
	}
	if got.Home != "" {
		t.Errorf("HOME: got %q, want none of this process's environment", got.Home)
	}
}

// A function sees what Lambda sets for every function, and nothing of the environment of the host.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "mine")
	h, _ := start(t, nil)
	reply, err := h.Invoke(t.Context(), "probe", do("environment"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.SplitSeq(strings.Trim(string(reply), `"`), "|") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "PATH", "PROBE_DIR", "AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID": // they vary
			value = "…"
		}
		got = append(got, name+"="+value)
	}
	want := []string{
		"AWS_ACCESS_KEY_ID=local", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_FUNCTION_NAME=probe", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/probe",
		"AWS_LAMBDA_LOG_STREAM_NAME=local", "AWS_LAMBDA_RUNTIME_API=…", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "LAMBDA_TASK_ROOT=" + filepath.Dir(probe), "LANG=en_US.UTF-8",
		"PATH=…", "PROBE_DIR=…", "PROBE_SETTING=seen", "TZ=:UTC", "_HANDLER=" + filepath.Base(probe), "_X_AMZN_TRACE_ID=…",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestFunctionThatCannotInitialise(t *testing.T) {
	_, err := lambdahost.Start(t.Context(), lambdahost.Options{
		Functions: []lambdahost.Function{{Name: "probe", ARN: probeARN, Path: probe,
			Environment: []string{"PROBE_START=fail"}}},
		LogDir: t.TempDir(),
	})
	for _, part := range []string{"function probe", "a setting is missing", "exit status 3"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q in it", err, part)
		}
	}
}

// The error of a start has what the function reported, not how its process ended.
func TestReportedStartFailure(t *testing.T) {
	_, err := lambdahost.Start(t.Context(), lambdahost.Options{
		Functions: []lambdahost.Function{{Name: "probe", ARN: probeARN, Path: probe,
			Environment: []string{"PROBE_START=report"}}},
		LogDir: t.TempDir(),
	})
	if err == nil || !strings.Contains(err.Error(), "ended before it asked for an event") ||
		!strings.Contains(err.Error(), "Setting: no table") {
		t.Errorf("got %v, want what the function reported", err)
	}
}

func TestStartErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "probe.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, logs, want string }{
		{"no binary", file, t.TempDir(), "function probe: " + file + " cannot be started: "},
		{"no folder for logs", probe, filepath.Join(file, "logs"), "log folder " + file + "/logs: cannot be made: "},
		{"no file for a log", probe, folder, "log file " + folder + "/probe.log: cannot be written: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := lambdahost.Start(t.Context(), lambdahost.Options{
				Functions: []lambdahost.Function{{Name: "probe", ARN: probeARN, Path: tt.path}}, LogDir: tt.logs,
			})
			if h != nil || apperr.ClassOf(err) != apperr.Internal || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s…", err, tt.want)
			}
		})
	}
}

// Where the process cannot be replaced, because its binary is gone, invocations fail.
func TestProcessThatCannotBeReplaced(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "bootstrap")
	text, err := os.ReadFile(probe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text, 0o700); err != nil {
		t.Fatal(err)
	}
	h, _ := start(t, func(o *lambdahost.Options) { o.Functions[0].Path, o.Processes = binary, 1 })
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Runtime.ExitError", "Runtime.InitError", "Runtime.InitError"} {
		_, err := h.Invoke(t.Context(), "probe", do("exit"))
		var failed *lambdahost.FunctionError
		if !errors.As(err, &failed) || failed.Type != want {
			t.Errorf("got %v, want one of type %s", err, want)
		}
	}
}

// Invalid requests of a runtime are refused, and do not change another invocation.
func TestInvalidRuntimeRequests(t *testing.T) {
	h, _ := start(t, func(o *lambdahost.Options) {
		o.Processes = 1
		o.Functions[0].Environment = append(o.Functions[0].Environment, "PROBE_START=rogue")
	})
	for _, tt := range []struct{ do, reply, errorType, payload, log string }{
		{"answer another", `"own"`, "", "",
			`another: 400 {"errorType":"InvalidRequestID","errorMessage":"no invocation under way has this request id"}`},
		{"answer twice", `"first"`, "", "", `second: 400 {"errorType":"InvalidRequestID",`},
		{"answer too much", "", "Function.ResponseSizeTooLarge",
			`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"the reply has more than 6291456 bytes"}`,
			`too much: 413 {"errorType":"RequestEntityTooLarge","errorMessage":"the reply has more than 6291456 bytes"}`},
		{"fail with text", "", "", `"no JSON"`, `with text: 202 {"status":"OK"}`},
		{"nothing of it", `"own"`, "", "", ""},
	} {
		reply, err := h.Invoke(t.Context(), "probe", do(tt.do))
		var failed *lambdahost.FunctionError
		if errors.As(err, &failed) != (tt.payload != "") || string(reply) != tt.reply {
			t.Errorf("%s: got %s and %v, want %s", tt.do, reply, err, tt.reply)
		}
		if failed != nil && (failed.Type != tt.errorType || string(failed.Payload) != tt.payload) {
			t.Errorf("%s: got %s with %s, want %s with %s", tt.do, failed.Type, failed.Payload, tt.errorType, tt.payload)
		}
		for began := time.Now(); !strings.Contains(h.LogTail("probe"), tt.log); time.Sleep(time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("%s: got the log %s, want %s", tt.do, h.LogTail("probe"), tt.log)
			}
		}
	}
}

func TestProcessThatExits(t *testing.T) {
	h, _ := start(t, nil)
	_, err := h.Invoke(t.Context(), "probe", do("exit"))
	var failed *lambdahost.FunctionError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a function error", err)
	}
	id, rest, _ := strings.Cut(strings.TrimPrefix(failed.Message, "RequestId: "), " ")
	if len(id) != 36 || rest != "Error: Runtime exited with error: exit status 7" {
		t.Errorf("got %q, want Lambda's text about the exit", failed.Message)
	}
	if want := `{"errorType":"Runtime.ExitError","errorMessage":"` + failed.Message +
		`"}`; string(failed.Payload) != want {
		t.Errorf("got the payload %s, want %s", failed.Payload, want)
	}
}

func TestLogs(t *testing.T) {
	dir := t.TempDir()
	var echo strings.Builder
	h, _ := start(t, func(o *lambdahost.Options) { o.LogDir, o.Echo = dir, &echo })
	if _, err := h.Invoke(t.Context(), "probe", do("echo")); err != nil {
		t.Fatal(err)
	}
	h.Close() // after which all output is written
	file, err := os.ReadFile(filepath.Join(dir, "probe.log"))
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"file": string(file), "echo": echo.String(), "tail": h.LogTail("probe")} {
		if !strings.Contains(got, "doing echo") {
			t.Errorf("%s: got %q, want what the function wrote", name, got)
		}
	}
}

// A log has whole lines: also one without an end, and the pieces of a very long one.
func TestLogsKeepEveryLine(t *testing.T) {
	dir := t.TempDir()
	h, _ := start(t, func(o *lambdahost.Options) { o.LogDir, o.Processes = dir, 1 })
	for _, what := range []string{"write lines", "write a long line", "write no end"} {
		if _, err := h.Invoke(t.Context(), "probe", do(what)); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	text, err := os.ReadFile(filepath.Join(dir, "probe.log"))
	if err != nil {
		t.Fatal(err)
	}
	file := string(text)
	if !strings.HasSuffix(file, "\nno end\n") || !strings.Contains(file, "\nline 1\nline 2\n") {
		t.Errorf("got a log of %d bytes, want the lines and the one without an end in it", len(file))
	}
	if got, want := strings.Count(file, "y"), 3<<20; got != want {
		t.Errorf("got %d bytes of the long line, want %d", got, want)
	}
	tail := strings.Split(h.LogTail("probe"), "\n")
	if len(tail) != 20 || tail[19] != "no end" {
		t.Errorf("got %d lines in the tail, want the last twenty", len(tail))
	}
	for line := range strings.Lines(file) {
		if len(line) > 1<<20+1<<16 {
			t.Errorf("got a line of %d bytes, want it cut after a MiB", len(line))
		}
	}
	if got := h.LogTail("nobody"); got != "" {
		t.Errorf("got %q of an unknown function, want nothing", got)
	}
}
