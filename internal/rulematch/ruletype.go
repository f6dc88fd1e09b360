package rulematch

import "github.com/chimewatch/chimewatch/internal/chime"

// The types of real-time rules, as far as an event lets infer them.
const (
	TypeKeyword = "KeywordMatch"
	// TypeNegatedOrIssue: a rule for keywords that were not spoken, whose events
	// have no fields of their own, or one for issues, whose are not documented.
	TypeNegatedOrIssue = "negated KeywordMatch or IssueDetection"
	TypeSentiment      = "Sentiment"
	TypeUnknown        = "unknown"
)

// InferType returns the type of the rule that matched, which the event does
// not say, by the fields that the developer guide documents for each type: an
// utterance or a result for a spoken keyword, two times for a sentiment, none
// for keywords that were not spoken.
func InferType(m *chime.RulesMatched) string {
	switch {
	case m.UtteranceID != "" || m.ResultID != "":
		return TypeKeyword
	case m.BeginTimestamp != "" && m.EndTimestamp != "":
		return TypeSentiment
	case m.BeginTimestamp == "" && m.EndTimestamp == "":
		return TypeNegatedOrIssue
	}
	return TypeUnknown
}
