package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/deadletter"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// deadLettersCmd holds what works with the dead-letter queues.
type deadLettersCmd struct {
	List    listLettersCmd   `cmd:"" help:"List what lies in the dead-letter queues."`
	Show    showLetterCmd    `cmd:"" help:"Show one dead letter with its bytes as they came."`
	Redrive redriveCmd       `cmd:"" help:"Hand dead letters to their functions once more; what is handled leaves the queue."`
	Delete  deleteLettersCmd `cmd:"" help:"Delete dead letters for good."`
}

type listLettersCmd struct {
	Limit int `short:"n" default:"50" placeholder:"N" help:"At most this many (${default})."`
}

type showLetterCmd struct {
	ID string `arg:"" help:"Id of the message, or of the event in it."`
}

type redriveCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of messages, or of the events in them."`
	All bool     `help:"All dead letters of all queues."`
}

type deleteLettersCmd struct {
	IDs []string `arg:"" name:"id" help:"Ids of messages, or of the events in them."`
}

// letterReport is a dead letter as the command prints it.
type letterReport struct {
	ID     string    `json:"id"`
	Queue  string    `json:"queue"` // rules, functions or voice
	SentAt time.Time `json:"sentAt"`
	// Function is a name; the ARN or whatever else the letter says, where it is refused.
	Function string `json:"function,omitempty"`
	// Refused is set where redrive never hands the letter to its function; Reason
	// then begins with why.
	Refused    bool   `json:"refused,omitempty"`
	Reason     string `json:"reason,omitempty"`
	DetailType string `json:"detailType,omitempty"`
	EventID    string `json:"eventId,omitempty"`
	// Body is only shown of one letter: it may hold phone numbers.
	Body string `json:"body,omitempty"`
}

// reportLetter returns a letter without its body, and with the phone numbers masked
// that stand in what it is about.
func reportLetter(l *deadletter.Letter) letterReport {
	report := letterReport{ID: l.ID, Queue: l.Queue, SentAt: l.SentAt, Function: redact.Text(functionName(l.Function)),
		Reason: redact.Text(l.Reason), DetailType: redact.Text(l.DetailType), EventID: redact.Text(l.EventID)}
	if l.Refusal != "" {
		report.Function, report.Refused = redact.Text(l.Function), true
		report.Reason = strings.TrimSuffix(l.Refusal+"; "+report.Reason, "; ")
	}
	return report
}

