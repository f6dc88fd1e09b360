package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// The pipelines of the table, newest first.
const (
	running     = "e34fdbde-698e-4bde-a537-45ddfa84af57" // its processor failed
	neverBegan  = "create-failed.51f80843-207f-45e7-8824-46c64b83e811"
	lost        = "390c229b-3f88-4f5b-8169-99dfd9e1652c"
	transferred = "00000000-0000-4000-8000-000000000002" // the same call as ended
	ended       = "de403361-f63b-49e4-9bde-6c2805b3f0e6"

	endedCall = "4f660473-c22b-4858-a484-cd314a37e778"
)

// executeOn runs a command on the table that a server has.
func executeOn(url string, args ...string) result { return execute(nil, "", onTable(url)(args...)...) }

// startTable serves a table with those pipelines from the folder data.
func startTable(t *testing.T, data string) *dynalite.Server {
	t.Helper()
	server, err := dynalite.Start(t.Context(), need.Dynalite(t), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	db := dynalite.Client(server.URL(), "us-east-1")
	if err := dynalite.EnsureTable(t.Context(), db, local.TableName, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	s := dynamo.New(db, local.TableName,
		dynamo.Options{Now: func() time.Time { return time.Date(2026, 3, 9, 15, 20, 28, 0, time.UTC) }})
	fill(t, s)
	return server
}

func fill(t *testing.T, s *dynamo.Store) {
	t.Helper()
	ctx := t.Context()
	moved := strings.NewReplacer(ended, transferred, "14:02:11", "14:20:00", `"id": "`, `"id": "moved-`)
	for _, raw := range []string{
		example(t, "created"), example(t, "in-progress"), example(t, "stopped"),
		moved.Replace(example(t, "created")),
		example(t, "permanent-failure"),
		example(t, "create-failed"),
		example(t, "two-elements-transcribing"), example(t, "two-elements-processor-failed"),
	} {
		if err := pipeline.RecordEvent(ctx, s, parsed(t, raw)); err != nil {
			t.Fatal(err)
		}
	}
	for name, kind := range map[string]string{"rule-keyword-utterance": "keyword", "rule-sentiment": "sentiment"} {
		if err := s.RecordMatch(ctx, parsed(t, example(t, name)), kind); err != nil {
			t.Fatal(err)
		}
	}
	rule := rulematch.KeyOf(parsed(t, example(t, "rule-sentiment")), false)
	note := notify.Notification{ID: "n1", Kind: "rule-match", Subject: "Rule unhappy-for-a-minute matched"}
	if _, err := s.TryOnce(ctx, dynamo.PartitionOfMatches(rule), note, "test",
		func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func parsed(t *testing.T, raw string) *chime.Event {
	t.Helper()
	ev, err := chime.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestCalls(t *testing.T) {
	server := startTable(t, t.TempDir())
	calls := func(args ...string) result {
		return executeOn(server.URL(), append([]string{"calls"}, args...)...)
	}

	t.Run("golden", func(t *testing.T) {
		for _, test := range []struct {
			name string
			args []string
		}{
			{"calls/list.txt", []string{"list"}},
			{"calls/list-full-numbers.txt", []string{"list", "--full-numbers"}},
			{"calls/list.json", []string{"list", "-o", "json"}},
			{"calls/list.jsonl", []string{"list", "-o", "jsonl"}},
			{"calls/list.csv", []string{"list", "-o", "csv"}},
			{"calls/show-events.txt", []string{"show", running, "--events"}},
			{"calls/show-events.json", []string{"show", ended, "--raw", "-o", "json"}},
			{"calls/show-ended.txt", []string{"show", ended}},
			{"calls/show-failed.txt", []string{"show", lost}},
			{"calls/show-never-began.txt", []string{"show", neverBegan}},
			{"calls/show-running.txt", []string{"show", running, "--full-numbers"}},
			{"calls/show-ended.json", []string{"show", ended, "-o", "json"}},
			{"calls/show-failed.json", []string{"show", lost, "-o", "json"}},
			{"calls/show-never-began.json", []string{"show", neverBegan, "-o", "json"}},
			{"calls/show-running.json", []string{"show", running, "-o", "json", "--full-numbers"}},
		} {
			got := calls(test.args...)
			if got.code != exitDone || got.stderr != "" {
				t.Errorf("%v: got exit code %d and %q, want 0 and nothing on the error stream", test.args, got.code, got.stderr)
			}
			golden(t, test.name, got.stdout)
		}
	})

	t.Run("list", func(t *testing.T) {
		for _, test := range []struct {
			name string
			args []string
			want []string
		}{
			{"all", nil, []string{running, neverBegan, lost, transferred, ended}},
			{"status", []string{"--status", "CreateFailed"}, []string{neverBegan}},
			{"status in lower case", []string{"--status", "stopped"}, []string{ended}},
			{"two statuses", []string{"--status", "Stopped", "--status", "Created"}, []string{transferred, ended}},
			{"failed and never begun", []string{"--status", "failed,CreateFailed"}, []string{neverBegan, lost}},
			{"open and failed", []string{"--status", "InProgress, Failed"}, []string{running, lost}},
			{"from a day", []string{"--from", "2026-03-10"}, []string{running}},
			{"to a day", []string{"--to", "2026-03-10"}, []string{neverBegan, lost, transferred, ended}},
			{"between times", []string{"--from", "2026-03-09T15:20:00+01:00", "--to", "2026-03-09T15:20:27Z"},
				[]string{lost, transferred}},
			{"since ages", []string{"--since", "30000d"}, []string{running, neverBegan, lost, transferred, ended}},
			{"since now", []string{"--since", "1s"}, []string{}},
			{"none", []string{"--status", "Paused"}, []string{}},
		} {
			got := calls(append([]string{"list", "-o", "json"}, test.args...)...)
			if diff := cmp.Diff(test.want, ids(t, got)); diff != "" {
				t.Errorf("%s: got %q; calls (-want +got):\n%s", test.name, got.stderr, diff)
			}
			if len(test.want) == 0 && got.stdout != "[]\n" {
				t.Errorf("%s: got %q, want an empty array", test.name, got.stdout)
			}
		}
	})

	t.Run("list page by page", func(t *testing.T) {
		var found []string
		args := []string{"list", "-o", "json", "--limit", "2"}
		for pages := 0; pages < 4; pages++ {
			got := calls(args...)
			found = append(found, ids(t, got)...)
			if got.stderr == "" {
				break
			}
			var noted struct{ Next string }
			if err := json.Unmarshal([]byte(got.stderr), &noted); err != nil || noted.Next == "" {
				t.Fatalf("got %q on the error stream, want a cursor", got.stderr)
			}
			args = []string{"list", "-o", "json", "-n", "2", "--cursor", noted.Next}
		}
		if diff := cmp.Diff([]string{running, neverBegan, lost, transferred, ended}, found); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if got := calls("list", "--limit", "1"); !strings.HasPrefix(got.stderr, "chimewatch: there is more: --cursor ") {
			t.Errorf("got %q on the error stream, want a cursor", got.stderr)
		}
	})

	t.Run("list all", func(t *testing.T) {
		for _, output := range []string{"table", "json", "jsonl", "csv"} {
			whole := calls("list", "-o", output)
			if got := calls("list", "--all", "-n", "2", "-o", output); got != whole {
				t.Errorf("%s: got %q and %q, want %q", output, got.stdout, got.stderr, whole.stdout)
			}
		}
	})

	t.Run("show by any id", func(t *testing.T) {
		for _, test := range []struct{ name, id, want string }{
			{"pipeline id", lost, lost},
			{"pipeline ARN", "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + lost, lost},
			{"callId", "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5", lost},
			{"transactionId", "c5dbc041-b2da-45ca-9887-faae186bff33", lost},
			{"failed creation", neverBegan, neverBegan},
			{"transactionId of a failed creation", "51f80843-207f-45e7-8824-46c64b83e811", neverBegan},
		} {
			var c callview.Call
			got := calls("show", test.id, "-o", "json")
			if err := json.Unmarshal([]byte(got.stdout), &c); err != nil || c.ID != test.want || got.stderr != "" {
				t.Errorf("%s: got %q, %q and error %v, want the pipeline %s", test.name, got.stdout, got.stderr, err, test.want)
			}
		}
	})

	t.Run("show an id of several", func(t *testing.T) {
		const note = endedCall + " belongs to 2 pipelines; this is the newest. The others: " + ended +
			" (show them with --all)"
		got := calls("show", endedCall)
		if got.code != exitDone || got.stderr != "chimewatch: "+note+"\n" ||
			!strings.HasPrefix(got.stdout, "id               "+transferred+"\n") {
			t.Errorf("got exit code %d, %q and %q, want the newest and %q", got.code, got.stdout, got.stderr, note)
		}
		got = calls("show", endedCall, "-o", "json")
		var newest callview.Call
		if err := json.Unmarshal([]byte(got.stdout), &newest); err != nil || newest.ID != transferred ||
			got.stderr != fmt.Sprintf("{\"note\":%q}\n", note) {
			t.Errorf("got %q, %q and error %v, want the newest and %q", got.stdout, got.stderr, err, note)
		}
		all := calls("show", endedCall, "--all", "-o", "json")
		if diff := cmp.Diff([]string{transferred, ended}, ids(t, all)); diff != "" || all.stderr != "" {
			t.Errorf("got %q on the error stream, want nothing; all (-want +got):\n%s", all.stderr, diff)
		}
		if cards := calls("show", endedCall, "--all").stdout; !strings.Contains(cards, transferred) ||
			!strings.Contains(cards, ended) {
			t.Errorf("got %q, want both cards", cards)
		}
	})

	t.Run("show an incident", func(t *testing.T) {
		s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName, dynamo.Options{})
		i, err := (&incident.Service{Repo: s, Timing: incident.DefaultTiming, Now: time.Now}).Record(t.Context(),
			incident.Report{
				Group: incident.Group{Scope: "voice-connector/vc"}, Class: incident.Unknown,
				Occurrence: incident.Occurrence{PipelineID: "nobody-else", At: time.Date(2026, 3, 9, 15, 0, 0, 0, time.UTC)},
			})
		if err != nil {
			t.Fatal(err)
		}
		got := calls("show", i.ID)
		want := fmt.Sprintf("chimewatch: <id>: %s is an incident, not a call (show it with: chimewatch incidents show %s)\n",
			i.ID, i.ID)
		if got.code != exitFailed || got.stdout != "" || got.stderr != want {
			t.Errorf("got exit code %d, %q and %q, want 1, nothing and %q", got.code, got.stdout, got.stderr, want)
		}
	})

	t.Run("show nothing", func(t *testing.T) {
		got := calls("show", "nobody", "-o", "json")
		want := `{"error":{"class":"not-found","where":"table chimewatch",` +
			`"what":"knows no pipeline, call or transaction nobody",` +
			`"fix":"list what is there with: chimewatch calls list"}}` + "\n"
		if got.code != exitFailed || got.stdout != "" || got.stderr != want {
			t.Errorf("got exit code %d, %q and %q, want 1, nothing and %q", got.code, got.stdout, got.stderr, want)
		}
	})
}

func TestCallsOfTheLastLocalStack(t *testing.T) {
	dir := t.TempDir()
	if err := startTable(t, filepath.Join(dir, "local", "table")).Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
	got := execute(nil, "", "calls", "list", "--local", "--local-dir", dir, "--status", "Failed", "-o", "json")
	if diff := cmp.Diff([]string{lost}, ids(t, got)); diff != "" {
		t.Errorf("got %q; calls (-want +got):\n%s", got.stderr, diff)
	}
	got = execute(nil, "", "calls", "list", "--local", "--local-dir", dir, "--table", "other")
	if want := "chimewatch: table other: cannot be listed: there is no such table"; got.code != exitFailed ||
		!strings.HasPrefix(got.stderr, want) {
		t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
	}
}

// ids returns the ids of the calls in a JSON array.
func ids(t *testing.T, r result) []string {
	t.Helper()
	var calls []callview.Call
	if err := json.Unmarshal([]byte(r.stdout), &calls); err != nil || r.code != exitDone {
		t.Fatalf("got exit code %d, %q and %q, want an array", r.code, r.stdout, r.stderr)
	}
	list := []string{}
	for _, c := range calls {
		list = append(list, c.ID)
	}
	return list
}
