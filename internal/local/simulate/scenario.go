package simulate

import (
	"fmt"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// scenario is one way in which a call can go.
type scenario struct {
	name string
	// weight is how often it is played, compared with the sum of all.
	weight int
	steps  []step
	// status is that of the pipeline at the end of the day; empty means Stopped.
	status   string
	degraded bool
	// failure is the kind of failure that is notified, if any.
	failure Kind
	// missed reports that the call has ended without an event that says so.
	missed bool
}

// step is a part of a scenario.
type step func(*call)

// all is a step of steps.
func all(steps ...step) step {
	return func(c *call) {
		for _, do := range steps {
			do(c)
		}
	}
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
	{name: "recording only", weight: 30, steps: []step{begin, run(), wait(30, 1200), stop}},
	{name: "transcript and recording", weight: 46, steps: two(transcribe, recording)},
	{name: "call analytics into a stream", weight: 30, steps: two(analytics, kinesis)},
	{name: "paused and resumed", weight: 10, steps: []step{record, pauses, wait(30, 300), stop}},
	{name: "recovers by itself", weight: 8, steps: []step{analyse, wait(20, 300), kinesisFails, wait(3, 60), run(kinesis),
		wait(30, 600), stop}},

	failing("access denied", "Access denied when assuming resource access role", kinesis),
	failing("stream deleted", "Kinesis data stream call-insights not found: the resource was deleted", kinesis),
	failing("throttled", "Amazon Transcribe throttled the request: rate exceeded", transcribe),
	failing("media format", "Incompatible media format on the Kinesis video stream", transcribe),
	// The documented failure that names neither a reason nor a call.
	{name: "failure without a word", weight: 4, status: "Failed", failure: PermanentFailure, steps: []step{
		func(c *call) { c.fields = nil }, change(chime.StatusFailed, chime.EventPermanentFailure, recording)}},
	refused("creation forbidden", "403", "The service-linked role may not be used by this configuration"),
	refused("creation over quota", "429", "The limit of active media insights pipelines was reached"),
	refused("creation refused", "400", "The media insights pipeline configuration is not valid"),
	elementFailing("processor fails, recording goes on", transcribe, recording),
	elementFailing("recording fails, processor goes on", recording, transcribe),

	{name: "voice enhancement", weight: 6, steps: append(enhancing(), stop)},
	{name: "voice enhancement not supported", weight: 5, degraded: true, failure: ElementFailure,
		steps: append(enhancing(), set(chime.StatusNotSupported, enhancement), // the first element, then
			func(c *call) { c.elements[0].StatusDetail = "Unsupported recording length" }, event(chime.EventStopped))},
	{name: "started by API", weight: 10, steps: []step{startedByAPI, run(analytics, kinesis), wait(30, 900), stop}},
	{name: "unknown event type", weight: 4,
		steps: []step{record, wait(10, 60), event("chime:MediaInsightsRebalanced"), wait(10, 300), stop}},

	{name: "still running", weight: 4, status: "InProgress", steps: []step{record}},
	{name: "left paused", weight: 3, status: "Paused", steps: []step{record, wait(10, 300), pause}},
	{name: "not yet recovered", weight: 3, status: "TemporarilyFailed", failure: TemporaryFailure,
		steps: []step{analyse, wait(10, 300), kinesisFails}},
	{name: "end missed", weight: 3, missed: true, steps: []step{record, set(chime.StatusStopped, transcribe, recording)}},
	{name: "failure missed", weight: 2, missed: true, status: "Failed", failure: PermanentFailure,
		steps: []step{record, set(chime.StatusFailed, recording)}},
	// The API does not know it any more.
	{name: "lost", weight: 2, missed: true, status: "Lost", steps: []step{record}},

	{name: "rule matches", weight: 24, steps: []step{analyse, matches, wait(10, 200), stop}},
	{name: "rule matches before the call is known", weight: 8,
		steps: []step{create, wait(3, 3), matchEarly, wait(3, 3), run(analytics, kinesis), wait(30, 600), stop}},
}

// two shows the elements start and stop one after the other.
func two(processor, sink string) []step {
	return []step{begin, set(chime.StatusNotStarted, sink), run(processor), wait(1, 3), run(sink), wait(30, 1200),
		change(chime.StatusStopped, chime.EventInProgress, processor), wait(1, 4), stop}
}

func failing(name, reason, culprit string) scenario {
	return scenario{name: name, weight: 4, status: "Failed", failure: PermanentFailure, steps: []step{
		begin, run(transcribe, culprit), wait(5, 400), set(chime.StatusFailed, culprit), stopElements,
		func(c *call) { c.state(chime.EventPermanentFailure, map[string]any{"failureReason": reason}) },
	}}
}

func refused(name, code, reason string) scenario {
	return scenario{name: name, weight: 4, status: "CreateFailed", failure: CreateFailed,
		steps: []step{func(c *call) {
			c.state(chime.EventCreateFailed, map[string]any{
				"mediaInsightsPipelineArn": nil, "mediaInsightsPipelineConfigurationArn": configurationARN,
				"failureOrigin": "Voice Connector", "httpStatusCode": code, "failureReason": reason,
			})
			c.truth.ID = fmt.Sprint("create-failed.", c.fields["transactionId"]) // there is no pipeline
		}}}
}

func elementFailing(name, fails, goesOn string) scenario {
	return scenario{name: name, weight: 5, degraded: true, failure: ElementFailure, steps: []step{
		begin, run(fails, goesOn), wait(10, 300), change(chime.StatusFailed, chime.EventInProgress, fails),
		wait(30, 600), stop,
	}}
}

// enhancing goes on after the recording has stopped: voice enhancement works on the
// finished recording.
func enhancing() []step {
	return []step{begin, set(chime.StatusNotStarted, enhancement), run(recording), wait(20, 600),
		set(chime.StatusStopped, recording), wait(1, 1), run(enhancement), wait(2, 60)}
}

// create sends the event of creation.
func create(c *call) {
	c.state(chime.EventCreated, map[string]any{"mediaInsightsPipelineConfigurationArn": configurationARN})
}

// Parts of several scenarios.
var (
	// begin sends the first event of a Voice Connector call; the next one may have the same
	// second.
	begin = all(create, wait(0, 2))
	// record begins a call that is transcribed and recorded, analyse one with call analytics.
	record  = all(begin, run(transcribe, recording))
	analyse = all(begin, run(analytics, kinesis))

	pause        = change(chime.StatusPaused, chime.EventPaused, transcribe, recording)
	kinesisFails = change(chime.StatusTemporarilyFailed, chime.EventTemporaryFailure, kinesis) // for a while
	// stop ends the call without a failure.
	stop = all(stopElements, event(chime.EventStopped))
)

// startedByAPI is for a pipeline that no Voice Connector started: it has no event of
// creation and no call fields, but the customer's runtime metadata.
func startedByAPI(c *call) {
	c.fields = map[string]any{
		"agentId": "agent-" + c.uuid()[:4], "queue": []string{"sales", "claims", "renewals"}[c.choice.IntN(3)],
		"campaign": "autumn",
	}
}

// wait lets between low and high seconds pass.
func wait(low, high int) step { return func(c *call) { c.wait(low, high) } }

// set changes the status of elements, without an event.
func set(status string, types ...string) step { return func(c *call) { c.set(status, types...) } }

// event sends a state change.
func event(eventType string) step { return func(c *call) { c.state(eventType, nil) } }

// change changes the status of elements and sends a state change.
func change(status, eventType string, types ...string) step {
	return all(set(status, types...), event(eventType))
}

// run sends InProgress with the elements running.
func run(types ...string) step {
	return change(chime.StatusInProgress, chime.EventInProgress, types...)
}

// stopElements stops the elements that have not failed.
func stopElements(c *call) {
	for _, e := range c.elements {
		if e.Status != chime.StatusFailed {
			c.set(chime.StatusStopped, e.Type)
		}
	}
}

func pauses(c *call) {
	for range 1 + c.choice.IntN(2) {
		all(wait(20, 200), pause, wait(10, 120), run(transcribe, recording))(c)
	}
}

func matches(c *call) {
	first := c.choice.IntN(len(matchForms))
	for i := range 1 + c.choice.IntN(2) {
		c.wait(10, 200)
		c.match(matchForms[(first+i)%len(matchForms)], false)
	}
}

// matchEarly sends a match that arrives before anything else of its call.
func matchEarly(c *call) { c.match(matchForms[c.choice.IntN(len(matchForms))], true) }

// brokenEvent is an event that its functions cannot handle.
type brokenEvent struct {
	functions  []string
	detailType string
	detail     map[string]any
	envelope   map[string]any // fields of the envelope that are not the usual ones
}

var broken = []brokenEvent{
	{functions: []string{"status"}, detailType: chime.DetailStateChange, // no pipeline ARN
		detail: map[string]any{"eventType": chime.EventInProgress}},
	{functions: []string{"status"}, detailType: chime.DetailStateChange, // no event type
		detail: map[string]any{"mediaInsightsPipelineArn": "arn:aws:chime:::media-pipeline/x"}},
	{functions: []string{"status", "failures"}, detailType: chime.DetailStateChange, // no pipeline ARN
		detail: map[string]any{"eventType": chime.EventPermanentFailure}},
	{functions: []string{"alerts"}, detailType: chime.DetailRulesMatched,
		detail: map[string]any{"version": "0", "ruleName": "r"}, envelope: map[string]any{"time": "yesterday"}},
}
