// Package hold keeps calls in the holding area until there is consent, and
// starts and stops their voice-analytics tasks as package consent decides.
package hold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// Table keeps the ledgers; *store.Store does.
type Table interface {
	// Ledger reads all that was written for a transaction, and for the calls that
	// its readiness names, before it was called.
	Ledger(ctx context.Context, transactionID string) (consent.Ledger, error)
	// CallLedger reads all that was written for a callId before it was called.
	CallLedger(ctx context.Context, callID string) (consent.Ledger, error)
	// Enter writes an entry where no entry has its id.
	Enter(context.Context, consent.Entry) error
	// PipelineEnd tells whether the call's pipeline has stopped, and when.
	PipelineEnd(ctx context.Context, transactionID string) (pipelineID string, at time.Time, ended bool, err error)
}

// Service runs tasks.
type Service interface {
	// Start runs the task of an entry, with its token, and gives the task's id.
	Start(context.Context, consent.Entry) (taskID string, err error)
	// Stop ends the task of an entry. ended tells how it had ended before; it is
	// empty where the task was stopped by this.
	Stop(context.Context, consent.Entry) (ended string, err error)
	// Final tells of an error of Start whether the service will never do it; and of
	// any error why, where the service said so.
	Final(error) (code, detail string, final bool)
}

// Counter counts by name, for metrics.
type Counter interface {
	Count(name string, n int)
}

// Keeper does what is due for calls. It holds no state, so that any number of
// keepers may work on the same call at once.
type Keeper struct {
	Table   Table
	Service Service
	// On are the tasks that the deployer turned on.
	On consent.Settings
	// Now tells the time.
	Now func() time.Time
	// Counts may not be nil, and must be safe for concurrent use where the Keeper
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
	// Seen are the tasks that the service tells of.
	Seen []Seen
}

// Seen is a task that a notification of the service tells of.
type Seen struct {
	Task   consent.Task
	TaskID string
}

// mostRounds bounds how often the ledger of a call is read again. Each round
// does one step for each task, and an attempt has no more than six of them; more
// come only of what others write meanwhile.
const mostRounds = 30

// Settle does all that is due for a call. What cannot be done for one of its
// transactions, or for one task, keeps the others from nothing: a service that
// does not answer takes a part of the time until ctx's deadline, never the others'
// part, nor the time to write down that it did not answer. An error means that
// something may be left to do; then the event is to be handled again. Nothing is
// ever due for a rehearsal: it has no call on which a task could run.
func (k *Keeper) Settle(ctx context.Context, t Trigger) error {
	if chime.IsRehearsal(t.TransactionID) || chime.IsRehearsal(t.CallID) {
		return nil
	}
	if t.TransactionID != "" {
		return k.settle(ctx, t)
	}
	ledger, err := k.Table.CallLedger(ctx, t.CallID)
	if err != nil {
		return err
	}
	transactions := ledger.TransactionIDs()
	if len(transactions) == 0 {
		stuck := trouble{}
		k.round(ctx, t, ledger, false, stuck)
		return stuck.err()
	}
	var errs []error
	for i, id := range transactions {
		t.TransactionID = id
		part, cancel := timeshare.Part(ctx, len(transactions)-i)
		errs = append(errs, k.settle(part, t))
		cancel()
	}
	return errors.Join(errs...)
}

// trouble is why nothing more can be done now for a task.
type trouble map[consent.Task]error

func (t trouble) err() error {
	var errs []error
	for _, task := range consent.Tasks() {
		errs = append(errs, t[task])
	}
	return errors.Join(errs...)
}

// settle does what is due for one transaction.
func (k *Keeper) settle(ctx context.Context, t Trigger) error {
	stuck := trouble{}
	var before, ledger consent.Ledger
	for range mostRounds {
		var err error
		before = ledger
		ledger, err = k.Table.Ledger(ctx, t.TransactionID)
		if err != nil {
			return errors.Join(stuck.err(), err)
		}
		learned, err := k.learn(ctx, t, ledger)
		if err != nil {
			return errors.Join(stuck.err(), err)
		}
		// A ledger is read by more than one request, so that it may be as it never
		// was: with a yes, and without the no that was there before it. As entries
		// are only added, two reads alike are what it was between them.
		if !learned && k.round(ctx, t, ledger, len(ledger) == len(before), stuck) {
			return stuck.err()
		}
	}
	return fault.New(fault.Conflict, "transaction "+t.TransactionID, fmt.Sprintf("was changed by others %d times in a row", mostRounds), "it is tried again")
}

