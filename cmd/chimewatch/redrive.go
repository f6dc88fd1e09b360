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

type redriveCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of messages, or of the events in them."`
	All bool     `help:"All dead letters of all queues."`
}

type deleteLettersCmd struct {
	IDs []string `arg:"" name:"id" help:"Ids of messages, or of the events in them."`
	Yes bool     `help:"Do not ask. It asks on a terminal only."`
}

// outcomeReport is what became of a letter.
type outcomeReport struct {
	letterReport
	Handled bool   `json:"handled"`
	Error   string `json:"error,omitempty"`
}

// redriving is one run of redrive.
type redriving struct {
	app      *app
	box      deadletter.Box
	outcomes []outcomeReport
	failed   int
}

// Run hands the letters over. It fails when any of them failed again or names a function
// that is not the stack's, and, asked for all, when another reader has some.
func (c *redriveCmd) Run(a *app) error {
	if c.All == (len(c.IDs) > 0) {
		return usage("dead-letters redrive", "name the letters by their ids, or give --all",
			"see: chimewatch dead-letters list")
	}
	defer surviveBrokenPipe()()
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	before, countErr := box.Count(a.ctx) // an error is met once more in eachNamed
	r := &redriving{app: a, box: box, outcomes: []outcomeReport{}}
	hidden, err := a.eachNamed(box, c.IDs, r.redrive)
	if a.Output == outputJSON {
		err = errors.Join(a.printJSON(r.outcomes), err)
	}
	handled := len(r.outcomes) - r.failed
	summary := fmt.Sprintf("%d handled, %d failed", handled, r.failed)
	switch {
	case !c.All:
	case err == nil:
		summary += fmt.Sprintf(", %d left", r.failed+hidden.Letters)
	case countErr == nil:
		// SQS counts approximately.
		summary += fmt.Sprintf(", about %d left", max(before-handled, r.failed))
	}
	a.note("%s", summary)
	return errors.Join(err, c.unhandled(r, hidden))
}

// unhandled returns an error that says how many letters stay where they are.
func (c *redriveCmd) unhandled(r *redriving, hidden deadletter.Hidden) error {
	class, fix := apperr.Conflict, "run the command once more then"
	var what []string
	if r.failed > 0 {
		class, fix = apperr.Invalid, "see docs/RUNBOOK.md, dead-letters"
		what = append(what, fmt.Sprintf("%d of %d letters were not handled and stay there", r.failed, len(r.outcomes)))
	}
	if c.All && hidden.Letters > 0 {
		what = append(what, sayHidden(hidden))
	}
	if len(what) == 0 {
		return nil
	}
	return apperr.New(class, "dead-letter queues", strings.Join(what, "; "), fix)
}

// redrive hands over one letter and prints what became of it. The error is that nothing
// more is to be done: the command was interrupted, or its output cannot be written.
func (r *redriving) redrive(l *deadletter.Letter) error {
	o := outcomeReport{letterReport: reportLetter(l), Handled: true}
	if err := r.box.Redrive(r.app.ctx, l); err != nil {
		if r.app.ctx.Err() != nil {
			return err
		}
		o.Handled, o.Error = false, r.app.reportOf(explain(err)).What
		r.failed++
	}
	r.outcomes = append(r.outcomes, o)
	switch r.app.Output {
	case outputJSON: // one document, at the end
		return nil
	case outputLines:
		return r.app.printJSON(o)
	}
	cells := []string{"handled", o.ID, snipped(o.Function), snipped(o.DetailType)}
	if !o.Handled {
		cells[0] = "failed "
		cells = append(cells, snipped(o.Error))
	}
	line := ""
	for _, cell := range cells {
		if cell != "" {
			line += columnGap + printable(cell)
		}
	}
	_, err := fmt.Fprintln(r.app.stdout, strings.TrimPrefix(line, columnGap))
	return err
}

// Run deletes the letters. On a terminal it shows them and asks.
func (c *deleteLettersCmd) Run(a *app) error {
	defer surviveBrokenPipe()()
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	names := c.IDs
	if a.interactive && !c.Yes {
		if names, err = a.confirmDeletion(box, c.IDs); err != nil {
			return err
		}
	}
	reports := []letterReport{}
	_, err = a.eachNamed(box, names, func(l *deadletter.Letter) error {
		if err := box.Delete(a.ctx, l); err != nil {
			return err
		}
		reports = append(reports, reportLetter(l))
		if a.asJSON() {
			return nil
		}
		_, err := fmt.Fprintln(a.stdout, "deleted "+printable(l.ID))
		return err
	})
	if a.asJSON() {
		return errors.Join(a.printJSON(reports), err)
	}
	return err
}

// confirmDeletion shows the letters of those names and asks whether to delete them. It
// returns the ids of their messages: what was not shown is not deleted.
func (a *app) confirmDeletion(box deadletter.Box, names []string) ([]string, error) {
	letters, err := a.namedLetters(box, names)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(letters))
	for i, l := range letters {
		r := reportLetter(l)
		ids[i] = l.ID
		fmt.Fprintln(a.stderr, printable(strings.Join([]string{at(r.SentAt), snipped(r.Function), snipped(r.DetailType),
			r.ID, snipped(r.Reason)}, columnGap)))
	}
	yes, err := a.confirm(fmt.Sprintf("Delete %s for good?", count(len(letters), "dead letter")))
	if err == nil && !yes {
		err = apperr.New(apperr.Conflict, "dead-letters delete", "nothing was deleted: the answer was not yes", "")
	}
	return ids, err
}

// eachNamed calls do for the letters of those names, for all where there are none, while
// they are hidden from other readers. It returns an error for each name that no letter has.
func (a *app) eachNamed(
	box deadletter.Box, names []string, do func(*deadletter.Letter) error,
) (deadletter.Hidden, error) {
	found := map[string]bool{}
	var stopped error
	hidden, err := box.Each(a.ctx, func(l *deadletter.Letter) error {
		if len(names) == 0 || noteNames(names, l, found) {
			stopped = do(l)
		}
		return stopped
	})
	if stopped != nil {
		// What else was wrong, with a queue for instance, does not vanish behind that.
		if others := without(err, stopped); others != nil {
			a.note("%s", a.masked(explain(others).Error()))
		}
		return hidden, stopped
	}
	if err != nil {
		return hidden, err
	}
	return hidden, notFound(names, found, hidden)
}

// without returns what errors.Join made of other errors than one.
func without(err, one error) error {
	if err == one {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var others []error
	for _, e := range joined.Unwrap() {
		others = append(others, without(e, one))
	}
	return errors.Join(others...)
}

// surviveBrokenPipe keeps the process alive when the reader of its output has gone: writing
// is an error then. Otherwise the signal PIPE ends the process before the letters are put
// back. The function that it returns ends that.
func surviveBrokenPipe() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
