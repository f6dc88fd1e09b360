package chimeapi

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
	"github.com/aws/smithy-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// codeConflict is the code of an answer that follows from a state that may pass: another
// task of the kind runs, or the task cannot be stopped now.
const codeConflict = "ConflictException"

// VoiceTasks starts and stops voice tasks. It implements voicetask.TaskAPI. Whoever
// starts a task must have the consent of all speakers: a voice tone analysis listens to
// both sides of the call; of a speaker search the optional CallLeg is not sent, and the
// API reference does not say which side the service then listens to.
type VoiceTasks struct {
	API *Client
	// DomainID names the voice profile domain for speaker searches.
	DomainID string
}

// Start starts the task on the Voice Connector and transaction of the entry. The service
// runs one task for all requests with the entry's token, which has 2 to 64 letters,
// digits, hyphens and underscores.
func (t VoiceTasks) Start(ctx context.Context, e voicetask.Entry) (taskID string, err error) {
	switch e.Task {
	case voicetask.SpeakerSearch:
		out, err := call(ctx, t.API, t.API.voice.StartSpeakerSearchTask, &chimesdkvoice.StartSpeakerSearchTaskInput{
			VoiceConnectorId: &e.VoiceConnectorID, TransactionId: &e.TransactionID, ClientRequestToken: &e.Token,
			VoiceProfileDomainId: &t.DomainID,
		})
		if err != nil {
			return "", err
		}
		if out.SpeakerSearchTask != nil {
			taskID = aws.ToString(out.SpeakerSearchTask.SpeakerSearchTaskId)
		}
	case voicetask.VoiceTone:
		out, err := call(ctx, t.API, t.API.voice.StartVoiceToneAnalysisTask,
			&chimesdkvoice.StartVoiceToneAnalysisTaskInput{
				VoiceConnectorId: &e.VoiceConnectorID, TransactionId: &e.TransactionID, ClientRequestToken: &e.Token,
				LanguageCode: types.LanguageCodeEnUs, // the only one that there is
			})
		if err != nil {
			return "", err
		}
		if out.VoiceToneAnalysisTask != nil {
			taskID = aws.ToString(out.VoiceToneAnalysisTask.VoiceToneAnalysisTaskId)
		}
	default:
		return "", unknownTask(e)
	}
	if taskID == "" {
		return "", apperr.New(apperr.Unavailable, "Amazon Chime SDK",
			"started a "+string(e.Task)+" task without returning its id", "it is tried again")
	}
	return taskID, nil
}

// Stop stops the task of the entry, or finds that it has ended.
func (t VoiceTasks) Stop(ctx context.Context, e voicetask.Entry) (ended string, err error) {
	switch e.Task {
	case voicetask.SpeakerSearch:
		_, err = call(ctx, t.API, t.API.voice.StopSpeakerSearchTask,
			&chimesdkvoice.StopSpeakerSearchTaskInput{VoiceConnectorId: &e.VoiceConnectorID, SpeakerSearchTaskId: &e.TaskID})
	case voicetask.VoiceTone:
		_, err = call(ctx, t.API, t.API.voice.StopVoiceToneAnalysisTask, &chimesdkvoice.StopVoiceToneAnalysisTaskInput{
			VoiceConnectorId: &e.VoiceConnectorID, VoiceToneAnalysisTaskId: &e.TaskID,
		})
	default:
		return "", unknownTask(e)
	}
	switch code, message := t.Answer(err); code {
	case voicetask.CodeNotFound, voicetask.CodeGone:
		return code + ": " + message, nil
	case codeConflict, voicetask.CodeUnprocessable:
		// The reference does not say which state makes a stop impossible. Only a task that
		// has ended counts as stopped.
		if status, statusErr := t.Status(ctx, e); statusErr == nil && hasEnded(status) {
			return status, nil
		}
	}
	return "", err
}

// Status returns the service's status of the task of the entry, empty where it has none.
// A voice tone analysis has one for the caller and one for the other side: as long as one
// of them has not ended, Status returns this one.
func (t VoiceTasks) Status(ctx context.Context, e voicetask.Entry) (status string, err error) {
	if e.Task == voicetask.SpeakerSearch {
		out, err := call(ctx, t.API, t.API.voice.GetSpeakerSearchTask,
			&chimesdkvoice.GetSpeakerSearchTaskInput{VoiceConnectorId: &e.VoiceConnectorID, SpeakerSearchTaskId: &e.TaskID})
		if err != nil || out.SpeakerSearchTask == nil {
			return "", err
		}
		return aws.ToString(out.SpeakerSearchTask.SpeakerSearchTaskStatus), nil
	}
	for _, caller := range []bool{true, false} {
		out, err := call(ctx, t.API, t.API.voice.GetVoiceToneAnalysisTask, &chimesdkvoice.GetVoiceToneAnalysisTaskInput{
			VoiceConnectorId: &e.VoiceConnectorID, VoiceToneAnalysisTaskId: &e.TaskID, IsCaller: &caller,
		})
		if err != nil || out.VoiceToneAnalysisTask == nil {
			return "", err
		}
		status = aws.ToString(out.VoiceToneAnalysisTask.VoiceToneAnalysisTaskStatus)
		if !hasEnded(status) {
			return status, nil
		}
	}
	return status, nil
}

// hasEnded reports whether a task of that status has ended (SpeakerSearchTask and
// VoiceToneAnalysisTask in the API reference). It is false where the status leaves a
// doubt: the reference does not explain PARTIAL_SUCCESS.
func hasEnded(status string) bool {
	return status == "SUCCEEDED" || status == "FAILED" || status == "STOPPED"
}

// Answer returns the service's code and message, empty where it named no code.
func (VoiceTasks) Answer(err error) (code, message string) {
	const unnamed = "UnknownError" // the SDK's word
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == unnamed {
		return "", ""
	}
	return api.ErrorCode(), api.ErrorMessage()
}

func unknownTask(e voicetask.Entry) error {
	return apperr.New(apperr.Internal, "ledger", "has a task of the unknown kind "+string(e.Task),
		"use the version that wrote it, or a newer one")
}
