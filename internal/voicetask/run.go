package voicetask

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// maxRounds limits how often the ledger of a call is read again. Each round does one step
// for each task, and an attempt has no more than six steps; more are due only because
// of what other runs write meanwhile.
const maxRounds = 30

// lastWrites limits the time in which a run that ends with an error writes what came of
// its starts.
const lastWrites = time.Second

// run does what is due for one transaction because of one trigger. Any number of runs
// may work on the same transaction at once.
type run struct {
	*TaskRunner
	Trigger
	// try is the name under which the run may ask the service; no other run has it.
	try string
	// open has, for each task, the entry by which this run may send a start that it has
	// not sent; or the entry of what came of the start, until that is written.
	open map[Task]Entry
	// stuck has the reason why nothing more can be done now for a task.
	stuck map[Task]error
	// read counts the entries of the last reading by their ids; written are the ids of
	// the entries that this run wrote, or tried to write.
	read    map[string]int
	written map[string]bool
	// over reports whether the call's pipelines had stopped in this round; nil if not known.
	over *bool
}

// rounds reads the ledger and does the steps that are due by it, again and again until
// nothing is due.
func (r *run) rounds(ctx context.Context) error {
	for range maxRounds {
		ledger, err := r.Table.Ledger(ctx, r.TransactionID)
		if err != nil {
			return err
		}
		certain := r.certain(ledger)
		learned, err := r.learn(ctx, ledger)
		if err != nil {
			return err
		}
		if learned {
			continue
		}
		r.over = nil
		steps, last := r.due(ledger, certain)
		for i, step := range steps {
			if err := r.do(ctx, step, len(steps)-i); err != nil {
				r.stuck[step.Entry.Task] = err
			}
		}
		if last {
			return nil
		}
	}
	return apperr.New(apperr.Conflict, "transaction "+r.TransactionID,
		fmt.Sprintf("was changed by others %d times in a row", maxRounds), "it is tried again")
}

// finish returns the error of the run, which ended with err. If there is one, it writes
// of each start what came of it, so that the ledger does not say that the run may have
// sent it. Without an error nothing is left to write: another run was answered.
func (r *run) finish(ctx context.Context, err error) error {
	err = errors.Join(r.stuck[SpeakerSearch], r.stuck[VoiceTone], err)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
	defer cancel()
	for _, task := range Tasks() {
		e, open := r.open[task]
		if !open {
			continue
		}
		if e.Kind == Starting || e.Kind == Asking {
			e = r.outcome(e, NotSent, "", "given up before it was asked for")
		}
		err = errors.Join(err, r.write(ctx, e))
	}
	return err
}

// certain reports whether the ledger, as it was read just now, is one that the table
// had. A reading is more than one request, so that it may contain a grant without the
// denial that was written before the grant. But entries are only added. If nothing is new
// since the last reading except what this run wrote between the two, then no other run
// wrote anything from the end of the last reading to the start of this one: at that
// moment, the table had exactly what was read.
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

// due returns the steps that are due by the ledger, except those of tasks that are stuck.
// last means that the ledger need not be read again after them: there are none, or only
// entries that explain. No decision depends on these, and a run that wrote something else
// since the ledger was read will read all that this run has.
//
// A start is sent only by a ledger that is certain and while nothing else is due, and
// only one, so that the ledger was read right before it.
func (r *run) due(ledger Ledger, certain bool) (steps []Step, last bool) {
	steps = ledger.Next(r.Now(), r.On, RunID{Event: r.Event, Try: r.try})
	steps = slices.DeleteFunc(steps, func(s Step) bool { return r.stuck[s.Entry.Task] != nil })
	last = !slices.ContainsFunc(steps, func(s Step) bool { return !s.onlyExplains() })
	others := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Act == Start })
	switch {
	case len(others) > 0:
		steps = others
	case len(steps) > 0 && !certain:
		return nil, false
	case len(steps) > 0:
		steps = steps[:1]
	}
	return steps, last
}

