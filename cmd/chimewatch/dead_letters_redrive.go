package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
)

type deadLettersRedriveCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of messages, or of the events in them."`
	All bool     `help:"All dead letters of all queues."`
}

// redriveReport is the JSON form of the result for a dead letter.
type redriveReport struct {
	deadLetterReport
	Handled bool   `json:"handled"`
	Error   string `json:"error,omitempty"`
}

// redriveRun is one run of redrive.
type redriveRun struct {
	app     *app
	queues  deadletter.Queues
	reports []redriveReport
	failed  int
}

// Run redrives the dead letters. It fails if any of them failed again or names a function that is not
// of the stack, and with --all also if another reader has some.
func (c *deadLettersRedriveCmd) Run(a *app) error {
	if c.All == (len(c.IDs) > 0) {
		return usage("dead-letters redrive", "name the dead letters by their ids, or give --all",
			"see: chimewatch dead-letters list")
	}
	defer surviveBrokenPipe()()
	queues, err := a.deadLetters()
	if err != nil {
		return err
	}
	before, countErr := queues.Count(a.ctx) // the same error follows from eachDeadLetter
	r := &redriveRun{app: a, queues: queues, reports: []redriveReport{}}
	hidden, err := a.eachDeadLetter(queues, c.IDs, r.redrive)
	if a.Output == outputJSON {
		err = errors.Join(a.printJSON(r.reports), err)
	}
	handled := len(r.reports) - r.failed
	summary := fmt.Sprintf("%d handled, %d failed", handled, r.failed)
	switch {
	case !c.All:
	case err == nil:
		summary += fmt.Sprintf(", %d left", r.failed+hidden.Messages)
	case countErr == nil: // SQS counts approximately
		summary += fmt.Sprintf(", about %d left", max(before-handled, r.failed))
	}
	a.note("%s", summary)
	return errors.Join(err, c.notHandled(r, hidden))
}

// notHandled returns an error that says how many dead letters stay in their queues.
func (c *deadLettersRedriveCmd) notHandled(r *redriveRun, hidden deadletter.Hidden) error {
	class, fix := apperr.Conflict, "run the command again then"
	var what []string
	if r.failed > 0 {
		class, fix = apperr.Invalid, "see docs/RUNBOOK.md, dead-letters"
		what = append(what, fmt.Sprintf("%d of %d dead letters were not handled and stay there", r.failed, len(r.reports)))
	}
	if c.All && hidden.Messages > 0 {
		what = append(what, hiddenText(hidden))
	}
	if len(what) == 0 {
		return nil
	}
	return apperr.New(class, "dead-letter queues", strings.Join(what, "; "), fix)
}

// redrive redrives one dead letter and prints the result. It returns an error if the run has to stop: it
// was interrupted, or its output cannot be written.
func (r *redriveRun) redrive(m *deadletter.Message) error {
	report := redriveReport{deadLetterReport: reportDeadLetter(m), Handled: true}
	if err := r.queues.Redrive(r.app.ctx, m); err != nil {
		if r.app.ctx.Err() != nil {
			return err
		}
		report.Handled, report.Error = false, r.app.reportError(explain(err)).What
		r.failed++
	}
	r.reports = append(r.reports, report)
	switch r.app.Output {
	case outputJSON: // one document, at the end
		return nil
	case outputLines:
		return r.app.printJSON(report)
	}
	result := "handled"
	if !report.Handled {
		result = "failed "
	}
	_, err := fmt.Fprintln(r.app.stdout, lineOf(result, report.ID, report.Function, report.DetailType, report.Error))
	return err
}

// lineOf joins the cells of a line that are not empty.
func lineOf(cells ...string) string {
	line := cells[0]
	for _, cell := range cells[1:] {
		if cell != "" {
			line += columnGap + printable(snipped(cell))
		}
	}
	return line
}

// eachDeadLetter calls do for the dead letters with an id, for all if there are no ids, while they are hidden
// from other readers. It returns an error for each id that no dead letter has.
func (a *app) eachDeadLetter(
	queues deadletter.Queues, ids []string, do func(*deadletter.Message) error,
) (deadletter.Hidden, error) {
	wanted := newIDFilter(ids)
	var doErr error
	hidden, err := queues.Each(a.ctx, func(m *deadletter.Message) error {
		if wanted.matches(m) {
			doErr = do(m)
		}
		return doErr
	})
	if doErr != nil {
		if others := without(err, doErr); others != nil { // of a queue, for example
			a.note("%s", a.masked(explain(others).Error()))
		}
		return hidden, doErr
	}
	if err != nil {
		return hidden, err
	}
	return hidden, wanted.notFound(hidden)
}

// without removes one error from those that errors.Join joined.
func without(err, one error) error {
	if err == one {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return errors.Join(mapped(joined.Unwrap(), func(e error) error { return without(e, one) })...)
}

// surviveBrokenPipe makes writing to a closed pipe an error. Otherwise the signal PIPE would end the
// process before the dead letters are visible to other readers again. Call stop at the end.
func surviveBrokenPipe() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
