package notify

import (
	"cmp"
	"strconv"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// Match renders the notification of a rule match.
func Match(n rulematch.Notification, o Options) Message { return match{n}.message(o) }

// match has the methods that render a rulematch.Notification.
type match struct{ rulematch.Notification }

func (m match) message(o Options) Message {
	call, kind := m.callState(), rulematch.InferType(m.Event.RulesMatched)
	mask := o.masker(call)
	call = mask.state(call)
	rule := mask.rule(*m.Event.RulesMatched)
	name := clean(rule.RuleName, 2*maxWord)
	matched := "Rule " + name + " matched"
	text := join(" on call ", matched, clean(call.CallID, maxWord))
	id := join("/", string(RuleMatch), cmp.Or(m.DeduplicationID, m.Event.ID))
	x := extras{
		thread:   "call/" + cmp.Or(call.TransactionID, call.CallID, mask.text(id)),
		short:    [][]string{{text + ": " + ruleTypeText(kind) + "."}, {m.when(rule, call) + "."}, {callParties(call)}},
		keywords: []string{name, kind},
		attributes: map[string]string{
			"rule": name, "ruleType": kind,
			"configuration": configurationName(call.ConfigurationARN), "voiceConnectorId": call.VoiceConnectorID,
		},
		data: data{
			ID: mask.text(id), Kind: RuleMatch, Severity: string(cmp.Or(m.Severity, incident.Medium)),
			Rehearsal: chime.IsRehearsal(m.Event.ID), Account: call.Account, Region: call.Region,
			Match: &matchData{
				EventID: clean(mask.text(m.Event.ID), maxID), At: m.Event.Time.UTC(),
				HeldBack: m.Held, Rule: name, Type: kind,
				CallID: call.CallID, TransactionID: call.TransactionID, VoiceConnectorID: call.VoiceConnectorID,
				Direction: clean(call.Direction, maxWord), FromNumber: call.FromNumber, ToNumber: call.ToNumber,
			},
		},
	}
	if ref := cmp.Or(call.ID, call.TransactionID, call.CallID); ref != "" {
		x.steps = []string{"Details: " + showCommand(ref)}
	}
	tag := tag(x.data.Rehearsal)
	return Message{
		ID: id, Title: clean(tag+text, maxTitle), Subject: fit(tag+text, tag+matched),
		Body: m.body(rule, name, kind, call),
	}.complete(x, o)
}

// onCall says which matches are held back together; see rulematch.Key.
func (m match) onCall() string {
	switch rule := m.Event.RulesMatched; {
	case rule.CallID != "" || rule.TransactionID != "":
		return " on this call"
	case rule.ConfigurationARN() != "":
		return " of this configuration, on calls that the events do not name,"
	}
	return " in this Region, on calls that the events do not name,"
}

// moreMatches returns how many other matches there are.
func moreMatches(n int) string {
	if n == 1 {
		return "1 more match"
	}
	return strconv.Itoa(n) + " more matches"
}

// callState returns what is known of the call from its pipeline and from the match.
func (m match) callState() pipeline.State {
	var s pipeline.State
	if m.Call != nil {
		s = *m.Call
	}
	rule := m.Event.RulesMatched
	s.Account, s.Region = m.Event.Account, m.Event.Region
	s.CallID = cmp.Or(s.CallID, rule.CallID)
	s.TransactionID = cmp.Or(s.TransactionID, rule.TransactionID)
	s.VoiceConnectorID = cmp.Or(s.VoiceConnectorID, rule.VoiceConnectorID)
	s.Direction = cmp.Or(s.Direction, rule.Direction)
	s.FromNumber = cmp.Or(s.FromNumber, rule.FromNumber)
	s.ToNumber = cmp.Or(s.ToNumber, rule.ToNumber)
	s.ConfigurationARN = cmp.Or(s.ConfigurationARN, rule.ConfigurationARN())
	return s
}

func (m match) body(rule chime.RulesMatched, name, kind string, call pipeline.State) string {
	var l lines
	l.line("Rule " + name + " matched on a call: " + ruleTypeText(kind) + ".")
	l.blank()
	l.field("Rule type", kind)
	if m.Held > 0 {
		l.field("Held back", moreMatches(m.Held)+" of this rule"+m.onCall()+" since the last message")
	}
	l.field("When", m.when(rule, call))
	l.field("Call", call.CallID)
	l.field("Numbers", callParties(call))
	l.field("Voice Connector", call.VoiceConnectorID)
	l.field("Transaction", call.TransactionID)
	if m.Call != nil {
		l.field("Pipeline", join(", ", clean(call.PipelineID(), maxID), clean(string(call.Status), maxWord)))
	}
	l.field("Configuration", configurationName(call.ConfigurationARN))
	l.field("Account", place(call.Account, call.Region))
	l.blank()
	switch ref := cmp.Or(call.ID, call.TransactionID, call.CallID); {
	case m.Call != nil:
		l.field("Details", showCommand(ref))
	case ref != "":
		l.line("The call is not known yet: no event of its pipeline has arrived. " +
			"The match is stored, and shown with the call once one has.")
		l.field("Details", showCommand(ref))
	default:
		l.line("The event does not say on which call it matched.")
	}
	return l.text
}

// ruleTypeText says what a match of a type of rule means.
func ruleTypeText(kind string) string {
	switch kind {
	case rulematch.TypeKeyword:
		return "a keyword was spoken"
	case rulematch.TypeNegatedOrIssue:
		return "keywords were not spoken, or an issue was detected"
	case rulematch.TypeSentiment:
		return "the sentiment was negative for a while"
	}
	return "the event does not say which type of rule it is"
}

// when returns the time or the span that matched, and how far into the call it began.
// Where the event has none, it is the event's own time.
func (m match) when(rule chime.RulesMatched, call pipeline.State) string {
	start := callStart(call)
	begin, beginOK := chime.ParseTime(rule.BeginTimestamp)
	end, endOK := chime.ParseTime(rule.EndTimestamp)
	switch {
	case beginOK && endOK && !end.Before(begin):
		until := end.Format("15:04:05")
		if begin.YearDay() != end.YearDay() || begin.Year() != end.Year() {
			until = end.Format(timeFormat)
		}
		return begin.Format(timeFormat) + " to " + until + " UTC (" + formatDuration(end.Sub(begin)) + ")" +
			offsetIntoCall(begin, start)
	case beginOK:
		return instant(begin, start)
	case rule.BeginTimestamp != "":
		given := join(" to ", clean(rule.BeginTimestamp, maxWord), clean(rule.EndTimestamp, maxWord))
		return given + " (as given), in an event of " + instant(m.Event.Time, start)
	}
	return instant(m.Event.Time, start)
}
