package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// entry gives the event in the form that PutEvents takes.
func (c *sendCmd) entry(event map[string]any) (*types.PutEventsRequestEntry, error) {
	source, err := textField(event, "source")
	if err != nil {
		return nil, err
	}
	detailType, err := textField(event, "detail-type")
	if err != nil {
		return nil, err
	}
	if isVoiceNotification(detailType) {
		return nil, usage("send "+c.Name, "voice-analytics notifications do not come over an event bus, so no rule would match it",
			"write it with --print, and give it to the queue, topic, stream or function that takes the notifications")
	}
	at, err := timeField(event)
	if err != nil {
		return nil, err
	}
	resources, err := resourcesField(event)
	if err != nil {
		return nil, err
	}
	detail, ok := event["detail"].(map[string]any)
	if !ok {
		return nil, usage("send "+c.Name, "detail is no object, and an event bus takes nothing else there", "give --set detail an object")
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(detail); err != nil {
		return nil, err
	}
	return &types.PutEventsRequestEntry{
		Source: aws.String(source), DetailType: aws.String(detailType), Time: aws.Time(at), Resources: resources,
		Detail: aws.String(strings.TrimSpace(text.String())), EventBusName: aws.String(c.Bus),
	}, nil
}

func isVoiceNotification(detailType string) bool {
	switch detailType {
	case chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone:
		return true
	}
	return false
}

func textField(event map[string]any, name string) (string, error) {
	text, ok := event[name].(string)
	if !ok || text == "" {
		return "", usage("--set "+name, "an event bus takes a text there, not empty", "give it in quotes where it reads as JSON")
	}
	return text, nil
}

func timeField(event map[string]any) (time.Time, error) {
	text, _ := event["time"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usage("--set time", fmt.Sprintf("%v is no time", event["time"]), "write it like 2026-03-09T14:08:30Z")
	}
	return at, nil
}

func resourcesField(event map[string]any) ([]string, error) {
	list, ok := event["resources"].([]any)
	if !ok && event["resources"] != nil {
		return nil, usage("--set resources", "it is no array", `write it like resources='["arn:…"]'`)
	}
	resources := make([]string, 0, len(list))
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil, usage(fmt.Sprintf("--set resources.%d", i), "it is no text", `put it in quotes, as JSON`)
		}
		resources = append(resources, text)
	}
	return resources, nil
}
