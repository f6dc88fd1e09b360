package watchdog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Answer is what the API told of a pipeline.
type Answer struct {
	// Gone is set when the API knows no such pipeline.
	Gone bool
	// Status is Initializing, NotStarted, InProgress, Paused, Stopping, Stopped
	// or Failed.
	Status   string
	Elements []AnswerElement
	// ConfigurationARN and Metadata are what the pipeline was started with.
	ConfigurationARN string
	Metadata         map[string]string
}

// AnswerElement is the status of one processor or sink; the status is empty where the
// API has none.
type AnswerElement struct{ Type, Status string }

// observedAs maps the API's statuses to observations. One that is not known
// here is kept as an event of unknown type.
var observedAs = map[string]string{
	"Initializing": chime.EventObservedCreated,
	"NotStarted":   chime.EventObservedCreated,
	"InProgress":   chime.EventObservedInProgress,
	"Stopping":     chime.EventObservedInProgress,
	"Paused":       chime.EventObservedPaused,
	"Stopped":      chime.EventObservedStopped,
	"Failed":       chime.EventObservedFailed,
}

// said are the keys of a detail that say what became of a pipeline. The runtime
// metadata, which are the customer's, may have any of them, and must not be taken for
// what the API answered.
var said = []string{"eventType", "mediaInsightsPipelineArn", "mediaInsightsPipelineConfigurationArn",
	"mediaInsightsPipelineElementStatuses", "failureReason", "failureOrigin", "httpStatusCode"}

// Observation makes an event of an answer, of the time when it was given. The
// event is well formed: it can be kept and read like one of the service.
func Observation(st pipeline.State, a Answer, why string, at time.Time) (*chime.Event, error) {
	at = at.UTC().Truncate(time.Microsecond)
	eventType := chime.EventObservedLost
	if !a.Gone {
		eventType = observedAs[a.Status]
		if eventType == "" {
			eventType = "chimewatch:Observed" + a.Status
		}
	}
	detail := map[string]any{}
	for key, value := range a.Metadata {
		if !slices.Contains(said, key) {
			detail[key] = value
		}
	}
	detail["version"] = "0"
	detail["eventType"] = eventType
	detail["mediaInsightsPipelineArn"] = st.PipelineARN
	detail[chime.ObservedBecause] = why
	if a.ConfigurationARN != "" {
		detail["mediaInsightsPipelineConfigurationArn"] = a.ConfigurationARN
	}
	if len(a.Elements) > 0 {
		elements := make([]map[string]any, len(a.Elements))
		for i, e := range a.Elements {
			elements[i] = map[string]any{"type": e.Type, "status": e.Status, "updatedOn": at.UnixMilli()}
		}
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": "observed-" + st.ID + "-" + strconv.FormatInt(at.UnixMicro(), 10),
		"detail-type": chime.DetailStateChange, "source": chime.ObservationSource,
		"account": st.Account, "region": st.Region, "time": at.Format(time.RFC3339Nano), "resources": []string{}, "detail": detail,
	})
	if err != nil {
		return nil, fmt.Errorf("observation of %s: %w", st.ID, err)
	}
	return chime.Parse(raw)
}

// News tells whether an observation tells anything that the state does not.
// The API does not know temporary failures: InProgress is no news of one.
func News(st, observed pipeline.State) bool {
	if st.Status == pipeline.TemporarilyFailed && observed.RawStatus == pipeline.InProgress {
		return false
	}
	merged := pipeline.Merge(st, observed)
	if merged.Status != st.Status || len(merged.Elements) != len(st.Elements) {
		return true
	}
	for i, e := range merged.Elements {
		if e.Status != st.Elements[i].Status {
			return true
		}
	}
	return false
}
