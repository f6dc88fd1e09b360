package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/schemas"
)

type sendCmd struct {
	Name   string   `arg:"" optional:"" help:"The example event to send; --list prints the names."`
	File   string   `placeholder:"FILE" help:"Send the events of a file instead; - is the standard input."`
	List   bool     `xor:"action" help:"Print the names of the example events, and what each reports."`
	Print  bool     `xor:"action" help:"Print the event instead of sending it."`
	Set    []string `sep:"none" placeholder:"PATH=VALUE" help:"${set_help}"`
	Source string   `placeholder:"SOURCE" help:"Send with this source instead of the event's."`
	Bus    string   `default:"default" placeholder:"NAME" help:"Name or ARN of the event bus (${default})."`
}

// Help returns what follows the short help.
func (sendCmd) Help() string {
	return "Puts one of the example events on an event bus, or with --file events of a file in any form that " +
		"\"events validate\" reads. Fields of one event can be replaced with --set PATH=VALUE, repeatedly. The bus sets " +
		"id, account and Region of each event; the time of an example is now, unless --set time=… is given. " +
		"AWS accepts no event from its customers with a source that begins with aws. On a real bus an example is " +
		"therefore sent as chimewatch.rehearsal, and an event of a file only if --source says so. Only the rules of a " +
		"stack that accepts rehearsals match that. The ids of rehearsals begin with " + chime.RehearsalPrefix +
		", so that they are never mixed with real calls."
}

// sentEvent is the JSON form of an event that was sent.
type sentEvent struct {
	EventID    string    `json:"eventId"`
	Name       string    `json:"name"`
	DetailType string    `json:"detailType"`
	Source     string    `json:"source"`
	Time       time.Time `json:"time"`
	Bus        string    `json:"bus"`
}

// outgoing is an event to send.
type outgoing struct {
	name   string // of the example, or "event 0 of FILE"
	ofFile bool
	event  map[string]any
	detail []byte // the bytes of the detail in the file; empty if it was changed
	entry  *types.PutEventsRequestEntry
}

// Run sends, prints or lists.
func (c *sendCmd) Run(a *app) error {
	var events []*outgoing
	var err error
	switch {
	case c.List:
		return listExamples(a)
	case c.File != "" && c.Name != "":
		return usage("send", "an example is named, and a file as well", "give one of the two")
	case c.File != "":
		events, err = c.readFile(a)
	case c.Name == "":
		return usage("send", "no event is named", "name one that \"chimewatch send --list\" prints, or give --file")
	default:
		events, err = readExample(c.Name, a.now())
	}
	if err != nil {
		return err
	}
	if len(c.Set) > 0 && len(events) > 1 {
		return usage("--set", fmt.Sprintf("%s has %d events, and --set changes one", c.File, len(events)),
			"give a file of one event")
	}
	for _, o := range events {
		if err := c.change(o); err != nil {
			return err
		}
	}
	if c.Print {
		list := mapped(events, func(o *outgoing) any { return o.event })
		if len(list) == 1 {
			return a.printJSON(list[0])
		}
		return a.printJSON(list)
	}
	sent, err := c.send(a, events)
	if err != nil && len(sent) == 0 {
		return err
	}
	if err != nil {
		a.note("%d of %s were sent, the rest was not", len(sent), count(len(events), "event"))
	}
	return errors.Join(c.print(a, sent), err)
}

// readExample returns an example event, with the time now.
func readExample(name string, now time.Time) ([]*outgoing, error) {
	example, err := schemas.Lookup(name)
	if err != nil {
		return nil, usageError{asFault(err)}
	}
	o := &outgoing{name: name}
	if err := o.read(example.Body, now); err != nil {
		return nil, err
	}
	o.event["time"], o.detail = now.UTC().Format(time.RFC3339), nil
	return []*outgoing{o}, nil
}

// change applies --set and --source to an event.
func (c *sendCmd) change(o *outgoing) error {
	fields := map[string]bool{"source": true, "detail-type": true, "time": true, "resources": true, "detail": true}
	for _, text := range c.Set {
		set, err := parseOverride(text)
		if err != nil {
			return err
		}
		if field := set.path[0]; !fields[field] && !c.Print {
			return usage("--set "+text, fmt.Sprintf("the sender of an event cannot choose its %q, the bus does", field),
				"set source, detail-type, time, resources or a field below detail; "+
					"--print shows an event with any other field set")
		}
		if err := set.apply(o.event); err != nil {
			return err
		}
		o.detail = nil
	}
	if c.Source != "" {
		o.event["source"] = c.Source
	}
	return nil
}

