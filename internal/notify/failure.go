package notify

import (
	"cmp"
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

// Cause returns the likely cause: of an element that failed by what it says itself,
// and where that says nothing, or no element failed alone, by all that is known of
// the pipeline.
func (f Failure) Cause() incident.Cause {
	if f.Kind == ElementFailure {
		if cause := incident.CauseOfElement(f.Element); cause.Class != incident.Unknown {
			return cause
		}
	}
	return incident.CauseOfState(f.State)
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

func cause(class incident.Class) string {
	if class == incident.Unknown {
		return "unknown"
	}
	return class.Title()
}

// callStart is the earliest time known of the pipeline, which a call creates as
// it begins.
func callStart(s pipeline.State) time.Time {
	if s.CreatedAt.IsZero() {
		return s.StartedAt
	}
	return s.CreatedAt
}
