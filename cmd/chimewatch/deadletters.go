package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
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
	Limit int `short:"n" default:"50" placeholder:"N" help:"At most this many, the newest of all queues (${default})."`
}

type showLetterCmd struct {
	ID string `arg:"" help:"Id of the message, or of the event in it."`
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

// functionName returns the last part of an ARN.
func functionName(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// Run lists the letters. They are back in their queues before anything is printed.
func (c *listLettersCmd) Run(a *app) error {
	if err := checkLimit(c.Limit, ""); err != nil {
		return err
	}
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	letters, hidden, readErr := box.Read(a.ctx)
	if readErr != nil && (len(letters) == 0 || a.ctx.Err() != nil) {
		return readErr
	}
	reports := []letterReport{}
	for _, l := range letters[:min(len(letters), c.Limit)] {
		reports = append(reports, reportLetter(l))
	}
	if a.asJSON() {
		err = a.printJSON(reports)
	} else {
		rows := make([][]string, len(reports))
		for i, r := range reports {
			rows[i] = []string{at(r.SentAt), snipped(r.Function), r.DetailType, r.ID, snipped(r.Reason)}
		}
		err = a.printTable([]string{"came", "function", "event", "id", "reason"}, rows)
	}
	if err == nil {
		a.noteLetters(len(letters), len(reports), hidden, readErr)
	}
	return errors.Join(err, readErr)
}

// noteLetters ends a list: how many letters there are, and how many that nobody can read
// at the moment. A program gets it where the list is not all there is.
func (a *app) noteLetters(here, listed int, hidden deadletter.Hidden, readErr error) {
	whole := here == listed && hidden.Letters == 0
	if whole && (a.Output != "table" || readErr != nil) {
		return // the error says why more is not known
	}
	text := fmt.Sprintf("%d here", here)
	if listed < here {
		text += fmt.Sprintf(", of which the newest %d are listed: use --limit", listed)
	}
	if hidden.Letters > 0 {
		text += "; " + sayHidden(hidden)
	}
	a.note("%s", text)
}

// sayHidden says how many letters another reader has, and for how long.
func sayHidden(h deadletter.Hidden) string {
	verb := "are"
	if h.Letters == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d more %s with another reader until %s at the latest, unless it is still at work",
		h.Letters, verb, h.Until.UTC().Format("15:04:05Z"))
}

// Run shows the letter.
func (c *showLetterCmd) Run(a *app) error {
	box, err := a.deadLetters()
	if err != nil {
		return err
	}
	letters, err := a.namedLetters(box, []string{c.ID})
	if a.ctx.Err() != nil {
		return err
	}
	for _, l := range letters {
		err = errors.Join(a.printLetter(l), err)
	}
	return err
}

// printLetter prints a letter with its body.
func (a *app) printLetter(l *deadletter.Letter) error {
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
}

// namedLetters returns the letters of those names, which are back in their queues, and an
// error for each name that no letter has.
func (a *app) namedLetters(box deadletter.Box, names []string) ([]*deadletter.Letter, error) {
	all, hidden, err := box.Read(a.ctx)
	var meant []*deadletter.Letter
	found := map[string]bool{}
	for _, l := range all {
		if noteNames(names, l, found) {
			meant = append(meant, l)
		}
	}
	return meant, cmp.Or(err, notFound(names, found, hidden))
}

// noteNames reports whether a letter has one of the names, and notes in found those it has.
func noteNames(names []string, l *deadletter.Letter, found map[string]bool) (meant bool) {
	for _, name := range names {
		if l.Is(name) {
			meant, found[name] = true, true
		}
	}
	return meant
}

// notFound returns an error for each name that was not found.
func notFound(names []string, found map[string]bool, hidden deadletter.Hidden) error {
	what, fix := "is in none of the queues", "list them with: chimewatch dead-letters list"
	if hidden.Letters > 0 {
		what, fix = "is not among the letters that can be read; "+sayHidden(hidden), "run the command once more then"
	}
	var errs []error
	for _, name := range names {
		if !found[name] {
			errs = append(errs, apperr.New(apperr.NotFound, "dead letter "+name, what, fix))
		}
	}
	return errors.Join(errs...)
}

// snipped shortens a text of a letter to what a table has room for.
func snipped(s string) string { return text.Snip(spaced(s), 100, "…") }

// voiceQueue is the name of the queue of the function voice.
const voiceQueue = "voice"

// deadLetters returns the dead-letter queues, which the outputs of the stack name.
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
		{"rules", "RuleDeadLettersUrl", ""}, {"functions", "FunctionDeadLettersUrl", ""},
		{voiceQueue, "VoiceDeadLettersUrl", "VoiceFunctionName"},
	} {
		if url := outputs[queue.url]; url != "" {
			box.Queues = append(box.Queues, deadletter.Queue{Name: queue.name, URL: url, Function: outputs[queue.function]})
		}
	}
	if len(box.Queues) == 0 {
		return box, apperr.New(apperr.NotFound, "stack "+a.Stack, "has no output that names a dead-letter queue",
			"name the deployed stack with --stack")
	}
	box.Functions, err = deadletter.FunctionsOf(arn, outputs)
	return box, err
}
