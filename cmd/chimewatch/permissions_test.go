package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// operations forwards requests to a table, and records their operations.
func operations(t *testing.T, table string) (endpoint string, asked func() []string) {
	t.Helper()
	target, err := url.Parse(table)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var actions []string
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		mu.Lock()
		actions = append(actions, "dynamodb:"+operation)
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(actions)
		sorted := slices.Compact(actions)
		actions = nil
		return sorted
	}
}

// The policies of docs/OPERATE.md allow exactly what the commands do to the table.
func TestPoliciesAllowWhatTheCommandsDo(t *testing.T) {
	text, err := os.ReadFile("../../docs/OPERATE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```json\n")
	block, rest, _ := strings.Cut(block, "```")
	var policy struct{ Statement []struct{ Action any } }
	if err := json.Unmarshal([]byte(block), &policy); err != nil {
		t.Fatal(err)
	}
	var readers []string
	for _, s := range policy.Statement {
		list, _ := s.Action.([]any)
		for _, action := range list {
			if name, _ := action.(string); strings.HasPrefix(name, "dynamodb:") {
				readers = append(readers, name)
			}
		}
	}
	server := startTable(t, t.TempDir())
	table := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName, dynamo.Options{})
	failed := incident.Group{Scope: "voice-connector/vc", Element: "S3RecordingSink"}
	i, err := (&incident.Service{Repo: table, Timing: incident.DefaultTiming, Now: time.Now}).Record(t.Context(),
		incident.Report{
			Group: failed, Class: incident.Unknown, Reason: "of " + lost,
			Occurrence: incident.Occurrence{PipelineID: lost, CallID: "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5",
				At: time.Date(2026, 3, 9, 15, 20, 27, 0, time.UTC)},
		})
	if err != nil {
		t.Fatal(err)
	}
	endpoint, asked := operations(t, server.URL())
	run := func(args ...string) {
		t.Helper()
		got := executeOn(endpoint, args...)
		if got.code != exitDone {
			t.Errorf("%v: got exit code %d and %q, want 0", args, got.code, got.stderr)
		}
	}
	for _, args := range [][]string{
		{"calls", "list", "-o", "json"},
		{"calls", "list", "--status", "Failed"},
		{"calls", "show", endedCall, "--all", "--events"},
		{"calls", "erasures"},
		{"incidents", "list"},
		{"incidents", "show", i.ID, "--calls"},
		{"alerts", "list"},
		{"consent", "list"},
	} {
		run(args...)
	}
	if diff := cmp.Diff(readers, asked()); diff != "" {
		t.Errorf("readers: allowed (-), asked for (+):\n%s", diff)
	}
	operators := slices.Clone(readers)
	for line := range strings.Lines(rest) {
		if strings.Contains(line, "calls erase") {
			for _, name := range strings.Split(strings.Split(line, "|")[1], ",") {
				operators = append(operators, strings.Trim(name, " `"))
			}
		}
	}
	run("calls", "erase", lost, "--by", "op@example.com", "--yes")
	got := asked()
	got = append(got, readers...)
	slices.Sort(got)
	slices.Sort(operators)
	if diff := cmp.Diff(operators, slices.Compact(got)); diff != "" {
		t.Errorf("operators: allowed (-), asked for (+):\n%s", diff)
	}
}
