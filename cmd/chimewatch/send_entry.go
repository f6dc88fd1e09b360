package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
)

// entry returns an event as an entry of PutEvents.
func (c *sendCmd) entry(o *outgoing) (*types.PutEventsRequestEntry, error) {
	const noText = "an event bus accepts only text there, and not empty"
	source, _ := o.event["source"].(string)
	detailType, _ := o.event["detail-type"].(string)
	detail, isObject := o.event["detail"].(map[string]any)
	at, isTime := o.time()
	resources, err := o.resources()
	switch {
	case source == "":
		return nil, o.refuse("source", noText, "put it in quotes if it parses as JSON")
	case detailType == "":
		return nil, o.refuse("detail-type", noText, "put it in quotes if it parses as JSON")
	case isVoiceNotification(detailType):
		return nil, o.refuse("detail-type", "voice notifications do not come over an event bus, so no rule matches it",
			"write it with --print, and send it to the queue, topic, stream or function that receives voice notifications")
	case !isTime:
		return nil, o.refuse("time", fmt.Sprintf("%v is no time", o.event["time"]), "write it like 2026-03-09T14:08:30Z")
	case err != nil:
		return nil, err
	case !isObject:
		return nil, o.refuse("detail", "detail is no object, and an event bus accepts nothing else there",
			"give it an object")
	}
	text := bytes.NewBuffer(o.detail)
	if len(o.detail) == 0 {
		enc := json.NewEncoder(text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(detail); err != nil {
			return nil, err
		}
	}
	return &types.PutEventsRequestEntry{
		Source: aws.String(source), DetailType: aws.String(detailType), Time: aws.Time(at), Resources: resources,
		Detail: aws.String(strings.TrimSpace(text.String())), EventBusName: aws.String(c.Bus),
	}, nil
}

func isVoiceNotification(detailType string) bool {
	known := []string{chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone}
	return slices.Contains(known, detailType)
}

// refuse returns the error for a field that an event bus does not accept, in the file or in --set.
func (o *outgoing) refuse(field, what, fix string) error {
	if o.ofFile {
		return apperr.New(apperr.Invalid, o.name+", "+field, what, fix)
	}
	return usage("--set "+field, what, fix)
}

// time returns the time of the event; in a file it may have any form that the functions read.
func (o *outgoing) time() (at time.Time, ok bool) {
	text := fmt.Sprint(o.event["time"])
	if at, err := time.Parse(time.RFC3339, text); err == nil || !o.ofFile {
		return at, err == nil
	}
	return chime.ParseTime(text)
}

func (o *outgoing) resources() ([]string, error) {
	list, ok := o.event["resources"].([]any)
	if !ok && o.event["resources"] != nil {
		return nil, o.refuse("resources", "it is no array", `write it like resources='["arn:…"]'`)
	}
	resources := make([]string, 0, len(list))
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil, o.refuse(fmt.Sprintf("resources.%d", i), "it is no text", "put it in quotes, as JSON")
		}
		resources = append(resources, text)
	}
	return resources, nil
}
