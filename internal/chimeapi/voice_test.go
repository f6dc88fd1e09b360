package chimeapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
)

// A start returns the id of its task, none where the service names none, and is tried again when the service is
// pressed.
func TestStartsReturnTheTask(t *testing.T) {
	start := chimeapi.Start{VoiceConnectorID: "v", TransactionID: "t", Token: "k-1"}
	speaker := func(c *chimeapi.Client) (string, error) { return c.StartSpeakerSearch(t.Context(), start, "d") }
	tone := func(c *chimeapi.Client) (string, error) { return c.StartVoiceTone(t.Context(), start) }
	const pressed = `429 {"Code":"ThrottledClientException"}`
	for _, tt := range []struct {
		name    string
		start   func(*chimeapi.Client) (string, error)
		answers []string
		want    string
		class   apperr.Class // empty: no error
	}{
		{"a search", speaker, []string{`201 {"SpeakerSearchTask":{"SpeakerSearchTaskId":"s-1"}}`}, "s-1", ""},
		{"an analysis", tone, []string{`201 {"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskId":"a-1"}}`}, "a-1", ""},
		{"a search of no name", speaker, []string{`201 {}`}, "", ""},
		{"an analysis of no name", tone, []string{`201 {}`}, "", ""},
		{"pressed, then a search", speaker, []string{pressed, `201 {"SpeakerSearchTask":{"SpeakerSearchTaskId":"s-1"}}`},
			"s-1", ""},
		{"pressed, then an analysis", tone, []string{pressed, pressed,
			`201 {"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskId":"a-1"}}`}, "a-1", ""},
		{"no search", speaker, []string{`410 {"Code":"GoneException"}`}, "", apperr.Conflict},
		{"no analysis", tone, []string{`410 {"Code":"GoneException"}`}, "", apperr.Conflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := client(t, tt.answers...)
			got, err := tt.start(c)
			if got != tt.want || apperr.ClassOf(err) != tt.class || len(a.requests) != len(tt.answers) {
				t.Errorf("got %q and %v after %d requests, want %q and class %q after %d",
					got, err, len(a.requests), tt.want, tt.class, len(tt.answers))
			}
		})
	}
}

// The API reference has these statuses; only three of them leave no doubt that nothing listens any more.
func TestTaskEnded(t *testing.T) {
	for status, want := range map[string]bool{
		"SUCCEEDED": true, "FAILED": true, "STOPPED": true,
		"NOT_STARTED": false, "IN_PROGRESS": false, "PARTIAL_SUCCESS": false, "": false, "succeeded": false,
	} {
		if got := chimeapi.TaskEnded(status); got != want {
			t.Errorf("%q: got %t, want %t", status, got, want)
		}
	}
}

// A voice tone analysis has ended when it has for the caller and for the other side; a speaker search has one status.
func TestStatusOfATask(t *testing.T) {
	search := func(c *chimeapi.Client) (string, error) { return c.SpeakerSearchStatus(t.Context(), "v", "k") }
	tone := func(c *chimeapi.Client) (string, error) { return c.VoiceToneStatus(t.Context(), "v", "k") }
	of := func(status string) string {
		return fmt.Sprintf(`200 {"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskStatus":%q}}`, status)
	}
	const caller, other = "isCaller=true", "isCaller=false"
	for _, tt := range []struct {
		name    string
		status  func(*chimeapi.Client) (string, error)
		answers []string
		want    string
		asked   []string // about whom
		class   apperr.Class
	}{
		{"a search", search, []string{`200 {"SpeakerSearchTask":{"SpeakerSearchTaskStatus":"IN_PROGRESS"}}`}, "IN_PROGRESS",
			[]string{""}, ""},
		{"a search of no status", search, []string{`200 {}`}, "", []string{""}, ""},
		{"an unknown search", search, []string{`404 {"Code":"NotFoundException"}`}, "", []string{""}, apperr.NotFound},
		{"both go on", tone, []string{of("IN_PROGRESS"), of("NOT_STARTED")}, "IN_PROGRESS", []string{caller}, ""},
		{"the other side goes on", tone, []string{of("SUCCEEDED"), of("IN_PROGRESS")}, "IN_PROGRESS", []string{caller,
			other}, ""},
		{"both have ended", tone, []string{of("SUCCEEDED"), of("STOPPED")}, "STOPPED", []string{caller, other}, ""},
		{"the caller's in doubt", tone, []string{of("PARTIAL_SUCCESS"), of("FAILED")}, "PARTIAL_SUCCESS", []string{caller},
			""},
		{"the caller's unknown", tone, []string{`200 {}`}, "", []string{caller}, ""},
		{"the other side's unknown", tone, []string{of("FAILED"), `200 {}`}, "", []string{caller, other}, ""},
		{"no answer about the other side", tone, []string{of("FAILED"), `403 {"Code":"ForbiddenException"}`}, "",
			[]string{caller, other}, apperr.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := client(t, tt.answers...)
			got, err := tt.status(c)
			if got != tt.want || apperr.ClassOf(err) != tt.class {
				t.Errorf("got %q and %v, want %q and class %q", got, err, tt.want, tt.class)
			}
			var asked []string
			for _, r := range a.requests {
				asked = append(asked, r.URL.RawQuery)
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Errorf("asked about (-want +got):\n%s", diff)
			}
		})
	}
}

