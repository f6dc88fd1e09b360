package voicetask

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// Repository stores the ledgers.
type Repository interface {
	// Ledger reads everything that was written for a transaction, and for the calls that
	// its readiness names, before it was called.
	Ledger(ctx context.Context, transactionID string) (Ledger, error)
	// CallLedger reads everything that was written for a callId before it was called.
	CallLedger(ctx context.Context, callID string) (Ledger, error)
	EntryWriter
	// PipelineEnd reports whether the call's pipeline has stopped, and when.
	PipelineEnd(ctx context.Context, transactionID string) (pipelineID string, at time.Time, ended bool, err error)
}

// TaskAPI starts and stops tasks; the Chime API does. Errors have a class of package
// apperr: Unavailable where the service may have done what it was asked for.
type TaskAPI interface {
	// Start runs the task of an entry, with its token, and returns the task's id.
	Start(context.Context, Entry) (taskID string, err error)
	// Stop ends the task of an entry. ended says how it had ended before; it is
	// empty where the task was stopped by this.
	Stop(context.Context, Entry) (ended string, err error)
	// Answer returns the service's code and message in an error of Start or Stop. They
	// are empty where the service named no code.
	Answer(error) (code, message string)
}

// Codes of answers to a start that no other try will change: the call is over, is not
// known, or cannot have the task (errors of StartSpeakerSearchTask and
// StartVoiceToneAnalysisTask in the API reference).
const (
	CodeGone          = "GoneException"
	CodeNotFound      = "NotFoundException"
	CodeUnprocessable = "UnprocessableEntityException"
)

func isFinal(code string) bool {
	return code == CodeGone || code == CodeNotFound || code == CodeUnprocessable
}

// hasStartedNothing reports whether an error of Start is an answer by which no task was
// started: the request was throttled or refused, or met another task. The SDK may have
// sent the request before without an answer; therefore a notification of an unknown task
// is still believed.
func hasStartedNothing(err error) bool { return apperr.ClassOf(err) != apperr.Unavailable }

// TaskRunner does what is due for calls. It has no state, so that any number of runners
// may work on the same call at once.
type TaskRunner struct {
	Table   Repository
	Service TaskAPI
	// On are the tasks that the deployer turned on.
	On Settings
	// Now returns the time.
	Now func() time.Time
	// Counts may not be nil.
	Counts pipeline.Counter
}

// Trigger is why something may be due: an event that was written already.
type Trigger struct {
	// Event is its id.
	Event string
	// TransactionID and CallID name the call; one of them is enough.
	TransactionID, CallID string
	// Observed are the tasks that the service sends notifications of.
	Observed []ObservedTask
}

// ObservedTask is a task that a notification of the service names.
type ObservedTask struct {
	Task   Task
	TaskID string
}

// Reconcile does all that is due for a call. What cannot be done for one of its
// transactions, or for one task, does not stop the others: a service that does not answer
// uses a part of the time until ctx's deadline, never the others' part, nor the time to
// write that it did not answer. An error means that something may be left to do; then the
// event is to be handled again. Nothing is ever due for a rehearsal: it has no call on
// which a task could run.
func (k *TaskRunner) Reconcile(ctx context.Context, t Trigger) error {
	if chime.IsRehearsal(t.TransactionID) || chime.IsRehearsal(t.CallID) {
		return nil
	}
	transactions := []string{t.TransactionID}
	var errs []error
	if t.TransactionID == "" {
		ledger, err := k.Table.CallLedger(ctx, t.CallID)
		if err != nil {
			return err
		}
		if transactions = ledger.TransactionIDs(); len(transactions) == 0 {
			// All that can be due is to write that the tasks wait.
			for _, step := range ledger.Next(k.Now(), k.On, RunID{Event: t.Event}) {
				errs = append(errs, k.Table.Enter(ctx, step.Entry))
			}
		}
	}
	for i, id := range transactions {
		t.TransactionID = id
		part, cancel := timeshare.Part(ctx, len(transactions)-i)
		r := &run{
			TaskRunner: k, Trigger: t, try: rand.Text(),
			open: map[Task]Entry{}, stuck: map[Task]error{}, written: map[string]bool{},
		}
		errs = append(errs, r.finish(part, r.rounds(part)))
		cancel()
	}
	return errors.Join(errs...)
}
