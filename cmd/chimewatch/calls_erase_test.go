package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// atTerminal runs a command line with a terminal as its streams.
func atTerminal(ctx context.Context, typed io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	a := &app{ctx: ctx, getenv: func(string) string { return "" }, stdin: typed, stdout: &stdout, stderr: &stderr,
		now: time.Now, interactive: true}
	code := a.run(args)
	return result{code, stdout.String(), stderr.String()}
}

// everything returns the whole table as text, without the audits of erasures.
func everything(t *testing.T, server *dynalite.Server) string {
	t.Helper()
	db := dynalite.Client(server.URL(), "us-east-1")
	var items []string
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			text, err := json.Marshal(it)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "D#erasures") {
				items = append(items, string(text))
			}
		}
	}
	slices.Sort(items)
	return strings.Join(items, "\n")
}

// onTable returns a function that adds to a command line the table of a server.
func onTable(server string) func(args ...string) []string {
	return func(args ...string) []string {
		return append(args, "--endpoint-url", server, "--region", "us-east-1", "--table", local.TableName)
	}
}

// erasureID matches the random part of the output.
var erasureID = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)

func TestEraseAsksFirst(t *testing.T) {
	server := consentTable(t)
	on := onTable(server.URL())
	before := everything(t, server)
	for _, answer := range []string{"no\n", "\n", "", "yes, but\n", "Y E S\n"} {
		got := atTerminal(t.Context(), strings.NewReader(answer), on("calls", "erase", endedCall, "--by", "me")...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "nothing was erased") || everything(t, server) != before {
			t.Errorf("answered %q: got exit code %d and %q, want 1, and all as it was", answer, got.code, got.stderr)
		}
	}
	got := atTerminal(t.Context(), strings.NewReader("Yes\n"),
		on("calls", "erase", endedCall, "--by", "agent-2317 at +1 206 555 0142")...)
	if got.code != exitDone {
		t.Fatalf("got exit code %d, %q and %q", got.code, got.stdout, got.stderr)
	}
	golden(t, "erase/yes.txt", erasureID.ReplaceAllString(got.stdout, "ERASURE"))
	golden(t, "erase/question.txt", got.stderr)
	after := everything(t, server)
	for _, id := range []string{ended, transferred, endedCall, endedTransaction} {
		if strings.Contains(after, id) || !strings.Contains(before, id) {
			t.Errorf("%s is in the table", id)
		}
	}
	for _, id := range []string{running, neverBegan, lost} {
		if !strings.Contains(after, id) {
			t.Errorf("%s is not in the table any more", id)
		}
	}
	for _, ref := range []string{endedCall, ended, endedTransaction} {
		if got := execute(nil, "", on("calls", "erase", ref, "--by", "me", "--yes")...); got.code != exitFailed ||
			!strings.Contains(got.stderr, "knows no pipeline, call or transaction") {
			t.Errorf("again: got exit code %d and %q, want 1 and that there is nothing", got.code, got.stderr)
		}
	}
}

func TestEraseRefuses(t *testing.T) {
	server := consentTable(t)
	on := onTable(server.URL())
	before := everything(t, server)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no terminal", []string{ended, "--by", "me"}, exitUsage,
			"--yes: it is not given, and there is no terminal to ask at"},
		{"JSON", []string{ended, "--by", "me", "-o", "json"}, exitUsage, "give --yes with --output json"},
		{"no name", []string{ended, "--yes"}, exitUsage, "--by"},
		{"an empty name", []string{ended, "--yes", "--by", " "}, exitUsage, "--by: it has 0 characters"},
		{"a name too long", []string{ended, "--yes", "--by", strings.Repeat("x", 257)}, exitUsage,
			"--by: it has 257 characters"},
		{"an empty id", []string{"", "--yes", "--by", "me"}, exitUsage, "<id>: it is empty"},
		{"an id that is not there", []string{"nobody", "--yes", "--by", "me"}, exitFailed,
			"knows no pipeline, call or transaction nobody"},
		{"a call that is not over", []string{running, "--yes", "--by", "me"}, exitFailed, "is not over: pipeline " +
			running + " is InProgress"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := execute(nil, "", on(append([]string{"calls", "erase"}, test.args...)...)...)
			if got.code != test.code || got.stdout != "" || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got exit code %d, %q and %q, want %d and %q", got.code, got.stdout, got.stderr, test.code, test.want)
			}
		})
	}
	if everything(t, server) != before {
		t.Error("the table is not as it was")
	}
	got := execute(nil, "", on("calls", "erase", running, "--yes", "--by", "me", "--force")...)
	if got.code != exitDone || strings.Contains(everything(t, server), running) {
		t.Errorf("forced: got exit code %d and %q, want the call erased", got.code, got.stderr)
	}
}