// send puts events on the bus, one after the other, if the bus accepts the form of all of them. It
// returns those that were sent, also with an error.
func (c *sendCmd) send(a *app, events []*outgoing) (sent []sentEvent, err error) {
	for _, o := range events {
		if o.entry, err = c.entry(o); err != nil {
			return nil, err
		}
	}
	client, err := a.eventBridge()
	if err != nil {
		return nil, err
	}
	rehearsal := false
	for _, o := range events {
		if !isLoopback(client.Options().BaseEndpoint) {
			if err := c.rehearse(a, o); err != nil {
				return nil, err
			}
		}
		o.event["source"] = *o.entry.Source
		rehearsal = rehearsal || *o.entry.Source == chime.RehearsalSource
	}
	if rehearsal {
		a.note("ids of rehearsals begin with %q; calls show finds them without it, too", chime.RehearsalPrefix)
	}
	for _, o := range events {
		if err := c.warn(a, o); err != nil {
			return sent, err
		}
		id, err := putEvent(a.ctx, client, *o.entry)
		if err != nil {
			return sent, err
		}
		sent = append(sent, sentEvent{
			EventID: id, Name: o.name, DetailType: redact.Text(*o.entry.DetailType),
			Source: redact.Text(*o.entry.Source), Time: o.entry.Time.UTC(), Bus: c.Bus,
		})
	}
	return sent, nil
}

// print prints the events that were sent; in JSON an example is one object, and a file an array.
func (c *sendCmd) print(a *app, sent []sentEvent) error {
	if a.asJSON() && c.File == "" {
		return a.printJSON(sent[0])
	}
	if a.asJSON() {
		return a.printJSON(sent)
	}
	for _, s := range sent {
		fmt.Fprintf(a.stdout, "sent %s as event %s (%s from %s) to bus %s\n",
			s.Name, s.EventID, s.DetailType, s.Source, s.Bus)
	}
	return nil
}

// rehearse changes the source of an example to one that AWS accepts from its customers. It refuses an event
// of a file, which would be recorded as a rehearsal although a real one is meant.
func (c *sendCmd) rehearse(a *app, o *outgoing) error {
	if !strings.HasPrefix(*o.entry.Source, "aws.") {
		return nil
	}
	what := fmt.Sprintf("AWS accepts no event with the source %q from its customers", *o.entry.Source)
	sourceSet := c.Source != ""
	for _, text := range c.Set {
		sourceSet = sourceSet || strings.HasPrefix(text, "source=")
	}
	switch {
	case o.ofFile:
		return usage("send "+o.name, what, "send it as a rehearsal, with --source "+chime.RehearsalSource+
			"; redrive a real event with \"chimewatch dead-letters redrive\"")
	case sourceSet:
		return usage("send "+o.name, what, "leave the source out to send as "+chime.RehearsalSource)
	}
	a.note("%s: sending as %s", what, chime.RehearsalSource)
	o.entry.Source = aws.String(chime.RehearsalSource)
	return nil
}

// warn notes why a function would refuse an event, or that no rule matches it. It is sent anyway:
// rehearsals are also for bad events.
func (c *sendCmd) warn(a *app, o *outgoing) error {
	raw, err := json.Marshal(o.event)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "send "+o.name, "the event has no JSON form", "")
	}
	checker := eventChecker{eventrule.Table(eventrule.Options{Rehearsal: true}), a.now}
	subject := "the event"
	if o.ofFile {
		subject = o.name
	}
	found := checker.check(a.ctx, lambdafn.Message{Source: lambdafn.EventBridge, Body: raw})
	for _, p := range found.Problems {
		if p.Pointer == "" {
			a.note("%s has a problem: %s", subject, p.Message)
			continue
		}
		a.note("%s does not follow its schema: %s: %s", subject, p.Pointer, p.Message)
	}
	if len(found.Rules) == 0 {
		a.note("no rule matches %s: no function will get it", subject)
	}
	return nil
}

func (a *app) eventBridge() (*eventbridge.Client, error) {
	cfg, err := a.awsConfig()
	return eventbridge.NewFromConfig(cfg), err
}

// putEvent puts one event on a bus and returns its id.
func putEvent(
	ctx context.Context, client *eventbridge.Client, entry types.PutEventsRequestEntry,
) (id string, err error) {
	answer, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
	if err != nil {
		return "", err
	}
	bus := "bus " + *entry.EventBusName
	if len(answer.Entries) != 1 {
		return "", apperr.New(apperr.Unavailable, bus,
			fmt.Sprintf("answered for %d events, not for one", len(answer.Entries)), "try again")
	}
	result := answer.Entries[0]
	message := aws.ToString(result.ErrorMessage)
	switch code := aws.ToString(result.ErrorCode); code {
	case "":
		return aws.ToString(result.EventId), nil
	case "ThrottlingException":
		return "", apperr.New(apperr.Throttled, bus, "too many events: "+message, "wait a little and try again")
	case "InternalFailure", "InternalException":
		return "", apperr.New(apperr.Unavailable, bus, "the service failed: "+message, "try again")
	default:
		return "", apperr.New(apperr.Invalid, bus, "refused the event: "+code+": "+message, "")
	}
}

// listedExample is the JSON form of an example event.
type listedExample struct {
	Name    string `json:"name"`
	Schema  string `json:"schema"`
	Summary string `json:"summary"`
}

func listExamples(a *app) error {
	list := mapped(schemas.Examples(), func(e schemas.Example) listedExample {
		return listedExample{e.Name, e.Schema, e.Summary}
	})
	return printList(a, list, columns[listedExample]{
		[]string{"name", "summary"}, func(e listedExample) []string { return []string{e.Name, e.Summary} },
	})
}
