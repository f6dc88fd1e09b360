package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// Stage is what happened to an incident.
type Stage string

// The stages.
const (
	Opening   Stage = "opening"
	Reopening Stage = "reopening"
	Summary   Stage = "summary"
	Closing   Stage = "closing"
)

// IncidentNews is the kind of every message about an incident.
const IncidentNews Kind = "incident"

// News is news of an incident to tell people.
type News struct {
	Stage    Stage
	Incident incident.Incident
	Tally    incident.Tally
	// Failure is the failure that it opened with, or an example; nil when none
	// is known.
	Failure *Failure
	// Now is when the news is told.
	Now time.Time
}

// Message renders the news.
func (n News) Message(o Options) Message {
	if n.Failure != nil {
		masked, mask := *n.Failure, o.masker(n.Failure.State)
		masked.State, masked.Element = mask.state(masked.State), mask.element(masked.Element)
		n.Failure = &masked
	}
	i := n.Incident
	severity := incident.SeverityOf(i.Losses)
	attrs := map[string]string{
		"id": n.id(), "kind": string(IncidentNews), "stage": string(n.Stage), "incident": i.ID,
		"class": string(i.Class), "severity": string(severity),
	}
	where := scopeText(i.Scope)
	if n.Failure != nil {
		attrs["account"], attrs["region"] = n.Failure.State.Account, n.Failure.State.Region
	}
	return Message{
		ID: n.id(), Kind: IncidentNews,
		Subject:    subject("[" + n.label(severity) + "] " + n.headline() + ": " + i.Class.Title() + " (" + where + ")"),
		Body:       n.body(o),
		Attributes: attributes(attrs),
	}
}

func (n News) id() string {
	number := n.Incident.Reopened
	if n.Stage == Summary {
		number = n.Incident.Told.Summaries + 1
	}
	if n.Stage == Opening {
		return "incident/" + n.Incident.ID + "/" + string(Opening)
	}
	return "incident/" + n.Incident.ID + "/" + string(n.Stage) + "/" + strconv.Itoa(number)
}

func (n News) label(severity incident.Severity) string {
	if n.Stage == Closing {
		return "over"
	}
	return string(severity)
}

// headline says what calls lose, and how many.
func (n News) headline() string {
	what := lostText(n.Incident)
	switch n.Stage {
	case Reopening:
		return what + " again"
	case Summary:
		return fmt.Sprintf("%s, %s so far", what, calls(n.Tally.Calls))
	case Closing:
		return fmt.Sprintf("%s, %s in all", what, calls(n.Tally.Calls))
	}
	return what
}

func lostText(i incident.Incident) string {
	if len(i.Losses) == 0 {
		return "Calls not analysed"
	}
	switch i.Losses[0] {
	case incident.Recording:
		return "Calls not recorded"
	case incident.Transcript:
		return "Calls not transcribed"
	case incident.Insights:
		return "Call insights lost"
	case incident.VoiceEnhancement:
		return "Recordings not enhanced"
	}
	return clean(string(i.Losses[0]), maxWord) + " failed"
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return strconv.Itoa(n) + " calls"
}

// scopeText names in words what the failed calls share.
func scopeText(scope string) string {
	kind, name, _ := strings.Cut(scope, "/")
	switch kind {
	case incident.ScopeVoiceConnector:
		return "Voice Connector " + clean(name, maxWord)
	case incident.ScopeConfiguration:
		return "configuration " + configurationName(name)
	}
	return "account " + clean(strings.ReplaceAll(name, "/", ", "), maxWord)
}

func (n News) body(o Options) string {
	var l lines
	i := n.Incident
	l.say(n.happened())
	l.blank()
	l.tell("Calls", n.count())
	l.tell("Since", instant(i.OpenedAt, time.Time{}))
	l.tell("They lose", lossWords(i.Losses))
	l.tell("Likely cause", cause(i.Class))
	l.tell("Reason given", clean(orNone(i.Reason), maxReason))
	if n.Stage != Closing {
		l.tell("Try first", i.Class.Remedy())
	}
	l.blank()
	l.tell("Shared by", scopeText(i.Scope))
	l.tell("Element", clean(i.Element, maxWord))
	for _, example := range n.Tally.Examples {
		l.tell("Example", show(example.PipelineID))
	}
	l.tell("Details", "chimewatch incidents show "+shellQuote(i.ID))
	if o.RunbookURL != "" {
		l.tell("Runbook", o.RunbookURL+"#"+string(i.Class))
	}
	return l.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func lossWords(losses []incident.Loss) string {
	if len(losses) == 0 {
		return "everything that the configuration delivers (recording, transcript, insights)"
	}
	words := make([]string, len(losses))
	for i, loss := range losses {
		words[i] = clean(string(loss), maxWord)
	}
	return list(words)
}

// happened says what happened, in a sentence or two.
func (n News) happened() string {
	switch n.Stage {
	case Reopening:
		return "The cause is back: calls fail again as they did before."
	case Summary:
		return "Calls go on failing."
	case Closing:
		lasted := n.Tally.LastAt.Sub(n.Incident.OpenedAt)
		return fmt.Sprintf("It is over: calls succeed again. It lasted %s, from the first failed call to the last.", span(max(lasted, 0)))
	}
	if n.Failure != nil {
		return n.Failure.happened() + " You will hear of further calls that fail like it in summaries."
	}
	return "A call failed. You will hear of further calls that fail like it in summaries."
}

// count says how many calls failed, and where that is going.
func (n News) count() string {
	total := strconv.Itoa(n.Tally.Calls)
	if n.Stage != Summary {
		return total
	}
	fresh := n.Tally.Calls - n.Incident.Told.Calls
	return fmt.Sprintf("%s, %d of them since the last message (%s)", total, fresh, incident.TrendOf(n.Incident.Told, n.Tally.Calls))
}
