package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// eventsCmd holds the command for events in files.
type eventsCmd struct {
	Validate eventsValidateCmd `cmd:"" help:"${validate_help}"`
}

type eventsValidateCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of events; - is the standard input."`
	Rehearsal bool     `help:"Match as the rules of a stack that accepts rehearsals."`
}

// Help returns what follows the short help.
func (eventsValidateCmd) Help() string {
	return "A file holds one event, several one after another (also JSON Lines), or arrays of them. What wraps an " +
		"event is removed: the output of dead-letters show -o json, Lambda's record of a failed invocation, messages and " +
		"records of SQS, SNS and Kinesis. Entries of put-events are read as the events that the bus makes of them. " +
		"A problem is what a function refuses; if the functions accept an event that does not follow its schema, it is " +
		"valid, and the differences are printed. The text is UTF-8, or UTF-16 with a byte order mark."
}

// checkedEvent is the JSON form of the findings about one event of a file.
type checkedEvent struct {
	File string `json:"file"`
	// Index counts the events of the file from 0.
	Index int `json:"index"`
	findings
}

// Run checks every event, prints the findings, and fails if one has problems.
func (c *eventsValidateCmd) Run(a *app) error {
	checker := eventChecker{eventrule.Table(eventrule.Options{Rehearsal: c.Rehearsal}), a.now}
	results := []checkedEvent{}
	for _, file := range c.Files {
		index := 0
		add := func(f findings) {
			results = append(results, checkedEvent{file, index, f})
			index++
		}
		broken, err := a.eachEvent(file, func(m lambdafn.Message, err error) {
			if a.ctx.Err() != nil {
				return
			}
			f := newFindings()
			if f.addError(err); err == nil {
				f = checker.check(a.ctx, m)
			}
			add(f)
		})
		switch {
		case a.ctx.Err() != nil:
			return a.ctx.Err()
		case err != nil:
			return err
		case broken != "":
			add(newFindings(problem{Message: broken}))
		case index == 0:
			add(newFindings(problem{Message: "there is no event in it"}))
		}
	}
	if a.asJSON() {
		if err := a.printJSON(results); err != nil {
			return err
		}
	}
	faulty := 0
	for _, r := range results {
		if !a.asJSON() {
			r.print(a.stdout)
		}
		if len(r.Problems) > 0 {
			faulty++
		}
	}
	if faulty > 0 {
		return apperr.New(apperr.Invalid, strings.Join(c.Files, ", "),
			fmt.Sprintf("%d of %s with problems", faulty, count(len(results), "event")), "")
	}
	return nil
}

func (r checkedEvent) print(w io.Writer) {
	state := "valid"
	if n := len(r.Problems); n > 0 {
		state = count(n, "problem")
	}
	fmt.Fprintf(w, "%s, event %d: %s\n", r.File, r.Index, state)
	line := func(name, text string) { fmt.Fprintf(w, "  %-9s  %s\n", name, cmp.Or(text, "none")) }
	line("schema", r.Schema)
	line("rules", joined(r.Rules))
	line("functions", joined(r.Functions))
	for _, p := range r.Problems {
		line("problem", strings.TrimPrefix(p.Pointer+": "+p.Message, ": "))
	}
	for _, p := range r.Differences {
		line("differs", strings.TrimPrefix(p.Pointer+": "+p.Message, ": "))
	}
}
