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
