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
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// entry is a ledger entry of a task, with all that a request needs.
func entry(task voicetask.Task) voicetask.Entry {
	return voicetask.Entry{Task: task, VoiceConnectorID: "v", TransactionID: "t", Token: "k-1", TaskID: "k"}
}

// A start returns the id of its task, and is tried again when the service throttles it.
func TestStart(t *testing.T) {
	const throttled = `429 {"Code":"ThrottledClientException"}`
	const search = `201 {"SpeakerSearchTask":{"SpeakerSearchTaskId":"s-1"}}`
	const analysis = `201 {"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskId":"a-1"}}`
	for _, tt := range []struct {
		name    string
		task    voicetask.Task
		answers []string
		want    string
		class   apperr.Class // empty: no error
	}{
		{"a search", voicetask.SpeakerSearch, []string{search}, "s-1", ""},
		{"an analysis", voicetask.VoiceTone, []string{analysis}, "a-1", ""},
		{"a search without an id", voicetask.SpeakerSearch, []string{`201 {}`}, "", apperr.Unavailable},
		{"an analysis without an id", voicetask.VoiceTone, []string{`201 {}`}, "", apperr.Unavailable},
		{"throttled, then a search", voicetask.SpeakerSearch, []string{throttled, search}, "s-1", ""},
		{"throttled, then an analysis", voicetask.VoiceTone, []string{throttled, throttled, analysis}, "a-1", ""},
		{"no search", voicetask.SpeakerSearch, []string{`410 {"Code":"GoneException"}`}, "", apperr.Conflict},
		{"no analysis", voicetask.VoiceTone, []string{`410 {"Code":"GoneException"}`}, "", apperr.Conflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := client(t, tt.answers...)
			got, err := chimeapi.VoiceTasks{API: c, DomainID: "d"}.Start(t.Context(), entry(tt.task))
			if got != tt.want || apperr.ClassOf(err) != tt.class || len(a.requests) != len(tt.answers) {
				t.Errorf("got %q and %v after %d requests, want %q and class %q after %d",
					got, err, len(a.requests), tt.want, tt.class, len(tt.answers))
			}
		})
	}
}

func TestUnknownTasksAreRefused(t *testing.T) {
	c, a := client(t, `201 {}`)
	tasks := chimeapi.VoiceTasks{API: c}
	_, startErr := tasks.Start(t.Context(), entry("mood"))
	_, stopErr := tasks.Stop(t.Context(), entry("mood"))
	if apperr.ClassOf(startErr) != apperr.Internal || apperr.ClassOf(stopErr) != apperr.Internal || len(a.requests) > 0 {
		t.Errorf("got %v and %v after %d requests, want both refused", startErr, stopErr, len(a.requests))
	}
}

// The API reference has these statuses; only with three of them a task that cannot be
// stopped has certainly ended.
func TestStopOfATaskThatHasEnded(t *testing.T) {
	for status, want := range map[string]bool{
		"SUCCEEDED": true, "FAILED": true, "STOPPED": true,
		"NOT_STARTED": false, "IN_PROGRESS": false, "PARTIAL_SUCCESS": false, "": false, "succeeded": false,
	} {
		c, _ := client(t, `409 {"Code":"ConflictException"}`,
			fmt.Sprintf(`200 {"SpeakerSearchTask":{"SpeakerSearchTaskStatus":%q}}`, status))
		ended, err := chimeapi.VoiceTasks{API: c}.Stop(t.Context(), entry(voicetask.SpeakerSearch))
		if want && (ended != status || err != nil) || !want && apperr.ClassOf(err) != apperr.Conflict {
			t.Errorf("%q: got %q and %v, want it ended: %t", status, ended, err, want)
		}
	}
}

