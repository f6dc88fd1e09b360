package incident

import (
	"cmp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Cause is why a failure happened, as far as its text and codes say.
type Cause struct {
	Class Class
	// Target is what has to be repaired or raised, such as "role-trust", "kms" or
	// "transcribe" (see target.go); empty where nothing says it. Two causes of one class
	// with two targets that are known need two remedies, and so are two incidents.
	Target string
}

// CauseOfText returns the cause that a free text says, such as detail.failureReason. In
// this order:
//
//  1. the most specific error code in it (see codes.go),
//  2. its words (see phrases.go),
//  3. an error code that only says that something failed (see Code.Generic),
//  4. a status code.
//
// Codes go before words because services fix them, and words before generic codes because
// a generic code wraps many causes. Names of resources, ARNs, addresses and request ids
// say nothing about a cause and are not read.
func CauseOfText(text string) Cause {
	cause, _ := causeOf(text)
	return cause
}

// causeOf also returns the code that decided, if one did.
func causeOf(text string) (Cause, Code) {
	t := read(text)
	class, code := t.class()
	return Cause{Class: class, Target: targetOf(class, code, t)}, code
}

// CauseOfState returns the cause of a pipeline's failure: by the text of the failure; of a
// failed creation whose text says nothing, by its status code; and else by the first
// failed element that says more.
func CauseOfState(state pipeline.State) Cause {
	var f pipeline.Failure
	if state.Failure != nil {
		f = *state.Failure
	}
	cause, code := causeOf(f.Reason)
	vague := cause.Class == Unknown || cause.Class == InvalidConfiguration && code.Generic
	if vague && state.Status == pipeline.CreateFailed {
		cause = byStatusCode(f.HTTPStatusCode)
	}
	for _, e := range state.FailingElements() {
		if cause.Class == Unknown {
			cause = CauseOfElement(e)
		}
	}
	return cause
}

// CauseOfElement returns the cause of an element's failure by what the element says.
func CauseOfElement(e chime.Element) Cause {
	cause := CauseOfText(e.StatusDetail)
	if cause.Class == Unknown && e.Status == chime.StatusNotSupported && lossOf(e.Type) == VoiceEnhancement {
		return Cause{Class: RecordingLength} // the only reason that the guide has: a call of over 30 minutes
	}
	return cause
}

// class returns the class of the texts, and the code that decided, if one did.
// The last of several codes that are equally specific decides, because the texts
// of wrappers come before those of their causes.
func (t text) class() (Class, Code) {
	best, generic := Code{}, Code{}
	for _, c := range t.codes {
		switch {
		case c.Generic:
			generic = c
		case best.Class == "" || c.Target != "" || best.Target == "":
			best = c
		}
	}
	if best.Class != "" {
		return best.Class, best
	}
	for _, p := range phrases {
		if slices.ContainsFunc(p.words, t.says) {
			return p.class, Code{}
		}
	}
	if generic.Class != "" {
		return generic.Class, generic
	}
	return classOfStatus(t.status), Code{}
}

// byStatusCode returns the cause of a failed creation by the codes that
// CreateMediaInsightsPipeline documents. It documents 400 both for a bad request
// and for a quota that is used up, so 400 alone says nothing. A 403 or a 404 may
// be about more than one role or resource. Where nothing is known it is CreationRefused.
func byStatusCode(code string) Cause {
	switch class := classOfStatus(strings.TrimSpace(code)); class {
	case Unknown:
		return Cause{Class: CreationRefused}
	case Throttled, ServiceFault:
		return Cause{Class: class, Target: TargetMediaPipelines}
	default:
		return Cause{Class: class}
	}
}

// classOfStatus returns the class that an HTTP status alone says, Unknown if none.
func classOfStatus(status string) Class {
	if len(status) == 3 && status[0] == '5' {
		return ServiceFault
	}
	return cmp.Or(classesOfStatuses[status], Unknown)
}

var classesOfStatuses = map[string]Class{
	"401": Permissions, "403": Permissions, "404": MissingResource, "429": Throttled,
}
