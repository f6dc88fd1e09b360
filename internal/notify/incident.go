package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Incident renders an update of an incident.
func Incident(u incident.Update, o Options) Message { return update{u}.message(o) }

// update has the methods that render an incident.Update.
type update struct{ incident.Update }

// about returns the reason that the message is about: the incident's, or the new one.
func (u update) about() incident.Reason {
	if u.Kind == incident.NewReason {
		return u.UrgentReason
	}
	return incident.Reason{Cause: u.Incident.Cause(), Text: u.Incident.Reason}
}

func (u update) class() incident.Class { return u.about().Class }

func (u update) message(o Options) Message {
	u = u.masked(o)
	i := u.Incident
	severity, class, shared := u.label(i.Severity()), u.class(), scopeOf(i.Scope)
	x := extras{
		thread: i.ID, keywords: []string{severity, string(class), shared.String(), i.Element},
		short: [][]string{
			u.shortHeads(severity), shared.wordings(),
			{calls(u.failed()) + " since " + u.since().UTC().Format("2 Jan 15:04") + " UTC."},
			{u.hint()},
			idWordings(i.ID),
		},
		attributes: map[string]string{"stage": string(u.Kind), "incident": i.ID, "class": string(class)},
		data: data{
			ID: u.id(), Kind: IncidentUpdate, Severity: severity, Rehearsal: i.Rehearsal(),
			Remedy: class.Remedy(), Runbook: o.runbook(string(class)), Incident: u.data(),
		},
	}
	if u.Kind != incident.Closing {
		x.steps = append(x.steps, class.Remedy())
	}
	x.steps = append(x.steps, "Details: "+u.showCommand())
	if u.Failure != nil {
		x.data.Account, x.data.Region = u.Failure.State.Account, u.Failure.State.Region
	}
	m := Message{ID: u.id(), Title: u.title(severity), Subject: u.subject(severity), Body: u.body()}
	return m.complete(x, o)
}

// masked returns the update with masked phone numbers in all that comes from events.
func (u update) masked(o Options) update {
	var of pipeline.State
	if u.Failure != nil {
		of = u.Failure.State
	}
	mask := o.masker(of)
	if u.Failure != nil {
		f := *u.Failure
		f.State, f.Element = mask.state(f.State), mask.element(f.Element)
		u.Failure = &f
	}
	i := &u.Incident
	i.Scope, i.Element, i.Reason = mask.text(i.Scope), mask.text(i.Element), mask.text(i.Reason)
	i.Reasons = slices.Clone(i.Reasons)
	for k, r := range i.Reasons {
		i.Reasons[k].Text = mask.text(r.Text)
	}
	u.UrgentReason.Text = mask.text(u.UrgentReason.Text)
	i.Losses = slices.Clone(i.Losses)
	for k, loss := range i.Losses {
		i.Losses[k] = incident.Loss(mask.text(string(loss)))
	}
	u.Counts.Examples = slices.Clone(u.Counts.Examples)
	for k, e := range u.Counts.Examples {
		u.Counts.Examples[k].PipelineID, u.Counts.Examples[k].CallID = mask.text(e.PipelineID), mask.text(e.CallID)
	}
	return u
}

func (u update) showCommand() string { return "chimewatch incidents show " + shellQuote(u.Incident.ID) }

// data returns the incident for machines.
func (u update) data() *incidentData {
	i := u.Incident
	d := &incidentData{
		ID: i.ID, Stage: u.Kind, Class: u.class(), Target: clean(u.about().Target, maxWord), Scope: clean(i.Scope, maxID),
		Element: clean(i.Element, maxID), Reason: clean(u.about().Text, maxReason),
		Calls: u.Counts.Calls, OpenedAt: i.OpenedAt.UTC(), LastAt: u.Counts.LastAt.UTC(), ClosedAt: i.ClosedAt.UTC(),
	}
	switch u.Kind {
	case incident.Reopening:
		d.NewCalls = u.newCalls()
	case incident.Summary:
		d.NewCalls, d.Trend = u.newCalls(), incident.TrendOf(i.Announced, u.Counts.Calls)
	}
	for _, loss := range i.Losses {
		d.Losses = append(d.Losses, clean(string(loss), maxWord))
	}
	d.Reasons, d.OtherReasons = u.reasonsData()
	for _, e := range u.Counts.Examples {
		d.Examples = append(d.Examples, exampleOfCall{clean(e.PipelineID, maxID), clean(e.CallID, maxID)})
	}
	return d
}

func (u update) id() string {
	number := u.Incident.Reopened
	if u.Kind == incident.Summary {
		number = u.Incident.Announced.Summaries + 1
	}
	prefix := "incident/" + u.Incident.ID + "/" + string(u.Kind)
	switch u.Kind {
	case incident.Opening:
		return prefix
	case incident.GraverLoss:
		return prefix + "/" + string(u.Incident.Severity())
	case incident.NewReason: // once for each cause, whichever of its reasons came first
		return prefix + "/" + join(".", string(u.class()), clean(u.about().Target, maxWord))
	}
	return prefix + "/" + strconv.Itoa(number)
}

func (u update) label(severity incident.Severity) string {
	if u.Kind == incident.Closing {
		return "over"
	}
	return string(severity)
}

