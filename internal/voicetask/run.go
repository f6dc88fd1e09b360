package voicetask

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// maxRounds bounds how often the ledger of a call is read again. Each round
// does one step for each task, and an attempt has no more than six of them; more
// come only of what others write meanwhile.
const maxRounds = 30

// lastWords bounds the time that a run has to write that it has not asked the service,
// when it ends for want of time.
const lastWords = time.Second

// run does what is due for one transaction because of one trigger. Any number of runs
// may do so at once.
type run struct {
	*TaskRunner
	Trigger
	// try is the name under which the run may ask the service; no other run has it.
	try string
	// may holds, for each task, an entry that the run wrote, or tried to write, by which
	// it may ask the service for a start and has not done it; or the entry NotSent that
	// could not be written.
	may   map[Task]Entry
	stuck trouble
}

// trouble is why nothing more can be done now for a task.
type trouble map[Task]error

func (t trouble) err() error {
	var errs []error
	for _, task := range Tasks() {
		errs = append(errs, t[task])
	}
	return errors.Join(errs...)
}

func (k *TaskRunner) run(t Trigger) *run {
	return &run{TaskRunner: k, Trigger: t, try: rand.Text(), may: map[Task]Entry{}, stuck: trouble{}}
}

// reconcile does what is due. However it ends, it does not leave the ledger to say that
// the service may have been asked for a start that it did not ask for.
func (r *run) reconcile(ctx context.Context) error {
	err := r.rounds(ctx)
	if err == nil || len(r.may) == 0 { // without an error, another run was answered
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	errs := []error{err}
	for _, task := range Tasks() {
		switch e, may := r.may[task]; {
		case may && e.Kind == NotSent:
			errs = append(errs, r.notSent(ctx, e, e.Code, e.Detail))
		case may:
			errs = append(errs, r.notSent(ctx, e, "", "given up before it was asked for"))
		}
	}
	return errors.Join(errs...)
}

func (r *run) rounds(ctx context.Context) error {
	var before, ledger Ledger
	for range maxRounds {
		var err error
		before = ledger
		ledger, err = r.Table.Ledger(ctx, r.TransactionID)
		if err != nil {
			return errors.Join(r.stuck.err(), err)
		}
		learned, err := r.learn(ctx, ledger)
		if err != nil {
			return errors.Join(r.stuck.err(), err)
		}
		// A ledger is read by more than one request, so that it may be as it never
		// was: with a yes, and without the no that was there before it. As entries
		// are only added, two reads alike are what it was between them.
		if !learned && r.round(ctx, ledger, len(ledger) == len(before)) {
			return r.stuck.err()
		}
	}
	return errors.Join(r.stuck.err(), apperr.New(apperr.Conflict, "transaction "+r.TransactionID,
		fmt.Sprintf("was changed by others %d times in a row", maxRounds), "it is tried again"))
}

// round does the steps that are due by the ledger, as far as no task is stuck;
// done when there is none. A start is made only by a ledger that is certain and
// while nothing else is due, and only one, so that the ledger was read right
// before it.
func (r *run) round(ctx context.Context, ledger Ledger, certain bool) (done bool) {
	steps := ledger.Next(r.Now(), r.On, RunID{Event: r.Event, Try: r.try})
	steps = slices.DeleteFunc(steps, func(s Step) bool { return r.stuck[s.Entry.Task] != nil })
	others := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Act == Start })
	switch {
	case len(others) > 0:
		steps = others
	case len(steps) > 0 && !certain:
		return false
	case len(steps) > 0:
		steps = steps[:1]
	}
	for i, step := range steps {
		if err := r.do(ctx, step, len(steps)-i); err != nil {
			r.stuck[step.Entry.Task] = err
		}
	}
	return len(steps) == 0
}

// do does one step of those that are left.
func (r *run) do(ctx context.Context, step Step, left int) error {
	// One part more than there are steps: for what is written down, and read again.
	answered, cancel := timeshare.Part(ctx, left+1)
	defer cancel()
	switch {
	case step.Act == Start:
		delete(r.may, step.Entry.Task)
		taskID, err := r.Service.Start(answered, step.Entry)
		return r.started(ctx, step.Entry, taskID, err)
	case step.Act == Stop:
		ended, err := r.Service.Stop(answered, step.Entry)
		return r.stopped(ctx, step.Entry, ended, err)
	}
	switch step.Entry.Kind {
	case Starting:
		return r.begin(ctx, step.Entry)
	case Asking:
		return r.join(ctx, step.Entry)
	case NotSent:
		return r.notSent(ctx, step.Entry, step.Entry.Code, step.Entry.Detail)
	}
	return r.Table.Enter(ctx, step.Entry)
}

