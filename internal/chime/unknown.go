package chime

import "strings"

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
	_ = p.eachDetail(sc.keepID, &sc.Metadata) // whatever is wrong with the detail, the event is kept
	p.separateChange(sc)
	sc.EventType = ev.DetailType
	whole.StateChange = sc
	return &whole, true
}

// documented are the keys of a state change's detail of which something is read.
var documented = append(strings.Fields(`version eventType failureReason failureOrigin httpStatusCode
	mediaInsightsPipelineArn mediaInsightsPipelineConfigurationArn mediaInsightsPipelineElementStatuses`), callKeys...)

// Unread counts the documented fields of which a value, or a part of it, had no form
// that could be read. These parts are in Metadata, as they came.
func (sc *StateChange) Unread() (n int) {
	for _, key := range documented {
		if _, unread := sc.Metadata[key]; unread {
			n++
		}
	}
	return n
}
