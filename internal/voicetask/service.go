package voicetask

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/consent"
)

// Chime is the Amazon Chime SDK's voice API as a Service.
type Chime struct {
	API *chimeapi.Client
	// DomainID names the voice profile domain for speaker searches.
	DomainID string
}

// Start starts the task on the Voice Connector and transaction of the entry.
func (c Chime) Start(ctx context.Context, e consent.Entry) (taskID string, err error) {
	start := chimeapi.Start{VoiceConnectorID: e.VoiceConnectorID, TransactionID: e.TransactionID, Token: e.Token}
	switch e.Task {
	case consent.SpeakerSearch:
		taskID, err = c.API.StartSpeakerSearch(ctx, start, c.DomainID)
	case consent.VoiceTone:
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
func (c Chime) Stop(ctx context.Context, e consent.Entry) (ended string, err error) {
	stop, status := c.API.StopSpeakerSearch, c.API.SpeakerSearchStatus
	switch e.Task {
	case consent.SpeakerSearch:
	case consent.VoiceTone:
		stop, status = c.API.StopVoiceTone, c.API.VoiceToneStatus
	default:
		return "", unknownTask(e)
	}
	if err = stop(ctx, e.VoiceConnectorID, e.TaskID); err == nil {
		return "", nil
	}
	switch code, detail, _ := chimeapi.Final(err); code {
	case chimeapi.CodeNotFound, chimeapi.CodeGone:
		return code + ": " + detail, nil
	case chimeapi.CodeConflict, chimeapi.CodeUnprocessable:
		// The reference does not tell which state makes a stop impossible. Only of a
		// task that has ended it may be taken as done.
		if is, statusErr := status(ctx, e.VoiceConnectorID, e.TaskID); statusErr == nil && chimeapi.TaskEnded(is) {
			return is, nil
		}
	}
	return "", err
}

// Final is chimeapi.Final.
func (Chime) Final(err error) (code, detail string, final bool) { return chimeapi.Final(err) }

// Undone reports whether the service, or what stands before it, answered that it did
// not start the task: it was throttled, refused, or met another task. The SDK may have
// sent the request before without an answer; therefore a notification of an unknown
// task is still believed.
func (Chime) Undone(err error) bool {
	switch apperr.ClassOf(err) {
	case apperr.Throttled, apperr.Conflict, apperr.Internal, apperr.Invalid, apperr.NotFound:
		return true
	}
	return false
}

func unknownTask(e consent.Entry) error {
	return apperr.New(apperr.Internal, "ledger", "holds a task of the unknown kind "+string(e.Task), "use the version that wrote it, or a newer one")
}
