package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// readFile returns the events of the file. It is an error if one of them cannot be read.
func (c *sendCmd) readFile(a *app) ([]*outgoing, error) {
	var events []*outgoing
	var first error
	index := 0
	broken, err := a.eachEvent(c.File, func(m lambdafn.Message, err error) {
		o := &outgoing{name: fmt.Sprintf("event %d of %s", index, c.File), ofFile: true}
		index++
		if err == nil {
			err = o.read(m.Body, a.now())
		}
		if err != nil && first == nil {
			first = apperr.Wrap(err, apperr.Invalid, o.name, "cannot be sent", "")
		}
		events = append(events, o)
	})
	switch {
	case err != nil:
		return nil, err
	case broken != "":
		return nil, apperr.New(apperr.Invalid, c.File, broken, "")
	case first != nil:
		return nil, first
	case len(events) == 0:
		return nil, apperr.New(apperr.Invalid, c.File, "there is no event in it", "")
	}
	return events, nil
}

// read reads the event from JSON. An event without a time gets now.
func (o *outgoing) read(body []byte, now time.Time) error {
	decoded, err := decodeJSON(body)
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
	_ = json.Unmarshal(body, &raw) // it was decoded before
	o.event, o.detail = event, raw.Detail
	return nil
}
