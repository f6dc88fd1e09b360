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

// lastWrites bounds the time in which a run that ends with an error writes what came of
// its starts.
const lastWrites = time.Second

// run does what is due for one transaction because of one trigger. Any number of runs
// may do so at once.
type run struct {
	*TaskRunner
	Trigger
	// try is the name under which the run may ask the service; no other run has it.
	try string
	// open has, for each task, the entry by which this run may send a start that it has
	// not sent; or the entry of what came of the start, if that could not be written.
	open  map[Task]Entry
	stuck trouble
	// read counts the entries of the last reading by their ids; written are the ids of
	// the entries that this run wrote, or tried to write.
	read    map[string]int
	written map[string]bool
	// over is whether the call's pipelines had stopped in this round; nil if not known.
	over *bool
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
	return &run{TaskRunner: k, Trigger: t, try: rand.Text(),
		open: map[Task]Entry{}, stuck: trouble{}, written: map[string]bool{}}
}

// reconcile does what is due. If it ends with an error, it writes of each start what came
// of it, so that the ledger does not say that the run may have sent it.
func (r *run) reconcile(ctx context.Context) error {
	err := r.rounds(ctx)
	if err == nil || len(r.open) == 0 { // without an error, another run was answered
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
	defer cancel()
	errs := []error{err}
	for _, task := range Tasks() {
		switch e := r.open[task]; e.Kind {
		case Starting, Asking:
			errs = append(errs, r.notSent(ctx, e, "", "given up before it was asked for"))
		case NotSent, Started, Refused:
			errs = append(errs, r.close(ctx, e))
		}
	}
	return errors.Join(errs...)
}

func (r *run) rounds(ctx context.Context) error {
	for range maxRounds {
		ledger, err := r.Table.Ledger(ctx, r.TransactionID)
		if err != nil {
			return errors.Join(r.stuck.err(), err)
		}
		certain := r.certain(ledger)
		learned, err := r.learn(ctx, ledger)
		if err != nil {
			return errors.Join(r.stuck.err(), err)
		}
		if !learned && r.round(ctx, ledger, certain) {
			return r.stuck.err()
		}
	}
	return errors.Join(r.stuck.err(), apperr.New(apperr.Conflict, "transaction "+r.TransactionID,
		fmt.Sprintf("was changed by others %d times in a row", maxRounds), "it is tried again"))
}

// certain reports whether the ledger, as it was read just now, is one that the table
// had. A reading is more than one request, so that it may contain a grant without the no
// that was written before the grant. But entries are only added. If nothing is new since
// the last reading except what this run wrote between the two, then no other run wrote
// anything from the end of the last reading to the start of this one: at that moment,
// the table had exactly what was read.
func (r *run) certain(ledger Ledger) bool {
	read := map[string]int{}
	for _, e := range ledger {
		read[e.ID()]++
	}
	certain := true
	for id, n := range read {
		certain = certain && (n == r.read[id] || n == 1 && r.written[id])
	}
	r.read = read
	return certain
}

// round does the steps that are due by the ledger, except those of tasks that are stuck.
// done means that the ledger need not be read again: nothing was due, or only entries
// that explain. No decision depends on these, and a run that wrote something else since
// the ledger was read will read all that this run has.
//
// A start is sent only by a ledger that is certain and while nothing else is due, and
// only one, so that the ledger was read right before it.
func (r *run) round(ctx context.Context, ledger Ledger, certain bool) (done bool) {
	r.over = nil
	steps := ledger.Next(r.Now(), r.On, RunID{Event: r.Event, Try: r.try})
	steps = slices.DeleteFunc(steps, func(s Step) bool { return r.stuck[s.Entry.Task] != nil })
	done = !slices.ContainsFunc(steps, func(s Step) bool { return !s.onlyExplains() })
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
	return done
}

// do does one step of those that are left.
func (r *run) do(ctx context.Context, step Step, left int) error {
	// One part more than there are steps: for what is written down, and read again.
	answered, cancel := timeshare.Part(ctx, left+1)
	defer cancel()
	switch {
	case step.Act == Start:
		delete(r.open, step.Entry.Task)
		taskID, err := r.Service.Start(answered, step.Entry)
		return r.started(ctx, step.Entry, taskID, err)
	case step.Act == Stop:
		ended, err := r.Service.Stop(answered, step.Entry)
		return r.stopped(ctx, step.Entry, ended, err)
	}
	switch step.Entry.Kind {
	case Starting, Asking:
		over, err := r.callOver(ctx)
		// Another run may have sent the start that this run joins by Asking: then its
		// answer matters, also after the call.
		if err != nil || over && step.Entry.Kind == Starting {
			return err
		}
		r.open[step.Entry.Task] = step.Entry
	case NotSent:
		return r.notSent(ctx, step.Entry, step.Entry.Code, step.Entry.Detail)
	}
	return r.enter(ctx, step.Entry)
}

func (r *run) enter(ctx context.Context, e Entry) error {
	r.written[e.ID()] = true
	return r.Table.Enter(ctx, e)
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
		if err := r.enter(ctx, e); err != nil {
			return false, err
		}
		learned = true
	}
	return learned, nil
}

// callOver reports whether the call's pipelines have stopped, and enters that. It looks
// once a round.
func (r *run) callOver(ctx context.Context) (over bool, err error) {
	if r.over != nil {
		return *r.over, nil
	}
	id, at, over, err := r.Table.PipelineEnd(ctx, r.TransactionID)
	if err != nil {
		return false, err
	}
	if over {
		err := r.enter(ctx, Entry{Kind: Ended, At: at, Event: r.Event, By: System,
			TransactionID: r.TransactionID, Detail: "pipeline " + id + " stopped"})
		if err != nil {
			return true, err
		}
	}
	r.over = &over
	return over, nil
}

// close enters what came of a start.
func (r *run) close(ctx context.Context, e Entry) error {
	r.open[e.Task] = e // where it cannot be written now, it is tried once more at the end
	if err := r.enter(ctx, e); err != nil {
		return err
	}
	delete(r.open, e.Task)
	return nil
}

// notSent enters that this run has started nothing.
func (r *run) notSent(ctx context.Context, e Entry, code, detail string) error {
	e = r.answer(e, NotSent)
	e.Try, e.Code, e.Detail = r.try, code, detail
	return r.close(ctx, e)
}

// started enters what the service answered to a start.
func (r *run) started(ctx context.Context, starting Entry, taskID string, err error) error {
	if err == nil {
		r.Counts.Count("VoiceTasksStarted", 1)
		e := r.answer(starting, Started)
		e.TaskID = taskID
		return r.close(ctx, e)
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
	return r.close(ctx, e)
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
	return r.enter(ctx, e)
}

// failed enters for people what the service did not do, and returns err, by which
// it is tried again.
func (r *run) failed(ctx context.Context, e Entry, err error) error {
	e = r.answer(e, Failed)
	if e.Code, e.Detail, _ = r.Service.Final(err); e.Code == "" {
		e.Code, e.Detail = string(apperr.ClassOf(err)), err.Error()
	}
	return errors.Join(err, r.enter(ctx, e))
}

// answer makes the entry for what the service said about an attempt.
func (r *run) answer(e Entry, kind Kind) Entry {
	e.Kind, e.At, e.Event, e.By = kind, r.Now().UTC(), r.Event, System
	e.Detail = ""
	return e
}
