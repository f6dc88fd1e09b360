package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Whoever logs an error need not think of the numbers that may stand in it.
func TestLoggerMasksNumbers(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "status")
	log.Error("call from +12065550112", "text", "to +12065550190", "error", errors.New("refused +12065550133"), "account", "111122223333", "count", 12065550112)
	log.With("caller", "+12065550145").WithGroup("call").Info("kept", "callee", "+12065550146")
	want := []map[string]any{
		{"level": "ERROR", "msg": "call from …0112", "function": "status", "text": "to …0190", "error": "refused …0133", "account": "111122223333", "count": 12065550112.0},
		{"level": "INFO", "msg": "kept", "function": "status", "caller": "…0145", "call": map[string]any{"callee": "…0146"}},
	}
	if diff := cmp.Diff(want, lines(t, &out, "time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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
	m.Count("Events", 1)
	if err := m.Flush(); err != nil {
		t.Fatal(err)
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
			},
		}}},
		"Stack":           "watch-eu",
		"Function":        "status",
		"Events":          3.0,
		`Unknown "types"`: 0.0,
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

func TestMetricsKeepToTheLimitOfALine(t *testing.T) {
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

func TestMetricsAtOnce(t *testing.T) {
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

func TestMetricsSayWhenTheyCannotBeWritten(t *testing.T) {
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

// lines takes the JSON lines out of the buffer, without the keys that vary.
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
