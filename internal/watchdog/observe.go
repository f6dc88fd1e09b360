package watchdog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Answer is what the API says about a pipeline: without the times of its elements, and
// without the reason of a failure.
type Answer struct {
	// Gone is set where the API knows no such pipeline.
	Gone bool
	// Status is Initializing, NotStarted, InProgress, Paused, Stopping, Stopped or Failed.
	Status   string
	Elements []AnswerElement
	// ConfigurationARN and Metadata are what the pipeline was started with.
	ConfigurationARN string
	Metadata         map[string]string
}

// AnswerElement is the status of one processor or sink; the status is empty where the
// API has none.
type AnswerElement struct{ Type, Status string }

// observedAs maps the API's statuses to observations. Another status is stored as an event
// of unknown type.
var observedAs = map[string]string{
	"Initializing": chime.EventObservedCreated,
	"NotStarted":   chime.EventObservedCreated,
	"InProgress":   chime.EventObservedInProgress,
	"Stopping":     chime.EventObservedInProgress,
	"Paused":       chime.EventObservedPaused,
	"Stopped":      chime.EventObservedStopped,
	"Failed":       chime.EventObservedFailed,
}

// reserved are the keys of a detail that say what became of a pipeline. The runtime
// metadata, which are the customer's, may have any of them, and must not be read as what
// the API answered.
var reserved = []string{"eventType", "mediaInsightsPipelineArn", "mediaInsightsPipelineConfigurationArn",
	"mediaInsightsPipelineElementStatuses", "failureReason", "failureOrigin", "httpStatusCode"}

// Observation returns an answer of a time as an event, which can be stored and read like
// one of the service. reason says why the API was asked.
func Observation(st pipeline.State, a Answer, reason string, at time.Time) (*chime.Event, error) {
	at = at.UTC().Truncate(time.Microsecond)
	eventType := cmp.Or(observedAs[a.Status], "chimewatch:Observed"+a.Status)
	if a.Gone {
		eventType = chime.EventObservedLost
	}
	detail := map[string]any{}
	for key, value := range a.Metadata {
		if !slices.Contains(reserved, key) {
			detail[key] = value
		}
	}
	detail["version"] = "0"
	detail["eventType"] = eventType
	detail["mediaInsightsPipelineArn"] = st.PipelineARN
	detail[chime.ObservedBecause] = reason
	if a.ConfigurationARN != "" {
		detail["mediaInsightsPipelineConfigurationArn"] = a.ConfigurationARN
	}
	var elements []map[string]any
	for _, e := range a.Elements {
		elements = append(elements, map[string]any{"type": e.Type, "status": e.Status, "updatedOn": at.UnixMilli()})
	}
	if len(elements) > 0 {
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": "observed-" + st.ID + "-" + strconv.FormatInt(at.UnixMicro(), 10),
		"detail-type": chime.DetailStateChange, "source": chime.ObservationSource,
		"account": st.Account, "region": st.Region, "time": at.Format(time.RFC3339Nano),
		"resources": []string{}, "detail": detail,
	})
	if err != nil {
		return nil, fmt.Errorf("observation of %s: %w", st.ID, err)
	}
	return chime.Parse(raw)
}

// Changes reports whether an observation changes a state. The API does not know temporary
// failures: after one, InProgress changes nothing.
func Changes(st, observed pipeline.State) bool {
	if st.Status == pipeline.TemporarilyFailed && observed.RawStatus == pipeline.InProgress {
		return false
	}
	merged := pipeline.Merge(st, observed)
	same := func(a, b chime.Element) bool { return a.Status == b.Status }
	return merged.Status != st.Status || !slices.EqualFunc(merged.Elements, st.Elements, same)
}
