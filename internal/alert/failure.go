package alert

import (
	"cmp"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Failure is a failure to tell people about.
type Failure struct {
	// Kind is PermanentFailure, CreateFailed, ElementFailure or TemporaryFailure.
	Kind Kind
	// State is what is known of the pipeline.
	State pipeline.State
	// Element is the one that failed, when Kind is ElementFailure; or for a time,
	// where one is said to, when Kind is TemporaryFailure.
	Element pipeline.Element
	// At is when it failed: the time of the event.
	At time.Time
}

// Class names the likely cause.
func (f Failure) Class() incident.Class {
	if f.Kind == ElementFailure {
		if class := incident.ClassOfElement(f.Element); class != incident.Unknown {
			return class
		}
	}
	return incident.ClassOf(f.State)
}

// Losses gives what the customer loses, the gravest first. It is empty where
// the events do not tell which elements there are.
func (f Failure) Losses() []incident.Loss {
	if f.Element.Type != "" {
		return incident.Losses([]pipeline.Element{f.Element})
	}
	var failed, unfinished []pipeline.Element
	for _, e := range f.State.Elements {
		switch {
		case chime.Element(e).Failing():
			failed = append(failed, e)
		case e.Status != chime.StatusStopped:
			unfinished = append(unfinished, e)
		}
	}
	if len(failed) == 0 {
		// The pipeline failed, and no element says that it was the one: then
		// all fell with it that were not done.
		failed = unfinished
	}
	return incident.Losses(failed)
}

// Message renders the failure.
func (f Failure) Message(o Options) Message {
	id := join("/", string(f.Kind), f.State.ID)
	if f.Kind == ElementFailure {
		id = join("/", id, f.Element.Type)
	}
	mask := o.masker(f.State)
	f.State, f.Element = mask.state(f.State), mask.element(f.Element)
	class, losses := f.Class(), f.Losses()
	severity := incident.SeverityOf(losses)
	where := join(", ", configurationName(f.State.ConfigurationARN), clean(f.State.Region, maxWord))
	if where != "" {
		where = " (" + where + ")"
	}
	return Message{
		ID:      id,
		Kind:    f.Kind,
		Subject: subject("[" + string(severity) + "] " + f.headline(losses) + ": " + class.Title() + where),
		Body:    f.body(o, class, losses),
		Attributes: attributes(map[string]string{
			"id": mask.text(id), "kind": string(f.Kind), "class": string(class), "severity": string(severity),
			"account": f.State.Account, "region": f.State.Region,
			"configuration": configurationName(f.State.ConfigurationARN), "voiceConnectorId": f.State.VoiceConnectorID,
		}),
	}
}

// headline is the shortest that a person must know.
func (f Failure) headline(losses []incident.Loss) string {
	if f.Kind == CreateFailed {
		return "Call analytics not started"
	}
	if len(losses) == 0 {
		return "Call analytics failed"
	}
	switch losses[0] {
	case incident.Recording:
		if len(losses) > 1 && losses[1] == incident.Transcript {
			return "Call not recorded or transcribed"
		}
		return "Call not recorded"
	case incident.Transcript:
		return "Call not transcribed"
	case incident.Insights:
		return "Call insights lost"
	case incident.VoiceEnhancement:
		return "Recording not enhanced"
	}
	return clean(string(losses[0]), maxWord) + " failed"
}

func (f Failure) body(o Options, class incident.Class, losses []incident.Loss) string {
	var l lines
	s := f.State
	l.say(f.happened())
	l.blank()
	l.tell("This call loses", f.lossText(losses))
	l.tell("Likely cause", cause(class))
	l.tell("Reason given", f.reason())
	l.tell("Refused by", f.refusedBy())
	l.tell("Try first", class.Remedy())
	l.blank()
	l.tell("When", instant(f.At, f.callStart(losses)))
	l.tell("Call", clean(s.CallID, maxID))
	l.tell("Numbers", people(s))
	l.tell("Voice Connector", clean(s.VoiceConnectorID, maxID))
	l.tell("Transaction", clean(s.TransactionID, maxID))
	l.tell("Pipeline", clean(s.PipelineID(), maxID))
	l.tell("Elements", elements(s.Elements))
	l.tell("Configuration", configurationName(s.ConfigurationARN))
	l.tell("Account", place(s.Account, s.Region))
	l.blank()
	l.tell("Details", show(s.ID))
	if o.RunbookURL != "" {
		l.tell("Runbook", o.RunbookURL+"#"+string(class))
	}
	return l.String()
}

// happened says what happened, in whole sentences.
func (f Failure) happened() string {
	switch f.Kind {
	case TemporaryFailure:
		return "A call's pipeline failed for a time, as the service says, and has not recovered: " + cmp.Or(clean(f.Element.Type, maxWord), "it does not say which element") + "."
	case CreateFailed:
		return "No pipeline could be created for a call, so call analytics does not run on it."
	case ElementFailure:
		text := "An element of a call's pipeline failed: " + clean(f.Element.Type, maxWord) + "."
		if f.Element.Status == chime.StatusNotSupported {
			text = clean(f.Element.Type, maxWord) + " is not supported for a call."
		}
		switch f.State.Status {
		case pipeline.InProgress:
			text += " The pipeline goes on without it."
		case pipeline.Stopped:
			text += " The pipeline has ended."
		}
		return text
	}
	return "A call's pipeline failed for good. The service does not retry it."
}

func (f Failure) lossText(losses []incident.Loss) string {
	if len(losses) == 0 {
		return "everything that its configuration delivers (recording, transcript, insights)"
	}
	words := make([]string, len(losses))
	for i, loss := range losses {
		switch loss {
		case incident.Recording, incident.Transcript, incident.Insights:
			words[i] = string(loss)
		case incident.VoiceEnhancement:
			words[i] = string(loss)
			if len(losses) == 1 {
				words[i] += " (the recording itself is not affected)"
			}
		default:
			words[i] = "what " + clean(string(loss), maxWord) + " delivers"
		}
	}
	return list(words)
}

func cause(class incident.Class) string {
	if class == incident.Unknown {
		return "unknown"
	}
	return class.Title()
}

// reason gives the raw reason, always: the class is only a guess at it.
func (f Failure) reason() string {
	var given, detail string
	if f.State.Failure != nil {
		given = clean(f.State.Failure.Reason, maxReason)
	}
	for _, e := range append([]pipeline.Element{f.Element}, f.State.Elements...) {
		if detail == "" && chime.Element(e).Failing() {
			detail = clean(e.StatusDetail, maxReason)
		}
	}
	if detail == given {
		detail = ""
	}
	if f.Kind == ElementFailure && detail != "" {
		given, detail = detail, given
	}
	return cmp.Or(join("; ", given, detail), "none")
}

func (f Failure) refusedBy() string {
	if f.Kind != CreateFailed || f.State.Failure == nil {
		return ""
	}
	status := clean(f.State.Failure.HTTPStatusCode, maxWord)
	if status != "" {
		status = "status " + status
	}
	return join(", ", clean(f.State.Failure.Origin, maxWord), status)
}

// callStart is when the call began, where that helps to understand the failure:
// voice enhancement runs when the call is over.
func (f Failure) callStart(losses []incident.Loss) time.Time {
	if f.Kind == CreateFailed || len(losses) > 0 && losses[0] == incident.VoiceEnhancement {
		return time.Time{}
	}
	return callStart(f.State)
}

// callStart is the earliest time known of the pipeline, which a call creates as
// it begins.
func callStart(s pipeline.State) time.Time {
	if s.CreatedAt.IsZero() {
		return s.StartedAt
	}
	return s.CreatedAt
}

// mostElements is how many elements a line names: the configurations of call
// analytics have at most as many, other lists would be no line any more.
const mostElements = 9

func elements(all []pipeline.Element) string {
	var b strings.Builder
	for i, e := range all {
		if i == mostElements {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(clean(e.Type, maxWord) + " " + clean(e.Status, maxWord))
	}
	return b.String()
}
