package chime

import "cmp"

// VoiceSource is how a voice notification came, spelt as in the keys of its item.
type VoiceSource string

const (
	ByLambda  VoiceSource = "LAMBDA"
	BySQS     VoiceSource = "SQS"
	BySNS     VoiceSource = "SNS"
	ByKinesis VoiceSource = "KINESIS"
)

// Analytics is what a notification is about, spelt as in the keys of its item.
type Analytics string

// The kinds of analytics. AnalyticsReady stands for every VoiceAnalyticsStatus.
const (
	AnalyticsSpeakerSearch Analytics = "SpeakerSearch"
	AnalyticsVoiceTone     Analytics = "VoiceToneAnalysis"
	AnalyticsReady         Analytics = "AnalyticsReady"
	AnalyticsUnknown       Analytics = "UNKNOWN"
)

// Statuses of a VoiceAnalyticsStatus.
const (
	StatusReady    = "AnalyticsReady"
	StatusPostCall = "PostCallVoiceAnalytics"
)

// VoiceNotification is what voice analytics sends about a call or a task. Its fields
// are empty where the detail does not have them, or not as text. It is not changed after
// ParseVoice made it.
type VoiceNotification struct {
	*Event
	VoiceAnalytics
	By        VoiceSource
	Analytics Analytics
}

// IsReady reports whether tasks can be started on the call by the voice API.
func (n VoiceNotification) IsReady() bool {
	return n.Analytics == AnalyticsReady && n.DetailStatus == StatusReady
}

// IsPostCall reports whether the call is over.
func (n VoiceNotification) IsPostCall() bool {
	return n.Analytics == AnalyticsReady && n.DetailStatus == StatusPostCall
}

// ParseVoice reads a voice notification. An unknown detail type is no error: its
// analytics are AnalyticsUnknown. What makes an event unusable is what Parse says. The
// error is ErrForeign for a record that is no voice notification.
func ParseVoice(body []byte, by VoiceSource) (VoiceNotification, error) {
	n, err := ParseStoredVoice(body, by)
	envelope := n.Event
	if err != nil {
		var unreadable error
		if envelope, unreadable = ParseEnvelope(body); unreadable != nil {
			return VoiceNotification{}, err
		}
	}
	if isForeign(envelope) {
		return VoiceNotification{}, ErrForeign
	}
	return n, err
}

// ParseStoredVoice is ParseVoice for bytes that are known to be a voice notification.
func ParseStoredVoice(body []byte, by VoiceSource) (VoiceNotification, error) {
	p := parser{ev: &Event{Raw: body}}
	if err := p.parse(); err != nil {
		return VoiceNotification{}, err
	}
	n := VoiceNotification{Event: p.ev, By: by, Analytics: analyticsOf(p.ev.DetailType)}
	if p.ev.Voice != nil {
		n.VoiceAnalytics = *p.ev.Voice
	} else { // what all notifications share is read also of an unknown type, as far as it has it
		_ = p.voice(&n.VoiceAnalytics)
	}
	return n, nil
}

var analytics = map[string]Analytics{
	DetailSpeakerSearch: AnalyticsSpeakerSearch, DetailVoiceTone: AnalyticsVoiceTone, DetailVoiceStatus: AnalyticsReady,
}

func analyticsOf(detailType string) Analytics { return cmp.Or(analytics[detailType], AnalyticsUnknown) }
