package incident

import "strings"

// Symptom is what an event says about a failure. All of it may be empty.
type Symptom struct {
	// Reason is detail.failureReason: free text.
	Reason string
	// HTTPStatusCode and Origin come with a failed creation.
	HTTPStatusCode string
	Origin         string
	CreateFailed   bool
	// ElementType, ElementStatus and ElementDetail are those of the element that
	// failed, where the symptom is that of one.
	ElementType   string
	ElementStatus string
	ElementDetail string
}

// byStatusCode returns the cause of a failed creation by the codes that
// CreateMediaInsightsPipeline documents. It documents 400 both for a bad request
// and for a quota that is used up, so 400 alone says nothing. A 403 or a 404 may
// be about more than one role or resource.
func byStatusCode(code string) Cause {
	class := classOfStatus(strings.TrimSpace(code))
	switch class {
	case Unknown:
		class = CreationRefused
	case Throttled, ServiceFault:
		return Cause{Class: class, Target: TargetMediaPipelines}
	}
	return Cause{Class: class}
}

// classOfStatus returns the class that an HTTP status alone says, Unknown if none.
func classOfStatus(status string) Class {
	switch {
	case status == "401" || status == "403":
		return Permissions
	case status == "404":
		return MissingResource
	case status == "429":
		return Throttled
	case len(status) == 3 && status[0] == '5':
		return ServiceFault
	}
	return Unknown
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
		if t.says(p.Phrase) {
			return p.Class, Code{}
		}
	}
	if generic.Class != "" {
		return generic.Class, generic
	}
	return classOfStatus(t.status), Code{}
}