// round does the steps that are due by the ledger, as far as no task is stuck;
// done when there is none. A start is made only by a ledger that is certain and
// while nothing else is due, and only one, so that the ledger was read right
// before it.
func (k *Keeper) round(ctx context.Context, t Trigger, ledger consent.Ledger, certain bool, stuck trouble) (done bool) {
	steps := ledger.Next(k.Now(), k.On, t.Event)
	steps = slices.DeleteFunc(steps, func(s consent.Step) bool { return stuck[s.Entry.Task] != nil })
	others := slices.DeleteFunc(slices.Clone(steps), func(s consent.Step) bool { return s.Act == consent.Start })
	switch {
	case len(others) > 0:
		steps = others
	case len(steps) > 0 && !certain:
		return false
	case len(steps) > 0:
		steps = steps[:1]
	}
	for i, step := range steps {
		if err := k.take(ctx, t, step, len(steps)-i); err != nil {
			stuck[step.Entry.Task] = err
		}
	}
	return len(steps) == 0
}

// take does one step of those that are left.
func (k *Keeper) take(ctx context.Context, t Trigger, step consent.Step, left int) error {
	// One part more than there are steps: for what is written down, and read again.
	answered, cancel := timeshare.Part(ctx, left+1)
	defer cancel()
	switch {
	case step.Act == consent.Start:
		taskID, err := k.Service.Start(answered, step.Entry)
		return k.started(ctx, t, step.Entry, taskID, err)
	case step.Act == consent.Stop:
		ended, err := k.Service.Stop(answered, step.Entry)
		return k.stopped(ctx, t, step.Entry, ended, err)
	case step.Entry.Kind == consent.Starting:
		return k.begin(ctx, t, step.Entry)
	}
	return k.Table.Enter(ctx, step.Entry)
}

// learn enters the id of a task whose start was never answered, but of which
// the service sends notifications.
func (k *Keeper) learn(ctx context.Context, t Trigger, ledger consent.Ledger) (learned bool, err error) {
	for _, seen := range t.Seen {
		e, open := ledger.Unanswered(seen.Task)
		if !open || slices.ContainsFunc(ledger, func(e consent.Entry) bool { return e.TaskID == seen.TaskID }) {
			continue
		}
		e = k.answer(t, e, consent.Started)
		e.TaskID, e.Detail = seen.TaskID, "learned from a notification"
		if err := k.Table.Enter(ctx, e); err != nil {
			return false, err
		}
		learned = true
	}
	return learned, nil
}

// begin enters that a start was decided, unless the call's pipeline has stopped.
func (k *Keeper) begin(ctx context.Context, t Trigger, e consent.Entry) error {
	id, at, ended, err := k.Table.PipelineEnd(ctx, e.TransactionID)
	if err != nil {
		return err
	}
	if ended {
		e = consent.Entry{Kind: consent.Ended, At: at, Event: t.Event, By: consent.System, TransactionID: e.TransactionID, Detail: "pipeline " + id + " stopped"}
	}
	return k.Table.Enter(ctx, e)
}

// started enters what the service answered to a start.
func (k *Keeper) started(ctx context.Context, t Trigger, starting consent.Entry, taskID string, err error) error {
	if err == nil {
		k.Counts.Count("VoiceTasksStarted", 1)
		e := k.answer(t, starting, consent.Started)
		e.TaskID = taskID
		return k.Table.Enter(ctx, e)
	}
	code, detail, final := k.Service.Final(err)
	if !final {
		return k.failed(ctx, t, starting, err)
	}
	// Not an error of ours, but it may be one of the deployment's: a voice profile
	// domain that is not there is answered like a call that is over.
	slog.WarnContext(ctx, "the service does not take a voice task", "task", string(starting.Task),
		"transactionId", redact.Text(starting.TransactionID), "error", redact.Text(err.Error()))
	k.Counts.Count("VoiceTasksRefused", 1)
	e := k.answer(t, starting, consent.Refused)
	e.Code, e.Detail = code, detail
	return k.Table.Enter(ctx, e)
}

// stopped enters what the service answered to a stop.
func (k *Keeper) stopped(ctx context.Context, t Trigger, stopping consent.Entry, ended string, err error) error {
	if err != nil {
		return k.failed(ctx, t, stopping, err)
	}
	e := k.answer(t, stopping, consent.Stopped)
	if ended != "" {
		e.Detail = "ended by itself: " + ended
	}
	k.Counts.Count("VoiceTasksStopped", 1)
	return k.Table.Enter(ctx, e)
}

// failed enters for people what the service did not do, and gives err, by which
// it is tried again.
func (k *Keeper) failed(ctx context.Context, t Trigger, e consent.Entry, err error) error {
	e = k.answer(t, e, consent.Failed)
	if e.Code, e.Detail, _ = k.Service.Final(err); e.Code == "" {
		e.Code, e.Detail = string(fault.ClassOf(err)), err.Error()
	}
	return errors.Join(err, k.Table.Enter(ctx, e))
}

// answer makes the entry for what the service said about an attempt.
func (k *Keeper) answer(t Trigger, e consent.Entry, kind consent.Kind) consent.Entry {
	e.Kind, e.At, e.Event, e.By = kind, k.Now().UTC(), t.Event, consent.System
	e.Detail = ""
	return e
}
