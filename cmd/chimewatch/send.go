package main

import (
	"encoding/json"
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

// sendCmd puts one of the example events, or events of a file, on an event bus.
type sendCmd struct {
	Name   string   `arg:"" optional:"" help:"The example event to send; --list prints the names."`
	File   string   `placeholder:"FILE" help:"Send the events of a file instead; - is the standard input."`
	List   bool     `xor:"action" help:"Print the names of the example events, and what each tells."`
	Print  bool     `xor:"action" help:"Print the event instead of sending it."`
	Set    []string `sep:"none" placeholder:"PATH=VALUE" help:"Set a field, like detail.callId=abc or detail.list.0.status=Failed; repeatable. The value is JSON where it reads as JSON, else text."`
	Source string   `placeholder:"SOURCE" help:"Send with this source instead of the event's."`
	Bus    string   `default:"default" placeholder:"NAME" help:"Name or ARN of the event bus (${default})."`
}

// carried are the fields of an envelope that PutEvents lets the sender choose.
var carried = map[string]bool{"source": true, "detail-type": true, "time": true, "resources": true, "detail": true}

// sent is the JSON form of what chimewatch send did.
type sent struct {
	EventID    string    `json:"eventId"`
	Name       string    `json:"name"`
	DetailType string    `json:"detailType"`
	Source     string    `json:"source"`
	Time       time.Time `json:"time"`
	Bus        string    `json:"bus"`
}

// outgoing is an event that is to be sent.
type outgoing struct {
	name   string // of the example, or "event 0 of FILE"
	ofFile bool
	event  map[string]any
	// detail is the detail as the file has it; empty where it was changed.
	detail []byte
	entry  *types.PutEventsRequestEntry
}

// Help says more than the flags do.
func (sendCmd) Help() string {
	return "Puts one of the example events on an event bus, or with --file events of a file in any form that " +
		"\"events validate\" reads. Fields of one event can be replaced with --set PATH=VALUE as often as needed. The bus gives each a new id, " +
		"the account and the Region; the time of an example is now unless --set time=… says otherwise. AWS takes no event with " +
		"a source that begins with aws. from its customers. Against a real bus an example is therefore sent as " +
		"chimewatch.rehearsal, and an event of a file only where --source says so. Only the rules " +
		"of a stack that lets rehearsals in match that. The ids of what is rehearsed begin with " +
		chime.RehearsalPrefix + ", so that it is never mixed with real calls."
}

// Run sends, prints or lists.
func (c *sendCmd) Run(a *app) error {
	switch {
	case c.List:
		return listExamples(a)
	case c.File != "" && c.Name != "":
		return usage("send", "an example is named, and a file as well", "give one of the two")
	case c.File != "":
		return c.sendFile(a)
	case c.Name == "":
		return usage("send", "no event is named", "name one that \"chimewatch send --list\" prints, or give --file")
	}
	example, err := schemas.Lookup(c.Name)
	if err != nil {
		return usageError{asFault(err)}
	}
	decoded, err := decodeJSON(example.Body)
	if err != nil {
		return apperr.Wrap(err, apperr.Internal, "example "+example.Name, "is not JSON", "")
	}
	event, ok := decoded.(map[string]any)
	if !ok {
		return apperr.New(apperr.Internal, "example "+example.Name, "is no object", "")
	}
	event["time"] = a.now().UTC().Format(time.RFC3339)
	o := &outgoing{name: c.Name, event: event}
	if err := c.change(o); err != nil {
		return err
	}
	if c.Print {
		return a.printJSON(o.event)
	}
	done, err := c.sendAll(a, []*outgoing{o})
	if err != nil {
		return err
	}
	if a.asJSON() {
		return a.printJSON(done[0])
	}
	return c.report(a, done)
}

// change puts the overrides into an event.
func (c *sendCmd) change(o *outgoing) error {
	for _, text := range c.Set {
		set, err := parseOverride(text)
		if err != nil {
			return err
		}
		if top := set.path[0]; !carried[top] && !c.Print {
			return usage("--set "+text, fmt.Sprintf("the sender of an event cannot choose its %q, the bus does", top),
				"set source, detail-type, time, resources or a field below detail; --print shows an event with any other field set")
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

// sendAll puts events on the bus, one after the other and in their order, once all of
// them have the form that the bus accepts. It returns what was sent, also with an error.
func (c *sendCmd) sendAll(a *app, events []*outgoing) (done []sent, err error) {
	for _, o := range events {
		if o.entry, err = c.entry(o); err != nil {
			return nil, err
		}
	}
	cfg, err := a.awsConfig()
	if err != nil {
		return nil, err
	}
	client := eventbridge.NewFromConfig(cfg)
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
			return done, err
		}
		answer, err := client.PutEvents(a.ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{*o.entry}})
		if err != nil {
			return done, err
		}
		id, err := taken(answer, c.Bus)
		if err != nil {
			return done, err
		}
		done = append(done, sent{EventID: id, Name: o.name, DetailType: redact.Text(*o.entry.DetailType),
			Source: redact.Text(*o.entry.Source), Time: o.entry.Time.UTC(), Bus: c.Bus})
	}
	return done, nil
}

// report prints what was sent, a line each.
func (c *sendCmd) report(a *app, done []sent) error {
	for _, s := range done {
		_, err := fmt.Fprintf(a.stdout, "sent %s as event %s (%s from %s) to bus %s\n", s.Name, s.EventID, s.DetailType, s.Source, s.Bus)
		if err != nil {
			return err
		}
	}
	return nil
}

// rehearse returns an entry a source that AWS accepts from its customers. An event of a
// file is refused instead: it would be kept as a rehearsal where a real one is meant.
func (c *sendCmd) rehearse(a *app, o *outgoing) error {
	if !strings.HasPrefix(*o.entry.Source, "aws.") {
		return nil
	}
	what := fmt.Sprintf("AWS takes no event with the source %q from its customers", *o.entry.Source)
	switch {
	case o.ofFile:
		return usage("send "+o.name, what, "send it as a rehearsal, with --source "+chime.RehearsalSource+
			"; bring a real event back with \"chimewatch dead-letters redrive\"")
	case c.chosenSource():
		return usage("send "+o.name, what, "leave the source out to send as "+chime.RehearsalSource)
	}
	a.note("AWS takes no event with the source %s from its customers: sending as %s", *o.entry.Source, chime.RehearsalSource)
	o.entry.Source = aws.String(chime.RehearsalSource)
	return nil
}

func (c *sendCmd) chosenSource() bool {
	for _, text := range c.Set {
		if strings.HasPrefix(text, "source=") {
			return true
		}
	}
	return c.Source != ""
}

// warn notes what a function would refuse in an event, and when no rule will match it.
// It is sent all the same: to see what becomes of a bad event is what rehearsals are
// for.
func (c *sendCmd) warn(a *app, o *outgoing) error {
	raw, err := json.Marshal(o.event)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "send "+o.name, "the event has no JSON form", "")
	}
	judge := judge{eventrule.Table(eventrule.Options{Rehearsal: true}), a.now}
	subject := "the event"
	if o.ofFile {
		subject = o.name
	}
	found := judge.verdict(a.ctx, lambdafn.Message{Source: lambdafn.EventBridge, Body: raw})
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