// functionName gives the last part of an ARN.
func functionName(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// Run lists the letters.
func (c *listLettersCmd) Run(a *app) error {
	if err := checkLimit(c.Limit, ""); err != nil {
		return err
	}
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	reports, more := []letterReport{}, false
	if err := box.Each(a.ctx, func(l *deadletter.Letter) (bool, error) {
		if more = len(reports) == c.Limit; !more {
			reports = append(reports, reportLetter(l))
		}
		return more, nil
	}); err != nil {
		return err
	}
	slices.SortStableFunc(reports, func(a, b letterReport) int { return b.SentAt.Compare(a.SentAt) })
	if a.asJSON() {
		err = a.printJSON(reports)
	} else {
		rows := make([][]string, len(reports))
		for i, r := range reports {
			rows[i] = []string{at(r.SentAt), snipped(r.Function), r.DetailType, r.ID, snipped(r.Reason)}
		}
		err = a.printTable([]string{"came", "function", "event", "id", "reason"}, rows)
	}
	if err == nil && more {
		a.note("there are more than %d: use --limit", c.Limit)
	}
	return err
}

// Run shows the letter.
func (c *showLetterCmd) Run(a *app) error {
	return a.eachNamed([]string{c.ID}, func(_ deadletter.Box, l *deadletter.Letter) error {
		report := reportLetter(l)
		if a.asJSON() {
			report.Body = l.Body
			return a.printJSON(report)
		}
		a.printFields("", [][2]string{
			{"id", report.ID}, {"queue", report.Queue}, {"came", at(report.SentAt)}, {"function", report.Function},
			{"event", report.DetailType}, {"event id", report.EventID}, {"reason", spaced(report.Reason)},
		})
		_, err := fmt.Fprintf(a.stdout, "\n%s\n", l.Body)
		return err
	})
}

// snipped shortens a text of a letter to what a table has room for.
func snipped(s string) string { return text.Snip(spaced(s), 100, "…") }

// outcomeReport is what became of a letter.
type outcomeReport struct {
	letterReport
	Handled bool   `json:"handled"`
	Error   string `json:"error,omitempty"`
}

// Run hands the letters over, and fails when any of them failed again or names a
// function that is not the stack's.
func (c *redriveCmd) Run(a *app) error {
	if c.All == (len(c.IDs) > 0) {
		return usage("dead-letters redrive", "name the letters by their ids, or give --all", "see: chimewatch dead-letters list")
	}
	outcomes, failed := []outcomeReport{}, 0
	redrive := func(box deadletter.Box, l *deadletter.Letter) error {
		o := outcomeReport{letterReport: reportLetter(l), Handled: true}
		if err := box.Redrive(a.ctx, l); err != nil {
			if a.ctx.Err() != nil {
				return err
			}
			o.Handled, o.Error = false, a.reportOf(explain(err)).What
			failed++
		}
		outcomes = append(outcomes, o)
		return nil
	}
	err := a.eachNamed(c.IDs, redrive)
	if a.asJSON() {
		err = errors.Join(a.printJSON(outcomes), err)
	} else {
		rows := make([][]string, len(outcomes))
		for i, o := range outcomes {
			rows[i] = []string{o.ID, snipped(o.Function), o.DetailType, cmp.Or(snipped(o.Error), "handled")}
		}
		err = errors.Join(a.printTable([]string{"id", "function", "event", "outcome"}, rows), err)
	}
	if err == nil && failed > 0 {
		what := fmt.Sprintf("%d of %d letters were not handled and stay there", failed, len(outcomes))
		return fault.New(fault.Invalid, "dead-letter queues", what, "see docs/RUNBOOK.md, dead-letters")
	}
	return err
}

// Run deletes the letters.
func (c *deleteLettersCmd) Run(a *app) error {
	reports := []letterReport{}
	err := a.eachNamed(c.IDs, func(box deadletter.Box, l *deadletter.Letter) error {
		if err := box.Delete(a.ctx, l); err != nil {
			return err
		}
		reports = append(reports, reportLetter(l))
		return nil
	})
	if a.asJSON() {
		return errors.Join(a.printJSON(reports), err)
	}
	for _, r := range reports {
		fmt.Fprintln(a.stdout, "deleted "+r.ID)
	}
	return err
}

// eachNamed calls do for the letters of those names, for all where there are
// none, and says which names are nowhere in the queues.
func (a *app) eachNamed(names []string, do func(deadletter.Box, *deadletter.Letter) error) error {
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	found := map[string]bool{}
	if err := box.Each(a.ctx, func(l *deadletter.Letter) (bool, error) {
		meant := len(names) == 0
		for _, name := range names {
			if l.Is(name) {
				meant, found[name] = true, true
			}
		}
		if !meant {
			return false, nil
		}
		return false, do(box, l)
	}); err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if !found[name] {
			errs = append(errs, fault.New(fault.NotFound, "dead letter "+name, "is in none of the queues, or another reader has it", "list them with: chimewatch dead-letters list"))
		}
	}
	return errors.Join(errs...)
}

// deadLetters finds the dead-letter queues, which the outputs of the stack name.
func (a *app) deadLetters() (deadletter.Box, error) {
	cfg, err := a.deadLettersConfig()
	if err != nil {
		return deadletter.Box{}, err
	}
	box := deadletter.Box{SQS: sqs.NewFromConfig(cfg), Lambda: lambda.NewFromConfig(cfg)}
	if !a.Local { // of which one queue has one server
		box.Wait = time.Second
	}
	arn, outputs, err := a.describeStack(cfg)
	if err != nil {
		return box, err
	}
	for _, queue := range []struct{ name, url, function string }{
		{"rules", "RuleDeadLettersUrl", ""}, {"functions", "FunctionDeadLettersUrl", ""}, {"voice", "VoiceDeadLettersUrl", "VoiceFunctionName"},
	} {
		if url := outputs[queue.url]; url != "" {
			box.Queues = append(box.Queues, deadletter.Queue{Name: queue.name, URL: url, Function: outputs[queue.function]})
		}
	}
	if len(box.Queues) == 0 {
		return box, fault.New(fault.NotFound, "stack "+a.Stack, "has no output that names a dead-letter queue", "name the deployed stack with --stack")
	}
	box.Functions, err = deadletter.FunctionsOf(arn, outputs)
	return box, err
}
