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
	"github.com/chimewatch/chimewatch/internal/voicetask"
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
	for _, task := range voicetask.Tasks() {
		t.Run(string(task), func(t *testing.T) {
			api, c, _ := serveVoice(t)
			tasks := client.VoiceTasks{API: c, DomainID: "domain"}
			entry := func(token, id string) voicetask.Entry {
				return voicetask.Entry{Task: task, VoiceConnectorID: "vc 1", TransactionID: "t", Token: token, TaskID: id}
			}
			first, err := tasks.Start(t.Context(), entry("token-1", ""))
			if err != nil || first == "" {
				t.Fatalf("got task %q and %v, want one", first, err)
			}
			if again, err := tasks.Start(t.Context(), entry("token-1", "")); err != nil || again != first {
				t.Errorf("same token: got %q and %v, want the same task %q", again, err, first)
			}
			if _, err := tasks.Start(t.Context(), entry("token-2", "")); apperr.ClassOf(err) != apperr.Conflict {
				t.Errorf("other token: got %v, want a conflict", err)
			}
			if status, err := tasks.Status(t.Context(), entry("", first)); err != nil || status != "IN_PROGRESS" {
				t.Errorf("got the status %q and %v, want a task that runs", status, err)
			}
			if ended, err := tasks.Stop(t.Context(), entry("", first)); err != nil || ended != "" {
				t.Errorf("stop: got %q and %v, want it stopped by this", ended, err)
			}
			if status, err := tasks.Status(t.Context(), entry("", first)); err != nil || status != "STOPPED" {
				t.Errorf("got the status %q and %v, want a task that has ended", status, err)
			}
			if _, err := tasks.Status(t.Context(), entry("", "nobody")); apperr.ClassOf(err) != apperr.NotFound {
				t.Errorf("status of no task: got %v, want it not found", err)
			}
			ended, err := tasks.Stop(t.Context(), entry("", first))
			if err != nil || !strings.HasPrefix(ended, voicetask.CodeNotFound) {
				t.Errorf("stop again: got %q and %v, want it not found", ended, err)
			}
			if second, err := tasks.Start(t.Context(), entry("token-2", "")); err != nil || second == first {
				t.Errorf("after the stop: got %q and %v, want another task", second, err)
			}
			api.End("t")
			_, err = tasks.Start(t.Context(), entry("token-3", ""))
			if code, _ := tasks.Answer(err); code != voicetask.CodeGone {
				t.Errorf("after the call: got %v, want it gone", err)
			}
		})
	}
}

func TestVoiceRefusesWhatTheServiceRefuses(t *testing.T) {
	api, c, _ := serveVoice(t)
	start := voicetask.Entry{Task: voicetask.VoiceTone, VoiceConnectorID: "v", TransactionID: "t", Token: "k"}
	search, nowhere := start, start
	search.Task, nowhere.TransactionID = voicetask.SpeakerSearch, ""
	tasks := client.VoiceTasks{API: c}
	if _, err := tasks.Start(t.Context(), search); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no domain: got %v, want it invalid", err)
	}
	if _, err := tasks.Start(t.Context(), nowhere); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no transaction: got %v, want it invalid", err)
	}
	for status, class := range map[int]apperr.Class{403: apperr.Internal, 422: apperr.Conflict, 404: apperr.NotFound} {
		api.Refuse(status)
		if _, err := tasks.Start(t.Context(), start); apperr.ClassOf(err) != class {
			t.Errorf("%d: got %v, want class %s", status, err, class)
		}
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