// taken returns the id of the one event, or why the bus refused it.
func taken(answer *eventbridge.PutEventsOutput, bus string) (string, error) {
	if len(answer.Entries) != 1 {
		return "", apperr.New(apperr.Unavailable, "bus "+bus, fmt.Sprintf("answered for %d events, not for one", len(answer.Entries)), "try again")
	}
	result := answer.Entries[0]
	switch code := aws.ToString(result.ErrorCode); code {
	case "":
		return aws.ToString(result.EventId), nil
	case "ThrottlingException":
		return "", apperr.New(apperr.Throttled, "bus "+bus, "too many events: "+aws.ToString(result.ErrorMessage), "wait a little and try again")
	case "InternalFailure", "InternalException":
		return "", apperr.New(apperr.Unavailable, "bus "+bus, "the service failed: "+aws.ToString(result.ErrorMessage), "try again")
	default:
		return "", apperr.New(apperr.Invalid, "bus "+bus, "refused the event: "+code+": "+aws.ToString(result.ErrorMessage), "")
	}
}

func listExamples(a *app) error {
	type listed struct {
		Name    string `json:"name"`
		Schema  string `json:"schema"`
		Summary string `json:"summary"`
	}
	var list []listed
	for _, e := range schemas.Examples() {
		list = append(list, listed{e.Name, e.Schema, e.Summary})
	}
	if a.asJSON() {
		return a.printJSON(list)
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.Name, e.Summary}
	}
	return a.printTable([]string{"name", "what it tells"}, rows)
}