// do does one step of those that are left, and writes what came of it.
func (r *run) do(ctx context.Context, step Step, left int) error {
	// One part more than there are steps: for what is written, and read again.
	answered, cancel := timeshare.Part(ctx, left+1)
	defer cancel()
	e := step.Entry
	entries, failure := []Entry{e}, error(nil)
	switch {
	case step.Act == Start:
		delete(r.open, e.Task)
		taskID, err := r.Service.Start(answered, e)
		entries, failure = r.started(ctx, e, taskID, err)
	case step.Act == Stop:
		ended, err := r.Service.Stop(answered, e)
		entries, failure = r.stopped(e, ended, err)
	case e.Kind == Starting, e.Kind == Asking:
		over, err := r.callOver(ctx)
		// Another run may have sent the start that this run joins by Asking: then its
		// answer matters, also after the call.
		if err != nil || over && e.Kind == Starting {
			return err
		}
	}
	for _, e := range entries {
		failure = errors.Join(failure, r.write(ctx, e))
	}
	return failure
}

// write enters an entry. What came of a start stays open until it is written: finish
// tries once more.
func (r *run) write(ctx context.Context, e Entry) error {
	outcome := e.Kind == NotSent || e.Kind == Started || e.Kind == Refused
	if outcome || e.Kind == Starting || e.Kind == Asking {
		r.open[e.Task] = e
	}
	r.written[e.ID()] = true
	err := r.Table.Enter(ctx, e)
	if err == nil && outcome {
		delete(r.open, e.Task)
	}
	return err
}

// learn enters the id of a task whose start was never answered, but of which
// the service sends notifications.
func (r *run) learn(ctx context.Context, ledger Ledger) (learned bool, err error) {
	for _, seen := range r.Observed {
		e, open := ledger.Unanswered(seen.Task)
		if !open || slices.ContainsFunc(ledger, func(e Entry) bool { return e.TaskID == seen.TaskID }) {
			continue
		}
		e = r.outcome(e, Started, e.Code, "learned from a notification")
		e.TaskID = seen.TaskID
		if err := r.write(ctx, e); err != nil {
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
		err := r.write(ctx, Entry{Kind: Ended, At: at, Event: r.Event, By: System,
			TransactionID: r.TransactionID, Detail: "pipeline " + id + " stopped"})
		if err != nil {
			return true, err
		}
	}
	r.over = &over
	return over, nil
}

// started returns the entries of what the service answered to a start, and the error
// because of which it is tried again.
func (r *run) started(ctx context.Context, starting Entry, taskID string, err error) ([]Entry, error) {
	if err == nil {
		r.Counts.Count("VoiceTasksStarted", 1)
		e := r.outcome(starting, Started, starting.Code, "")
		e.TaskID = taskID
		return []Entry{e}, nil
	}
	code, message := r.Service.Answer(err)
	switch {
	case isFinal(code):
		// Not an error of ours, but it may be one of the deployment's: a voice profile
		// domain that does not exist is answered like a call that is over.
		slog.WarnContext(ctx, "the service refused a voice task", "task", string(starting.Task),
			"transactionId", redact.Text(starting.TransactionID), "error", redact.Text(err.Error()))
		r.Counts.Count("VoiceTasksRefused", 1)
		return []Entry{r.outcome(starting, Refused, code, message)}, nil
	case hasStartedNothing(err):
		failed := r.failed(starting, err)
		return []Entry{failed, r.outcome(starting, NotSent, failed.Code, message)}, err
	}
	return []Entry{r.failed(starting, err)}, err
}

// stopped returns the entries of what the service answered to a stop, and the error
// because of which it is tried again.
func (r *run) stopped(stopping Entry, ended string, err error) ([]Entry, error) {
	if err != nil {
		return []Entry{r.failed(stopping, err)}, err
	}
	if ended != "" {
		ended = "ended by itself: " + ended
	}
	r.Counts.Count("VoiceTasksStopped", 1)
	return []Entry{r.outcome(stopping, Stopped, stopping.Code, ended)}, nil
}

// failed returns the entry that shows people what the service did not do.
func (r *run) failed(e Entry, err error) Entry {
	code, detail := r.Service.Answer(err)
	if code == "" {
		code, detail = string(apperr.ClassOf(err)), err.Error()
	}
	return r.outcome(e, Failed, code, detail)
}

// outcome returns the entry of what came of the attempt that e belongs to.
func (r *run) outcome(e Entry, kind Kind, code, detail string) Entry {
	e.Kind, e.At, e.Event, e.By, e.Code, e.Detail = kind, r.Now().UTC(), r.Event, System, code, detail
	return e
}
