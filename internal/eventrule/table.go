// Package eventrule is the routing table as data: which events, and which schedule, invoke
// which function. The CDK stack makes EventBridge rules of it and the local bus matches by
// it, so what runs on a laptop is what deploys.
package eventrule

import (
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Rule sends the events that match its pattern to one function.
type Rule struct {
	// Name is unique in the table and may be a rule's name in EventBridge.
	Name string
	// Description is for readers of the account's list of rules.
	Description string
	// Function names the folder of the function below functions/.
	Function string
	Pattern  Pattern
}

// Rules are the rules of a bus.
type Rules []Rule

// Options chooses between variants of the table. The zero value matches events of
// Amazon Chime itself, and consent from any account.
type Options struct {
	// Rehearsal accepts events of the rehearsal source, too: only AWS may put events whose
	// source begins with "aws.".
	Rehearsal bool
	// Account is the only account whose consent is accepted. If it is empty, everybody who
	// may forward events to the bus may consent.
	Account string
}

// sourceConsent is that of our own events.
const sourceConsent = "chimewatch.consent"

// Table returns every rule, as new values that the caller may change.
//
// A temporary failure has no rule of its own: the service retries by itself, and the state
// change is stored like any other.
func Table(o Options) Rules {
	return Rules{
		{
			Name:        "state-change",
			Description: "Every state change of a call analytics pipeline, known to us or not",
			Function:    "status",
			Pattern:     o.pattern(nil, chime.DetailStateChange),
		},
		{
			Name:        "call-insights",
			Description: "Events of call analytics that nothing documents: stored, and never notified",
			Function:    "status",
			Pattern:     o.pattern(nil, chime.DetailCallInsightsState, chime.DetailCallInsightsRules),
		},
		{
			Name:        "permanent-failure",
			Description: "A call analytics pipeline failed for good",
			Function:    "failures",
			Pattern:     o.pattern(Pattern{"eventType": Values{chime.EventPermanentFailure}}, chime.DetailStateChange),
		},
		{
			Name:        "create-failed",
			Description: "A call analytics pipeline could not be created",
			Function:    "failures",
			Pattern:     o.pattern(Pattern{"eventType": Values{chime.EventCreateFailed}}, chime.DetailStateChange),
		},
		{
			Name:        "element-failure",
			Description: "An element failed or did nothing in a pipeline that goes on or has ended",
			Function:    "failures",
			Pattern:     o.elementFailure(Pattern{"status": Values{"Failed", "NotSupported"}}),
		},
		{
			// A pattern cannot read JSON text, but it can find the two statuses in it, in quotes as
			// no remark on a status has them. The function reads the text, and reports where no
			// element failed after all. The function status could read it as well, but it may not
			// publish to the topic of failures, and a failed notification must not keep it from
			// storing states. One rule for both forms is not possible: a field has either a
			// pattern or a list of values.
			Name:        "element-failure-text",
			Description: "An element failed or did nothing, and the elements came as JSON text",
			Function:    "failures",
			Pattern:     o.elementFailure(Containing{`"Failed"`, `"NotSupported"`}),
		},
		{
			Name:        "rules-matched",
			Description: "A real-time rule of a call analytics configuration matched",
			Function:    "alerts",
			Pattern:     o.pattern(nil, chime.DetailRulesMatched),
		},
		{
			Name:        "consent",
			Description: "Consent to voice tasks is granted, denied or withdrawn",
			Function:    "consent",
			// Any event of the source: the function reports one that is not valid.
			Pattern: o.consent(),
		},
	}
}

// elementFailure matches state changes with such elements, except those that have a rule
// of their own.
func (o Options) elementFailure(elements Condition) Pattern {
	others := AnythingBut{chime.EventPermanentFailure, chime.EventCreateFailed}
	detail := Pattern{"eventType": others, "mediaInsightsPipelineElementStatuses": elements}
	return o.pattern(detail, chime.DetailStateChange)
}

// pattern matches events of the detail types, and with the detail unless it is nil.
func (o Options) pattern(detail Pattern, detailTypes ...string) Pattern {
	sources := Values{chime.Source}
	if o.Rehearsal {
		sources = append(sources, chime.RehearsalSource)
	}
	p := Pattern{"source": sources, "detail-type": Values(detailTypes)}
	if detail != nil {
		p["detail"] = detail
	}
	return p
}

func (o Options) consent() Pattern {
	p := Pattern{"source": Values{sourceConsent}}
	if o.Account != "" {
		p["account"] = Values{o.Account}
	}
	return p
}

// Schedule invokes one function regularly.
type Schedule struct {
	// Name is unique among rules and schedules.
	Name        string
	Description string
	// Function names the folder of the function below functions/.
	Function string
	// Every is the time from one run to the next, in whole minutes.
	Every time.Duration
}

// Schedules returns every schedule, as new values.
func Schedules() []Schedule {
	return []Schedule{{
		Name:        "watch",
		Description: "Checks what no event reports, and sends summaries of incidents",
		Function:    "watch",
		Every:       time.Minute,
	}}
}

// VoiceStreamFilters returns the filters for the stream that carries voice notifications,
// as new values that the caller may change: a record reaches the function voice only when
// its data matches one of them. Everything else that call analytics writes to the same
// stream, transcripts above all, is dropped unread.
//
// Voice notifications have a service type of their own. The developer guide's data lake
// lists their detail types under another service type as well, and a notification that is
// dropped is lost: so their detail types match, too.
//
// Each is a pattern of an event source mapping (Lambda developer guide, "Using event
// filtering with a Kinesis event source"), which filters on data alone and drops a record
// whose data is no JSON. That includes records that a producer library has aggregated:
// without enhanced fan-out Lambda does not read them.
func VoiceStreamFilters() []Pattern {
	return []Pattern{
		{"data": Pattern{"service-type": Values{chime.ServiceVoiceAnalytics}}},
		{"data": Pattern{"detail-type": Values{
			chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone,
		}}},
	}
}
