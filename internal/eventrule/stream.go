package eventrule

// VoiceStreamFilters returns the filters for the stream that carries voice
// notifications, as new values that the caller may change: a record reaches the
// function voice only when its data matches one of them. Everything else that call
// analytics writes to the same stream, transcripts above all, is dropped unread.
//
// Voice notifications are known by their service type. The developer guide's data
// lake lists their detail types under another service type as well, and a
// notification that is dropped is lost: so their detail types match, too.
//
// Each is a pattern of an event source mapping (Lambda developer guide, "Using event
// filtering with a Kinesis event source"), which filters on data alone and drops a
// record whose data is no JSON. Records that a producer library has aggregated are
// no JSON, and so are dropped, too: without enhanced fan-out Lambda does not look
// into them.
func VoiceStreamFilters() []Pattern {
	return []Pattern{
		{"data": Pattern{"service-type": Values{serviceVoiceAnalytics}}},
		{"data": Pattern{"detail-type": Values{"VoiceAnalyticsStatus", "SpeakerSearchStatus", "VoiceToneAnalysisStatus"}}},
	}
}
