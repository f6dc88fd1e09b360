package rules

// VoiceStreamFilter returns the filter for the stream that carries voice
// notifications, as new values that the caller may change: a record reaches the
// function voice only when its data matches. Everything else that call analytics
// writes to the same stream, transcripts above all, is dropped unread.
//
// It is a pattern of an event source mapping (Lambda developer guide, "Using event
// filtering with a Kinesis event source"), which filters on data alone and drops a
// record whose data is no JSON. Records that a producer library has aggregated are
// no JSON, and so are dropped, too: without enhanced fan-out Lambda does not look
// into them.
func VoiceStreamFilter() Pattern {
	return Pattern{"data": Pattern{"service-type": Values{serviceVoiceAnalytics}}}
}
