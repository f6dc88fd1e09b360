// Package voicetask keeps calls in the holding area until there is consent, and
// starts and stops their voice-analytics tasks as package voicetask decides.
package voicetask

import (
	"context"
	"errors"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// Repository stores the ledgers.
type Repository interface {
	// Ledger reads all that was written for a transaction, and for the calls that
	// its readiness names, before it was called.
	Ledger(ctx context.Context, transactionID string) (Ledger, error)
	// CallLedger reads all that was written for a callId before it was called.
	CallLedger(ctx context.Context, callID string) (Ledger, error)
	// Enter writes an entry where no entry has its id.
	Enter(context.Context, Entry) error
	// PipelineEnd reports whether the call's pipeline has stopped, and when.
	PipelineEnd(ctx context.Context, transactionID string) (pipelineID string, at time.Time, ended bool, err error)
}

// TaskAPI starts and stops tasks; the Chime API does.
type TaskAPI interface {
	// Start runs the task of an entry, with its token, and gives the task's id.
	Start(context.Context, Entry) (taskID string, err error)
	// Stop ends the task of an entry. ended tells how it had ended before; it is
	// empty where the task was stopped by this.
	Stop(context.Context, Entry) (ended string, err error)
	// Final tells of an error of Start whether the service will never do it; and of
	// any error why, where the service said so.
	Final(error) (code, detail string, final bool)
	// Undone reports whether an error of Start is an answer of the service by which it
	// has started no task. It is false where no answer came.
	Undone(error) bool
}

// Counter counts by name, for metrics.
type Counter interface {
	Count(name string, n int)
}

// TaskRunner does what is due for calls. It holds no state, so that any number of
// keepers may work on the same call at once.
type TaskRunner struct {
	Table   Repository
	Service TaskAPI
	// On are the tasks that the deployer turned on.
	On Settings
	// Now tells the time.
	Now func() time.Time
	// Counts may not be nil, and must be safe for concurrent use where the TaskRunner
	// is used concurrently.
	Counts Counter
}

// Trigger is why something may be due: an event that says so and has been
// written already.
type Trigger struct {
	// Event is its id.
	Event string
	// TransactionID and CallID name the call; one of them is enough.
	TransactionID, CallID string
	// Observed are the tasks that the service tells of.
	Observed []ObservedTask
}

// ObservedTask is a task that a notification of the service tells of.
type ObservedTask struct {
	Task   Task
	TaskID string
}

// Reconcile does all that is due for a call. What cannot be done for one of its
// transactions, or for one task, keeps the others from nothing: a service that
// does not answer takes a part of the time until ctx's deadline, never the others'
// part, nor the time to write down that it did not answer. An error means that
// something may be left to do; then the event is to be handled again. Nothing is
// ever due for a rehearsal: it has no call on which a task could run.
func (k *TaskRunner) Reconcile(ctx context.Context, t Trigger) error {
	if chime.IsRehearsal(t.TransactionID) || chime.IsRehearsal(t.CallID) {
		return nil
	}
	if t.TransactionID != "" {
		return k.run(t).reconcile(ctx)
	}
	ledger, err := k.Table.CallLedger(ctx, t.CallID)
	if err != nil {
		return err
	}
	transactions := ledger.TransactionIDs()
	if len(transactions) == 0 {
		r := k.run(t)
		r.round(ctx, ledger, false)
		return r.stuck.err()
	}
	var errs []error
	for i, id := range transactions {
		t.TransactionID = id
		part, cancel := timeshare.Part(ctx, len(transactions)-i)
		errs = append(errs, k.run(t).reconcile(part))
		cancel()
	}
	return errors.Join(errs...)
}
