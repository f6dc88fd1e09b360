package chime

import (
	"errors"
	"slices"
	"strings"
)

// ErrForeign is the error of ParseVoice for a record that is no voice notification.
//
// A media insights pipeline configuration may have one KinesisDataStreamSink, so
// the stream that carries the voice notifications also carries the transcripts,
// the call metadata and the recordings of its calls (Amazon Chime SDK developer
// guide, "Call analytics processor and output destinations").
//
// A record that is no JSON is not foreign but unusable, also when it comes from a
// stream. Chime writes each notification as a record of its own, so what cannot
// be read, a record that a producer library has aggregated included, is somebody
// else's or a damaged notification, and only a person can find out which. Lambda
// drops such records before they reach the function (see eventrule.VoiceStreamFilters);
// one that does come shows that the filter is gone.
var ErrForeign = errors.New("it is no voice-analytics notification")

// callAnalytics are the detail types of the records that call analytics writes for its
// own processors, as the developer guide and its data lake spell them.
var callAnalytics = []string{
	"CallAnalyticsMetadata", "Recording", "Transcribe", "TranscribeCallAnalytics",
	"TranscribeCallAnalyticsCategoryEvent", "TranscribeCallAnalyticsCategoryEvents",
}

// callAnalyticsFamilies are prefixes of detail types that may be added to them. Such a
// record is recognised only by what it lacks: every voice notification has an id.
var callAnalyticsFamilies = []string{"CallAnalytics", "Recording", "Transcribe"}

// isForeign reports whether an event is surely no voice notification. Its service
// type decides, but for the three detail types that only voice analytics has:
// these are never foreign, whatever the service type says, since a notification
// that is skipped is lost.
func isForeign(ev *Event) bool {
	switch {
	case ev.ServiceType == ServiceVoiceAnalytics, analyticsOf(ev.DetailType) != AnalyticsUnknown:
		return false
	case ev.ServiceType != "", slices.Contains(callAnalytics, ev.DetailType):
		return true
	}
	return ev.ID == "" && slices.ContainsFunc(callAnalyticsFamilies, func(family string) bool {
		return strings.HasPrefix(ev.DetailType, family)
	})
}