// wording is what the notifications of a kind say in other words than the first.
type wording struct {
	happened string   // begins the body
	lost     string   // follows what calls lose
	short    []string // does so in a text message, the best first
}

var wordings = map[incident.UpdateKind]wording{
	incident.Reopening: {
		"The cause is back: calls fail again as they did before.",
		" again", []string{" again"},
	},
	incident.NewReason: {
		"Calls of this incident fail for another reason as well: once the first is repaired, they may go on failing.",
		" for another reason", []string{", another reason", " also"},
	},
	incident.GraverLoss: {
		"Calls go on failing, and lose more than before.",
		" as well", []string{" as well"},
	},
	incident.Summary: {happened: "Calls go on failing."},
}

// lost says what calls lose.
func (u update) lost() string { return lostText(u.Incident) + wordings[u.Kind].lost }

// hint returns the first thing to try, in a few words.
func (u update) hint() string {
	if u.Kind == incident.Closing {
		return ""
	}
	return u.class().Hint()
}

// since returns when the first call failed. Events come in any order, so that it need
// not be the call that opened the incident.
func (u update) since() time.Time {
	if first := u.Counts.Examples; len(first) > 0 && first[0].At.Before(u.Incident.OpenedAt) {
		return first[0].At
	}
	return u.Incident.OpenedAt
}

// failed returns how many calls have failed: at least the one that opened it.
func (u update) failed() int { return max(u.Counts.Calls, 1) }

// newCalls returns how many calls have failed since the last notification.
func (u update) newCalls() int { return max(u.Counts.Calls-u.Incident.Announced.Calls, 0) }

// headline says what calls lose, and how many.
func (u update) headline() string {
	what := u.lost()
	switch u.Kind {
	case incident.Summary:
		return fmt.Sprintf("%s, %s so far", what, calls(u.failed()))
	case incident.Closing:
		return fmt.Sprintf("%s, %s in all", what, calls(u.failed()))
	}
	return what
}

var lostWords = map[incident.Loss]string{
	incident.Recording:        "Calls not recorded",
	incident.Transcript:       "Calls not transcribed",
	incident.Insights:         "Call insights lost",
	incident.VoiceEnhancement: "Recordings not enhanced",
}

func lostText(i incident.Incident) string {
	if len(i.Losses) == 0 {
		return "Calls not analysed"
	}
	return cmp.Or(lostWords[i.Losses[0]], clean(string(i.Losses[0]), maxWord)+" failed")
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return strconv.Itoa(n) + " calls"
}

func (u update) body() string {
	var l lines
	i := u.Incident
	l.line(u.happened())
	l.blank()
	l.field("Calls", u.count())
	l.field("Since", instant(u.since(), time.Time{}))
	if u.Kind != incident.Opening {
		l.field("Last", instant(u.Counts.LastAt, time.Time{}))
	}
	lose := "Customers lose"
	if u.Kind == incident.Closing {
		lose = "Customers lost"
	}
	l.field(lose, lossesText(i.Losses))
	l.field("Likely cause", causeText(u.class()))
	u.reasons(&l)
	if u.Failure != nil && u.Failure.State.Failure != nil {
		l.field("Status code", clean(u.Failure.State.Failure.HTTPStatusCode, maxWord))
	}
	if u.Kind != incident.Closing {
		l.field("Try first", u.class().Remedy())
	}
	l.blank()
	l.field("Shared by", scopeOf(i.Scope).String())
	l.field("Element", clean(i.Element, maxWord))
	if u.Failure != nil {
		call := u.Failure.State
		_, kind, _ := incident.SplitScope(i.Scope)
		if kind != incident.ScopeConfiguration {
			l.field("Configuration", configurationName(call.ConfigurationARN))
		}
		if kind != incident.ScopeRegion {
			l.field("Account", place(call.Account, call.Region))
		}
	}
	for _, example := range u.Counts.Examples {
		l.field("Example", showCommand(example.PipelineID))
	}
	l.field("Details", u.showCommand())
	return l.text
}

func lossesText(losses []incident.Loss) string {
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
func (u update) happened() string {
	switch u.Kind {
	case incident.Opening:
		text := "A call failed."
		if u.Failure != nil {
			text = failureText(*u.Failure)
		}
		return text + " Summaries will count further calls that fail like it."
	case incident.Closing:
		if u.Incident.Rehearsal() {
			return "It is over: no call has failed in the rehearsal for a while."
		}
		lasted := u.Counts.LastAt.Sub(u.since())
		return fmt.Sprintf("It is over: calls succeed again. It lasted %s, from the first failed call to the last.",
			formatDuration(max(lasted, 0)))
	}
	return wordings[u.Kind].happened
}

// count says how many calls failed, and how that develops.
func (u update) count() string {
	total := strconv.Itoa(u.Counts.Calls)
	switch {
	case u.Counts.Calls == 0:
		return "none counted yet, because the event of the first could not be handled: see the dead-letter queues"
	case u.Kind == incident.Reopening && u.newCalls() > 0:
		return fmt.Sprintf("%s, %d of them since it came back", total, u.newCalls())
	case u.Kind == incident.Summary:
		trend := incident.TrendOf(u.Incident.Announced, u.Counts.Calls)
		return fmt.Sprintf("%s, %d of them since the last message (%s)", total, u.newCalls(), trend)
	}
	return total
}
