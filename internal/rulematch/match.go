package rulematch

import (
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The types of real-time rules, as far as an event lets infer them.
const (
	TypeKeyword = "KeywordMatch"
	// TypeNegatedOrIssue is a rule for keywords that were not spoken, whose events have no
	// fields of their own, or one for issues, whose fields are not documented.
	TypeNegatedOrIssue = "negated KeywordMatch or IssueDetection"
	TypeSentiment      = "Sentiment"
	TypeUnknown        = "unknown"
)

// InferType returns the type of the rule that matched. The event does not say it, so it
// is inferred from the fields that the developer guide documents for each type: an
// utterance or a result for a spoken keyword, two times for a sentiment, none for
// keywords that were not spoken.
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

// Key says which matches share a window: those of one rule in one scope.
type Key struct {
	Scope Scope
	// ID is the id of the scope, shortened where it is longer than a key of the table.
	ID   string
	Rule string
}

// Scope is where the matches of a rule share a window.
type Scope string

// The scopes. A match belongs to its transaction, else to its call. Where the event names
// neither, it belongs to a group: that of its configuration, else that of its account and
// Region, and for rehearsals to one apart. OneMatch is the scope of such a match where
// windows are disabled.
const (
	Transaction Scope = "transaction"
	Call        Scope = "call"
	Group       Scope = "group"
	OneMatch    Scope = "match"
)

// maxIDInName is how many bytes of a key's id are in the id of a notification, whose key
// in the table has room for a rule's name as well.
const maxIDInName = 400

// KeyOf returns the key of a match. grouped decides what a match is that names no call:
// part of its group, or on its own.
func KeyOf(ev *chime.Event, grouped bool) Key {
	k, rule := Key{Rule: ev.RulesMatched.RuleName}, ev.RulesMatched
	switch {
	case rule.TransactionID != "":
		k.Scope, k.ID = Transaction, chime.ShortID(rule.TransactionID, pipeline.MaxIDLength)
	case rule.CallID != "":
		k.Scope, k.ID = Call, chime.ShortID(rule.CallID, pipeline.MaxIDLength)
	case !grouped:
		k.Scope, k.ID = OneMatch, ev.ID
	default:
		st := pipeline.State{Account: ev.Account, Region: ev.Region, ConfigurationARN: rule.ConfigurationARN()}
		name := incident.ScopeOf(st)
		if chime.IsRehearsal(ev.ID) {
			name = chime.RehearsalPrefix + name
		}
		k.Scope, k.ID = Group, chime.ShortID(name, maxIDInName)
	}
	return k
}

// Name returns the key as ids of notifications have it.
func (k Key) Name() string { return chime.ShortID(k.ID, maxIDInName) + "/" + k.Rule }
