package incident

import (
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Cause is why a failure happened, as far as its text and codes say.
type Cause struct {
	Class Class
	// Target is what has to be repaired or raised, one of Targets, such as
	// "role-trust", "kms" or "transcribe"; empty where nothing says it. Two causes
	// of one class with two targets that are known need two remedies, and so are
	// two incidents.
	Target string
}

// CauseOf returns the cause of a failure by its symptom. In this order:
//
//  1. the most specific error code in the texts (see Codes),
//  2. their words (see Phrases),
//  3. an error code that only says that something failed (see Code.Generic),
//  4. a status code in the texts,
//  5. of a failed creation, its status code; otherwise the element's status.
//
// Codes go before words because services fix them, and words before generic
// codes because a generic code wraps many causes. Names of resources, ARNs,
// addresses and request ids say nothing about a cause and are not read. A failed
// creation of which nothing else is known is CreationRefused; any other failure is
// Unknown.
func CauseOf(s Symptom) Cause {
	t := read(s.Reason, s.ElementDetail)
	class, code := t.class()
	switch {
	case s.CreateFailed && (class == Unknown || class == InvalidConfiguration && code.Generic):
		return byStatusCode(s.HTTPStatusCode)
	case class != Unknown:
		return Cause{Class: class, Target: targetOf(class, code, t)}
	case lossOf(s.ElementType) == VoiceEnhancement && s.ElementStatus == chime.StatusNotSupported:
		// The guide knows one reason for this status: a call of over 30 minutes.
		return Cause{Class: RecordingLength}
	}
	return Cause{Class: Unknown}
}

// CauseOfState returns the cause of a pipeline's failure: by the failure itself,
// and where that says nothing, by the first failed element that says more.
func CauseOfState(state pipeline.State) Cause {
	symptom := Symptom{CreateFailed: state.Status == pipeline.CreateFailed}
	if f := state.Failure; f != nil {
		symptom.Reason, symptom.Origin, symptom.HTTPStatusCode = f.Reason, f.Origin, f.HTTPStatusCode
	}
	cause := CauseOf(symptom)
	for _, e := range state.Elements {
		if cause.Class != Unknown {
			break
		}
		if e.Failing() {
			cause = CauseOfElement(e)
		}
	}
	return cause
}

// CauseOfElement returns the cause of an element's failure by what the element
// itself says.
func CauseOfElement(e chime.Element) Cause {
	return CauseOf(Symptom{ElementType: e.Type, ElementStatus: e.Status, ElementDetail: e.StatusDetail})
}
