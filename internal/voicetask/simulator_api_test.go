package voicetask_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// nextError returns the error that the service answers an operation with, if any.
func (w *simulator) nextError(operation string, e voicetask.Entry) error {
	if err := w.broken[fmt.Sprintf("%s %s %s", operation, e.Task, e.TransactionID)]; err != nil || len(w.apiErrors) == 0 {
		return err
	}
	err := w.apiErrors[0]
	w.apiErrors = w.apiErrors[1:]
	return err
}

// Start is the service's: for the same token it returns the same task.
func (w *simulator) Start(ctx context.Context, e voicetask.Entry) (id string, err error) {
	err = gate(ctx, "start", func(worker *worker) error {
		covered := worker.covered[e.Task]
		if needless(worker.ledger, e) && !w.asked[e.Token] {
			w.violations = append(w.violations, worker.name+" asked for a start on a call that is over")
		}
		w.asked[e.Token] = true
		w.starts++
		clear(worker.covered)
		lost := w.nextError("start", e)
		if lost != nil && !errors.Is(lost, errLost) {
			return lost
		}
		if e.Token == "" || e.VoiceConnectorID != "vc" || !w.ready(e.TransactionID) {
			w.violations = append(w.violations, fmt.Sprintf("a start without its call: %+v", e))
		}
		for _, t := range w.tasks {
			if t.kind == e.Task && t.token == e.Token {
				id = t.id
				return lost
			}
		}
		if w.over {
			return errGone
		}
		if !covered {
			w.violations = append(w.violations, fmt.Sprintf("%s started %s without consent", worker.name, e.Task))
		}
		if len(w.running(e.Task, e.TransactionID)) > 0 {
			w.violations = append(w.violations, fmt.Sprintf("%s started %s a second time", worker.name, e.Task))
			return errTwice
		}
		id = fmt.Sprintf("task-%d", len(w.tasks))
		w.tasks = append(w.tasks, task{id: id, token: e.Token, transaction: e.TransactionID, kind: e.Task})
		return lost
	})
	return id, err
}

// needless reports whether a ledger says that the call is over, and that no other run
// can have asked for the start before.
func needless(l voicetask.Ledger, e voicetask.Entry) bool {
	over, done := false, map[string]bool{e.Try: true}
	for _, of := range l {
		over = over || of.Kind == voicetask.Ended
		if of.Kind == voicetask.NotSent && of.Task == e.Task {
			done[of.Try] = true
		}
	}
	return over && !slices.ContainsFunc(l, func(of voicetask.Entry) bool {
		return of.Task == e.Task && (of.Kind == voicetask.Starting || of.Kind == voicetask.Asking) && !done[of.Try]
	})
}

func (w *simulator) Stop(ctx context.Context, e voicetask.Entry) (ended string, err error) {
	err = gate(ctx, "stop", func(worker *worker) error {
		clear(worker.covered)
		lost := w.nextError("stop", e)
		if lost != nil && !errors.Is(lost, errLost) {
			return lost
		}
		i := slices.IndexFunc(w.tasks, func(t task) bool { return t.id == e.TaskID && t.kind == e.Task })
		if i < 0 || w.tasks[i].stopped {
			ended = "it is over"
			return lost
		}
		w.tasks[i].stopped = true
		return lost
	})
	return ended, err
}

func (w *simulator) Answer(err error) (code, message string) {
	if errors.Is(err, errGone) {
		return voicetask.CodeGone, err.Error()
	}
	return "", ""
}

func (w *simulator) Count(string, int) {}

// end is the hang-up.
func (w *simulator) end() {
	w.over = true
	for i := range w.tasks {
		w.tasks[i].stopped = true
	}
}

func (w *simulator) runner(on ...voicetask.Task) *voicetask.TaskRunner {
	settings := voicetask.Settings{}
	for _, t := range on {
		settings[t] = true
	}
	return &voicetask.TaskRunner{Table: w, Service: w, On: settings, Now: func() time.Time { return w.now }, Counts: w}
}
