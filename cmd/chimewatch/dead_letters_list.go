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

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/deadletter"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// deadLettersCmd holds the commands for the dead-letter queues.
type deadLettersCmd struct {
	List    deadLettersListCmd    `cmd:"" help:"List the messages in the dead-letter queues."`
	Show    deadLettersShowCmd    `cmd:"" help:"Show one dead letter with its body."`
	Redrive deadLettersRedriveCmd `cmd:"" help:"Invoke the functions of dead letters again, and delete what succeeds."`
	Delete  deadLettersDeleteCmd  `cmd:"" help:"Delete dead letters permanently."`
}

type deadLettersListCmd struct{ limitFlag }

type deadLettersShowCmd struct {
	ID string `arg:"" help:"Id of the message, or of the event in it."`
}

// deadLetterReport is the JSON form of a dead letter.
type deadLetterReport struct {
	ID     string    `json:"id"`
	Queue  string    `json:"queue"` // rules, functions or voice
	SentAt time.Time `json:"sentAt"`
	// Function is a name; if Refused is set, what the dead letter says.
	Function string `json:"function,omitempty"`
	// Refused reports whether redrive never invokes the function of the dead letter; Reason then starts with why.
	Refused    bool   `json:"refused,omitempty"`
	Reason     string `json:"reason,omitempty"`
	DetailType string `json:"detailType,omitempty"`
	EventID    string `json:"eventId,omitempty"`
	// Body is absent in lists: it may contain phone numbers.
	Body string `json:"body,omitempty"`
}

// reportDeadLetter returns a dead letter without its body, with phone numbers masked.
func reportDeadLetter(m *deadletter.Message) deadLetterReport {
	report := deadLetterReport{
		ID: m.ID, Queue: m.Queue, SentAt: m.SentAt, Function: redact.Text(functionName(m.Function)),
		Reason: redact.Text(m.Reason), DetailType: redact.Text(m.DetailType), EventID: redact.Text(m.EventID),
	}
	if m.Refusal != "" {
		report.Function, report.Refused = redact.Text(m.Function), true
		report.Reason = strings.TrimSuffix(m.Refusal+"; "+report.Reason, "; ")
	}
	return report
}

// functionName returns the last part of an ARN.
func functionName(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// Run lists the dead letters. All of them are visible to other readers again before anything is printed.
func (c *deadLettersListCmd) Run(a *app) error {
	queues, err := a.deadLetters()
	if err != nil {
		return err
	}
	messages, hidden, readErr := queues.Read(a.ctx)
	if readErr != nil && (len(messages) == 0 || a.ctx.Err() != nil) {
		return readErr
	}
	listed := messages[:min(len(messages), c.Limit)]
	err = printList(a, mapped(listed, reportDeadLetter), deadLetterColumns)
	if err == nil {
		a.noteDeadLetters(len(messages), len(listed), hidden, readErr)
	}
	return errors.Join(err, readErr)
}

var deadLetterColumns = columns[deadLetterReport]{
	[]string{"came", "function", "event", "id", "reason"},
	func(r deadLetterReport) []string {
		return []string{at(r.SentAt), snipped(r.Function), r.DetailType, r.ID, snipped(r.Reason)}
	},
}

// noteDeadLetters says how many dead letters there are, and how many cannot be read now. For a program it
// does so only if the list is incomplete.
func (a *app) noteDeadLetters(read, listed int, hidden deadletter.Hidden, readErr error) {
	complete := read == listed && hidden.Messages == 0
	if complete && (a.Output != "table" || readErr != nil) {
		return // the error says why the number is not known
	}
	text := fmt.Sprintf("%d here", read)
	if listed < read {
		text += fmt.Sprintf(", of which the newest %d are listed: use --limit", listed)
	}
	if hidden.Messages > 0 {
		text += "; " + hiddenText(hidden)
	}
	a.note("%s", text)
}

// hiddenText says how many dead letters another reader has, and for how long.
func hiddenText(h deadletter.Hidden) string {
	verb := "are"
	if h.Messages == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d more %s with another reader until %s at the latest, unless that reader extends it",
		h.Messages, verb, h.Until.UTC().Format("15:04:05Z"))
}

