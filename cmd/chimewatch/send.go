package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/rules"
	"github.com/chimewatch/chimewatch/schemas"
)

// sendCmd puts one of the example events on an event bus.
type sendCmd struct {
	Name   string   `arg:"" optional:"" help:"The event to send; --list prints the names."`
	List   bool     `xor:"action" help:"Print the names of the events, and what each tells."`
	Print  bool     `xor:"action" help:"Print the event instead of sending it."`
	Set    []string `sep:"none" placeholder:"PATH=VALUE" help:"Set a field, like detail.callId=abc or detail.list.0.status=Failed; repeatable. The value is JSON where it reads as JSON, else text."`
	Source string   `placeholder:"SOURCE" help:"Send with this source instead of the example's."`
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

// Help tells more than the flags do.
func (sendCmd) Help() string {
	return "Puts one of the example events on an event bus, with fields replaced by --set. The bus gives it a new id, " +
		"the account and the Region; its time is now unless --set time=… says otherwise. AWS takes no event with the " +
		"source aws.chime from its customers, so against a real bus it is sent as chimewatch.rehearsal. Only the rules " +
		"of a stack that lets rehearsals in match that. The ids of what is rehearsed begin with " +
		chime.RehearsalPrefix + ", so that it is never mixed with real calls."
}

// Run sends, prints or lists.
func (c *sendCmd) Run(a *app) error {
	if c.List {
		return listExamples(a)
	}
	if c.Name == "" {
		return usage("send", "no event is named", "name one that \"chimewatch send --list\" prints")
	}
	example, err := schemas.Lookup(c.Name)
	if err != nil {
		return usageError{asFault(err)}
	}
	event, err := c.build(a, example)
	if err != nil {
		return err
	}
	if c.Print {
		return a.printJSON(event)
	}
	return c.send(a, event)
}

// build gives the example's event with the overrides in it.
func (c *sendCmd) build(a *app, example schemas.Example) (map[string]any, error) {
	decoded, err := decodeJSON(example.Body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "example "+example.Name, "is not JSON", "")
	}
	event, ok := decoded.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Internal, "example "+example.Name, "is no object", "")
	}
	event["time"] = a.now().UTC().Format(time.RFC3339)
	for _, text := range c.Set {
		o, err := parseOverride(text)
		if err != nil {
			return nil, err
		}
		if top := o.path[0]; !carried[top] && !c.Print {
			return nil, usage("--set "+text, fmt.Sprintf("the sender of an event cannot choose its %q, the bus does", top),
				"set source, detail-type, time, resources or a field below detail; --print shows an event with any other field set")
		}
		if err := o.apply(event); err != nil {
			return nil, err
		}
	}
	if c.Source != "" {
		event["source"] = c.Source
	}
	return event, nil
}

// send puts the event on the bus and tells the id it was given.
func (c *sendCmd) send(a *app, event map[string]any) error {
	entry, err := c.entry(event)
	if err != nil {
		return err
	}
	cfg, err := a.awsConfig()
	if err != nil {
		return err
	}
	client := eventbridge.NewFromConfig(cfg)
	if !isLoopback(client.Options().BaseEndpoint) {
		if err := c.rehearse(a, entry); err != nil {
			return err
		}
	}
	event["source"] = *entry.Source
	if *entry.Source == chime.RehearsalSource {
		a.note("ids of rehearsals begin with %q; calls show finds them without it, too", chime.RehearsalPrefix)
	}
	if err := c.warn(a, event); err != nil {
		return err
	}
	answer, err := client.PutEvents(a.ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{*entry}})
	if err != nil {
		return err
	}
	id, err := taken(answer, c.Bus)
	if err != nil {
		return err
	}
	done := sent{EventID: id, Name: c.Name, DetailType: *entry.DetailType, Source: *entry.Source, Time: entry.Time.UTC(), Bus: c.Bus}
	if a.asJSON() {
		return a.printJSON(done)
	}
	_, err = fmt.Fprintf(a.stdout, "sent %s as event %s (%s from %s) to bus %s\n", done.Name, done.EventID, done.DetailType, done.Source, done.Bus)
	return err
}

// rehearse gives the entry a source that AWS takes from its customers.
func (c *sendCmd) rehearse(a *app, entry *types.PutEventsRequestEntry) error {
	if !strings.HasPrefix(*entry.Source, "aws.") {
		return nil
	}
	if c.chosenSource() {
		return usage("send "+c.Name, fmt.Sprintf("AWS takes no event with the source %q from its customers", *entry.Source),
			"leave the source out to send as "+chime.RehearsalSource)
	}
	a.note("AWS takes no event with the source %s from its customers: sending as %s", *entry.Source, chime.RehearsalSource)
	entry.Source = aws.String(chime.RehearsalSource)
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

// warn notes where the event does not follow its schema, and when no rule will
// match it. It is sent all the same: to see what becomes of a bad event is what
// rehearsals are for.
func (c *sendCmd) warn(a *app, event map[string]any) error {
	raw, err := json.Marshal(event)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "send "+c.Name, "the event has no JSON form", "")
	}
	judge, err := newJudge(rules.Options{Rehearsal: true})
	if err != nil {
		return err
	}
	found := judge.verdict(raw)
	for _, p := range found.Problems {
		a.note("the event does not follow its schema: %s: %s", p.Pointer, p.Message)
	}
	if len(found.Rules) == 0 {
		a.note("no rule matches the event: no function will get it")
	}
	return nil
}

// taken gives the id of the one event, or why the bus refused it.
func taken(answer *eventbridge.PutEventsOutput, bus string) (string, error) {
	if len(answer.Entries) != 1 {
		return "", fault.New(fault.Unavailable, "bus "+bus, fmt.Sprintf("answered for %d events, not for one", len(answer.Entries)), "try again")
	}
	result := answer.Entries[0]
	switch code := aws.ToString(result.ErrorCode); code {
	case "":
		return aws.ToString(result.EventId), nil
	case "ThrottlingException":
		return "", fault.New(fault.Throttled, "bus "+bus, "too many events: "+aws.ToString(result.ErrorMessage), "wait a little and try again")
	case "InternalFailure", "InternalException":
		return "", fault.New(fault.Unavailable, "bus "+bus, "the service failed: "+aws.ToString(result.ErrorMessage), "try again")
	default:
		return "", fault.New(fault.Invalid, "bus "+bus, "refused the event: "+code+": "+aws.ToString(result.ErrorMessage), "")
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
