package local_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// The AWS CLI drives the whole stack, given nothing but the endpoint.
// The endpoint is given as a flag because version 1 of the CLI overrides the
// environment variable for SQS.
func TestUnmodifiedAWSCLI(t *testing.T) {
	program := need.Tool(t, "aws")
	s := start(t, options(t, t.TempDir()))
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append(args, "--endpoint-url", s.Endpoint())...)
		cmd.Env = append(os.Environ(), "AWS_REGION="+local.Region, "AWS_DEFAULT_REGION="+local.Region,
			"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}

	entries := `[{"Source":"aws.chime","DetailType":"Media Insights Rules Matched","Time":"2026-01-02T03:04:05Z",
			"Detail":"{\"ruleName\":\"unhappy\"}"},
		{"Source":"aws.chime","DetailType":"Media Insights Rules Matched","Detail":"{}"},
		{"Source":"aws.chime","DetailType":"Media Insights Rules Matched","Detail":"{"}]`
	put := run(t, "events", "put-events", "--entries", entries, "--query",
		"[FailedEntryCount, Entries[0].EventId, Entries[2].ErrorCode]", "--output", "text")
	fields := strings.Fields(put)
	if len(fields) != 3 || fields[0] != "1" || fields[2] != "MalformedDetail" {
		t.Fatalf("put-events: got %q, want one failed entry, an id and MalformedDetail", put)
	}
	drain(t, s)

	queue := run(t, "sqs", "get-queue-url", "--queue-name", local.FunctionQueue, "--query", "QueueUrl", "--output", "text")
	waiting := run(t, "sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names",
		"ApproximateNumberOfMessages",
		"--query", "Attributes.ApproximateNumberOfMessages", "--output", "text")
	if waiting != "1" {
		t.Errorf("the failed event waits in its queue: got %s, want 1", waiting)
	}
	// The CLI starts slowly, so these run in parallel.
	t.Run("then", func(t *testing.T) {
		for _, tc := range []struct {
			name string
			args []string
			want string
		}{
			{"the event is in the table", []string{"dynamodb", "scan", "--table-name", local.TableName, "--query",
				"Items[?starts_with(SK.S, 'A#')].n.S", "--output", "text"}, fields[1]},
			{"the table is listed", []string{"dynamodb", "list-tables", "--query", "TableNames", "--output", "text"},
				local.TableName},
			{"the queues are listed", []string{"sqs", "list-queues", "--query", "length(QueueUrls)"}, "4"},
			{"the failed event is received", []string{"sqs", "receive-message", "--queue-url", queue, "--query",
				"length(Messages)"}, "1"},
			{"the stack names its table", []string{"cloudformation", "describe-stacks", "--stack-name", local.StackName,
				"--query", "Stacks[].Outputs[?OutputKey=='TableName'].OutputValue", "--output", "text"}, local.TableName},
			{"a topic has a subscriber", []string{"sns", "list-subscriptions-by-topic", "--topic-arn", local.VoiceTopicARN,
				"--query", "Subscriptions[].Protocol", "--output", "text"}, "lambda"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				if got := run(t, tc.args...); got != tc.want {
					t.Errorf("aws %s: got %q, want %q", strings.Join(tc.args, " "), got, tc.want)
				}
			})
		}
	})
	run(t, "sns", "publish", "--topic-arn", local.AlertTopicARN, "--subject", "By hand", "--message", "Hello")
	notes := s.Notifications()
	if last := notes[len(notes)-1]; last.Subject != "By hand" || last.Body != "Hello" {
		t.Errorf("published: got %+v, want what the CLI published", last)
	}
}