// An error names the operation first, and says last what can be done.
func TestErrorsSayWhatToDo(t *testing.T) {
	const failed = "Amazon Chime SDK GetMediaPipeline: failed: "
	for _, tt := range []struct{ name, answer, first, last string }{
		{"an unknown address", `404 <html>no such page</html>`, failed, " (check the Region and the endpoint)"},
		{"pressed", `429 {}`, failed, " (it is tried again)"},
		{"refused", `403 {"Code":"ForbiddenException"}`, failed, " (allow the role the action chime:GetMediaPipeline)"},
		{"down", `500 {}`, failed, " (it is tried again)"},
		{"of another kind", `200 {"MediaPipeline":{}}`,
			"Amazon Chime SDK GetMediaPipeline: media pipeline p1 is no media insights pipeline", " insights pipeline"},
		{"nothing", `200 {}`, "Amazon Chime SDK GetMediaPipeline: answered nothing about media pipeline p1",
			"p1 (it is tried again)"},
		{"unknown, as a bad request", `400 {"Code":"NotFoundException"}`, failed, "NotFoundException: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := client(t, tt.answer)
			_, err := c.GetPipeline(t.Context(), "p1")
			if !strings.HasPrefix(err.Error(), tt.first) || !strings.HasSuffix(err.Error(), tt.last) {
				t.Errorf("got %q, want %q first and %q last", err, tt.first, tt.last)
			}
			if bad := strings.HasPrefix(tt.answer, "400"); bad != (apperr.ClassOf(err) == apperr.Invalid) {
				t.Errorf("got class %s of %s", apperr.ClassOf(err), tt.answer)
			}
		})
	}
}

// hanging is a network that never answers, and keeps how long each request waited.
type hanging struct{ waited []time.Duration }

func (h *hanging) Do(r *http.Request) (*http.Response, error) {
	began := time.Now()
	<-r.Context().Done()
	h.waited = append(h.waited, time.Since(began))
	return nil, r.Context().Err()
}

// Two tries can hang for ten seconds each, and a third one for what is left of 25.
func TestACallMayTakeTwentyFiveSeconds(t *testing.T) {
	network := &hanging{}
	cfg := loaded(t, "us-east-1", nil, config.WithHTTPClient(network), config.WithRetryer(impatient))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		_, err := chimeapi.New(cfg).GetPipeline(ctx, "p1")
		if took := time.Since(began); apperr.ClassOf(err) != apperr.Unavailable || took != 25*time.Second {
			t.Errorf("got %v after %s, want it unavailable after 25 s", err, took)
		}
	})
	if len(network.waited) != 3 || network.waited[0] != 10*time.Second || network.waited[1] != 10*time.Second {
		t.Errorf("got tries of %v, want two of 10 s and a third one", network.waited)
	}
}
