package incident

import "github.com/chimewatch/chimewatch/internal/pipeline"

// Cause is why a failure happened, as far as its text and codes say.
type Cause struct {
	Class Class
	// Target is what has to be repaired or raised, such as "role-trust", "kms" or
	// "transcribe", in lower case; empty where nothing says it. Two causes of one
	// class with two targets that are known need two remedies, and so are two
	// incidents.
	Target string
}

// CauseOf returns the cause of a failure by its symptom.
func CauseOf(s Symptom) Cause { return Cause{Class: Classify(s)} }

// CauseOfState returns the cause of a pipeline's failure: by the failure itself,
// and where that says nothing, by the first failed element that says more.
func CauseOfState(state pipeline.State) Cause { return Cause{Class: ClassOf(state)} }

// CauseOfElement returns the cause of an element's failure by what the element
// itself says.
func CauseOfElement(e pipeline.Element) Cause { return Cause{Class: ClassOfElement(e)} }
