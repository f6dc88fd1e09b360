package notify

import (
	"cmp"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// failureText says what happened, in whole sentences.
func failureText(f incident.Failure) string {
	switch f.Kind {
	case incident.TemporaryFailure:
		return "A call's pipeline failed for a time, as the service says, and has not recovered: " +
			cmp.Or(clean(f.Element.Type, maxWord), "it does not say which element") + "."
	case incident.CreateFailed:
		return "No pipeline could be created for a call, so call analytics does not run on it."
	case incident.ElementFailure:
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

func causeText(class incident.Class) string {
	if class == incident.Unknown {
		return "unknown"
	}
	return class.Title()
}

// callStart returns the earliest known time of the pipeline, which a call creates when
// it begins.
func callStart(s pipeline.State) time.Time {
	if s.CreatedAt.IsZero() {
		return s.StartedAt
	}
	return s.CreatedAt
}
