package chimeapi

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
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

// Start names the call of a voice-analytics task that is to be started.
type Start struct {
	VoiceConnectorID string
	TransactionID    string
	// Token is the same for every try of one start, so that the service runs one
	// task: 2 to 64 letters, digits, hyphens and underscores.
	Token string
}

// StartSpeakerSearch starts a speaker search against a voice profile domain and
// returns the task's id. Whoever calls it must have the consent of all speakers:
// the optional CallLeg is not sent, and the API reference does not say which side
// the service then listens to.
func (c *Client) StartSpeakerSearch(ctx context.Context, s Start, domainID string) (taskID string, err error) {
	out, err := call(ctx, c, c.voice.StartSpeakerSearchTask, &chimesdkvoice.StartSpeakerSearchTaskInput{
		VoiceConnectorId: &s.VoiceConnectorID, TransactionId: &s.TransactionID, ClientRequestToken: &s.Token,
		VoiceProfileDomainId: &domainID,
	})
	if err != nil || out.SpeakerSearchTask == nil {
		return "", err
	}
	return aws.ToString(out.SpeakerSearchTask.SpeakerSearchTaskId), nil
}

// StartVoiceTone starts a voice tone analysis, which listens to both sides of the
// call, and returns the task's id. Whoever calls it must have the consent of all
// speakers.
func (c *Client) StartVoiceTone(ctx context.Context, s Start) (taskID string, err error) {
	out, err := call(ctx, c, c.voice.StartVoiceToneAnalysisTask, &chimesdkvoice.StartVoiceToneAnalysisTaskInput{
		VoiceConnectorId: &s.VoiceConnectorID, TransactionId: &s.TransactionID, ClientRequestToken: &s.Token,
		LanguageCode: types.LanguageCodeEnUs, // the only one that there is
	})
	if err != nil || out.VoiceToneAnalysisTask == nil {
		return "", err
	}
	return aws.ToString(out.VoiceToneAnalysisTask.VoiceToneAnalysisTaskId), nil
}

// StopSpeakerSearch stops a running speaker search.
func (c *Client) StopSpeakerSearch(ctx context.Context, voiceConnectorID, taskID string) error {
	_, err := call(ctx, c, c.voice.StopSpeakerSearchTask,
		&chimesdkvoice.StopSpeakerSearchTaskInput{VoiceConnectorId: &voiceConnectorID, SpeakerSearchTaskId: &taskID})
	return err
}

// StopVoiceTone stops a running voice tone analysis.
func (c *Client) StopVoiceTone(ctx context.Context, voiceConnectorID, taskID string) error {
	_, err := call(ctx, c, c.voice.StopVoiceToneAnalysisTask,
		&chimesdkvoice.StopVoiceToneAnalysisTaskInput{VoiceConnectorId: &voiceConnectorID, VoiceToneAnalysisTaskId: &taskID})
	return err
}

// SpeakerSearchStatus returns the status of a speaker search, for TaskEnded.
func (c *Client) SpeakerSearchStatus(ctx context.Context, voiceConnectorID, taskID string) (string, error) {
	out, err := call(ctx, c, c.voice.GetSpeakerSearchTask,
		&chimesdkvoice.GetSpeakerSearchTaskInput{VoiceConnectorId: &voiceConnectorID, SpeakerSearchTaskId: &taskID})
	if err != nil || out.SpeakerSearchTask == nil {
		return "", err
	}
	return aws.ToString(out.SpeakerSearchTask.SpeakerSearchTaskStatus), nil
}

// VoiceToneStatus returns the status of a voice tone analysis, for TaskEnded. The
// service has one for the caller and one for the other side: as long as one of
// them has not ended, this is its status.
func (c *Client) VoiceToneStatus(ctx context.Context, voiceConnectorID, taskID string) (status string, err error) {
	for _, caller := range []bool{true, false} {
		out, err := call(ctx, c, c.voice.GetVoiceToneAnalysisTask, &chimesdkvoice.GetVoiceToneAnalysisTaskInput{
			VoiceConnectorId: &voiceConnectorID, VoiceToneAnalysisTaskId: &taskID, IsCaller: &caller,
		})
		if err != nil || out.VoiceToneAnalysisTask == nil {
			return "", err
		}
		if status = aws.ToString(out.VoiceToneAnalysisTask.VoiceToneAnalysisTaskStatus); !TaskEnded(status) {
			return status, nil
		}
	}
	return status, nil
}

// TaskEnded reports whether a task of that status has ended (SpeakerSearchTask
// and VoiceToneAnalysisTask in the API reference). It is false where the status
// leaves a doubt: the reference does not explain PARTIAL_SUCCESS.
func TaskEnded(status string) bool {
	return status == "SUCCEEDED" || status == "FAILED" || status == "STOPPED"
}

// Final reports whether err is an answer that no other try will change, and
// returns the service's code and message, empty where it named no code.
func Final(err error) (code, message string, final bool) {
	var api smithy.APIError
	if code = codeOf(err); code == "" || !errors.As(err, &api) {
		return "", "", false
	}
	switch code {
	case CodeGone, CodeNotFound, CodeUnprocessable:
		final = true
	}
	return code, api.ErrorMessage(), final
}
