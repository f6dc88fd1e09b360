package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/test/binaries"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain replaces the AWS configuration of the machine: keys that are valid nowhere, and no Region.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1",
		"COLUMNS": "100",
	} {
		os.Setenv(name, value)
	}
	os.Exit(binaries.Run(m))
}

// result is what a command line did.
type result struct {
	code           int
	stdout, stderr string
}

// execute runs a command line with the variables and the input given.
func execute(env map[string]string, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string { return env[name] }
	code := run(context.Background(), args, getenv, strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// golden compares text with the file of that name below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./cmd/chimewatch -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; write it anew with -update):\n%s", path, diff)
	}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{
		"", "calls list", "calls show", "calls erase", "calls erasures",
		"consent grant", "consent withdraw", "consent show", "consent list",
		"topics list", "topics test", "send", "events validate", "local", "version", "help", "completion"} {
		t.Run(command, func(t *testing.T) {
			got := execute(nil, "", append(strings.Fields(command), "--help")...)
			if got.code != exitDone || got.stderr != "" {
				t.Errorf("got exit code %d and %q on the error stream, want 0 and nothing", got.code, got.stderr)
			}
			golden(t, "help/"+strings.ReplaceAll("chimewatch "+command, " ", "-")+".txt", got.stdout)
		})
	}
}

func TestMisuse(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "chimewatch: command line: expected one of"},
		{"unknown command", []string{"cals"}, `chimewatch: command line: unexpected argument cals`},
		{"unknown flag", []string{"version", "--colour"}, "unknown flag --colour (see: chimewatch version --help)"},
		{"unknown format", []string{"version", "-o", "xml"},
			`--output must be one of "table","json","jsonl","csv" but got "xml"`},
		{"missing argument", []string{"calls", "show"}, `expected "<id>" (see: chimewatch calls show --help)`},
		{"empty argument", []string{"calls", "show", ""},
			"<id>: it is empty (give a pipeline id or ARN, a callId or a transactionId)"},
		{"two places", []string{"calls", "list", "--local", "--endpoint-url", "http://localhost:1"},
			"--local and --endpoint-url can't be used together"},
		{"endpoint without a scheme",
			[]string{"send", "created", "--region", "us-east-1", "--endpoint-url", "localhost:4100"},
			`--endpoint-url: "localhost:4100" is no URL of a service`},
		{"limit", []string{"calls", "list", "--limit", "0"},
			"--limit: 0 is out of range (use 1 to 1000, and --cursor for more)"},
		{"cursor", []string{"calls", "list", "--cursor", "x"},
			"--cursor: it was not printed by a list (leave it out to start with the newest)"},
		{"cursor of alerts", []string{"alerts", "list", "--cursor", "x"}, "--cursor: it was not printed by a list"},
		{"cursor of incidents", []string{"incidents", "list", "--cursor", "W10"}, "--cursor: it was not printed by a list"},
		{"status of several", []string{"calls", "list", "--status", "Failed,Broken"},
			`--status: "Broken" is no status of a pipeline`},
		{"all, and none at once", []string{"calls", "list", "--all", "--limit", "0"}, "--limit: 0 is out of range"},
		{"CSV of one call", []string{"calls", "show", "x", "-o", "csv"},
			"--output csv: chimewatch calls show prints no list (use table, json or jsonl)"},
		{"help of nothing", []string{"help", "calls", "delete"}, "help: unexpected argument delete (see: chimewatch --help)"},
		{"completion for another shell", []string{"completion", "tcsh"}, `must be one of "bash","zsh","fish" but got "tcsh"`},
		{"status", []string{"calls", "list", "--status", "Broken"},
			`--status: "Broken" is no status of a pipeline (use one of Unknown, Created, InProgress,`},
		{"time", []string{"calls", "list", "--from", "yesterday"}, `--from: "yesterday" is no time (write it like`},
		{"other time", []string{"calls", "list", "--to", "9"}, `--to: "9" is no time`},
		{"span", []string{"calls", "list", "--since=-3h"}, `--since: "-3h" is no span of time`},
		{"days", []string{"calls", "list", "--since", "xd"}, `--since: "xd" is no span of time`},
		{"since and from", []string{"calls", "list", "--since", "3h", "--from", "2026-03-09"},
			"--from and --since can't be used together"},
		{"times the wrong way round", []string{"calls", "list", "--from", "2026-03-10", "--to", "2026-03-09"},
			"--to: it is before the beginning of the span"},
		{"event without a name", []string{"send"}, "send: no event is named"},
		{"event of another name", []string{"send", "stoped"}, "try one of: stopped"},
		{"list and print", []string{"send", "--list", "--print"}, "--list and --print can't be used together"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := execute(nil, "", test.args...)
			if got.code != exitUsage || got.stdout != "" {
				t.Errorf("got exit code %d and %q, want 2 and nothing on the standard output", got.code, got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "chimewatch: ") || !strings.Contains(got.stderr, test.want) ||
				strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("got %q, want one line with %q", got.stderr, test.want)
			}
		})
	}
}

