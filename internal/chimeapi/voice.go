package chimeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"
)

// Codes of answers that no other try will change: the call is over, is not known,
// or cannot have the task (errors of StartSpeakerSearchTask and
// StartVoiceToneAnalysisTask in the API reference).
const (
	CodeGone          = "GoneException"
	CodeNotFound      = "NotFoundException"
	CodeUnprocessable = "UnprocessableEntityException"
)

// CodeConflict is the code of an answer that follows from a state that may pass:
// another task of the kind runs, or the task cannot be stopped now.
const CodeConflict = "ConflictException"

// toneLanguage is the only language that StartVoiceToneAnalysisTask takes.
const toneLanguage = "en-US"

// Start asks for one voice-analytics task on a call.
type Start struct {
	VoiceConnectorID string
	TransactionID    string
	// Token is the same for every try of one start, so that the service runs one
	// task: 2 to 64 letters, digits, hyphens and underscores.
	Token string
}

// startShape is the wire form of both requests.
type startShape struct {
	TransactionID        string `json:"TransactionId"`
	ClientRequestToken   string
	VoiceProfileDomainID string `json:"VoiceProfileDomainId,omitempty"`
	LanguageCode         string `json:",omitempty"`
}

// Collections of tasks, as paths spell them.
const (
	speakerSearchTasks = "speaker-search-tasks"
	voiceToneTasks     = "voice-tone-analysis-tasks"
)

// StartSpeakerSearch starts a speaker search against a voice profile domain and
// gives the task's id. Whoever calls it must have the speaker's consent.
func (c *Client) StartSpeakerSearch(ctx context.Context, s Start, domainID string) (taskID string, err error) {
	var answer struct {
		SpeakerSearchTask struct {
			ID string `json:"SpeakerSearchTaskId"`
		}
	}
	r := s.request("StartSpeakerSearchTask", speakerSearchTasks)
	r.body = startShape{TransactionID: s.TransactionID, ClientRequestToken: s.Token, VoiceProfileDomainID: domainID}
	err = c.call(ctx, r, &answer)
	return answer.SpeakerSearchTask.ID, err
}

// StartVoiceTone starts a voice tone analysis and gives the task's id. Whoever
// calls it must have the speaker's consent.
func (c *Client) StartVoiceTone(ctx context.Context, s Start) (taskID string, err error) {
	var answer struct {
		VoiceToneAnalysisTask struct {
			ID string `json:"VoiceToneAnalysisTaskId"`
		}
	}
	r := s.request("StartVoiceToneAnalysisTask", voiceToneTasks)
	r.body = startShape{TransactionID: s.TransactionID, ClientRequestToken: s.Token, LanguageCode: toneLanguage}
	err = c.call(ctx, r, &answer)
	return answer.VoiceToneAnalysisTask.ID, err
}

func (s Start) request(operation, tasks string) request {
	return request{service: voice, operation: operation, method: http.MethodPost, path: []string{"voice-connectors", s.VoiceConnectorID, tasks}}
}

// StopSpeakerSearch stops a running speaker search.
func (c *Client) StopSpeakerSearch(ctx context.Context, voiceConnectorID, taskID string) error {
	return c.stop(ctx, "StopSpeakerSearchTask", voiceConnectorID, speakerSearchTasks, taskID)
}

// StopVoiceTone stops a running voice tone analysis.
func (c *Client) StopVoiceTone(ctx context.Context, voiceConnectorID, taskID string) error {
	return c.stop(ctx, "StopVoiceToneAnalysisTask", voiceConnectorID, voiceToneTasks, taskID)
}

func (c *Client) stop(ctx context.Context, operation, voiceConnectorID, tasks, taskID string) error {
	return c.call(ctx, request{
		service: voice, operation: operation, method: http.MethodPost,
		path: []string{"voice-connectors", voiceConnectorID, tasks, taskID}, query: url.Values{"operation": {"stop"}},
	}, nil)
}

// SpeakerSearchStatus gives the status of a speaker search, as TaskEnded takes it.
func (c *Client) SpeakerSearchStatus(ctx context.Context, voiceConnectorID, taskID string) (string, error) {
	var answer struct {
		SpeakerSearchTask struct {
			Status string `json:"SpeakerSearchTaskStatus"`
		}
	}
	err := c.get(ctx, "GetSpeakerSearchTask", voiceConnectorID, speakerSearchTasks, taskID, nil, &answer)
	return answer.SpeakerSearchTask.Status, err
}

// VoiceToneStatus gives the status of a voice tone analysis, as TaskEnded takes
// it. The service tells it for the caller and for the other side: as long as one
// of them has not ended, this is its status.
func (c *Client) VoiceToneStatus(ctx context.Context, voiceConnectorID, taskID string) (status string, err error) {
	for _, caller := range []string{"true", "false"} {
		var answer struct {
			VoiceToneAnalysisTask struct {
				Status string `json:"VoiceToneAnalysisTaskStatus"`
			}
		}
		err = c.get(ctx, "GetVoiceToneAnalysisTask", voiceConnectorID, voiceToneTasks, taskID, url.Values{"isCaller": {caller}}, &answer)
		if status = answer.VoiceToneAnalysisTask.Status; err != nil || !TaskEnded(status) {
			return status, err
		}
	}
	return status, nil
}

func (c *Client) get(ctx context.Context, operation, voiceConnectorID, tasks, taskID string, query url.Values, answer any) error {
	return c.call(ctx, request{service: voice, operation: operation, method: http.MethodGet,
		path: []string{"voice-connectors", voiceConnectorID, tasks, taskID}, query: query}, answer)
}

// TaskEnded tells whether a task of that status runs no more (SpeakerSearchTask
// and VoiceToneAnalysisTask in the API reference). False where the status does
// not say so beyond doubt: PARTIAL_SUCCESS is not explained.
func TaskEnded(status string) bool {
	return status == "SUCCEEDED" || status == "FAILED" || status == "STOPPED"
}

// Final tells whether err is an answer that no other try will change, with the
// service's code and message.
func Final(err error) (code, message string, final bool) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return "", "", false
	}
	switch api.ErrorCode() {
	case CodeGone, CodeNotFound, CodeUnprocessable:
		return api.ErrorCode(), api.ErrorMessage(), true
	}
	return api.ErrorCode(), api.ErrorMessage(), false
}