func TestEraseAsJSON(t *testing.T) {
	server := consentTable(t)
	on := onTable(server.URL())
	got := execute(nil, "", on("calls", "erase", endedCall, "--yes", "--by", "me", "-o", "json")...)
	var report erasureReport
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != exitDone || got.stderr != "" {
		t.Fatalf("got exit code %d, %q and %q (%v)", got.code, got.stdout, got.stderr, err)
	}
	if !erasureID.MatchString(report.ID) || report.At.IsZero() || report.DoneAt.IsZero() || report.By != "me" ||
		len(report.NotReached) == 0 || report.Counts[dynamo.KindPipeline] != 2 {
		t.Errorf("got %+v, want the audit of two pipelines", report)
	}
	if diff := cmp.Diff([][]string{{transferred, ended}, {endedTransaction}, {endedCall}},
		[][]string{report.Pipelines, report.Transactions, report.Calls}); diff != "" {
		t.Errorf("pipelines, transactions and calls (-want +got):\n%s", diff)
	}
	if got := execute(nil, "", on("calls", "erase", lost, "--yes", "--by",
		"+12065550142, or 206-555-0142, or (206) 555.0142 for case 12345678")...); got.code != exitDone {
		t.Fatalf("got exit code %d and %q", got.code, got.stderr)
	}
	if got := execute(nil, "", on("calls", "erasures", "-n", "1")...); !strings.Contains(got.stderr, "there are more") ||
		strings.Count(got.stdout, "\n") != 2 {
		t.Errorf("one of two: got %q and %q", got.stdout, got.stderr)
	}
	listed := execute(nil, "", on("calls", "erasures", "-o", "json")...)
	var audits []audit
	if err := json.Unmarshal([]byte(listed.stdout), &audits); err != nil || len(audits) != 2 {
		t.Fatalf("got %q and %q (%v), want two audits", listed.stdout, listed.stderr, err)
	}
	if diff := cmp.Diff(report.audit, audits[1]); diff != "" {
		t.Errorf("the first (-printed +listed):\n%s", diff)
	}
	if got, want := audits[0].By, "…0142, or …0142, or …0142 for case …5678"; got != want {
		t.Errorf("by: got %q, want %q", got, want)
	}
	for _, id := range []string{ended, endedCall, endedTransaction, lost} {
		if strings.Contains(listed.stdout, id) {
			t.Errorf("the audits have the id %s: %s", id, listed.stdout)
		}
	}
	table := execute(nil, "", on("calls", "erasures")...)
	if lines := strings.Split(table.stdout, "\n"); len(lines) != 4 || !strings.Contains(lines[1], audits[0].ID) ||
		!strings.Contains(lines[2], fmt.Sprint(total(report.Counts))) {
		t.Errorf("got %q, want a line for each, newest first", table.stdout)
	}
}

// The command prints what a callId covers, and which ids other calls share.
func TestEraseListsSharedIDs(t *testing.T) {
	server := startTable(t, t.TempDir())
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName, dynamo.Options{})
	other := strings.NewReplacer(ended, "00000000-0000-4000-8000-000000000009", endedTransaction,
		"transaction-of-another", `"id": "`, `"id": "other-`)
	for _, name := range []string{"created", "stopped"} {
		if err := pipeline.RecordEvent(t.Context(), s, parsed(t, other.Replace(example(t, name)))); err != nil {
			t.Fatal(err)
		}
	}
	match := strings.Replace(example(t, "rule-sentiment"), `"id": "`, `"id": "alone-`, 1)
	match = regexp.MustCompile(`"sourceMetadata": \{[^}]*\}`).ReplaceAllString(match,
		`"sourceMetadata": {"callId": "`+endedCall+`"}`)
	if err := s.RecordMatch(t.Context(), parsed(t, match), "sentiment"); err != nil {
		t.Fatal(err)
	}
	on := onTable(server.URL())
	got := atTerminal(t.Context(), strings.NewReader("no"), on("calls", "erase", endedCall, "--by", "me", "--force")...)
	if want := "covers        3 pipelines, 2 transactions\n"; !strings.Contains(got.stdout, want) {
		t.Errorf("by the callId: got %q, want %q", got.stdout, want)
	}
	got = atTerminal(t.Context(), strings.NewReader("no"), on("calls", "erase", "transaction-of-another", "--by", "me")...)
	for _, want := range []string{"covers        1 pipeline, 1 transaction\n", "Other calls have the id " + endedCall +
		", too (pipeline " + transferred, "1 item that name"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("by the transaction: got %q, want %q", got.stdout, want)
		}
	}
}

// An interrupt ends the question.
func TestEraseInterrupted(t *testing.T) {
	server := startTable(t, t.TempDir())
	before := everything(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	nothing, never := io.Pipe()
	defer never.Close()
	time.AfterFunc(time.Second, cancel)
	got := atTerminal(ctx, nothing, onTable(server.URL())("calls", "erase", lost, "--by", "me")...)
	if got.code != exitFailed || !strings.HasSuffix(got.stderr, "\nchimewatch: interrupted\n") ||
		everything(t, server) != before {
		t.Errorf("got exit code %d and %q, want 1 and that it was interrupted", got.code, got.stderr)
	}
}

// After a failure the command says that it has to be run again, and the next run completes the erasure.
func TestEraseIsCompletedByTheNextRun(t *testing.T) {
	server := startTable(t, t.TempDir())
	target, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy, batches := httputil.NewSingleHostReverseProxy(target), 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
			if batches++; batches == 2 {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w,
					`{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"not any more"}`)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	on := onTable(front.URL)
	got := execute(nil, "", on("calls", "erase", lost, "--yes", "--by", "me")...)
	for _, want := range []string{"is not complete: run the command again",
		"allow dynamodb:BatchWriteItem to these credentials"} {
		if got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
		}
	}
	if list := execute(nil, "", on("calls", "erasures")...); !strings.Contains(list.stdout, "interrupted") {
		t.Errorf("got %q, want an erasure that was interrupted", list.stdout)
	}
	if got := execute(nil, "", on("calls", "erase", lost, "--yes", "--by", "me")...); got.code != exitDone {
		t.Errorf("again: got exit code %d and %q", got.code, got.stderr)
	}
	if strings.Contains(everything(t, server), lost) {
		t.Error("something of the call is left")
	}
}
