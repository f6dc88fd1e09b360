package chimeapi

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// VoiceTasks starts and stops voice tasks. It implements voicetask.TaskAPI.
type VoiceTasks struct {
	API *Client
	// DomainID names the voice profile domain for speaker searches.
	DomainID string
}

// Start starts the task on the Voice Connector and transaction of the entry.
func (c VoiceTasks) Start(ctx context.Context, e voicetask.Entry) (taskID string, err error) {
	start := Start{VoiceConnectorID: e.VoiceConnectorID, TransactionID: e.TransactionID, Token: e.Token}
	switch e.Task {
	case voicetask.SpeakerSearch:
		taskID, err = c.API.StartSpeakerSearch(ctx, start, c.DomainID)
	case voicetask.VoiceTone:
		taskID, err = c.API.StartVoiceTone(ctx, start)
	default:
		return "", unknownTask(e)
	}
	if err == nil && taskID == "" {
		return "", apperr.New(apperr.Unavailable, "Amazon Chime SDK", "started a "+string(e.Task)+" task without saying its id", "it is tried again")
	}
	return taskID, err
}

// Stop stops the task of the entry, or finds that it has ended.
func (c VoiceTasks) Stop(ctx context.Context, e voicetask.Entry) (ended string, err error) {
	stop, status := c.API.StopSpeakerSearch, c.API.SpeakerSearchStatus
	switch e.Task {
	case voicetask.SpeakerSearch:
	case voicetask.VoiceTone:
		stop, status = c.API.StopVoiceTone, c.API.VoiceToneStatus
	default:
		return "", unknownTask(e)
	}
	if err = stop(ctx, e.VoiceConnectorID, e.TaskID); err == nil {
		return "", nil
	}
	switch code, detail, _ := Final(err); code {
	case CodeNotFound, CodeGone:
		return code + ": " + detail, nil
	case CodeConflict, CodeUnprocessable:
		// The reference does not tell which state makes a stop impossible. Only of a
		// task that has ended it may be taken as done.
		if is, statusErr := status(ctx, e.VoiceConnectorID, e.TaskID); statusErr == nil && TaskEnded(is) {
			return is, nil
		}
	}
	return "", err
}

// Final is Final.
func (VoiceTasks) Final(err error) (code, detail string, final bool) { return Final(err) }

// Undone reports whether the service, or what stands before it, answered that it did
// not start the task: it was throttled, refused, or met another task. The SDK may have
// sent the request before without an answer; therefore a notification of an unknown
// task is still believed.
func (VoiceTasks) Undone(err error) bool {
	switch apperr.ClassOf(err) {
	case apperr.Throttled, apperr.Conflict, apperr.Internal, apperr.Invalid, apperr.NotFound:
		return true
	}
	return false
}

func unknownTask(e voicetask.Entry) error {
	return apperr.New(apperr.Internal, "ledger", "holds a task of the unknown kind "+string(e.Task), "use the version that wrote it, or a newer one")
}
