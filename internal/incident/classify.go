package incident

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Symptom is what an event tells of a failure. All of it may be empty.
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

// Classify names the cause of a failure. Words go before codes, because a code
// says less: a full quota and a throttled request may both come as 429. A failed
// creation whose words and code tell nothing is CreationRefused; any other
// failure without known words is Unknown.
func Classify(s Symptom) Class {
	if class, ok := byPhrase(s.Reason, s.ElementDetail); ok {
		return class
	}
	if s.CreateFailed {
		return byStatusCode(s.HTTPStatusCode)
	}
	if lossOf(s.ElementType) == VoiceEnhancement && s.ElementStatus == chime.StatusNotSupported {
		// The guide knows one reason for this status: a call of over 30 minutes.
		return RecordingLength
	}
	return Unknown
}

// ClassOf names the cause of a pipeline's failure: by the failure itself, and
// where that tells nothing, by the first failed element that tells more.
func ClassOf(state pipeline.State) Class {
	symptom := Symptom{CreateFailed: state.Status == pipeline.CreateFailed}
	if f := state.Failure; f != nil {
		symptom.Reason, symptom.Origin, symptom.HTTPStatusCode = f.Reason, f.Origin, f.HTTPStatusCode
	}
	class := Classify(symptom)
	for _, e := range state.Elements {
		if class != Unknown {
			break
		}
		if chime.Element(e).Failing() {
			class = ClassOfElement(e)
		}
	}
	return class
}

// ClassOfElement names the cause of an element's failure by what the element
// itself tells.
func ClassOfElement(e pipeline.Element) Class {
	return Classify(Symptom{ElementType: e.Type, ElementStatus: e.Status, ElementDetail: e.StatusDetail})
}

// byStatusCode classes a creation by the codes that CreateMediaInsightsPipeline
// documents: 401 and 403 for permissions, 404 for a resource that is not there,
// 429 for too many requests. It documents 400 both for a bad request and for a
// quota that is used up, so 400 alone does not tell.
func byStatusCode(code string) Class {
	switch strings.TrimSpace(code) {
	case "401", "403":
		return Permissions
	case "404":
		return MissingResource
	case "429":
		return Throttled
	}
	return CreationRefused
}

func byPhrase(texts ...string) (Class, bool) {
	for i, text := range texts {
		texts[i] = normal(text)
	}
	for _, p := range phrases {
		for _, text := range texts {
			if strings.Contains(text, p.Phrase) {
				return p.Class, true
			}
		}
	}
	return "", false
}

// normal gives the text in lower case, with single spaces, and without ARNs and
// addresses: the name of a role or a bucket says nothing about the cause.
func normal(text string) string {
	fields := strings.Fields(strings.ToLower(text))
	kept := fields[:0]
	for _, f := range fields {
		bare := strings.TrimLeft(f, `"'([<`)
		if !strings.HasPrefix(bare, "arn:") && !strings.Contains(bare, "://") {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, " ")
}
