package voicetask_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	standin "github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// A task counts as stopped only when the service has stopped it, or says that it
// has ended.
func TestStopSucceedsWhenTheTaskHasEnded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		over   bool // the call, and with it the task
		refuse []int
		ended  string // what it says of how it had ended; none where it was stopped by this
		err    apperr.Class
	}{
		{"it runs", false, nil, "", ""},
		{"it ended: not found", true, nil, "NotFoundException", ""},
		{"it ended: a conflict", true, []int{409}, "STOPPED", ""},
		{"it ended: cannot be processed", true, []int{422}, "STOPPED", ""},
		{"it runs: a conflict", false, []int{409}, "", apperr.Conflict},
		{"it runs: cannot be processed", false, []int{422}, "", apperr.Conflict},
		{"it may not be stopped", false, []int{403}, "", apperr.Internal},
		{"it may not be stopped, and has ended", true, []int{403}, "", apperr.Internal},
	} {
		for _, task := range voicetask.Tasks() {
			t.Run(tt.name+", "+string(task), func(t *testing.T) {
				api := standin.NewVoice()
				server := httptest.NewServer(api)
				t.Cleanup(server.Close)
				c := chimeapi.VoiceTasks{DomainID: "d", API: chimeapi.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
					Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})}
				e := voicetask.Entry{Task: task, TransactionID: "t", VoiceConnectorID: "v", Token: "k-1"}
				var err error
				if e.TaskID, err = c.Start(t.Context(), e); err != nil {
					t.Fatal(err)
				}
				if tt.over {
					api.End("t")
				}
				api.Refuse(tt.refuse...)
				ended, err := c.Stop(t.Context(), e)
				if apperr.ClassOf(err) != tt.err || (ended == "") != (tt.ended == "") || !strings.HasPrefix(ended, tt.ended) {
					t.Errorf("got ended %q and %v, want %q and class %q", ended, err, tt.ended, tt.err)
				}
			})
		}
	}
}

// A task without an id could not be stopped: such an answer is none.
func TestStartWithoutAnIDIsNoAnswer(t *testing.T) {
	for _, task := range voicetask.Tasks() {
		for _, answer := range []string{`{}`, `{"SpeakerSearchTask":{},"VoiceToneAnalysisTask":{}}`,
			`{"SpeakerSearchTask":{"SpeakerSearchTaskId":""},"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskId":""}}`} {
			c := answering(t, http.StatusCreated, answer)
			id, err := c.Start(t.Context(), voicetask.Entry{Task: task, TransactionID: "t", VoiceConnectorID: "v", Token: "k-1"})
			if id != "" || apperr.ClassOf(err) != apperr.Unavailable || voicetask.HasStartedNothing(err) {
				t.Errorf("%s, %s: got %q and %v, want it unknown whether a task runs", task, answer, id, err)
			}
		}
	}
}

// Only an answer of the service says that no task was started.
func TestHasStartedNothing(t *testing.T) {
	for status, undone := range map[int]bool{400: true, 403: true, 404: false, 409: true, 410: true, 422: true,
		429: true, 500: false, 503: false} {
		c := answering(t, status, `{}`)
		_, err := c.Start(t.Context(), voicetask.Entry{Task: voicetask.VoiceTone, TransactionID: "t", VoiceConnectorID: "v",
			Token: "k-1"})
		if err == nil || voicetask.HasStartedNothing(err) != undone {
			t.Errorf("%d: got %v, want it undone: %t", status, err, undone)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := answering(t, http.StatusCreated, `{}`).Start(ctx, voicetask.Entry{Task: voicetask.VoiceTone,
		TransactionID: "t", VoiceConnectorID: "v", Token: "k-1"})
	if err == nil || voicetask.HasStartedNothing(err) {
		t.Errorf("no answer: got %v, want it unknown", err)
	}
}

// answering is a service that always answers alike.
func answering(t *testing.T, status int, body string) chimeapi.VoiceTasks {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	once := func() aws.Retryer { return aws.NopRetryer{} }
	return chimeapi.VoiceTasks{DomainID: "d",
		API: chimeapi.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Retryer: once,
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})}
}
