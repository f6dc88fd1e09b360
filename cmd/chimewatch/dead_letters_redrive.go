package main

import (
	"cmp"
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
	reports, failed := []redriveReport{}, 0
	hidden, err := a.eachDeadLetter(queues, c.IDs, func(m *deadletter.Message) error {
		report := redriveReport{deadLetterReport: reportDeadLetter(m), Handled: true}
		if err := queues.Redrive(a.ctx, m); err != nil {
			if a.ctx.Err() != nil {
				return err
			}
			report.Handled, report.Error = false, a.reportError(explain(err)).What
			failed++
		}
		reports = append(reports, report)
		return a.printRedriven(report)
	})
	if a.Output == outputJSON {
		err = errors.Join(a.printJSON(reports), err)
	}
	handled := len(reports) - failed
	summary := fmt.Sprintf("%d handled, %d failed", handled, failed)
	switch {
	case !c.All:
	case err == nil:
		summary += fmt.Sprintf(", %d left", failed+hidden.Messages)
	case countErr == nil: // SQS counts approximately
		summary += fmt.Sprintf(", about %d left", max(before-handled, failed))
	}
	a.note("%s", summary)
	return errors.Join(err, c.notHandled(len(reports), failed, hidden))
}

// notHandled returns an error that says how many dead letters stay in their queues.
func (c *deadLettersRedriveCmd) notHandled(all, failed int, hidden deadletter.Hidden) error {
	class, fix := apperr.Conflict, "run the command again then"
	var what []string
	if failed > 0 {
		class, fix = apperr.Invalid, "see docs/RUNBOOK.md, dead-letters"
		what = append(what, fmt.Sprintf("%d of %d dead letters were not handled and stay there", failed, all))
	}
	if c.All && hidden.Messages > 0 {
		what = append(what, hiddenText(hidden))
	}
	if len(what) == 0 {
		return nil
	}
	return apperr.New(class, "dead-letter queues", strings.Join(what, "; "), fix)
}

// printRedriven prints the result of one dead letter, unless the output is one document, which follows at the end.
func (a *app) printRedriven(r redriveReport) error {
	switch a.Output {
	case outputJSON:
		return nil
	case outputLines:
		return a.printJSON(r)
	}
	result := "handled"
	if !r.Handled {
		result = "failed "
	}
	_, err := fmt.Fprintln(a.stdout, lineOf(result, r.ID, r.Function, r.DetailType, r.Error))
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
// from other readers, until do returns an error. It returns an error for each id that no dead letter has.
func (a *app) eachDeadLetter(
	queues deadletter.Queues, ids []string, do func(*deadletter.Message) error,
) (deadletter.Hidden, error) {
	var found []*deadletter.Message
	var doErr error
	hidden, err := queues.Each(a.ctx, func(m *deadletter.Message) error {
		if !selects(ids, m) {
			return nil
		}
		found = append(found, m)
		if doErr = do(m); doErr != nil {
			return deadletter.ErrStop
		}
		return nil
	})
	switch {
	case doErr == nil:
		return hidden, cmp.Or(err, notFound(ids, found, hidden))
	case err != nil: // of a queue, for example
		a.note("%s", a.masked(explain(err).Error()))
	}
	return hidden, doErr
}

// surviveBrokenPipe makes writing to a closed pipe an error. Otherwise the signal PIPE would end the
// process before the dead letters are visible to other readers again. Call stop at the end.
func surviveBrokenPipe() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
