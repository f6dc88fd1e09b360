package incident

import (
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// What an incident keeps of its failures is bounded, so that it can be stored and
// notified whatever the service sends.
const (
	// maxScope is how many bytes of the name of a Voice Connector or a configuration
	// are kept whole. That of a real one is much shorter.
	maxScope = 2048
	// maxReason is how many bytes of a failure's text are read. The whole text is in
	// the event.
	maxReason = 4096
	// MaxLosses is how many losses of unknown elements an incident has at most, and
	// maxLossName how many bytes of each.
	MaxLosses   = 16
	maxLossName = 200
)

// bounded returns the report with nothing in it that is too long, and with its Reason
// made of what is left.
func (r Report) bounded() Report {
	short := func(id string) string { return chime.ShortID(id, pipeline.MaxIDLength) }
	r.Occurrence.PipelineID, r.Occurrence.CallID = short(r.Occurrence.PipelineID), short(r.Occurrence.CallID)
	r.Group.Element = short(r.Group.Element)
	if _, _, name := SplitScope(r.Group.Scope); len(name) > maxScope {
		r.Group.Scope = strings.TrimSuffix(r.Group.Scope, name) + chime.ShortID(name, maxScope)
	}
	if len(r.Reason) > maxReason {
		r.Reason = strings.ToValidUTF8(r.Reason[:maxReason], "")
	}
	var losses []Loss
	for _, loss := range r.Losses {
		if loss.Known() || len(losses) < MaxLosses {
			losses = append(losses, Loss(strings.ToValidUTF8(string(loss[:min(len(loss), maxLossName)]), "")))
		}
	}
	r.Losses, r.why = losses, ReasonOf(r.cause(), r.Reason)
	return r
}

// newLosses returns which losses i does not have and has room for, and whether there is
// anything new: no losses means that calls may lose anything. There always is room for
// those of known elements.
func (i Incident) newLosses(losses []Loss) (added []Loss, isNew bool) {
	if len(i.Losses) == 0 || len(losses) == 0 {
		return nil, len(i.Losses) > 0
	}
	for _, loss := range losses {
		room := UnknownLosses(i.Losses)+UnknownLosses(added) < MaxLosses
		if !slices.Contains(i.Losses, loss) && (loss.Known() || room) {
			added = append(added, loss)
		}
	}
	return added, len(added) > 0
}

// UnknownLosses counts the losses of unknown elements.
func UnknownLosses(losses []Loss) int {
	return len(slices.DeleteFunc(slices.Clone(losses), Loss.Known))
}
