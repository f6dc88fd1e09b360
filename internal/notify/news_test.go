package notify_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// news makes news of an incident that a failure opened.
func news(f incident.Failure, stage incident.UpdateKind, change func(*testUpdate)) testUpdate {
	f.Event = f.State
	element := f.Element.Type
	if element == "" {
		element = incident.MostSevere(f.State.FailingElements())
	}
	i := incident.Incident{
		Group: incident.Group{Scope: incident.ScopeOf(f.State), Element: element},
		Class: f.Cause().Class, Losses: f.Losses(), OpenedAt: f.At,
	}
	i.ID = i.Group.ID() + ".7"
	if f.State.Failure != nil {
		i.Reason = f.State.Failure.Reason
	}
	own := incident.ReasonOf(i.Cause(), i.Reason)
	i.Reasons = []incident.Reason{own}
	example := incident.Occurrence{PipelineID: f.State.ID, CallID: f.State.CallID, At: f.At}
	n := testUpdate{incident.Update{
		Kind: stage, Incident: i, Failure: &f, Now: f.At.Add(time.Second),
		Counts: incident.OccurrenceCounts{Calls: 1, LastAt: f.At, Examples: []incident.Occurrence{example}},
	}}
	switch stage {
	case incident.Reopening:
		n.Incident.Reopened, n.Counts.Calls, n.Counts.LastAt = 1, 13, f.At.Add(70*time.Minute)
		n.Incident.Announced = incident.Announced{At: f.At, Calls: 12, Openings: 1, Closings: 1}
	case incident.Summary:
		n.Counts.Calls, n.Counts.LastAt = 240, f.At.Add(29*time.Minute)
		n.Incident.Announced = incident.Announced{
			At: f.At.Add(15 * time.Minute), Calls: 61, LastCalls: 60, Openings: 1, Summaries: 1,
		}
	case incident.Closing:
		n.Counts.Calls, n.Counts.LastAt = 1000, f.At.Add(95*time.Minute)
		n.Incident.ClosedAt = f.At.Add(2 * time.Hour)
		n.Incident.Announced = incident.Announced{At: f.At.Add(15 * time.Minute), Calls: 900, Openings: 1, Summaries: 5}
	}
	if stage == incident.NewReason || stage == incident.GraverLoss {
		n.Counts.Calls, n.Counts.LastAt = 13, f.At.Add(4*time.Minute)
		n.Incident.Announced = incident.Announced{At: f.At, Calls: 1, Openings: 1, Severity: incident.Low}
	}
	if n.Incident.Announced.Openings > 0 {
		n.Incident.Announced.Reasons = []string{own.ID}
	}
	if stage != incident.NewReason {
		n = withReasons(n)
	} else {
		n = withReasons(n, incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "The KMS key is pending deletion"))
		n.UrgentReason = n.Incident.Reasons[1]
	}
	if change != nil {
		change(&n)
	}
	return n
}

// withReasons makes the calls of news fail for its own reason and for further ones:
// one call for the first of these, two for the second, and so on.
func withReasons(n testUpdate, others ...incident.Reason) testUpdate {
	n.Incident.Reasons, n.Counts.Occurrences = append(slices.Clone(n.Incident.Reasons), others...), nil
	at := n.Counts.LastAt
	occur := func(calls int, reason string) {
		for range calls {
			id := fmt.Sprint("call-", len(n.Counts.Occurrences))
			o := incident.Occurrence{PipelineID: id, At: at, Reasons: []string{reason}}
			n.Counts.Occurrences = append(n.Counts.Occurrences, o)
		}
	}
	for k, r := range others {
		occur(k+1, r.ID)
	}
	occur(max(n.Counts.Calls-len(n.Counts.Occurrences), 0), n.Incident.Reasons[0].ID)
	n.Counts.Calls = len(n.Counts.Occurrences)
	return n
}

// manyReasons are reasons of unknown causes.
func manyReasons(n int) (list []incident.Reason) {
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"}
	for k := range n {
		text := "The " + words[k%10] + " of the " + words[k/10] +
			" did not answer to any of the requests that were sent to it in time"
		list = append(list, incident.ReasonOf(incident.Cause{Class: incident.Unknown}, text))
	}
	return list
}

// classes holds a failure of each class.
func classes() map[incident.Class]incident.Failure {
	failed := func(kind string) chime.Element { return element(kind, chime.StatusFailed, "") }
	recordingFailed := failed(chime.ElementRecordingSink)
	transcribing := element(chime.ElementTranscribeCallAnalytics, chime.StatusInProgress, "")
	recorded := element(chime.ElementRecordingSink, chime.StatusStopped, "")
	tooLong := element(chime.ElementVoiceEnhancementSink, chime.StatusNotSupported, "Unsupported recording length")
	return map[incident.Class]incident.Failure{
		incident.Permissions: permanent("Access denied when assuming resource access role", recordingFailed),
		incident.MissingResource: permanent(
			"ResourceNotFoundException: Stream insights under account 111122223333 not found.",
			failed(chime.ElementKinesisSink), transcribing),
		incident.Throttled: permanent("ThrottlingException: Rate exceeded", failed(chime.ElementTranscribe), recorded),
		incident.IncompatibleMedia: permanent("Incompatible media format on the KVS stream",
			failed(chime.ElementTranscribeCallAnalytics), recordingFailed),
		incident.Quota: uncreated("429",
			"The maximum number of active media insights pipelines has been reached"),
		incident.CreationRefused: uncreated("400", ""),
		incident.ServiceFault:    uncreated("500", ""),
		incident.NoAudio: permanent(
			"BadRequestException: Your request timed out because no new audio was received for 15 seconds.",
			failed(chime.ElementTranscribe), recorded),
		incident.KeyUnusable: permanent("KMS_KEY_DISABLED", recordingFailed, transcribing),
		incident.InvalidConfiguration: permanent("ValidationException: LanguageCode",
			failed(chime.ElementTranscribe), recorded),
		incident.RecordingLength: oneElement(pipeline.Stopped, tooLong, recorded),
		incident.Unknown:         oneElement(pipeline.InProgress, recordingFailed, transcribing),
	}
}

var stages = []incident.UpdateKind{
	incident.Opening, incident.Reopening, incident.NewReason, incident.GraverLoss, incident.Summary, incident.Closing,
}

// longestName is the longest name that a configuration may have.
const longestName = "contact-centre-insights-of-the-department-for-customer-retention"
