package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// sendFile sends or prints the events of the file. Nothing is sent where one of them
// has a form that the bus does not accept.
func (c *sendCmd) sendFile(a *app) error {
	events, err := c.eventsOf(a)
	if err != nil {
		return err
	}
	if len(c.Set) > 0 && len(events) > 1 {
		return usage("--set", fmt.Sprintf("%s has %d events, and --set changes one", c.File, len(events)), "give a file of one event")
	}
	for _, o := range events {
		if err := c.change(o); err != nil {
			return err
		}
	}
	if c.Print {
		list := make([]map[string]any, len(events))
		for i, o := range events {
			list[i] = o.event
		}
		if len(list) == 1 {
			return a.printJSON(list[0])
		}
		return a.printJSON(list)
	}
	done, err := c.sendAll(a, events)
	if err != nil && len(done) == 0 {
		return err
	}
	if err != nil {
		a.note("%d of %s were sent, the rest was not", len(done), count(len(events), "event"))
	}
	if a.asJSON() {
		return errors.Join(a.printJSON(done), err)
	}
	return errors.Join(c.report(a, done), err)
}

// eventsOf reads the events of the file.
func (c *sendCmd) eventsOf(a *app) ([]*outgoing, error) {
	var events []*outgoing
	var errs []error
	index := 0
	broken, err := a.eachEvent(c.File, func(e fileEvent, err error) {
		name := fmt.Sprintf("event %d of %s", index, c.File)
		index++
		o := &outgoing{name: name, ofFile: true}
		if err == nil {
			err = o.read(e, a.now())
		}
		if err != nil {
			errs = append(errs, apperr.Wrap(err, apperr.Invalid, name, "cannot be sent", ""))
			return
		}
		events = append(events, o)
	})
	switch {
	case err != nil:
		return nil, err
	case broken != "":
		return nil, apperr.New(apperr.Invalid, c.File, broken, "")
	case len(errs) > 0:
		return nil, errs[0]
	case len(events) == 0:
		return nil, apperr.New(apperr.Invalid, c.File, "there is no event in it", "")
	}
	return events, nil
}

// read makes the event of one of a file. What has no time happens now.
func (o *outgoing) read(e fileEvent, now time.Time) error {
	decoded, err := decodeJSON(e.Body)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "", "is not JSON", "")
	}
	event, ok := decoded.(map[string]any)
	if !ok {
		return apperr.New(apperr.Invalid, "", "is no object", "an event is one JSON object")
	}
	if event["time"] == nil {
		event["time"] = now.UTC().Format(time.RFC3339)
	}
	var raw struct {
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(e.Body, &raw); err != nil {
		return apperr.Wrap(err, apperr.Invalid, "", "is not JSON", "")
	}
	o.event, o.detail = event, raw.Detail
	return nil
}
