package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/google/go-cmp/cmp"
)

func TestLoggerWritesJSONLines(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "status")
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	log.With("a", 1).InfoContext(ctx, "kept", "b", "two")
	log.Error("lost")
	log.Debug("not shown")
	want := []map[string]any{
		{"level": "INFO", "msg": "kept", "function": "status", "a": 1.0, "b": "two", "requestId": "r-1"},
		{"level": "ERROR", "msg": "lost", "function": "status"},
	}
	if diff := cmp.Diff(want, lines(t, &out, "time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The logger masks numbers in messages, errors, attributes and groups.
func TestLoggerMasksNumbers(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "status")
	log.Error("call from +12065550112", "text", "to +12065550190", "error", errors.New("refused +12065550133"),
		"account", "111122223333", "count", 12065550112)
	log.With("caller", "+12065550145").WithGroup("call").Info("kept", "callee", "+12065550146")
	want := []map[string]any{
		{
			"level": "ERROR", "msg": "call from …0112", "function": "status", "text": "to …0190",
			"error": "refused …0133", "account": "111122223333", "count": 12065550112.0,
		},
		{
			"level": "INFO", "msg": "kept", "function": "status", "caller": "…0145",
			"call": map[string]any{"callee": "…0146"},
		},
	}
	if diff := cmp.Diff(want, lines(t, &out, "time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// stringer has a text of its own.
type stringer struct{ number string }

func (s stringer) String() string { return "caller " + s.number }

// valuer is a group of attributes.
type valuer struct{ number string }

func (v valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("number", v.number), slog.Any("list", []string{v.number}))
}

// broken has no JSON form, and its text panics.
type broken struct{ F func() }

// panicking has a JSON form that cannot be had.
type panicking struct{ Number string }

func (panicking) MarshalJSON() ([]byte, error) { panic("no form") }

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// A number is masked in values of every kind, in names, and in the message; all else
// stays as it is.
func TestLoggerMasksValuesOfEveryKind(t *testing.T) {
	type call struct {
		From  string         `json:"from"`
		Extra map[string]any `json:"extra"`
		Raw   json.RawMessage
		At    time.Time
	}
	at := time.Date(2026, 3, 9, 14, 8, 30, 0, time.UTC)
	number := "tel:4155550123"
	// from is how a call of which no more is known is logged.
	from := func(masked string) map[string]any {
		return map[string]any{"from": masked, "extra": nil, "Raw": nil, "At": "2026-03-09T14:08:30Z"}
	}
	for _, tt := range []struct {
		name  string
		value any
		want  any
	}{
		{"string", "0049 30 901820", "…1820"},
		{"bytes", []byte(number), "tel:…0123"},
		{"strings", []string{"sip:14155550123@198.51.100.7", "x"}, []any{"sip:…0123@198.51.100.7", "x"}},
		{"error", fmt.Errorf("cannot: %w", errors.Join(errors.New("+14155550123"), errors.New("x"))), "cannot: …0123\nx"},
		{"error that is nil", (*nilError)(nil), "!PANIC: runtime error: invalid memory address or nil pointer dereference"},
		{"stringer", stringer{"4155550123"}, "caller …0123"},
		{"struct", call{
			"5550123", map[string]any{"ANI": 14155550123, "14155550123": true},
			json.RawMessage(`{"n":"(415) 555-0123"}`), at,
		}, map[string]any{
			"from": "…0123", "extra": map[string]any{"ANI": "…0123", "…0123": true},
			"Raw": map[string]any{"n": "…0123"}, "At": "2026-03-09T14:08:30Z",
		}},
		{"pointer", &call{From: "+14155550123", At: at}, from("…0123")},
		{"raw JSON", json.RawMessage(`{"n":"\u002b14155550123","m":[14155550123,1764038040123]}`),
			map[string]any{"n": "…0123", "m": []any{"…0123", 1764038040123.0}}},
		{"raw text that is no JSON", json.RawMessage(`{"n":+14155550123`), `{"n":…0123`},
		{"what has no JSON form, of a struct", struct {
			N string
			F func()
		}{"+14155550123", nil}, "{N:…0123 F:<nil>}"},
		{"what panics", panicking{"+14155550123"}, "{Number:…0123}"},
		{"fraction", 206.5550123, "…0123"},
		{"score", 0.94567856, 0.94567856},
		{"what has no JSON form", map[string]any{"n": "+14155550123", "f": func() {}}, ""},
		{"value of a kind of its own", valuer{"4155550123"}, map[string]any{"number": "…0123", "list": []any{"…0123"}}},
		{"group", slog.GroupValue(slog.Group("4155550123", "n", "+14155550123")),
			map[string]any{"…0123": map[string]any{"n": "…0123"}}},
		{"ANI", 14155550123, "…0123"},
		{"caller", uint64(14155550123), "…0123"},
		{"float", 14155550123.0, "…0123"},
		{"epoch", 1764038040123, 1764038040123.0},
		{"offset", 4155550123, 4155550123.0},
		{"time", at, "2026-03-09T14:08:30Z"},
		{"duration", time.Duration(4155550123), 4155550123.0},
		{"bool", true, true},
		{"nil", nil, nil},
		{"nothing to mask", call{From: "x", At: at}, from("x")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, write := range map[string]func(*slog.Logger){
				"of a line":   func(log *slog.Logger) { log.Info("m", tt.name, tt.value) },
				"of a logger": func(log *slog.Logger) { log.With(tt.name, tt.value).Info("m") },
				"in a group":  func(log *slog.Logger) { log.WithGroup("g").Info("m", tt.name, tt.value) },
			} {
				var out bytes.Buffer
				write(telemetry.NewLogger(&out, "status"))
				if strings.Contains(out.String(), "4155550123") && tt.name != "offset" && tt.name != "duration" {
					t.Errorf("%s: got the number whole in %s", how, out.String())
				}
				line := lines(t, &out)[0]
				if group, ok := line["g"].(map[string]any); ok {
					line = group
				}
				if tt.name == "what has no JSON form" { // it holds an address
					continue
				}
				if diff := cmp.Diff(tt.want, line[tt.name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "status").WithGroup("call 4155550123")
	log.Error("sip:4155550123 of (415) 555-0123", "+14155550123", "x", "broken", broken{})
	text := out.String()
	whole := strings.Contains(text, "4155550123") || strings.Contains(text, "555-0123")
	if whole || strings.Count(text, "…0123") != 4 {
		t.Errorf("got %s, want the number masked in message, group and name", text)
	}
}

// The text of a value is not escaped for HTML: a log is read as it is written.
func TestLoggerWritesMarkupAsItIs(t *testing.T) {
	var out bytes.Buffer
	telemetry.NewLogger(&out, "status").Info("m", "list", []string{"<+14155550123>", "<a> & b"})
	if want := `"list":["<…0123>","<a> & b"]`; !strings.Contains(out.String(), want) {
		t.Errorf("got %s, want it to hold %s", out.String(), want)
	}
}

// A record may be handed to several handlers: what one adds is not seen by the others.
func TestLoggerDoesNotChangeTheRecord(t *testing.T) {
	var out bytes.Buffer
	h := telemetry.NewLogger(&out, "status").Handler()
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	want := map[string]any{"level": "INFO", "msg": "m", "function": "status"}
	for i := range 8 { // more than a record has room for by itself
		key := fmt.Sprintf("k%d", i)
		record.AddAttrs(slog.Int(key, i))
		want[key] = float64(i)
	}
	for _, id := range []string{"r-1", "r-2"} {
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: id})
		if err := h.Handle(ctx, record); err != nil {
			t.Fatal(err)
		}
		want["requestId"] = id
		if diff := cmp.Diff([]map[string]any{want}, lines(t, &out, "time")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestMetricsFlush(t *testing.T) {
	var out bytes.Buffer
	m := telemetry.NewMetrics(&out, "watch-eu", "status")
	if err := m.Flush(); err != nil || out.Len() > 0 {
		t.Fatalf("got %q, error %v of nothing counted; want no line", out.String(), err)
	}
	before := time.Now().UnixMilli()
	m.Count("Events", 2)
	m.Count(`Unknown "types"`, 0)
	m.Count("Zero", 0)
	m.Count("Events", 1)
	m.Count(`Unknown "types"`, 7)
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if names := strings.Count(out.String(), `"Unknown`); names != 2 { // in the directive, and with its value
		t.Errorf("got a metric %d times, want it declared once and counted once: %s", names, out.String())
	}
	got := lines(t, &out)
	if len(got) != 1 {
		t.Fatalf("got %d lines, want 1", len(got))
	}
	aws := got[0]["_aws"].(map[string]any)
	if at := int64(aws["Timestamp"].(float64)); at < before || at > time.Now().UnixMilli() {
		t.Errorf("got timestamp %d, want the time of the flush in milliseconds", at)
	}
	delete(aws, "Timestamp")
	want := map[string]any{
		"_aws": map[string]any{"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  "Chimewatch",
			"Dimensions": []any{[]any{"Stack", "Function"}},
			"Metrics": []any{
				map[string]any{"Name": "Events", "Unit": "Count"},
				map[string]any{"Name": `Unknown "types"`, "Unit": "Count"},
				map[string]any{"Name": "Zero", "Unit": "Count"},
			},
		}}},
		"Stack":           "watch-eu",
		"Function":        "status",
		"Events":          3.0,
		`Unknown "types"`: 7.0,
		"Zero":            0.0,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Count("Events", 5)
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, &out)[0]["Events"]; got != 5.0 {
		t.Errorf("got %v after the second flush, want 5: counts start anew", got)
	}
}

// Without a stack's name the dimension has a value all the same: CloudWatch refuses
// an empty one, and with it all metrics of the line.
func TestMetricsOfNoStack(t *testing.T) {
	var out bytes.Buffer
	m := telemetry.NewMetrics(&out, "", "status")
	m.Count("Events", 1)
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, &out)[0]["Stack"]; got != "local" {
		t.Errorf("got stack %v, want local", got)
	}
}

func TestMetricsAreSplitIntoLines(t *testing.T) {
	var out bytes.Buffer
	m := telemetry.NewMetrics(&out, "watch-eu", "status")
	for i := range 250 {
		m.Count(fmt.Sprintf("metric%d", i), 1)
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, line := range lines(t, &out) {
		directive := line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		sizes = append(sizes, len(directive["Metrics"].([]any)))
	}
	if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" {
		t.Errorf("metrics per line (-want +got):\n%s", diff)
	}
}

func TestMetricsConcurrently(t *testing.T) {
	var out bytes.Buffer
	m := telemetry.NewMetrics(&out, "watch-eu", "status")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				m.Count("Events", 1)
			}
		})
	}
	wg.Wait()
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, &out)[0]["Events"]; got != 1000.0 {
		t.Errorf("got %v, want 1000", got)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFlushReturnsTheErrorOfTheWriter(t *testing.T) {
	m := telemetry.NewMetrics(brokenWriter{io.ErrClosedPipe}, "watch-eu", "status")
	m.Count("Events", 1)
	if err := m.Flush(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got error %v, want %v", err, io.ErrClosedPipe)
	}
}

func BenchmarkMetrics(b *testing.B) {
	m := telemetry.NewMetrics(io.Discard, "watch-eu", "status")
	b.ReportAllocs()
	for b.Loop() {
		m.Count("Events", 1)
		m.Count("Writes", 2)
		if err := m.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// lines reads the JSON lines and empties the buffer. It leaves out keys that vary.
func lines(t *testing.T, out *bytes.Buffer, without ...string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		for _, key := range without {
			delete(fields, key)
		}
		list = append(list, fields)
	}
	out.Reset()
	return list
}
