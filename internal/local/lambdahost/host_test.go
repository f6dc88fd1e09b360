package lambdahost_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
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

// An invocation that is not made fails with an error of the reason's class.
func TestInvokeRefuses(t *testing.T) {
	h, _ := start(t, nil)
	_, err := h.Invoke(t.Context(), "nobody", do("echo"))
	if apperr.ClassOf(err) != apperr.NotFound || !strings.HasPrefix(err.Error(), "function nobody: it is not there; ") {
		t.Errorf("got %v of a function that is not there", err)
	}
	const tooLarge = "payload: has 1048578 bytes; an asynchronous invocation may have 1048576"
	if err := h.Enqueue("probe", []byte(`"`+strings.Repeat("x", 1<<20)+`"`)); err == nil || err.Error() != tooLarge {
		t.Errorf("got %v, want %s", err, tooLarge)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, "probe", do("hang")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v of an invocation that lasts longer than its caller waits", err)
	}
	if got := h.Pending(); got != 1 {
		t.Errorf("got %d invocations pending, want the one that hangs", got)
	}
	h.Close()
	_, err = h.Invoke(t.Context(), "probe", do("echo"))
	if apperr.ClassOf(err) != apperr.Unavailable || err.Error() != "function host: is closed" {
		t.Errorf("got %v after close, want that it is closed", err)
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

// Each of three invocations waits for the two others, so all end only if they
// run at once.
func TestProcessesRunAtOnce(t *testing.T) {
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

// Each invocation is pending until it is done.
func TestPending(t *testing.T) {
	h, _ := start(t, func(o *lambdahost.Options) { o.Retries = 1 })
	for range 2 {
		if err := h.Enqueue("probe", do("fail")); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Invoke(t.Context(), "probe", do("echo")); err != nil {
			t.Fatal(err)
		}
		drain(t, h)
		if got := h.Pending(); got != 0 {
			t.Errorf("got %d pending after all is done, want none", got)
		}
	}
	if got := h.Counts()["probe"]; got.Invocations != 6 || got.Errors != 4 {
		t.Errorf("got %+v, want six attempts of which four failed", got)
	}
}

// What a closed host refuses or gives up is not pending.
func TestNothingIsPendingAfterClose(t *testing.T) {
	h, _ := start(t, func(o *lambdahost.Options) { o.RetryDelay = time.Second })
	if err := h.Enqueue("probe", do("fail")); err != nil {
		t.Fatal(err)
	}
	for h.Counts()["probe"].Invocations == 0 { // then it waits for its retry
		time.Sleep(time.Millisecond)
	}
	h.Close()
	if err := h.Enqueue("probe", do("echo")); err == nil {
		t.Error("got no error after close")
	}
	drain(t, h)
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
