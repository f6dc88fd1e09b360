package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// eventsCmd holds what is done with events in files.
type eventsCmd struct {
	Validate validateCmd `cmd:"" help:"Check events against the schemas and by the functions, and print which rules would match and which functions would run."`
}

// Help says more than the flags do.
func (validateCmd) Help() string {
	return "A file holds one event, several one after another (JSON Lines, too), or arrays of them. What is around an " +
		"event is taken off: what dead-letters show -o json prints, Lambda's record of a failed invocation, messages and " +
		"records of SQS, SNS and Kinesis. Entries of put-events are read as the events that the bus makes of them. " +
		"A problem is what a function refuses; where the functions accept an event that does not follow its schema, it is " +
		"valid, and the differences are printed. The text is UTF-8, or UTF-16 with a byte order mark."
}

// validateCmd checks files of events.
type validateCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of events; - is the standard input."`
	Rehearsal bool     `help:"Match as the rules of a stack that lets rehearsals in."`
}

// judged is the JSON form of what is found about one event of a file.
type judged struct {
	File string `json:"file"`
	// Index counts the events of the file from 0.
	Index int `json:"index"`
	verdict
}

// Run checks every event, prints what it found, and fails when there was
// something wrong with one.
func (c *validateCmd) Run(a *app) error {
	judge := judge{eventrule.Table(eventrule.Options{Rehearsal: c.Rehearsal}), a.now}
	results := []judged{}
	for _, file := range c.Files {
		index := 0
		broken, err := a.eachEvent(file, func(e fileEvent, err error) {
			found := newVerdict()
			found.addError(err)
			if err == nil {
				found = judge.verdict(a.ctx, e.Message)
			}
			results = append(results, judged{file, index, found})
			index++
		})
		switch {
		case err != nil:
			return err
		case broken != "":
			results = append(results, judged{file, index, verdictOf(broken)})
		case index == 0:
			results = append(results, judged{file, 0, verdictOf("there is no event in it")})
		}
	}
	if err := c.print(a, results); err != nil {
		return err
	}
	faulty := 0
	for _, r := range results {
		if len(r.Problems) > 0 {
			faulty++
		}
	}
	if faulty > 0 {
		return apperr.New(apperr.Invalid, strings.Join(c.Files, ", "), fmt.Sprintf("%d of %s with problems", faulty, count(len(results), "event")), "")
	}
	return nil
}

func (c *validateCmd) print(a *app, results []judged) error {
	if a.asJSON() {
		return a.printJSON(results)
	}
	var b strings.Builder
	for _, r := range results {
		r.describe(&b)
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (r judged) describe(b *strings.Builder) {
	state := "valid"
	if n := len(r.Problems); n > 0 {
		state = count(n, "problem")
	}
	fmt.Fprintf(b, "%s, event %d: %s\n", r.File, r.Index, state)
	for _, line := range [][2]string{
		{"schema", r.Schema}, {"rules", strings.Join(r.Rules, ", ")}, {"functions", strings.Join(r.Functions, ", ")},
	} {
		if line[1] == "" {
			line[1] = "none"
		}
		fmt.Fprintf(b, "  %-9s  %s\n", line[0], line[1])
	}
	for _, p := range r.Problems {
		fmt.Fprintf(b, "  problem    %s\n", strings.TrimPrefix(p.Pointer+": "+p.Message, ": "))
	}
	for _, p := range r.Differences {
		fmt.Fprintf(b, "  differs    %s\n", strings.TrimPrefix(p.Pointer+": "+p.Message, ": "))
	}
}

// newVerdict returns a verdict that finds nothing.
func newVerdict() verdict {
	return verdict{Problems: []problem{}, Rules: []string{}, Functions: []string{}}
}

// verdictOf returns a verdict of one problem, with the file as a whole.
func verdictOf(message string) verdict {
	v := newVerdict()
	v.Problems = append(v.Problems, problem{Message: message})
	return v
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
