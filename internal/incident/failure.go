package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Kind is what failed.
type Kind string

// The kinds of failures.
const (
	PermanentFailure Kind = "permanent-failure"
	CreateFailed     Kind = "create-failed"
	ElementFailure   Kind = "element-failure"
	TemporaryFailure Kind = "temporary-failure" // one that has lasted for longer than it should
)

// Failure is a pipeline, or one element of it, that failed.
type Failure struct {
	Kind Kind
	// State is what is known of the pipeline, by this event and all before. Scope,
	// losses and notifications are made of it.
	State pipeline.State
	// Event is what the one event says of the pipeline. Cause, reason and element are
	// read from it alone, so that a failure joins the same incident whatever the table
	// knows by then.
	Event pipeline.State
	// Element is the one that failed, where Kind is ElementFailure, and, if an event
	// names it, where it is TemporaryFailure.
	Element chime.Element
	// At is when it failed: the time of the event.
	At time.Time
}

// FailuresIn returns the failures that one event reports, of which st is the state.
func FailuresIn(ev *chime.Event, st pipeline.State) []Failure {
	switch st.Status {
	case pipeline.Failed:
		return []Failure{{Kind: PermanentFailure}}
	case pipeline.CreateFailed:
		return []Failure{{Kind: CreateFailed}}
	}
	var failures []Failure
	for _, e := range pipeline.FailingIn(ev) {
		failures = append(failures, Failure{Kind: ElementFailure, Element: e})
	}
	return failures
}

// Cause returns the likely cause: of an element that failed by what the element says,
// and where that says nothing, or no element failed alone, by all of the event.
func (f Failure) Cause() Cause {
	if f.Kind == ElementFailure {
		if cause := CauseOfElement(f.Element); cause.Class != Unknown {
			return cause
		}
	}
	return CauseOfState(f.Event)
}

// Losses returns what the customer loses, the most severe first. It is empty where
// no event says which elements there are.
func (f Failure) Losses() []Loss {
	if f.Element.Type != "" {
		return Losses([]chime.Element{f.Element})
	}
	failed := f.State.FailingElements()
	if len(failed) == 0 { // the pipeline failed, and all that was not done failed with it
		stopped := func(e chime.Element) bool { return e.Status == chime.StatusStopped }
		failed = slices.DeleteFunc(slices.Clone(f.State.Elements), stopped)
	}
	return Losses(failed)
}

// element returns the type of the element that the failure is about: the one that
// failed, or the one whose loss is most severe.
func (f Failure) element() string {
	return cmp.Or(f.Element.Type, MostSevere(f.Event.FailingElements()))
}

// reason returns the text of the failure, empty where the event has none: of the
// element, else of the pipeline, else of the first element that failed with it.
func (f Failure) reason() string {
	texts := []string{f.Element.StatusDetail}
	if f.Event.Failure != nil {
		texts = append(texts, f.Event.Failure.Reason)
	}
	for _, e := range f.Event.FailingElements() {
		texts = append(texts, e.StatusDetail)
	}
	return cmp.Or(texts...)
}

// began returns when the failure began: events go on naming an element that failed
// long before them.
func (f Failure) began() time.Time {
	if since := time.UnixMilli(f.Element.UpdatedOn); f.Kind == ElementFailure && since.Before(f.At) {
		return since
	}
	return f.At
}

// Report is what a failure says for its incident.
type Report struct {
	Group Group
	// Class and Target are those of the cause.
	Class  Class
	Target string
	// Reason is the text of the failure; empty where there is none.
	Reason string
	// Losses is what the call loses; empty where that may be anything.
	Losses []Loss
	// Occurrence is the call. Seen and Reasons are set when it is recorded.
	Occurrence Occurrence
	// Began is when the failure began, which may be before its event; zero where that
	// is not known.
	Began time.Time

	why Reason // of cause and text; bounded sets it
}

// Report returns what the failure says for its incident.
func (f Failure) Report() Report {
	cause := f.Cause()
	return Report{
		Group: Group{Scope: ScopeOf(f.State), Element: f.element()},
		Class: cause.Class, Target: cause.Target, Reason: f.reason(), Losses: f.Losses(),
		Occurrence: Occurrence{PipelineID: f.State.ID, CallID: f.State.CallID, At: f.At}, Began: f.began(),
	}
}

func (r Report) cause() Cause { return Cause{Class: r.Class, Target: r.Target} }
