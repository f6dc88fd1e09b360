package lambdafn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

var errTable = apperr.New(apperr.Throttled, "table calls", "asked to be called less often", "")

// failing returns a handler that fails each message whose body has one of the words.
func failing(words ...string) lambdafn.Handler {
	return lambdafn.Each(func(_ context.Context, body []byte) error {
		for _, word := range words {
			if bytes.Contains(body, []byte(word)) {
				return fmt.Errorf("%s: %w", word, errTable)
			}
		}
		return nil
	})
}

// perMessage returns a handler that calls handle for one message after another.
func perMessage(handle func(context.Context, lambdafn.Message) error) lambdafn.Handler {
	return func(ctx context.Context, messages []lambdafn.Message) (errs []error) {
		for i, m := range messages {
			one := lambdafn.Each(func(ctx context.Context, _ []byte) error { return handle(ctx, m) })
			errs = append(errs, one(ctx, messages[i:i+1])...)
		}
		return errs
	}
}

func TestHandleReplies(t *testing.T) {
	silenceLog(t)
	one, two, three := `{"n":"one"}`, `{"n":"two"}`, `{"n":"three"}`
	tests := []struct {
		name      string
		payload   string
		fail      []string
		wantReply string
		wantErr   string // empty: none
	}{
		{"event handled", event, nil, "", ""},
		{"event failed", event, []string{"Stopped"}, "", "Stopped: table calls: asked to be called less often"},
		{"queue handled", records(sqsRecord("1", one), sqsRecord("2", two)), nil, `{"batchItemFailures":[]}`, ""},
		{"queue failed in part", records(sqsRecord("1", one), sqsRecord("2", two), sqsRecord("3", three)), []string{"two"},
			`{"batchItemFailures":[{"itemIdentifier":"2"}]}`, ""},
		{"queue failed whole", records(sqsRecord("1", one), sqsRecord("2", two)), []string{"one", "two"},
			`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`, ""},
		{"queue with a broken record", records(sqsRecord("1", one), sqsRecord("2", "x"), sqsRecord("3", three)),
			[]string{"three"}, `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`, ""},
		{"queue record with several messages is named once", records(sqsRecord("1", "["+one+","+two+"]")),
			[]string{"one", "two"}, `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, ""},
		{"queue record without an id fails all", records(sqsRecord("1", one), `{"eventSource":"aws:sqs","body":"{}"}`), nil,
			"", "has no identifier"},
		{"queue record without an id fails all, behind another failure", records(sqsRecord("1", "x"),
			`{"eventSource":"aws:sqs","body":"{}"}`), nil, "", "has no identifier"},
		{"stream failed in part", records(kinesisRecord("1", one), kinesisRecord("2", two), kinesisRecord("3", three)),
			[]string{"two", "three"}, `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`, ""},
		{"topic failed in part", records(snsRecord("1", one), snsRecord("2", two)), []string{"two"}, "", "two: table calls"},
		{"array failed in part", "[" + one + "," + two + "," + three + "]", []string{"one", "three"}, "",
			"one: table calls: asked to be called less often\nthree: table calls"},
		{"failed invocation fails again", failedInvocation(records(sqsRecord("1", one))), []string{"one"}, "",
			"one: table calls"},
		{"not JSON", "x", nil, "", "payload: is not JSON at byte 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reply, err := lambdafn.Handle(t.Context(), []byte(tt.payload), failing(tt.fail...))
			if got := string(reply); got != tt.wantReply {
				t.Errorf("got reply %s, want %s", got, tt.wantReply)
			}
			if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("got error %v, want %q", err, tt.wantErr)
			}
		})
	}
}

func TestHandleKeepsTheClassOfAnError(t *testing.T) {
	_, err := lambdafn.Handle(t.Context(), []byte(event), failing("Stopped"))
	if !errors.Is(err, errTable) || apperr.ClassOf(err) != apperr.Throttled {
		t.Errorf("got %v of class %s, want one of class %s", err, apperr.ClassOf(err), apperr.Throttled)
	}
}

func TestHandleCallsForEveryMessageAlsoAfterAFailure(t *testing.T) {
	silenceLog(t)
	var seen []string
	payload := records(sqsRecord("1", `1`), sqsRecord("2", `2`), sqsRecord("3", `3`))
	_, err := lambdafn.Handle(t.Context(), []byte(payload), perMessage(func(_ context.Context, m lambdafn.Message) error {
		seen = append(seen, m.RecordID)
		return errTable
	}))
	if got := strings.Join(seen, ","); got != "1,2,3" || err != nil {
		t.Errorf("got calls for %s, error %v; want 1,2,3", got, err)
	}
}

func TestPanicIsTheErrorOfItsMessage(t *testing.T) {
	var log bytes.Buffer
	logTo(t, &log)
	panicking := perMessage(func(_ context.Context, m lambdafn.Message) error {
		if m.RecordID != "2" {
			panic("no such rule")
		}
		return nil
	})
	_, err := lambdafn.Handle(t.Context(), []byte(event), panicking)
	if err == nil || !strings.Contains(err.Error(), "panic: no such rule") ||
		!strings.Contains(err.Error(), "handle_test.go") {
		t.Errorf("got error %v, want the panic with its stack", err)
	}
	if got := apperr.ClassOf(err); got != apperr.Internal {
		t.Errorf("got class %s, want %s", got, apperr.Internal)
	}
	reply, err := lambdafn.Handle(t.Context(), []byte(records(sqsRecord("1", "{}"), sqsRecord("2", "{}"))), panicking)
	if got, want := string(reply), `{"batchItemFailures":[{"itemIdentifier":"1"}]}`; got != want || err != nil {
		t.Errorf("got reply %s, error %v; want %s", got, err, want)
	}
	if !strings.Contains(log.String(), `error="message: panic: `) || !strings.Contains(log.String(),
		"panic: no such rule") {
		t.Errorf("got log %s, want the record and the panic", log.String())
	}
}

// The reply names the failed records only; why each of them failed is in the log.
func TestHandleLogsEveryFailedRecord(t *testing.T) {
	var log bytes.Buffer
	logTo(t, &log)
	payload := records(sqsRecord("1", `{"n":"one"}`), sqsRecord("2", "x"), sqsRecord("3", `{"n":"three"}`),
		sqsRecord("4", "{}"))
	if _, err := lambdafn.Handle(t.Context(), []byte(payload), failing("one", "three")); err != nil {
		t.Fatal(err)
	}
	for id, why := range map[string]string{"1": "one: table calls", "2": "payload/Records/1/body: is not JSON",
		"3": "three: table calls"} {
		found := false
		for line := range strings.Lines(log.String()) {
			found = found || strings.Contains(line, " recordId="+id+" source=SQS ") && strings.Contains(line, why)
		}
		if !found {
			t.Errorf("got the log\n%swant a line for record %s with %q", log.String(), id, why)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 3 {
		t.Errorf("got %d lines, want one for each failed record", n)
	}
}

// An error may repeat a part of its record, which may be a phone number.
func TestHandleLogsNoNumberWhole(t *testing.T) {
	var log bytes.Buffer
	logTo(t, &log)
	reply, err := lambdafn.Handle(t.Context(), []byte(records(sqsRecord("1", "{}"))),
		lambdafn.Each(func(context.Context, []byte) error {
			return errors.New(`/time: got "+14155550123", want a time`)
		}))
	if err != nil || !strings.Contains(string(reply), `"1"`) {
		t.Errorf("got %s and %v, want the record reported", reply, err)
	}
	if strings.Contains(log.String(), "4155550123") || !strings.Contains(log.String(), "…0123") {
		t.Errorf("got log %s, want the last four digits of the number", log.String())
	}
}

func TestHandleStopsWhenTheTimeIsUp(t *testing.T) {
	silenceLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	three := records(sqsRecord("1", "{}"), sqsRecord("2", "{}"), sqsRecord("3", "{}"))
	reply, err := lambdafn.Handle(ctx, []byte(three), lambdafn.Each(func(context.Context, []byte) error {
		calls++
		cancel()
		return nil
	}))
	if got, want := string(reply),
		`{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`; got != want || err != nil || calls != 1 {
		t.Errorf("got reply %s, error %v after %d calls; want %s after 1", got, err, calls, want)
	}
	_, err = lambdafn.Handle(ctx, []byte(event), failing())
	if !errors.Is(err, context.Canceled) || apperr.ClassOf(err) != apperr.Unavailable {
		t.Errorf("got %v, want the context's error of class %s", err, apperr.Unavailable)
	}
}

func TestHandleShortensLongErrors(t *testing.T) {
	_, err := lambdafn.Handle(t.Context(), []byte("["+strings.Repeat("1,", 99)+"1]"), failing("1"))
	if err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.HasSuffix(err.Error(), "and 80 more failed") {
		t.Errorf("got %v, want 20 errors and the count of the others", err)
	}
}

func silenceLog(t *testing.T) { logTo(t, io.Discard) }

// logTo sends slog's default logger to w for the time of the test.
func logTo(t *testing.T, w io.Writer) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
}

func TestHandleTogether(t *testing.T) {
	silenceLog(t)
	payload := records(sqsRecord("1", `{"n":"one"}`), sqsRecord("2", `{"n":"two"}`), sqsRecord("3", "x"),
		sqsRecord("4", `{"n":"four"}`))
	tests := []struct {
		name      string
		payload   string
		all       func([]lambdafn.Message) []error
		wantReply string
		wantErr   string // empty: none
	}{
		{"all handled but the broken one", payload, func(m []lambdafn.Message) []error { return make([]error, len(m)) },
			`{"batchItemFailures":[{"itemIdentifier":"3"}]}`, ""},
		{"one of them failed", payload, func(m []lambdafn.Message) []error { return []error{nil, errTable, nil} },
			`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, ""},
		{"panic fails every message", payload, func([]lambdafn.Message) []error { panic("oh") },
			`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"1"},` +
				`{"itemIdentifier":"2"},{"itemIdentifier":"4"}]}`, ""},
		{"too few results fail every message", event, func([]lambdafn.Message) []error { return nil },
			"", "messages: the handler returned 0 results for 1 messages"},
		{"nothing to hand on", records(sqsRecord("3", "x")), func([]lambdafn.Message) []error { panic("called for nothing") },
			`{"batchItemFailures":[{"itemIdentifier":"3"}]}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			reply, err := lambdafn.Handle(t.Context(), []byte(tt.payload),
				func(_ context.Context, m []lambdafn.Message) []error {
					calls++
					return tt.all(m)
				})
			if string(reply) != tt.wantReply || calls > 1 {
				t.Errorf("got reply %s after %d calls, want %s after one at most", reply, calls, tt.wantReply)
			}
			if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("got error %v, want %q", err, tt.wantErr)
			}
		})
	}
}
