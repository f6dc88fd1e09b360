// Package voice reads voice-analytics notifications, which a Voice Connector or
// a pipeline hands to a function, a queue, a topic or a stream.
package voice

import (
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/intake"
)

// Source is how a notification came, spelt as in the keys of its item.
type Source string

// The sources.
const (
	Lambda  Source = "LAMBDA"
	SQS     Source = "SQS"
	SNS     Source = "SNS"
	Kinesis Source = "KINESIS"
)

// Analytics is what a notification is about, spelt as in the keys of its item.
type Analytics string

// The kinds of analytics. Ready stands for every VoiceAnalyticsStatus.
const (
	SpeakerSearch Analytics = "SpeakerSearch"
	VoiceTone     Analytics = "VoiceToneAnalysis"
	Ready         Analytics = "AnalyticsReady"
	Unknown       Analytics = "UNKNOWN"
)

// Statuses of a VoiceAnalyticsStatus.
const (
	StatusReady    = "AnalyticsReady"
	StatusPostCall = "PostCallVoiceAnalytics"
)

// Note is one notification. It is not changed after Read made it.
type Note struct {
	*chime.Event
	Source    Source
	Analytics Analytics
	// TaskID, Status, PipelineID and the ids of the call are empty where the
	// detail does not have them, or not as text.
	TaskID           string
	Status           string
	PipelineID       string
	CallID           string
	TransactionID    string
	VoiceConnectorID string
}

// IsReady tells that tasks can be started on the call by the voice API.
func (n Note) IsReady() bool { return n.Analytics == Ready && n.Status == StatusReady }

// IsPostCall tells that the call is over.
func (n Note) IsPostCall() bool { return n.Analytics == Ready && n.Status == StatusPostCall }

// Read makes a Note of a message. A detail type that is not known is no error:
// its analytics are Unknown. What makes an event unusable is what chime.Parse
// says. The error is ErrForeign for a message that is no voice notification.
func Read(m intake.Message) (Note, error) {
	n, err := ReadStored(m.Body, sourceOf(m.Source))
	envelope := n.Event
	if err != nil {
		var unreadable error
		if envelope, unreadable = chime.ParseEnvelope(m.Body); unreadable != nil {
			return Note{}, err
		}
	}
	if isForeign(envelope) {
		return Note{}, ErrForeign
	}
	return n, err
}

// ReadStored is Read for the bytes of a notification whose source is known.
func ReadStored(body []byte, source Source) (Note, error) {
	ev, err := chime.Parse(body)
	if err != nil {
		return Note{}, err
	}
	n := Note{Event: ev, Source: source, Analytics: analyticsOf(ev.DetailType)}
	v := ev.Voice
	if v == nil { // of unknown type; what all notifications share is read all the same
		shared := chime.VoiceOf(ev)
		v = &shared
	}
	n.TaskID, n.Status, n.PipelineID = v.TaskID, v.DetailStatus, v.PipelineID
	n.CallID, n.TransactionID, n.VoiceConnectorID = v.CallID, v.TransactionID, v.VoiceConnectorID
	return n, nil
}

func sourceOf(s intake.Source) Source {
	switch s {
	case intake.SQS:
		return SQS
	case intake.SNS:
		return SNS
	case intake.Kinesis:
		return Kinesis
	}
	// A new detail type looks like EventBridge's to the intake; it came the same way.
	return Lambda
}

func analyticsOf(detailType string) Analytics {
	switch detailType {
	case chime.DetailSpeakerSearch:
		return SpeakerSearch
	case chime.DetailVoiceTone:
		return VoiceTone
	case chime.DetailVoiceStatus:
		return Ready
	}
	return Unknown
}
