// Package eventrule is the routing table: which events reach which function, as
// data. The deployed stack makes EventBridge rules of it and the local bus
// matches by it, so what runs on a laptop is what deploys.
package eventrule

// Pattern is an EventBridge event pattern; encoding/json gives the text that
// EventBridge takes. A field's value is either a nested Pattern or a Values.
type Pattern map[string]any

// Values lists what a field may be: strings, true, false, nil (JSON null), and
// operators. One of them has to fit.
type Values []any

// Operator is one comparison that is not plain equality, as EventBridge spells
// it: the only key is the operator's name.
type Operator map[string]any

// Rule sends the events that fit its pattern to one function.
type Rule struct {
	// Name is unique in the table and may be a rule's name in EventBridge.
	Name string
	// Description says for a reader of the account's rule list what passes here.
	Description string
	// Function names the folder of the function below functions/.
	Function string
	Pattern  Pattern
}

// Options chooses between variants of the table. The zero value matches events of
// Amazon Chime itself, and consent from any account.
type Options struct {
	// Rehearsal lets events of the rehearsal source in, too: nobody but AWS may put
	// events whose source begins with "aws.".
	Rehearsal bool
	// Account, when it is not empty, is the only account from which consent is let
	// in. Without it, whoever may forward events to the bus may consent.
	Account string
}

// Sources, service types and detail types that the patterns name.
const (
	sourceChime     = "aws.chime"
	sourceRehearsal = "chimewatch.rehearsal"
	sourceConsent   = "chimewatch.consent"

	serviceVoiceAnalytics = "VoiceAnalytics"

	detailStateChange  = "Media Insights State Change"
	detailRulesMatched = "Media Insights Rules Matched"

	// EventBridge's reference lists these two, and nothing says what is in them.
	detailCallInsightsState = "Call Insights State Change"
	detailCallInsightsRules = "Call Insights Rules Matched"

	eventPermanentFailure = "chime:MediaInsightsPermanentFailure"
	eventCreateFailed     = "chime:MediaInsightsCreateFailed"
)

// Table gives every rule, each time as new values that the caller may change.
//
// A temporary failure has no rule of its own: the service retries by itself, and
// the state change is kept like any other.
func Table(o Options) []Rule {
	return []Rule{
		{
			Name:        "state-change",
			Description: "Every state change of a call analytics pipeline, known to us or not",
			Function:    "status",
			Pattern:     o.pattern(nil, detailStateChange),
		},
		{
			Name:        "call-insights",
			Description: "Events of call analytics that nothing documents: kept, and never notified",
			Function:    "status",
			Pattern:     o.pattern(nil, detailCallInsightsState, detailCallInsightsRules),
		},
		{
			Name:        "permanent-failure",
			Description: "A call analytics pipeline failed for good",
			Function:    "failures",
			Pattern:     o.pattern(Pattern{"eventType": Values{eventPermanentFailure}}, detailStateChange),
		},
		{
			Name:        "create-failed",
			Description: "A call analytics pipeline could not be created",
			Function:    "failures",
			Pattern:     o.pattern(Pattern{"eventType": Values{eventCreateFailed}}, detailStateChange),
		},
		{
			Name:        "element-failure",
			Description: "An element failed or did nothing in a pipeline that goes on or has ended",
			Function:    "failures",
			Pattern:     o.elementFailure(Pattern{"status": Values{"Failed", "NotSupported"}}),
		},
		{
			// A pattern cannot look into JSON text, but it can find the two words in it, in
			// quotes as no remark on a status has them. The function reads the text, and
			// reports it where no element failed after all. The function status could read it
			// as well, but it may not publish to the topic of failures, and what fails there
			// must not keep states from being written. One rule for both forms is not
			// possible: a field has either a pattern or a list of values.
			Name:        "element-failure-text",
			Description: "An element failed or did nothing, and the elements came as JSON text",
			Function:    "failures",
			Pattern: o.elementFailure(Values{
				Operator{opWildcard: `*"Failed"*`}, Operator{opWildcard: `*"NotSupported"*`},
			}),
		},
		{
			Name:        "rules-matched",
			Description: "A real-time rule of a call analytics configuration matched",
			Function:    "alerts",
			Pattern:     o.pattern(nil, detailRulesMatched),
		},
		{
			Name:        "consent",
			Description: "Somebody consents to voice-analytics tasks, refuses, or takes consent back",
			Function:    "consent",
			// The function reports what is wrong with an event of that source, so that it
			// does not pass in silence.
			Pattern: o.consent(),
		},
	}
}

// elementFailure matches state changes with elements of a form, but for those that
// have a rule of their own.
func (o Options) elementFailure(elements any) Pattern {
	return o.pattern(Pattern{
		"eventType":                            Values{Operator{opAnythingBut: []string{eventPermanentFailure, eventCreateFailed}}},
		"mediaInsightsPipelineElementStatuses": elements,
	}, detailStateChange)
}

// pattern matches events of the detail types; a nil detail may be any.
func (o Options) pattern(detail Pattern, detailTypes ...any) Pattern {
	sources := Values{sourceChime}
	if o.Rehearsal {
		sources = append(sources, sourceRehearsal)
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
