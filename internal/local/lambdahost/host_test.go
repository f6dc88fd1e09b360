package lambdahost_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

const probeARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"

// envAPI is set in the processes of functions only.
const envAPI = "AWS_LAMBDA_RUNTIME_API"

// probe is a function for tests: this binary.
var probe, _ = os.Executable()

func TestMain(m *testing.M) {
	if os.Getenv(envAPI) != "" {
		runProbe()
		return
	}
	os.Exit(m.Run())
}

// start runs the probe with quick retries and gathers its failure records.
func start(t *testing.T, change func(*lambdahost.Options)) (*lambdahost.Host, func() []lambdahost.Record) {
	t.Helper()
	var mu sync.Mutex
	var records []lambdahost.Record
	o := lambdahost.Options{
		Functions: []lambdahost.Function{{
			Name: "probe", ARN: probeARN, Path: probe, Timeout: 10 * time.Second,
			Environment: []string{"PROBE_SETTING=seen", "PROBE_DIR=" + t.TempDir()},
		}},
		RetryDelay: 10 * time.Millisecond,
		LogDir:     t.TempDir(),
		OnFailure: func(r lambdahost.Record) {
			mu.Lock()
			defer mu.Unlock()
			records = append(records, r)
		},
	}
	if change != nil {
		change(&o)
	}
	h, err := lambdahost.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h, func() []lambdahost.Record {
		mu.Lock()
		defer mu.Unlock()
		return append([]lambdahost.Record(nil), records...)
	}
}

func drain(t *testing.T, h *lambdahost.Host) {
	t.Helper()
	for began := time.Now(); h.Pending() > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("got %d invocations pending after 30 seconds, want none", h.Pending())
		}
	}
}

func do(what string) []byte { return []byte(`{"do":"` + what + `"}`) }

func TestInvoke(t *testing.T) {
	h, _ := start(t, func(o *lambdahost.Options) { o.Functions[0].Timeout = 2 * time.Second })
	for _, tc := range []struct {
		name, payload          string
		reply                  string // want, unless errorType or message is set
		errorType, messagePart string
	}{
		{"a reply", `{"do":"echo"}`, `{"do":"echo"}`, "", ""},
		{"an error", `{"do":"fail"}`, "", "errorString", "asked to fail"},
		{"a payload that is not JSON", "{\xff", "", "wrapError", "payload of 2 bytes"},
		{"a panic", `{"do":"panic"}`, "", "string", "asked to panic"},
		{"a process that exits", `{"do":"exit"}`, "", "Runtime.ExitError", "exit status 7"},
		{"an invocation that lasts too long", `{"do":"hang"}`, "", "Sandbox.Timedout", "timed out after 2.00 seconds"},
		{"a reply that is too large", `{"do":"shout"}`, "", "Function.ResponseSizeTooLarge", "6291456"},
		{"a reply after all that", `{"do":"again"}`, `{"do":"again"}`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply, err := h.Invoke(t.Context(), "probe", []byte(tc.payload))
			var failed *lambdahost.FunctionError
			if !errors.As(err, &failed) {
				if tc.errorType != "" || string(reply) != tc.reply {
					t.Errorf("got reply %.50q and error %v, want %q and type %q", reply, err, tc.reply, tc.errorType)
				}
				return
			}
			if failed.Type != tc.errorType || !strings.Contains(failed.Message, tc.messagePart) || !json.Valid(failed.Payload) {
				t.Errorf("got type %q, message %q, payload %s; want %q, …%q…, valid JSON", failed.Type, failed.Message,
					failed.Payload, tc.errorType, tc.messagePart)
			}
		})
	}
}

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

// Each of three invocations waits for the two others, so all end only if they
// run at once.
func TestProcessesWorkSideBySide(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.Processes, o.Retries = 3, -1 })
	for range 3 {
		if err := h.Enqueue("probe", do("meet")); err != nil {
			t.Fatal(err)
		}
	}
	drain(t, h)
	if got := records(); len(got) != 0 {
		t.Errorf("records: got %+v, want none", got)
	}
}

