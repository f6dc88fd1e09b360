package incident

import (
	"cmp"
	"slices"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Loss is what the customer does not get because an element failed. For an
// element of a type that is not known here, it is the type's name.
type Loss string

// The losses.
const (
	Recording        Loss = "recording"
	Transcript       Loss = "transcript"
	Insights         Loss = "insights"
	VoiceEnhancement Loss = "voice enhancement"

	otherLoss Loss = "" // stands for all others
)

// Severity says how grave a failure is.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// grades are the losses, the gravest first, and how grave a failure is that costs one.
// What a type that is not known here delivers is not known either, so it stands among the
// insights: below what is certainly grave, above what is only cosmetic.
var grades = []struct {
	loss     Loss
	severity Severity
}{
	{Recording, Critical}, {Transcript, High}, {Insights, Medium}, {otherLoss, Medium}, {VoiceEnhancement, Low},
}

// rank is the place of the loss in grades.
func (l Loss) rank() int {
	for rank, g := range grades {
		if g.loss == l {
			return rank
		}
	}
	return otherLoss.rank()
}

// Known reports whether the loss is one of those that are known here, of which
// there are few; any other is named after a type of element.
func (l Loss) Known() bool { return grades[l.rank()].loss != otherLoss }

// graver orders losses by what they mean to the customer; ties by name.
func graver(a, b Loss) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a, b))
}

// lossOf returns the gravest loss by an element of the type.
func lossOf(elementType string) Loss {
	switch elementType {
	case chime.ElementRecordingSink:
		return Recording
	case chime.ElementTranscribe, chime.ElementTranscribeCallAnalytics:
		return Transcript
	case chime.ElementVoiceAnalytics,
		chime.ElementKinesisSink, chime.ElementLambdaSink, chime.ElementSqsSink, chime.ElementSnsSink:
		return Insights
	case chime.ElementVoiceEnhancementSink, chime.ElementVoiceEnhancement:
		return VoiceEnhancement
	}
	return Loss(elementType)
}

// Losses returns what is lost when these elements failed, each loss once, the
// gravest first.
func Losses(failed []chime.Element) []Loss {
	var list []Loss
	for _, e := range failed {
		loss := lossOf(e.Type)
		if list = append(list, loss); loss == Transcript {
			list = append(list, Insights) // they are drawn from the transcript
		}
	}
	return distinct(list)
}

// UnionOfLosses returns all losses of two lists, each once, the gravest first. An
// empty list means that anything may be lost, and so the union with one is empty.
func UnionOfLosses(a, b []Loss) []Loss {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	return distinct(slices.Concat(a, b))
}

// distinct sorts losses and leaves each once, the gravest first.
func distinct(losses []Loss) []Loss {
	slices.SortFunc(losses, graver)
	return slices.Compact(losses)
}

// MostSevere returns the type of the element whose loss weighs most; ties by name. It is
// empty when there is none.
func MostSevere(elements []chime.Element) string {
	if len(elements) == 0 {
		return ""
	}
	return slices.MinFunc(elements, func(a, b chime.Element) int {
		return cmp.Or(graver(lossOf(a.Type), lossOf(b.Type)), cmp.Compare(a.Type, b.Type))
	}).Type
}

// Severities returns all severities, the gravest first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// WorseThan reports whether a severity is worse than another. Any is worse than the
// empty one.
func (s Severity) WorseThan(other Severity) bool {
	at, than := slices.Index(Severities(), s), slices.Index(Severities(), other)
	return at >= 0 && (than < 0 || at < than)
}

// SeverityOf returns the severity of the gravest loss. Without any loss it is
// Critical: what failed is not known then, and it may have been the recording.
func SeverityOf(losses []Loss) Severity {
	if len(losses) == 0 {
		return Critical
	}
	return grades[slices.MinFunc(losses, graver).rank()].severity
}

// Severity returns how grave failures of this cause are that cost these losses. It
// is the one place where losses and cause become a severity: see Class.Cap.
func (c Cause) Severity(losses []Loss) Severity { return c.Class.Cap(SeverityOf(losses)) }
