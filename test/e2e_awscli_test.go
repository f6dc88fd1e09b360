//go:build unix

package test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
)

// TestAWSCLIWorksAgainstTheLocalStack sets nothing but the endpoint of the AWS CLI, and
// checks that calls show prints what it sends.
func TestAWSCLIWorksAgainstTheLocalStack(t *testing.T) {
	t.Parallel()
	program := need.Tool(t, "aws")
	s := startLocal(t, t.TempDir())
	endpoint := strings.Replace(s.endpoint, "127.0.0.1", "localhost", 1)
	aws := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append(args, "--endpoint-url", endpoint, "--output", "json")...)
		cmd.Env = append(command(t).Env, "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	status := func() any { return s.show(t, "7000e34a-8af3-4cdc-9efe-a55b725ded40")["status"] }

	aws("events", "put-events", "--entries", entryOf(t, "created", ""))
	s.drained(t)
	if got := status(); got != "Created" {
		t.Errorf("after the event created: got the status %v, want Created", got)
	}
	aws("events", "put-events", "--entries", entryOf(t, "stopped", ""))
	s.drained(t)
	if got := status(); got != "Stopped" {
		t.Errorf("after the event stopped: got the status %v, want Stopped", got)
	}
	var scan struct{ Count int }
	decode(t, aws("dynamodb", "scan", "--table-name", "chimewatch"), &scan)
	// The state, two events, a pointer from the call and one from the transaction.
	if scan.Count != 5 {
		t.Errorf("dynamodb scan: got %d items, want 5", scan.Count)
	}

	var put struct{ Entries []struct{ EventID string } }
	decode(t, aws("events", "put-events", "--entries", entryOf(t, "stopped", "eventType")), &put)
	s.drained(t)
	var received struct{ Messages []struct{ Body string } }
	queue := endpoint + "/123456789012/chimewatch-function-dead-letters"
	decode(t, aws("sqs", "receive-message", "--queue-url", queue), &received)
	if len(received.Messages) != 1 {
		t.Fatalf("sqs receive-message: got %d messages, want the event that no function could handle", len(received.Messages))
	}
	var record struct {
		RequestPayload  struct{ ID string }
		ResponsePayload struct{ ErrorMessage string }
	}
	decode(t, received.Messages[0].Body, &record)
	if record.RequestPayload.ID != put.Entries[0].EventID ||
		!strings.Contains(record.ResponsePayload.ErrorMessage, "/detail/eventType") {
		t.Errorf("got the dead letter %s, want the event %s and the field that it lacks",
			received.Messages[0].Body, put.Entries[0].EventID)
	}
	if got := status(); got != "Stopped" {
		t.Errorf("after the event that could not be handled: got the status %v, want Stopped still", got)
	}
}

// entryOf returns an example as put-events accepts it, as of now, without the named field of
// its detail.
func entryOf(t *testing.T, example, without string) string {
	t.Helper()
	e, err := schemas.Lookup(example)
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Source     string
		DetailType string `json:"detail-type"`
		Detail     map[string]any
	}
	decode(t, string(e.Body), &event)
	delete(event.Detail, without)
	detail, err := json.Marshal(event.Detail)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := json.Marshal([]any{map[string]any{
		"Source": event.Source, "DetailType": event.DetailType, "Detail": string(detail),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(entries)
}
