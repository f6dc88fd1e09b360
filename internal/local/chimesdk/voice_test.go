package chimesdk_test

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/chimewatch/chimewatch/internal/apperr"
	client "github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

func serveVoice(t *testing.T) (*chimesdk.Voice, *client.Client, string) {
	t.Helper()
	api := chimesdk.NewVoice()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, client.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}), server.URL
}

func TestVoiceTasksStartOnceAndStop(t *testing.T) {
	api, c, _ := serveVoice(t)
	start := client.Start{VoiceConnectorID: "vc 1", TransactionID: "t", Token: "token-1"}
	for _, kind := range []struct {
		name   string
		start  func() (string, error)
		stop   func(id string) error
		status func(id string) (string, error)
	}{
		{"speaker-search", func() (string, error) { return c.StartSpeakerSearch(t.Context(), start, "domain") },
			func(id string) error { return c.StopSpeakerSearch(t.Context(), "vc 1", id) },
			func(id string) (string, error) { return c.SpeakerSearchStatus(t.Context(), "vc 1", id) }},
		{"voice-tone", func() (string, error) { return c.StartVoiceTone(t.Context(), start) },
			func(id string) error { return c.StopVoiceTone(t.Context(), "vc 1", id) },
			func(id string) (string, error) { return c.VoiceToneStatus(t.Context(), "vc 1", id) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			start.Token = "token-1"
			first, err := kind.start()
			if err != nil || first == "" {
				t.Fatalf("got task %q and %v, want one", first, err)
			}
			if again, err := kind.start(); err != nil || again != first {
				t.Errorf("same token: got %q and %v, want the same task %q", again, err, first)
			}
			start.Token = "token-2"
			if _, err := kind.start(); apperr.ClassOf(err) != apperr.Conflict {
				t.Errorf("other token: got %v, want a conflict", err)
			}
			if status, err := kind.status(first); err != nil || client.TaskEnded(status) {
				t.Errorf("got the status %q and %v, want a task that runs", status, err)
			}
			if err := kind.stop(first); err != nil {
				t.Errorf("stop: got %v, want none", err)
			}
			if status, err := kind.status(first); err != nil || !client.TaskEnded(status) {
				t.Errorf("got the status %q and %v, want a task that has ended", status, err)
			}
			if _, err := kind.status("nobody"); apperr.ClassOf(err) != apperr.NotFound {
				t.Errorf("status of no task: got %v, want it not found", err)
			}
			err = kind.stop(first)
			if code, _, final := client.Final(err); !final || code != client.CodeNotFound {
				t.Errorf("stop again: got %v, want it not found", err)
			}
			if second, err := kind.start(); err != nil || second == first {
				t.Errorf("after the stop: got %q and %v, want another task", second, err)
			}
			api.End("t")
			start.Token = "token-3"
			_, err = kind.start()
			if code, _, final := client.Final(err); !final || code != client.CodeGone {
				t.Errorf("after the call: got %v, want it gone", err)
			}
		})
		api, c, _ = serveVoice(t)
	}
}

func TestVoiceRefusesWhatTheServiceRefuses(t *testing.T) {
	api, c, _ := serveVoice(t)
	start := client.Start{VoiceConnectorID: "v", TransactionID: "t", Token: "k"}
	if _, err := c.StartSpeakerSearch(t.Context(), start, ""); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no domain: got %v, want it invalid", err)
	}
	if _, err := c.StartVoiceTone(t.Context(), client.Start{VoiceConnectorID: "v",
		Token: "k"}); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no transaction: got %v, want it invalid", err)
	}
	for status, class := range map[int]apperr.Class{403: apperr.Internal, 422: apperr.Conflict, 404: apperr.NotFound} {
		api.Refuse(status)
		if _, err := c.StartVoiceTone(t.Context(), start); apperr.ClassOf(err) != class {
			t.Errorf("%d: got %v, want class %s", status, err, class)
		}
	}
	if _, _, final := client.Final(nil); final {
		t.Error("no error is final")
	}
	if got := len(api.Calls()); got != 5 || len(api.Tasks()) != 0 {
		t.Errorf("got %d requests and tasks %v, want 5 and no task", got, api.Tasks())
	}
}

// TestAWSCLIRunsVoiceTasks holds the shapes against the CLI's model of the service.
func TestAWSCLIRunsVoiceTasks(t *testing.T) {
	need.Tool(t, "aws")
	api, _, url := serveVoice(t)
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", url, "--output", "text",
			"chime-sdk-voice"}, args...)...)
		cmd.Env = append(cmd.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-east-1")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	of := []string{"--voice-connector-id", "v", "--transaction-id", "t", "--client-request-token", "k-1"}
	got, err := run(append([]string{"start-speaker-search-task"}, append(of, "--voice-profile-domain-id", "d", "--query",
		"SpeakerSearchTask.[SpeakerSearchTaskId,SpeakerSearchTaskStatus,CallDetails.TransactionId]")...)...)
	if err != nil || len(api.Tasks()) != 1 || got != api.Tasks()[0].ID+"\tIN_PROGRESS\tt" {
		t.Fatalf("got %q (%v), want the task that was started, %v", got, err, api.Tasks())
	}
	if got, err := run("stop-speaker-search-task", "--voice-connector-id", "v", "--speaker-search-task-id",
		api.Tasks()[0].ID); err != nil || got != "" || api.Tasks()[0].StoppedAt.IsZero() {
		t.Errorf("got %q (%v), want the task stopped", got, err)
	}
	if got, err := run(append([]string{"start-voice-tone-analysis-task"}, append(of, "--language-code", "en-US", "--query",
		"VoiceToneAnalysisTask.VoiceToneAnalysisTaskId")...)...); err != nil || got != api.Tasks()[1].ID {
		t.Errorf("got %q (%v), want the second task", got, err)
	}
	api.End("t")
	if got, err := run(append([]string{"start-voice-tone-analysis-task"}, append(of, "--language-code",
		"en-US")...)...); err == nil || !strings.Contains(got, "GoneException") {
		t.Errorf("got %q (%v), want GoneException", got, err)
	}
}