func TestAsynchronousFailuresAreRetriedAndRecorded(t *testing.T) {
	for _, tc := range []struct {
		name      string
		do        string
		errorType string
	}{
		{"an error", "fail", "errorString"},
		{"a panic", "panic", "string"},
		{"a crash", "exit", "Runtime.ExitError"},
		{"a timeout", "hang", "Sandbox.Timedout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h, records := start(t, func(o *lambdahost.Options) { o.Functions[0].Timeout = 500 * time.Millisecond })
			payload := []byte(`{ "do":"` + tc.do + `", "n":12345678901234567890, "s":"<&>" }`)
			if err := h.Enqueue("probe", payload); err != nil {
				t.Fatal(err)
			}
			drain(t, h)
			got := records()
			if len(got) != 1 {
				t.Fatalf("records: got %d, want 1", len(got))
			}
			r := got[0]
			if len(r.RequestContext.RequestID) != 36 || r.Timestamp == "" {
				t.Errorf("got request id %q and timestamp %q, want both", r.RequestContext.RequestID, r.Timestamp)
			}
			r.RequestContext.RequestID = ""
			want := lambdahost.RequestContext{FunctionARN: probeARN + ":$LATEST", Condition: lambdahost.RetriesExhausted,
				ApproximateInvokeCount: 3}
			if diff := cmp.Diff(want, r.RequestContext); diff != "" {
				t.Errorf("request context (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(payload), string(r.RequestPayload)); diff != "" {
				t.Errorf("request payload (-want +got):\n%s", diff)
			}
			var answer struct{ ErrorType string }
			if err := json.Unmarshal(r.ResponsePayload, &answer); err != nil || answer.ErrorType != tc.errorType {
				t.Errorf("response payload: got %s (%v), want error type %s", r.ResponsePayload, err, tc.errorType)
			}
			if c := h.Counts()["probe"]; c.Invocations != 3 || c.Errors != 3 {
				t.Errorf("counts: got %+v, want 3 invocations and 3 errors", c)
			}
		})
	}
}

func TestRecordHasLambdasShape(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.Retries = -1 })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	r := records()[0]
	r.Timestamp, r.RequestContext.RequestID = "T", "R"
	encoded, err := awsprotocol.EncodeJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1.0","timestamp":"T","requestContext":{"requestId":"R","functionArn":"` + probeARN +
		`:$LATEST",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":1},"requestPayload":{"do":"fail"},` +
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
		`"responsePayload":{"errorMessage":"asked to fail","errorType":"errorString"}}`
	if diff := cmp.Diff(want, string(encoded)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRetryKeepsTheRequestID(t *testing.T) {
	h, records := start(t, nil)
	if err := h.Enqueue("probe", do("fail once")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	if got := records(); len(got) != 0 {
		t.Errorf("records: got %+v, want none, because the second attempt had the first one's id", got)
	}
	if c := h.Counts()["probe"]; c.Invocations != 2 || c.Errors != 1 {
		t.Errorf("counts: got %+v, want 2 invocations and 1 error", c)
	}
}

func TestEventThatGetsTooOldIsNotRetried(t *testing.T) {
	h, records := start(t, func(o *lambdahost.Options) { o.MaxAge, o.RetryDelay = time.Millisecond, time.Second })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	got := records()
	if len(got) != 1 || got[0].RequestContext.Condition != lambdahost.EventAgeExceeded ||
		got[0].RequestContext.ApproximateInvokeCount != 1 {
		t.Errorf("got %+v, want one record after one attempt, condition %s", got, lambdahost.EventAgeExceeded)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	h, _ := start(t, nil)
	for _, tc := range []struct {
		name, function string
		payload        []byte
		want           apperr.Class
	}{
		{"a function that is not there", "nobody", do("echo"), apperr.NotFound},
		{"a payload that is not JSON", "probe", []byte("{"), apperr.Invalid},
		{"a payload that is too large", "probe", []byte(`"` + strings.Repeat("x", 1<<20) + `"`), apperr.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := h.Enqueue(tc.function, tc.payload); apperr.ClassOf(err) != tc.want {
				t.Errorf("got %v, want class %q", err, tc.want)
			}
		})
	}
	if got := h.Pending(); got != 0 {
		t.Errorf("pending: got %d, want 0", got)
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

func TestCloseDuringAnInvocation(t *testing.T) {
	h, records := start(t, nil)
	if err := h.Enqueue("probe", do("hang")); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := h.Invoke(context.Background(), "probe", do("hang"))
		failed <- err
	}()
	time.Sleep(50 * time.Millisecond) // lets both get under way; the test holds without it
	h.Close()
	if err := <-failed; err == nil {
		t.Error("invocation under way: got no error, want one")
	}
	if err := h.Enqueue("probe", do("echo")); apperr.ClassOf(err) != apperr.Unavailable {
		t.Errorf("after close: got %v, want class %q", err, apperr.Unavailable)
	}
	if got := records(); len(got) != 0 {
		t.Errorf("records: got %+v, want none", got)
	}
}
