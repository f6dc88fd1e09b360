//go:build unix

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// busEntry returns an entry of put-events; ok is false for a record of a stream.
func busEntry(t *testing.T, text json.RawMessage) (entry types.PutEventsRequestEntry, ok bool) {
	t.Helper()
	decode(t, string(text), &entry)
	return entry, entry.Source != nil
}

// localWorld is the local stack.
type localWorld struct{ *localStack }

func (w *localWorld) put(t *testing.T, text json.RawMessage) {
	t.Helper()
	entry, ok := busEntry(t, text)
	if ok {
		out, err := busClient(w.localStack).PutEvents(t.Context(),
			&eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
		if err != nil || out.FailedEntryCount != 0 {
			t.Fatalf("put-events: got %+v and %v, want the entry accepted", out, err)
		}
		return
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		w.endpoint+"/2015-03-31/functions/voice/invocations", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Invocation-Type", "Event")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("invoke voice: got the status %s, want 202", response.Status)
	}
}

func (w *localWorld) drain(t *testing.T) { w.drained(t) }

func (w *localWorld) command(t *testing.T, args ...string) string { return w.run(t, args...) }

func (w *localWorld) output(t *testing.T) (messages []string, logs string) {
	t.Helper()
	var all []json.RawMessage
	decode(t, w.page(t, "/notifications"), &all)
	for _, m := range all {
		messages = append(messages, string(m))
	}
	return messages, filesBelow(t, filepath.Join(w.dir, "local", "logs"))
}

func (w *localWorld) deadLetters(t *testing.T) (reasons []string) {
	t.Helper()
	var listed []struct{ Reason, Function string }
	decode(t, w.run(t, "dead-letters", "list", "-n", "1000", "-o", "json"), &listed)
	for _, l := range listed {
		reasons = append(reasons, l.Function+": "+l.Reason)
	}
	return reasons
}

// deployedWorld is the stack that was deployed into the stand-in for AWS. The test matches
// its rules, as the stand-in cannot match everything that EventBridge does.
type deployedWorld struct {
	cloud
	host      *lambdahost.Host
	recorders map[string]*recorder
	published *published
	logs      string
	refused   []string
}

func (w *deployedWorld) put(t *testing.T, text json.RawMessage) {
	t.Helper()
	entry, ok := busEntry(t, text)
	if !ok {
		w.invoke(t, "voice", text)
		return
	}
	rules := eventrule.Table(eventrule.Options{Rehearsal: true, Account: stackAccount})
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprintf("0dd00000-0000-4000-8000-%012x", time.Now().UnixNano()&(1<<48-1)),
		"detail-type": entry.DetailType, "source": entry.Source, "account": stackAccount, "region": stackRegion,
		"time": time.Now().UTC().Format(time.RFC3339), "resources": []any{}, "detail": json.RawMessage(*entry.Detail),
	})
	if err != nil {
		t.Fatal(err)
	}
	matched, err := rules.Match(event)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range matched {
		w.invoke(t, rule.Function, event)
	}
}

func (w *deployedWorld) invoke(t *testing.T, function string, event []byte) {
	t.Helper()
	if _, err := w.host.Invoke(t.Context(), function, event); err != nil {
		w.refused = append(w.refused, function+": "+err.Error())
	}
}

func (w *deployedWorld) drain(*testing.T) {} // put waits for each invocation

func (w *deployedWorld) command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binaries.Command(t), args...)
	cmd.Env = append(os.Environ(), w.environment()...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chimewatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (w *deployedWorld) output(t *testing.T) (messages []string, logs string) {
	t.Helper()
	return w.published.all(), filesBelow(t, w.logs)
}

func (w *deployedWorld) deadLetters(*testing.T) []string { return w.refused }

// filesBelow returns the text of all files of a folder.
func filesBelow(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
