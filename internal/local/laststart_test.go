package local_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// lastRun runs a stack on a folder that leaves two items in the table and one dead letter.
func lastRun(t *testing.T, dir string) {
	t.Helper()
	s := start(t, options(t, dir))
	putEvent(t, s, chime.DetailRulesMatched, match)
	putEvent(t, s, chime.DetailRulesMatched, broken)
	drain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// left returns how many items and dead letters can be read of a folder on which no stack
// runs.
func left(t *testing.T, dir string) (items, dead int) {
	t.Helper()
	table, err := local.OpenTable(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	out, err := dynalite.Client(table.Endpoint(), local.Region).Scan(t.Context(),
		&dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := local.OpenMessages(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	client := sqs.New(sqs.Options{BaseEndpoint: aws.String(messages.Endpoint()), Region: local.Region,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	queue, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(local.FunctionQueue)})
	if err != nil {
		t.Fatal(err)
	}
	received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl,
		MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	return int(out.Count), len(received.Messages)
}

// program writes an executable file.
func program(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Whatever keeps a start from succeeding, early or late: what the last run left can still
// be read, and the error says what was wrong.
func TestStartThatFailsKeepsTheLastRun(t *testing.T) {
	needTable(t)
	dir := t.TempDir()
	lastRun(t, dir)
	for _, tc := range []struct {
		name, says string
		spoil      func(t *testing.T, o *local.Options)
	}{
		{"the port is in use", "--port", func(t *testing.T, o *local.Options) {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { taken.Close() })
			o.Port = taken.Addr().(*net.TCPAddr).Port
		}},
		{"no node", "not in PATH", func(t *testing.T, _ *local.Options) { t.Setenv("PATH", t.TempDir()) }},
		{"no node_modules", "npm ci", func(t *testing.T, o *local.Options) { o.Modules = t.TempDir() }},
		{"the table's server ends at once", "the end of its output: no luck", func(t *testing.T, _ *local.Options) {
			bin := t.TempDir()
			program(t, filepath.Join(bin, "node"), "#!/bin/sh\necho no luck >&2; exit 3\n")
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}},
		{"the table's server ends when it serves", "the end of its output: tired", func(t *testing.T, _ *local.Options) {
			bin := t.TempDir()
			program(t, filepath.Join(bin, "node"), "#!/bin/sh\necho 1; sleep 0.1; echo tired >&2; exit 3\n")
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}},
		{"the table's server finds the disk full", "the disk of " + dir + " is full", func(t *testing.T, _ *local.Options) {
			bin := t.TempDir()
			program(t, filepath.Join(bin, "node"),
				"#!/bin/sh\necho '[Error: IO error: table/000003.log: No space left on device]' >&2; exit 1\n")
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}},
		{"no folder for the logs", "logs", func(t *testing.T, _ *local.Options) {
			logs := filepath.Join(dir, "local", "logs")
			if err := os.RemoveAll(logs); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(logs, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Remove(logs) })
		}},
		{"a function that does not start", "alerts", func(t *testing.T, o *local.Options) {
			o.Functions = t.TempDir()
			program(t, filepath.Join(o.Functions, "alerts", "bootstrap"), "#!/bin/sh\nexit 1\n")
		}},
		{"a function that is no program", "alerts", func(t *testing.T, o *local.Options) {
			o.Functions = t.TempDir()
			program(t, filepath.Join(o.Functions, "alerts", "bootstrap"), "")
		}},
		{"at the very end local.json cannot be written", "local.json", func(t *testing.T, _ *local.Options) {
			inTheWay := filepath.Join(dir, "local.json.new")
			if err := os.Mkdir(inTheWay, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Remove(inTheWay) })
		}},
	} {
		for _, keep := range []bool{false, true} {
			name := tc.name
			if keep {
				name += ", kept"
			}
			t.Run(name, func(t *testing.T) {
				o := options(t, dir)
				o.Keep = keep
				tc.spoil(t, &o)
				s, err := local.Start(t.Context(), o)
				if err == nil {
					t.Fatal(s.Close(), "got no error")
				}
				if !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %v, want it to say %q", err, tc.says)
				}
			})
			if items, dead := left(t, dir); items != matchItems || dead != 1 {
				t.Fatalf("%s: got %d items and %d dead letters afterwards, want %d and 1", name, items, dead, matchItems)
			}
		}
	}
	if names := namesIn(t, filepath.Join(dir, "local")); strings.Contains(names, "aside") ||
		strings.Contains(names, "starting") {
		t.Errorf("got the files %s, want nothing left of the starts", names)
	}
}

func namesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// A start that fails on an empty folder leaves no table that could be read.
func TestFirstStartThatFails(t *testing.T) {
	needTable(t)
	dir := t.TempDir()
	o := options(t, dir)
	o.Functions = t.TempDir()
	program(t, filepath.Join(o.Functions, "alerts", "bootstrap"), "#!/bin/sh\nexit 1\n")
	if _, err := local.Start(t.Context(), o); err == nil {
		t.Fatal("got no error")
	}
	if _, err := local.OpenTable(t.Context(), dir, ""); err == nil {
		t.Error("got a table, want none")
	}
	if _, err := local.OpenMessages(dir); err == nil {
		t.Error("got messages, want none")
	}
}

// A start that is killed, at whatever point, costs nothing either.
func TestStartThatIsKilledKeepsTheLastRun(t *testing.T) {
	needTable(t)
	const marker = `{"before":["table","messages"],"moved":true}`
	for _, tc := range []struct {
		name, marker string
		kill         func(t *testing.T, path func(string) string)
	}{
		{"before anything was moved", marker, func(*testing.T, func(string) string) {}},
		{"when the table was moved", marker, func(t *testing.T, path func(string) string) {
			rename(t, path("table"), path("table.aside"))
		}},
		{"when all was moved", marker, func(t *testing.T, path func(string) string) {
			rename(t, path("table"), path("table.aside"))
			rename(t, path("messages"), path("messages.aside"))
		}},
		{"when the new ones were there", marker, func(t *testing.T, path func(string) string) {
			for _, name := range []string{"table", "messages"} {
				rename(t, path(name), path(name+".aside"))
				program(t, filepath.Join(path(name), "half"), "")
			}
		}},
		{"when it was being put back", marker, func(t *testing.T, path func(string) string) {
			rename(t, path("messages"), path("messages.aside"))
		}},
		{"with --keep", `{"before":["table","messages"],"moved":false}`, func(*testing.T, func(string) string) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, "local", name) }
			lastRun(t, dir)
			if err := os.WriteFile(path("starting"), []byte(tc.marker), 0o600); err != nil {
				t.Fatal(err)
			}
			tc.kill(t, path)
			messages, err := local.OpenMessages(dir) // before anybody puts something back
			if err != nil {
				t.Fatal(err)
			}
			if err := messages.Close(); err != nil {
				t.Fatal(err)
			}
			if items, dead := left(t, dir); items != matchItems || dead != 1 {
				t.Errorf("got %d items and %d dead letters, want %d and 1", items, dead, matchItems)
			}
			o := options(t, dir)
			o.Keep = true
			if got := len(start(t, o).DeadLetters()); got != 1 {
				t.Errorf("the next run: got %d dead letters, want 1", got)
			}
		})
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// What a start replaces is kept until the next one that succeeds, and counted.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	s := start(t, options(t, dir))
	if got := s.Replaced(); got != nil {
		t.Errorf("first start: got %+v, want nothing replaced", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	lastRun(t, dir)
	s = start(t, options(t, dir))
	old := filepath.Join(dir, "local", "table.old")
	if got := s.Replaced(); got == nil || got.Folder != old || got.Calls > 0 { // -1 on a slow machine
		t.Errorf("got %+v, want the table in %s without a call", got, old)
	}
	if items := len(s.DeadLetters()); items != 0 {
		t.Errorf("got %d dead letters of the last run, want none", items)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// By hand it can be had again.
	if err := os.RemoveAll(filepath.Join(dir, "local", "table")); err != nil {
		t.Fatal(err)
	}
	rename(t, old, filepath.Join(dir, "local", "table"))
	if items, _ := left(t, dir); items != matchItems {
		t.Errorf("put back by hand: got %d items, want %d", items, matchItems)
	}
	o := options(t, dir)
	o.Keep = true
	if got := start(t, o).Replaced(); got != nil {
		t.Errorf("kept: got %+v, want nothing replaced", got)
	}
}

// Readers do not touch a folder that is none of a stack's.
func TestReadersCreateNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := local.OpenTable(ctx, dir, ""); err == nil {
		t.Error("table: got no error")
	}
	if _, err := local.OpenMessages(dir); err == nil {
		t.Error("messages: got no error")
	}
	if names := namesIn(t, dir); names != "" {
		t.Errorf("got %s in the folder, want nothing", names)
	}
}
