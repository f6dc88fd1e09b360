package incident

import (
	"cmp"
	"slices"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Loss is what the customer does not get because an element failed. For an
// element of a type that is not known here, it is the type's name.
type Loss string

// The losses, the gravest first.
const (
	Recording        Loss = "recording"
	Transcript       Loss = "transcript"
	Insights         Loss = "insights"
	VoiceEnhancement Loss = "voice enhancement"
)

// Losses returns what is lost when these elements failed, each loss once, the
// gravest first. What a type that is not known here delivers cannot be told, so
// it stands among the insights: below what is certainly grave, above what is
// only cosmetic.
func Losses(failed []chime.Element) []Loss {
	var list []Loss
	for _, e := range failed {
		if loss := lossOf(e.Type); !slices.Contains(list, loss) {
			list = append(list, loss)
		}
		if transcribes(e.Type) && !slices.Contains(list, Insights) {
			list = append(list, Insights) // they are drawn from the transcript
		}
	}
	slices.SortFunc(list, graver)
	return list
}

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
	case chime.ElementVoiceAnalytics, chime.ElementKinesisSink, chime.ElementLambdaSink, chime.ElementSqsSink, chime.ElementSnsSink:
		return Insights
	case chime.ElementVoiceEnhancementSink, chime.ElementVoiceEnhancement:
		return VoiceEnhancement
	}
	return Loss(elementType)
}

func transcribes(elementType string) bool { return lossOf(elementType) == Transcript }

func (l Loss) rank() int {
	switch l {
	case Recording:
		return 0
	case Transcript:
		return 1
	case Insights:
		return 2
	case VoiceEnhancement:
		return 4
	}
	return rankOfOthers
}

// rankOfOthers is the rank of what an element of a type that is not known here
// delivers.
const rankOfOthers = 3

// Severity says how grave a failure is.
type Severity string

// The severities, the gravest first.
const (
	Critical Severity = "critical" // a recording is lost, or may be
	High     Severity = "high"     // a transcript is lost
	Medium   Severity = "medium"   // insights are lost, or something that is not known here
	Low      Severity = "low"      // only voice enhancement is lost
)

// Severities returns all severities, the gravest first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// WorseThan reports whether a severity is worse than another. Any is worse than the
// empty one.
func (s Severity) WorseThan(other Severity) bool { return s.rank() < other.rank() }

func (s Severity) rank() int {
	if rank := slices.Index(Severities(), s); rank >= 0 {
		return rank
	}
	return 4 // below all of them
}

// Severity returns how grave failures of this cause are that cost these losses. It
// is the one place where losses and cause become a severity: see Class.Cap.
func (c Cause) Severity(losses []Loss) Severity { return c.Class.Cap(SeverityOf(losses)) }

// UnionOfLosses returns all losses of two lists, each once, the gravest first. An
// empty list means that anything may be lost, and so the union with one is empty.
func UnionOfLosses(a, b []Loss) []Loss {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, graver)
	return slices.Compact(all)
}

// Known reports whether the loss is one of those that are known here, of which
// there are few; any other is named after a type of element.
func (l Loss) Known() bool { return l.rank() != rankOfOthers }

// SeverityOf returns the severity of the gravest loss. Without any loss it is
// Critical: what failed is not known then, and it may have been the recording.
func SeverityOf(losses []Loss) Severity {
	if len(losses) == 0 {
		return Critical
	}
	switch slices.MinFunc(losses, graver) {
	case Recording:
		return Critical
	case Transcript:
		return High
	case VoiceEnhancement:
		return Low
	}
	return Medium
}
