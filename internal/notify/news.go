package notify

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// IncidentUpdate is the kind of every notification about an incident.
const IncidentUpdate Kind = "incident"

// Incident renders an update of an incident.
func Incident(u incident.Update, o Options) Message { return update{u}.message(o) }

// update has the methods that render an incident.Update.
type update struct{ incident.Update }

// cause is the cause that the message is about: of the incident, or the other one.
func (n update) cause() incident.Cause {
	if n.Kind == incident.NewReason {
		return n.Another.Cause
	}
	return n.Incident.Cause()
}

func (n update) class() incident.Class { return n.cause().Class }

func (n update) message(o Options) Message {
	n = n.masked(o)
	i := n.Incident
	severity := n.label(i.Severity())
	attrs := map[string]string{
		"id": n.id(), "kind": string(IncidentUpdate), "stage": string(n.Kind), "incident": i.ID,
		"class": string(n.class()), "severity": severity,
	}
	x := extras{
		thread: i.ID, keywords: []string{severity, string(n.class()), scopeText(i.Scope), i.Element},
		short: [][]string{
			n.shortHeads(severity), scopeWordings(i.Scope),
			{calls(n.failed()) + " since " + n.since().UTC().Format("2 Jan 15:04") + " UTC."},
			{n.hint()},
			idWordings(i.ID),
		},
		data: data{
			Severity: severity, Rehearsal: i.Rehearsal(), Remedy: n.class().Remedy(), Runbook: o.runbook(string(n.class())),
			Incident: n.data(),
		},
	}
	if n.Kind != incident.Closing {
		x.steps = append(x.steps, n.class().Remedy())
	}
	x.steps = append(x.steps, "Details: "+n.show())
	if url := o.runbook(string(n.class())); url != "" {
		x.steps = append(x.steps, "Runbook: "+url)
	}
	if n.Failure != nil {
		attrs["account"], attrs["region"] = n.Failure.State.Account, n.Failure.State.Region
		x.data.Account, x.data.Region = clean(n.Failure.State.Account, maxID), clean(n.Failure.State.Region, maxID)
	}
	return Message{
		ID: n.id(), Kind: IncidentUpdate,
		Title:      n.title(severity),
		Subject:    n.subject(severity),
		Body:       n.body(o),
		Attributes: attributes(attrs),
	}.complete(x, o)
}

// masked hides phone numbers in all that comes from events.
func (n update) masked(o Options) update {
	var of pipeline.State
	if n.Failure != nil {
		of = n.Failure.State
	}
	mask := o.masker(of)
	if n.Failure != nil {
		f := *n.Failure
		f.State, f.Element = mask.state(f.State), mask.element(f.Element)
		n.Failure = &f
	}
	i := &n.Incident
	i.Scope, i.Element, i.Reason = mask.text(i.Scope), mask.text(i.Element), mask.text(i.Reason)
	i.Reasons = slices.Clone(i.Reasons)
	for k, r := range i.Reasons {
		i.Reasons[k].Text = mask.text(r.Text)
	}
	n.Another.Text = mask.text(n.Another.Text)
	i.Losses = slices.Clone(i.Losses)
	for k, loss := range i.Losses {
		i.Losses[k] = incident.Loss(mask.text(string(loss)))
	}
	n.Tally.Examples = slices.Clone(n.Tally.Examples)
	for k, e := range n.Tally.Examples {
		n.Tally.Examples[k].PipelineID, n.Tally.Examples[k].CallID = mask.text(e.PipelineID), mask.text(e.CallID)
	}
	return n
}

func (n update) show() string { return "chimewatch incidents show " + shellQuote(n.Incident.ID) }

// data is the incident for machines.
func (n update) data() *incidentData {
	i := n.Incident
	d := &incidentData{
		ID: i.ID, Stage: n.Kind, Class: n.class(), Target: clean(n.cause().Target, maxWord), Scope: clean(i.Scope, maxID),
		Element: clean(i.Element, maxID), Reason: clean(n.reason(), maxReason),
		Calls: n.Tally.Calls, OpenedAt: i.OpenedAt.UTC(), LastAt: n.Tally.LastAt.UTC(), ClosedAt: i.ClosedAt.UTC(),
	}
	switch n.Kind {
	case incident.Reopening:
		d.NewCalls = n.fresh()
	case incident.Summary:
		d.NewCalls, d.Trend = n.fresh(), incident.TrendOf(i.Announced, n.Tally.Calls)
	}
	for _, loss := range i.Losses {
		d.Losses = append(d.Losses, clean(string(loss), maxWord))
	}
	d.Reasons, d.OtherReasons = n.reasonsData()
	for _, e := range n.Tally.Examples {
		d.Examples = append(d.Examples, exampleOfCall{clean(e.PipelineID, maxID), clean(e.CallID, maxID)})
	}
	return d
}

