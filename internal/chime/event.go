// Package chime has the events of Amazon Chime SDK call analytics as Go values, and Parse,
// which makes them from bytes.
package chime

import (
	"encoding/json"
	"time"
)

// Sources of the events.
const (
	// Source is what the service puts into the envelope's source field.
	Source = "aws.chime"
	// RehearsalSource is ours, for rehearsals in a real account: PutEvents
	// refuses every source that begins with "aws.".
	RehearsalSource = "chimewatch.rehearsal"
)

// Detail types of the events, as the envelope spells them.
const (
	DetailStateChange   = "Media Insights State Change"
	DetailRulesMatched  = "Media Insights Rules Matched"
	DetailVoiceStatus   = "VoiceAnalyticsStatus"
	DetailSpeakerSearch = "SpeakerSearchStatus"
	DetailVoiceTone     = "VoiceToneAnalysisStatus"
)

// ServiceVoiceAnalytics is the service type of every voice-analytics
// notification. EventBridge's events have no service type.
const ServiceVoiceAnalytics = "VoiceAnalytics"

// Event types of a state change, as detail.eventType spells them.
const (
	EventCreated          = "chime:MediaInsightsCreated"
	EventCreateFailed     = "chime:MediaInsightsCreateFailed"
	EventInProgress       = "chime:MediaInsightsInProgress"
	EventPaused           = "chime:MediaInsightsPaused"
	EventTemporaryFailure = "chime:MediaInsightsTemporaryFailure"
	EventPermanentFailure = "chime:MediaInsightsPermanentFailure"
	EventStopped          = "chime:MediaInsightsStopped"
)

// ObservationSource and the event types of observations are ours: what the API returned
// about a pipeline whose events may be missing, as a state change that merges like any
// other.
const (
	ObservationSource = "chimewatch.observation"

	EventObservedCreated    = "chimewatch:ObservedCreated"
	EventObservedInProgress = "chimewatch:ObservedInProgress"
	EventObservedPaused     = "chimewatch:ObservedPaused"
	EventObservedStopped    = "chimewatch:ObservedStopped"
	EventObservedFailed     = "chimewatch:ObservedFailed"
	// EventObservedLost: the API does not know the pipeline any more.
	EventObservedLost = "chimewatch:ObservedLost"

	// ObservedBecause is the key of an observation's detail that says why the API
	// was asked.
	ObservedBecause = "observedBecause"
)

// Element types that the developer guide and the API reference name.
const (
	ElementTranscribe              = "AmazonTranscribeProcessor"
	ElementTranscribeCallAnalytics = "AmazonTranscribeCallAnalyticsProcessor"
	ElementVoiceAnalytics          = "VoiceAnalyticsProcessor"
	ElementKinesisSink             = "KinesisDataStreamSink"
	ElementLambdaSink              = "LambdaFunctionSink"
	ElementSqsSink                 = "SqsQueueSink"
	ElementSnsSink                 = "SnsTopicSink"
	ElementRecordingSink           = "S3RecordingSink"
	ElementVoiceEnhancementSink    = "VoiceEnhancementSink"
	// ElementVoiceEnhancement is how some events spell ElementVoiceEnhancementSink.
	ElementVoiceEnhancement = "VoiceEnhancement"
)

// Statuses of an element, as events and the API spell them.
const (
	StatusNotStarted        = "NotStarted"
	StatusInitializing      = "Initializing"
	StatusInProgress        = "InProgress"
	StatusPaused            = "Paused"
	StatusTemporarilyFailed = "TemporarilyFailed"
	StatusStopping          = "Stopping"
	StatusStopped           = "Stopped"
	StatusNotSupported      = "NotSupported"
	StatusFailed            = "Failed"
)

// Event is one event: its envelope and, for the known detail types, its detail.
// It is not changed after Parse made it, so it may be shared.
type Event struct {
	// ID is the event's own; of a rehearsal it and all ids below begin with
	// RehearsalPrefix, and no others do.
	ID         string
	DetailType string
	Source     string
	// Account has 12 digits where the event has a number or digits; anything else is kept
	// as it came.
	Account     string
	Region      string
	Time        time.Time // UTC, never zero
	Resources   []string
	ServiceType string
	// ReplayName is set on events that EventBridge replays from an archive.
	ReplayName string

	// At most one of these is set; none is for a detail type not known here.
	StateChange  *StateChange
	RulesMatched *RulesMatched
	Voice        *VoiceAnalytics

	// Raw is the event's bytes as they came: the slice that Parse received.
	Raw []byte
}

// CallFields are the fields that a Voice Connector call fills into the detail.
// Pipelines started by the API may have none of them.
type CallFields struct {
	CallID           string
	TransactionID    string
	VoiceConnectorID string
	// Direction is free text; do not treat it as an enumeration.
	Direction  string
	FromNumber string
	ToNumber   string
}

// StateChange is the detail of a Media Insights State Change.
type StateChange struct {
	CallFields
	EventType        string
	PipelineARN      string // empty on a failed creation; a UUID in it is in lower case
	ConfigurationARN string
	FailureReason    string
	FailureOrigin    string
	HTTPStatusCode   string
	Elements         []Element
	// Metadata is all else that was in the detail: the runtime metadata, which
	// the service flattens into it, and fields that are not known here. Values
	// are the JSON as it came; a known key is here when its value, or a part of it,
	// had a wrong type or stood twice; see Unread.
	Metadata map[string]json.RawMessage
}

// Element is the state of one processor or sink of a pipeline.
type Element struct {
	Type string
	// Status is empty where the event has none that can be read: not every type of
	// element has a status (developer guide, "Call analytics statuses").
	Status       string
	StatusDetail string
	// UpdatedOn is in epoch milliseconds; zero where the event has none.
	UpdatedOn int64
}

// RulesMatched is the detail of a Media Insights Rules Matched event. The event
// does not say of which type the rule is.
type RulesMatched struct {
	CallFields
	RuleName string
	// UtteranceID is set for spoken keywords of Transcribe Call Analytics,
	// ResultID for those of Transcribe.
	UtteranceID string
	ResultID    string
	// BeginTimestamp and EndTimestamp are kept as they came.
	BeginTimestamp string
	EndTimestamp   string
	Metadata       map[string]json.RawMessage
}

// VoiceAnalytics is the detail of a voice-analytics notification.
type VoiceAnalytics struct {
	CallFields
	TaskID       string
	DetailStatus string
	PipelineID   string
	Metadata     map[string]json.RawMessage
}

// Failing reports whether an element's status means that it does not deliver and
// will not: Failed or NotSupported.
func (e Element) Failing() bool {
	return e.Status == StatusFailed || e.Status == StatusNotSupported
}