// Run shows the dead letter.
func (c *deadLettersShowCmd) Run(a *app) error {
	queues, err := a.deadLetters()
	if err != nil {
		return err
	}
	messages, err := a.namedDeadLetters(queues, []string{c.ID})
	if a.ctx.Err() != nil {
		return err
	}
	for _, m := range messages {
		err = errors.Join(a.printDeadLetter(m), err)
	}
	return err
}

// printDeadLetter prints a dead letter with its body.
func (a *app) printDeadLetter(m *deadletter.Message) error {
	report := reportDeadLetter(m)
	if a.asJSON() {
		report.Body = m.Body
		return a.printJSON(report)
	}
	a.printFields("", [][2]string{
		{"id", report.ID}, {"queue", report.Queue}, {"came", at(report.SentAt)}, {"function", report.Function},
		{"event", report.DetailType}, {"event id", report.EventID}, {"reason", spaced(report.Reason)},
	})
	_, err := fmt.Fprintf(a.stdout, "\n%s\n", m.Body)
	return err
}

// namedDeadLetters returns the dead letters with an id, which are visible to other readers again, and an error for
// each id that no dead letter has.
func (a *app) namedDeadLetters(queues deadletter.Queues, ids []string) ([]*deadletter.Message, error) {
	messages, hidden, err := queues.Read(a.ctx)
	messages = slices.DeleteFunc(messages, func(m *deadletter.Message) bool { return !selects(ids, m) })
	return messages, cmp.Or(err, notFound(ids, messages, hidden))
}

// selects reports whether a message has one of the ids. No ids select all messages.
func selects(ids []string, m *deadletter.Message) bool {
	return len(ids) == 0 || slices.ContainsFunc(ids, m.Is)
}

// notFound returns an error for each id that no message has.
func notFound(ids []string, messages []*deadletter.Message, hidden deadletter.Hidden) error {
	what, fix := "is in none of the queues", "list them with: chimewatch dead-letters list"
	if hidden.Messages > 0 {
		what, fix = "is not among the dead letters that can be read; "+hiddenText(hidden), "run the command again then"
	}
	var errs []error
	for _, id := range ids {
		if !slices.ContainsFunc(messages, func(m *deadletter.Message) bool { return m.Is(id) }) {
			errs = append(errs, apperr.New(apperr.NotFound, "dead letter "+id, what, fix))
		}
	}
	return errors.Join(errs...)
}

// voiceQueue is the name of the queue of the function voice.
const voiceQueue = "voice"

// deadLetters returns the dead-letter queues that the outputs of the stack name.
func (a *app) deadLetters() (queues deadletter.Queues, err error) {
	cfg, err := a.deadLettersConfig()
	if err != nil {
		return queues, err
	}
	queues = deadletter.Queues{SQS: sqs.NewFromConfig(cfg), Lambda: lambda.NewFromConfig(cfg)}
	if !a.Local { // whose queues have one server
		queues.Wait = time.Second
	}
	arn, outputs, err := a.describeStack(cfg)
	if err != nil {
		return queues, err
	}
	for _, queue := range []struct{ name, url, function string }{
		{"rules", "RuleDeadLettersUrl", ""}, {"functions", "FunctionDeadLettersUrl", ""},
		{voiceQueue, "VoiceDeadLettersUrl", "VoiceFunctionName"},
	} {
		if url := outputs[queue.url]; url != "" {
			queues.List = append(queues.List, deadletter.Queue{Name: queue.name, URL: url, Function: outputs[queue.function]})
		}
	}
	if len(queues.List) == 0 {
		return queues, apperr.New(apperr.NotFound, "stack "+a.Stack, "has no output that names a dead-letter queue",
			"name the deployed stack with --stack")
	}
	queues.Functions, err = deadletter.FunctionsOf(arn, outputs)
	return queues, err
}