func TestErrorsAsJSON(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		want errorReport
	}{
		{
			"a flag that is not there", nil, []string{"version", "--nope", "--output", "json"}, exitUsage,
			errorReport{"invalid", "command line", "unknown flag --nope", "see: chimewatch version --help"},
		},
		{
			"short flag", nil, []string{"-ojson", "version", "--nope"}, exitUsage,
			errorReport{"invalid", "command line", "unknown flag --nope", "see: chimewatch version --help"},
		},
		{
			"format from the environment", map[string]string{"CHIMEWATCH_OUTPUT": "json"},
			[]string{"send", "paused", "--set", "x"}, exitUsage,
			errorReport{"invalid", "--set x", "it has no =",
				"write it like detail.callId=abc, detail.list.0.status=Failed or detail.count=3"},
		},
		{
			"failure", nil, []string{"send", "paused", "--output=json"}, exitFailed,
			errorReport{"invalid", "AWS Region", "none is given",
				`use --region, set AWS_REGION, or run "aws configure"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := execute(test.env, "", test.args...)
			if got.code != test.code || got.stdout != "" {
				t.Errorf("got exit code %d and %q, want %d and nothing on the standard output", got.code, got.stdout, test.code)
			}
			var printed map[string]errorReport
			if err := json.Unmarshal([]byte(got.stderr), &printed); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]errorReport{"error": test.want}, printed); diff != "" {
				t.Errorf("error stream (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlagWinsOverVariable(t *testing.T) {
	got := execute(map[string]string{"CHIMEWATCH_OUTPUT": "json"}, "", "version", "--output", "table")
	if !strings.HasPrefix(got.stdout, "chimewatch ") {
		t.Errorf("got %q, want one line of text", got.stdout)
	}
}

func TestVersion(t *testing.T) {
	got := execute(nil, "", "version", "--output", "json")
	var b build
	if err := json.Unmarshal([]byte(got.stdout), &b); err != nil || b.Version == "" || b.Go == "" || b.Platform == "" {
		t.Errorf("got %q (%v), want version, go and platform", got.stdout, err)
	}
	if text := execute(nil, "", "version").stdout; !strings.HasPrefix(text, "chimewatch "+b.Version) ||
		!strings.Contains(text, b.Go) {
		t.Errorf("got %q, want it to begin with %q and to name %q", text, "chimewatch "+b.Version, b.Go)
	}
}

// An interrupted command says so, and reports no problem of the events that it was checking.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{
		{"send", "created", "--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:9"},
		{"events", "validate", "../../schemas/examples/created.json"},
	} {
		t.Run(args[0], func(t *testing.T) {
			for range 20 {
				var stdout, stderr bytes.Buffer
				code := run(ctx, args, func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
				if want := "chimewatch: interrupted\n"; code != exitFailed || stdout.Len() > 0 || stderr.String() != want {
					t.Fatalf("got exit code %d, %q and %q, want 1, nothing and %q", code, stdout.String(), stderr.String(), want)
				}
			}
		})
	}
}