// A voice tone analysis has ended when it has for the caller and for the other side; a
// speaker search has one status.
func TestStatus(t *testing.T) {
	const search, tone = voicetask.SpeakerSearch, voicetask.VoiceTone
	of := func(status string) string {
		return fmt.Sprintf(`200 {"VoiceToneAnalysisTask":{"VoiceToneAnalysisTaskStatus":%q}}`, status)
	}
	const caller, other = "isCaller=true", "isCaller=false"
	for _, tt := range []struct {
		name     string
		task     voicetask.Task
		answers  []string
		want     string
		requests []string // their queries
		class    apperr.Class
	}{
		{"a search", search, []string{`200 {"SpeakerSearchTask":{"SpeakerSearchTaskStatus":"IN_PROGRESS"}}`},
			"IN_PROGRESS", []string{""}, ""},
		{"a search without a status", search, []string{`200 {}`}, "", []string{""}, ""},
		{"an unknown search", search, []string{`404 {"Code":"NotFoundException"}`}, "", []string{""}, apperr.NotFound},
		{"both go on", tone, []string{of("IN_PROGRESS"), of("NOT_STARTED")}, "IN_PROGRESS", []string{caller}, ""},
		{"the other side goes on", tone, []string{of("SUCCEEDED"), of("IN_PROGRESS")}, "IN_PROGRESS",
			[]string{caller, other}, ""},
		{"both have ended", tone, []string{of("SUCCEEDED"), of("STOPPED")}, "STOPPED", []string{caller, other}, ""},
		{"the caller's in doubt", tone, []string{of("PARTIAL_SUCCESS"), of("FAILED")}, "PARTIAL_SUCCESS",
			[]string{caller}, ""},
		{"the caller's unknown", tone, []string{`200 {}`}, "", []string{caller}, ""},
		{"the other side's unknown", tone, []string{of("FAILED"), `200 {}`}, "", []string{caller, other}, ""},
		{"no answer about the other side", tone, []string{of("FAILED"), `403 {"Code":"ForbiddenException"}`}, "",
			[]string{caller, other}, apperr.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := client(t, tt.answers...)
			got, err := chimeapi.VoiceTasks{API: c}.Status(t.Context(), entry(tt.task))
			if got != tt.want || apperr.ClassOf(err) != tt.class {
				t.Errorf("got %q and %v, want %q and class %q", got, err, tt.want, tt.class)
			}
			var requests []string
			for _, r := range a.requests {
				requests = append(requests, r.URL.RawQuery)
			}
			if diff := cmp.Diff(tt.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	for _, test := range []struct{ answer, code, message string }{
		{`410 {"Code":"GoneException","Message":"it is over"}`, voicetask.CodeGone, "it is over"},
		{`404 {"Code":"NotFoundException"}`, voicetask.CodeNotFound, ""},
		{`422 {"Code":"UnprocessableEntityException"}`, voicetask.CodeUnprocessable, ""},
		{`409 {"Code":"ConflictException","Message":"one runs"}`, "ConflictException", "one runs"},
		{`403 {"Code":"ForbiddenException"}`, "ForbiddenException", ""},
		{`500 {}`, "", ""},
		{`500 no JSON`, "", ""},
	} {
		c, _ := client(t, test.answer)
		tasks := chimeapi.VoiceTasks{API: c}
		_, err := tasks.Start(t.Context(), entry(voicetask.VoiceTone))
		if code, message := tasks.Answer(err); code != test.code || message != test.message {
			t.Errorf("%s: got %q, %q; want %q, %q", test.answer, code, message, test.code, test.message)
		}
	}
	if code, message := (chimeapi.VoiceTasks{}).Answer(nil); code != "" || message != "" {
		t.Errorf("no error: got %q, %q", code, message)
	}
}

// An error begins with the operation, and ends with what can be done.
func TestErrorsSayWhatToDo(t *testing.T) {
	const failed = "Amazon Chime SDK GetMediaPipeline: failed: "
	for _, tt := range []struct{ name, answer, first, last string }{
		{"an unknown address", `404 <html>no such page</html>`, failed, " (check the Region and the endpoint)"},
		{"throttled", `429 {}`, failed, " (it is tried again)"},
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
