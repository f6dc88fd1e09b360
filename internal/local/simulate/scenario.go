package simulate

import (
	"fmt"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// scenario is one way in which a call can go.
type scenario struct {
	name string
	// weight is how often it is played, against the sum of all.
	weight int
	play   func(*call)
	// open tells that the call has not ended at the end of the day.
	open bool
	// missed tells that the call has ended, and no event says so.
	missed bool
}

// The elements of the pipelines that are played.
const (
	transcribe  = chime.ElementTranscribe
	analytics   = chime.ElementTranscribeCallAnalytics
	recording   = chime.ElementRecordingSink
	kinesis     = chime.ElementKinesisSink
	enhancement = chime.ElementVoiceEnhancementSink
)

var scenarios = []scenario{
	{name: "recording only", weight: 30, play: playSingle},
	{name: "transcript and recording", weight: 46, play: func(c *call) { playTwo(c, transcribe, recording) }},
	{name: "call analytics into a stream", weight: 30, play: func(c *call) { playTwo(c, analytics, kinesis) }},
	{name: "paused and resumed", weight: 10, play: playPaused},
	{name: "recovers by itself", weight: 8, play: playRecovery},
	{name: "access denied", weight: 4, play: playFailure("Access denied when assuming resource access role", kinesis)},
	{name: "stream deleted", weight: 4, play: playFailure("Kinesis data stream call-insights not found: the resource was deleted", kinesis)},
	{name: "throttled", weight: 4, play: playFailure("Amazon Transcribe throttled the request: rate exceeded", transcribe)},
	{name: "media format", weight: 4, play: playFailure("Incompatible media format on the Kinesis video stream", transcribe)},
	{name: "failure without a word", weight: 4, play: playBareFailure},
	{name: "creation forbidden", weight: 4, play: playCreateFailed("403", "The service-linked role may not be used by this configuration")},
	{name: "creation over quota", weight: 4, play: playCreateFailed("429", "The limit of active media insights pipelines was reached")},
	{name: "creation refused", weight: 4, play: playCreateFailed("400", "The media insights pipeline configuration is not valid")},
	{name: "processor fails, recording goes on", weight: 5, play: func(c *call) { playElementFailure(c, transcribe, recording) }},
	{name: "recording fails, processor goes on", weight: 5, play: func(c *call) { playElementFailure(c, recording, transcribe) }},
	{name: "voice enhancement", weight: 6, play: func(c *call) { playEnhancement(c, false) }},
	{name: "voice enhancement not supported", weight: 5, play: func(c *call) { playEnhancement(c, true) }},
	{name: "started by API", weight: 10, play: playAPI},
	{name: "unknown event type", weight: 4, play: playUnknown},
	{name: "still running", weight: 4, play: playOpen, open: true},
	{name: "left paused", weight: 3, play: playLeftPaused, open: true},
	{name: "not yet recovered", weight: 3, play: playLeftFailing, open: true},
	{name: "end missed", weight: 3, play: playMissedEnd, missed: true},
	{name: "failure missed", weight: 2, play: playMissedFailure, missed: true},
	{name: "lost", weight: 2, play: playLost, missed: true},
	{name: "rule matches", weight: 24, play: playMatches},
	{name: "rule matches before the call is known", weight: 8, play: playEarlyMatch},
}

// begin sends what comes first for a Voice Connector call.
func (c *call) begin() {
	c.state(chime.EventCreated, c.configuration())
	c.wait(0, 2) // the two may bear the same second
}

// run sends InProgress with the elements running.
func (c *call) run(types ...string) {
	c.set(chime.StatusInProgress, types...)
	c.state(chime.EventInProgress, nil)
}

// stop ends the call in a clean way.
func (c *call) stop() {
	for _, e := range c.elements {
		if e.Status != chime.StatusFailed {
			c.set(chime.StatusStopped, e.Type)
		}
	}
	c.state(chime.EventStopped, nil)
}

func playSingle(c *call) {
	c.begin()
	c.run()
	c.wait(30, 1200)
	c.stop()
	c.ends("Stopped", false)
}

// playTwo shows the elements start and stop one after the other.
func playTwo(c *call, processor, sink string) {
	c.begin()
	c.set(chime.StatusNotStarted, sink)
	c.run(processor)
	c.wait(1, 3)
	c.run(sink)
	c.wait(30, 1200)
	c.set(chime.StatusStopped, processor)
	c.state(chime.EventInProgress, nil)
	c.wait(1, 4)
	c.stop()
	c.ends("Stopped", false)
}

func playPaused(c *call) {
	c.begin()
	c.run(transcribe, recording)
	for range 1 + c.choice.IntN(2) {
		c.wait(20, 200)
		c.set(chime.StatusPaused, transcribe, recording)
		c.state(chime.EventPaused, nil)
		c.wait(10, 120)
		c.run(transcribe, recording)
	}
	c.wait(30, 300)
	c.stop()
	c.ends("Stopped", false)
}

func playRecovery(c *call) {
	c.begin()
	c.run(analytics, kinesis)
	c.wait(20, 300)
	c.set(chime.StatusTemporarilyFailed, kinesis)
	c.state(chime.EventTemporaryFailure, nil)
	c.wait(3, 60)
	c.run(kinesis)
	c.wait(30, 600)
	c.stop()
	c.ends("Stopped", false)
}

func playFailure(reason, culprit string) func(*call) {
	return func(c *call) {
		c.begin()
		c.run(transcribe, culprit)
		c.wait(5, 400)
		c.set(chime.StatusFailed, culprit)
		for _, e := range c.elements {
			if e.Type != culprit {
				c.set(chime.StatusStopped, e.Type)
			}
		}
		c.state(chime.EventPermanentFailure, map[string]any{"failureReason": reason})
		c.ends("Failed", false, PermanentFailure)
	}
}

// playBareFailure is the documented failure that gives neither reason nor call.
func playBareFailure(c *call) {
	c.fields = nil
	c.set(chime.StatusFailed, recording)
	c.state(chime.EventPermanentFailure, nil)
	c.ends("Failed", false, PermanentFailure)
}

func playCreateFailed(code, reason string) func(*call) {
	return func(c *call) {
		extra := c.configuration()
		extra["mediaInsightsPipelineArn"] = nil
		extra["failureOrigin"], extra["httpStatusCode"], extra["failureReason"] = "Voice Connector", code, reason
		c.state(chime.EventCreateFailed, extra)
		c.truth.ID = fmt.Sprint("create-failed.", c.fields["transactionId"]) // there is no pipeline to go by
		c.ends("CreateFailed", false, CreateFailed)
	}
}

func playElementFailure(c *call, fails, goesOn string) {
	c.begin()
	c.run(fails, goesOn)
	c.wait(10, 300)
	c.set(chime.StatusFailed, fails)
	c.state(chime.EventInProgress, nil)
	c.wait(30, 600)
	c.stop()
	c.ends("Stopped", true, ElementFailure)
}

// playEnhancement goes on after the recording has stopped: voice enhancement
// works on the finished recording.
func playEnhancement(c *call, refused bool) {
	c.begin()
	c.set(chime.StatusNotStarted, enhancement)
	c.run(recording)
	c.wait(20, 600)
	c.set(chime.StatusStopped, recording)
	c.wait(1, 1)
	c.run(enhancement)
	c.wait(2, 60)
	if !refused {
		c.stop()
		c.ends("Stopped", false)
		return
	}
	c.set(chime.StatusNotSupported, enhancement)
	c.explain(enhancement, "Unsupported recording length")
	c.state(chime.EventStopped, nil)
	c.ends("Stopped", true, ElementFailure)
}

// playAPI is a pipeline that no Voice Connector started: no creation event, no
// call fields, but what the customer gave as runtime metadata.
func playAPI(c *call) {
	c.fields = map[string]any{
		"agentId": "agent-" + c.uuid()[:4], "queue": []string{"sales", "claims", "renewals"}[c.choice.IntN(3)],
		"campaign": "autumn",
	}
	c.run(analytics, kinesis)
	c.wait(30, 900)
	c.stop()
	c.ends("Stopped", false)
}

// playUnknown has an event type that is in no document.
func playUnknown(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.wait(10, 60)
	c.state("chime:MediaInsightsRebalanced", nil)
	c.wait(10, 300)
	c.stop()
	c.ends("Stopped", false)
}

func playOpen(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.ends("InProgress", false)
}

func playLeftPaused(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.wait(10, 300)
	c.set(chime.StatusPaused, transcribe, recording)
	c.state(chime.EventPaused, nil)
	c.ends("Paused", false)
}

func playLeftFailing(c *call) {
	c.begin()
	c.run(analytics, kinesis)
	c.wait(10, 300)
	c.set(chime.StatusTemporarilyFailed, kinesis)
	c.state(chime.EventTemporaryFailure, nil)
	c.ends("TemporarilyFailed", false, TemporaryFailure)
}

// playMissedEnd drops the event of the end.
func playMissedEnd(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.set(chime.StatusStopped, transcribe, recording)
	c.ends("Stopped", false)
}

// playMissedFailure drops the event of the failure, whose reason nobody tells.
func playMissedFailure(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.set(chime.StatusFailed, recording)
	c.ends("Failed", false, PermanentFailure)
}

// playLost drops the event of the end of a call that the API has forgotten.
func playLost(c *call) {
	c.begin()
	c.run(transcribe, recording)
	c.ends("Lost", false)
}

func playMatches(c *call) {
	c.begin()
	c.run(analytics, kinesis)
	first := c.choice.IntN(len(matchTypes))
	for i := range 1 + c.choice.IntN(2) {
		c.wait(10, 200)
		c.match(matchTypes[(first+i)%len(matchTypes)], false)
	}
	c.wait(10, 200)
	c.stop()
	c.ends("Stopped", false)
}

// playEarlyMatch has a match arrive before anything else of its call.
func playEarlyMatch(c *call) {
	c.state(chime.EventCreated, c.configuration())
	c.wait(3, 3)
	c.match(matchTypes[c.choice.IntN(len(matchTypes))], true)
	c.wait(3, 3)
	c.run(analytics, kinesis)
	c.wait(30, 600)
	c.stop()
	c.ends("Stopped", false)
}

// brokenEvent is an event that functions have to give up.
type brokenEvent struct {
	// functions are those that get it.
	functions []string
	make      func(*call) (id string, body []byte)
}

var broken = []brokenEvent{
	{[]string{"status"}, brokenState(map[string]any{"eventType": chime.EventInProgress})},                             // no pipeline ARN
	{[]string{"status"}, brokenState(map[string]any{"mediaInsightsPipelineArn": "arn:aws:chime:::media-pipeline/x"})}, // no event type
	{[]string{"status", "failures"}, brokenState(map[string]any{"eventType": chime.EventPermanentFailure})},           // no pipeline ARN
	{[]string{"alerts"}, func(c *call) (string, []byte) {
		id := c.uuid()
		return id, c.envelope(id, chime.DetailRulesMatched, map[string]any{"version": "0", "ruleName": "r"}, map[string]any{"time": "yesterday"})
	}},
}

func brokenState(detail map[string]any) func(*call) (string, []byte) {
	return func(c *call) (string, []byte) {
		id := c.uuid()
		return id, c.envelope(id, chime.DetailStateChange, detail, nil)
	}
}