func (n update) id() string {
	number := n.Incident.Reopened
	if n.Kind == incident.Summary {
		number = n.Incident.Announced.Summaries + 1
	}
	prefix := "incident/" + n.Incident.ID + "/" + string(n.Kind)
	switch n.Kind {
	case incident.Opening:
		return prefix
	case incident.GraverLoss:
		return prefix + "/" + string(n.Incident.Severity())
	case incident.NewReason: // once for each cause, whichever of its reasons came first
		return prefix + "/" + join(".", string(n.class()), clean(n.cause().Target, maxWord))
	}
	return prefix + "/" + strconv.Itoa(number)
}

func (n update) label(severity incident.Severity) string {
	if n.Kind == incident.Closing {
		return "over"
	}
	return string(severity)
}

// lost says what calls lose.
func (n update) lost() string {
	lost := lostText(n.Incident)
	switch n.Kind {
	case incident.Reopening:
		return lost + " again"
	case incident.NewReason:
		return lost + " for another reason"
	case incident.GraverLoss:
		return lost + " as well"
	}
	return lost
}

// hint says in a few words what to try first.
func (n update) hint() string {
	if n.Kind == incident.Closing {
		return ""
	}
	return n.class().Hint()
}

// since is when the first call failed: events do not come in their order, so
// that it need not be the one that opened the incident.
func (n update) since() time.Time {
	if first := n.Tally.Examples; len(first) > 0 && first[0].At.Before(n.Incident.OpenedAt) {
		return first[0].At
	}
	return n.Incident.OpenedAt
}

// failed is how many calls have failed: at least the one that opened it.
func (n update) failed() int { return max(n.Tally.Calls, 1) }

// fresh is how many calls have failed since people were told last.
func (n update) fresh() int { return max(n.Tally.Calls-n.Incident.Announced.Calls, 0) }

// headline says what calls lose, and how many.
func (n update) headline() string {
	what := n.lost()
	switch n.Kind {
	case incident.Summary:
		return fmt.Sprintf("%s, %s so far", what, calls(n.failed()))
	case incident.Closing:
		return fmt.Sprintf("%s, %s in all", what, calls(n.failed()))
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

func (n update) body(o Options) string {
	var l lines
	i := n.Incident
	l.say(n.happened())
	l.blank()
	l.tell("Calls", n.count())
	l.tell("Since", instant(n.since(), time.Time{}))
	if n.Kind != incident.Opening {
		l.tell("Last", instant(n.Tally.LastAt, time.Time{}))
	}
	lose := "Customers lose"
	if n.Kind == incident.Closing {
		lose = "Customers lost"
	}
	l.tell(lose, lossWords(i.Losses))
	l.tell("Likely cause", cause(n.class()))
	n.reasons(&l)
	if n.Failure != nil && n.Failure.State.Failure != nil {
		l.tell("Status code", clean(n.Failure.State.Failure.HTTPStatusCode, maxWord))
	}
	if n.Kind != incident.Closing {
		l.tell("Try first", n.class().Remedy())
	}
	l.blank()
	l.tell("Shared by", scopeText(i.Scope))
	l.tell("Element", clean(i.Element, maxWord))
	if n.Failure != nil {
		n.where(&l, n.Failure.State)
	}
	for _, example := range n.Tally.Examples {
		l.tell("Example", show(example.PipelineID))
	}
	l.tell("Details", n.show())
	l.tell("Runbook", o.runbook(string(n.class())))
	return l.String()
}

// where tells the place of a call that failed, except what the scope tells.
func (n update) where(l *lines, call pipeline.State) {
	_, kind, _ := incident.SplitScope(n.Incident.Scope)
	if kind != incident.ScopeConfiguration {
		l.tell("Configuration", configurationName(call.ConfigurationARN))
	}
	if kind != incident.ScopeRegion {
		l.tell("Account", place(call.Account, call.Region))
	}
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
func (n update) happened() string {
	switch n.Kind {
	case incident.Reopening:
		return "The cause is back: calls fail again as they did before."
	case incident.Summary:
		return "Calls go on failing."
	case incident.NewReason:
		return "Calls of this incident fail for another reason as well: once the first is repaired, they may go on failing."
	case incident.GraverLoss:
		return "Calls go on failing, and lose more than before."
	case incident.Closing:
		lasted := n.Tally.LastAt.Sub(n.since())
		if n.Incident.Rehearsal() {
			return "It is over: no call has failed in the rehearsal for a while."
		}
		return fmt.Sprintf("It is over: calls succeed again. It lasted %s, from the first failed call to the last.", span(max(lasted, 0)))
	}
	if n.Failure != nil {
		return failureText(*n.Failure) + " You will hear of further calls that fail like it in summaries."
	}
	return "A call failed. You will hear of further calls that fail like it in summaries."
}

// count says how many calls failed, and where that is going.
func (n update) count() string {
	total := strconv.Itoa(n.Tally.Calls)
	switch {
	case n.Tally.Calls == 0:
		return "none counted yet, because the event of the first could not be handled: look into the dead-letter queues"
	case n.Kind == incident.Reopening && n.fresh() > 0:
		return fmt.Sprintf("%s, %d of them since it came back", total, n.fresh())
	case n.Kind == incident.Summary:
		return fmt.Sprintf("%s, %d of them since the last message (%s)", total, n.fresh(), incident.TrendOf(n.Incident.Announced, n.Tally.Calls))
	}
	return total
}
