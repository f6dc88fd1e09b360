// Package rules is the routing table: which events reach which function, as
// data. The deployed stack makes EventBridge rules of it and the local bus
// matches by it, so what runs on a laptop is what deploys.
package rules

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
			Pattern:     o.pattern(detailStateChange, nil),
		},
		{
			Name:        "permanent-failure",
			Description: "A call analytics pipeline failed for good",
			Function:    "failures",
			Pattern:     o.pattern(detailStateChange, Pattern{"eventType": Values{eventPermanentFailure}}),
		},
		{
			Name:        "create-failed",
			Description: "A call analytics pipeline could not be created",
			Function:    "failures",
			Pattern:     o.pattern(detailStateChange, Pattern{"eventType": Values{eventCreateFailed}}),
		},
		{
			Name:        "element-failure",
			Description: "An element failed or did nothing in a pipeline that goes on or has ended",
			Function:    "failures",
			Pattern: o.pattern(detailStateChange, Pattern{
				// Those two come by the rules above.
				"eventType": Values{Operator{opAnythingBut: []string{eventPermanentFailure, eventCreateFailed}}},
				"mediaInsightsPipelineElementStatuses": Pattern{
					"status": Values{"Failed", "NotSupported"},
				},
			}),
		},
		{
			Name:        "rules-matched",
			Description: "A real-time rule of a call analytics configuration matched",
			Function:    "alerts",
			Pattern:     o.pattern(detailRulesMatched, nil),
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

func (o Options) pattern(detailType string, detail Pattern) Pattern {
	sources := Values{sourceChime}
	if o.Rehearsal {
		sources = append(sources, sourceRehearsal)
	}
	p := Pattern{"source": sources, "detail-type": Values{detailType}}
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