// learn enters the id of a task whose start was never answered, but of which
// the service sends notifications.
func (r *run) learn(ctx context.Context, ledger Ledger) (learned bool, err error) {
	for _, seen := range r.Observed {
		e, open := ledger.Unanswered(seen.Task)
		if !open || slices.ContainsFunc(ledger, func(e Entry) bool { return e.TaskID == seen.TaskID }) {
			continue
		}
		e = r.answer(e, Started)
		e.TaskID, e.Detail = seen.TaskID, "learned from a notification"
		if err := r.Table.Enter(ctx, e); err != nil {
			return false, err
		}
		learned = true
	}
	return learned, nil
}

// begin enters that a start was decided, unless the call's pipeline has stopped.
func (r *run) begin(ctx context.Context, e Entry) error {
	over, err := r.callOver(ctx, e.TransactionID)
	if err != nil || over {
		return err
	}
	return r.ask(ctx, e)
}

// join enters that this run may ask for a start that was decided before. Whether the
// call's pipeline has stopped is entered first: then it asks only if another run may
// have done so.
func (r *run) join(ctx context.Context, e Entry) error {
	if _, err := r.callOver(ctx, e.TransactionID); err != nil {
		return err
	}
	return r.ask(ctx, e)
}

// callOver enters that the call is over if its pipeline has stopped.
func (r *run) callOver(ctx context.Context, transactionID string) (over bool, err error) {
	id, at, ended, err := r.Table.PipelineEnd(ctx, transactionID)
	if err != nil || !ended {
		return false, err
	}
	return true, r.Table.Enter(ctx, Entry{Kind: Ended, At: at, Event: r.Event, By: System,
		TransactionID: transactionID, Detail: "pipeline " + id + " stopped"})
}

// ask enters that this run may ask the service for a start.
func (r *run) ask(ctx context.Context, e Entry) error {
	r.may[e.Task] = e
	return r.Table.Enter(ctx, e)
}

// notSent enters that this run has started nothing.
func (r *run) notSent(ctx context.Context, e Entry, code, detail string) error {
	e = r.answer(e, NotSent)
	e.Try, e.Code, e.Detail = r.try, code, detail
	r.may[e.Task] = e // where it cannot be written now, it is tried once more at the end
	if err := r.Table.Enter(ctx, e); err != nil {
		return err
	}
	delete(r.may, e.Task)
	return nil
}

// started enters what the service answered to a start.
func (r *run) started(ctx context.Context, starting Entry, taskID string, err error) error {
	if err == nil {
		r.Counts.Count("VoiceTasksStarted", 1)
		e := r.answer(starting, Started)
		e.TaskID = taskID
		return r.Table.Enter(ctx, e)
	}
	code, detail, final := r.Service.Final(err)
	if !final {
		failure := r.failed(ctx, starting, err)
		if !r.Service.Undone(err) {
			return failure
		}
		if code == "" {
			code = string(apperr.ClassOf(err))
		}
		return errors.Join(failure, r.notSent(ctx, starting, code, detail))
	}
	// Not an error of ours, but it may be one of the deployment's: a voice profile
	// domain that is not there is answered like a call that is over.
	slog.WarnContext(ctx, "the service does not take a voice task", "task", string(starting.Task),
		"transactionId", redact.Text(starting.TransactionID), "error", redact.Text(err.Error()))
	r.Counts.Count("VoiceTasksRefused", 1)
	e := r.answer(starting, Refused)
	e.Code, e.Detail = code, detail
	return r.Table.Enter(ctx, e)
}

// stopped enters what the service answered to a stop.
func (r *run) stopped(ctx context.Context, stopping Entry, ended string, err error) error {
	if err != nil {
		return r.failed(ctx, stopping, err)
	}
	e := r.answer(stopping, Stopped)
	if ended != "" {
		e.Detail = "ended by itself: " + ended
	}
	r.Counts.Count("VoiceTasksStopped", 1)
	return r.Table.Enter(ctx, e)
}

// failed enters for people what the service did not do, and returns err, by which
// it is tried again.
func (r *run) failed(ctx context.Context, e Entry, err error) error {
	e = r.answer(e, Failed)
	if e.Code, e.Detail, _ = r.Service.Final(err); e.Code == "" {
		e.Code, e.Detail = string(apperr.ClassOf(err)), err.Error()
	}
	return errors.Join(err, r.Table.Enter(ctx, e))
}

// answer makes the entry for what the service said about an attempt.
func (r *run) answer(e Entry, kind Kind) Entry {
	e.Kind, e.At, e.Event, e.By = kind, r.Now().UTC(), r.Event, System
	e.Detail = ""
	return e
}
