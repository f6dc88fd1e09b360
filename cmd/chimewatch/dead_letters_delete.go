package main

import (
	"errors"
	"fmt"

	"github.com/chimewatch/chimewatch/internal/deadletter"
)

type deadLettersDeleteCmd struct {
	IDs []string `arg:"" name:"id" help:"Ids of messages, or of the events in them."`
	Yes bool     `help:"Do not ask. It asks on a terminal only."`
}

// Run deletes the dead letters. On a terminal it shows them and asks.
func (c *deadLettersDeleteCmd) Run(a *app) error {
	defer surviveBrokenPipe()()
	queues, err := a.deadLetters()
	if err != nil {
		return err
	}
	ids := c.IDs
	if a.interactive && !c.Yes {
		if ids, err = a.confirmDeletion(queues, c.IDs); err != nil {
			return err
		}
	}
	reports := []deadLetterReport{}
	_, err = a.eachDeadLetter(queues, ids, func(m *deadletter.Message) error {
		if err := queues.Delete(a.ctx, m); err != nil {
			return err
		}
		reports = append(reports, reportDeadLetter(m))
		if a.asJSON() {
			return nil
		}
		_, err := fmt.Fprintln(a.stdout, "deleted "+printable(m.ID))
		return err
	})
	if a.asJSON() {
		return errors.Join(a.printJSON(reports), err)
	}
	return err
}

// confirmDeletion shows the dead letters and asks whether to delete them. It returns the ids of their
// messages: what was not shown is not deleted.
func (a *app) confirmDeletion(queues deadletter.Queues, ids []string) ([]string, error) {
	messages, err := a.namedDeadLetters(queues, ids)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		r := reportDeadLetter(m)
		fmt.Fprintln(a.stderr, lineOf(at(r.SentAt), r.Function, r.DetailType, r.ID, r.Reason))
	}
	question := fmt.Sprintf("Delete %s permanently?", count(len(messages), "dead letter"))
	shown := mapped(messages, func(m *deadletter.Message) string { return m.ID })
	return shown, a.confirm(question, "dead-letters delete", "deleted")
}
