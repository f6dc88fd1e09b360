package chime

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// Detail types that Amazon Chime sends, and of which this package knows no form.
// EventBridge's reference lists all three; the first two are documented nowhere else.
const (
	DetailCallInsightsState = "Call Insights State Change"
	DetailCallInsightsRules = "Call Insights Rules Matched"
	DetailStreamingStatus   = "Chime VoiceConnector Streaming Status"
)

// AsUnknown returns an event of a detail type that is not known here as a state change
// that proves nothing: its EventType is the detail type, its ids are those by which
// events of call analytics name their pipeline and call, and all else is metadata. No
// failure and no element is read, as nothing says what they would mean. ok is false for
// an event whose detail type is known. A detail that is no object names nothing.
func AsUnknown(ev *Event) (unknown *Event, ok bool) {
	if ev.StateChange != nil || ev.RulesMatched != nil || ev.Voice != nil {
		return nil, false
	}
	p := parser{ev: &Event{}}
	if err := p.envelope(ev.Raw); err != nil {
		return nil, false
	}
	whole := *ev
	p.ev = &whole
	sc := &StateChange{}
	// Whatever is wrong with the detail, the event is kept.
	_ = p.eachDetail(func(key string, value jsontext.Value) bool {
		switch key {
		case "mediaInsightsPipelineArn":
			return keepForm(&sc.PipelineARN, value, &sc.Metadata, key, isPipelineARN)
		case "mediaInsightsPipelineConfigurationArn":
			return keepForm(&sc.ConfigurationARN, value, &sc.Metadata, key, isConfigurationARN)
		}
		return sc.take(key, value)
	}, &sc.Metadata)
	p.separateCall(&sc.CallFields, &sc.Metadata)
	p.separateARN("mediaInsightsPipelineArn", &sc.PipelineARN, &sc.Metadata)
	sc.EventType = ev.DetailType
	whole.StateChange = sc
	return &whole, true
}

// VoiceOf reads what all voice-analytics notifications share from an event of any
// detail type. A detail that is no object has none of it.
func VoiceOf(ev *Event) VoiceAnalytics {
	p := parser{ev: &Event{}}
	if p.envelope(ev.Raw) != nil {
		return VoiceAnalytics{}
	}
	p.ev = &Event{Source: ev.Source}
	_ = p.voice()
	return *p.ev.Voice
}

// documented are the keys of a state change's detail of which something is read.
var documented = []string{
	"version", "eventType", "mediaInsightsPipelineArn", "mediaInsightsPipelineConfigurationArn", elementStatuses,
	"failureReason", "failureOrigin", "httpStatusCode",
	"callId", "transactionId", "voiceConnectorId", "direction", "fromNumber", "toNumber",
}

// Unread counts the documented fields of which a value, or a part of it, had no form
// that could be read. These parts are in Metadata, as they came.
func (sc *StateChange) Unread() (n int) {
	for _, key := range documented {
		if _, there := sc.Metadata[key]; there {
			n++
		}
	}
	return n
}

// fill takes the call's fields that are still empty from an object, which may be JSON
// text: runtime metadata that the service did not flatten.
func (c *CallFields) fill(value json.RawMessage) {
	var inner CallFields
	if object := structure(jsontext.Value(value)); object.Kind() == '{' {
		_ = eachMember(object, func(key string, value jsontext.Value) error {
			inner.take(key, value)
			return nil
		})
	}
	for _, field := range []struct {
		target *string
		value  string
	}{
		{&c.CallID, inner.CallID}, {&c.TransactionID, inner.TransactionID}, {&c.VoiceConnectorID, inner.VoiceConnectorID},
		{&c.Direction, inner.Direction}, {&c.FromNumber, inner.FromNumber}, {&c.ToNumber, inner.ToNumber},
	} {
		if *field.target == "" {
			*field.target = field.value
		}
	}
}
