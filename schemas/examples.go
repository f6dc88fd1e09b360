package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/suggest"
)

// Example is one complete event, as the service could send it.
type Example struct {
	// Name is the name of its file in the folder examples, without ".json".
	Name string
	// Schema is the name of the schema that it follows.
	Schema string
	// Summary describes the event in one line.
	Summary string
	// Body is the event's JSON. The caller may change it.
	Body []byte
}

// described is what the files of the examples do not have.
var described = []struct{ name, schema, summary string }{
	{"created", stateChange, "a Voice Connector call created the pipeline"},
	{"create-failed", stateChange, "a Voice Connector call could not create its pipeline; no pipeline ARN"},
	{"in-progress", stateChange, "the pipeline runs; the account is a number"},
	{"paused", stateChange, "the pipeline is paused"},
	{"temporary-failure", stateChange, "the pipeline failed and the service tries again"},
	{"permanent-failure", stateChange, "the pipeline failed for good, and the event says why"},
	{"stopped", stateChange, "the pipeline ended; replayed from an archive"},

	{"two-elements-transcribing", stateChange, "the processor runs, the recording has not started"},
	{"two-elements-recording", stateChange, "the processor stopped, the recording is in progress"},
	{"two-elements-processor-failed", stateChange, "the processor failed while the pipeline goes on"},
	{"two-elements-permanent-processor", stateChange, "failed for good: the processor failed, the recording stopped"},
	{"two-elements-permanent-recording", stateChange, "failed for good: the processor stopped, the recording failed"},
	{"two-elements-paused", stateChange, "the processor is paused, the recording has not started"},
	{"two-elements-temporary-failure", stateChange, "the processor failed for now, the recording has not started"},
	{"two-elements-stopped", stateChange, "processor and recording both stopped"},

	{"voice-enhancement-in-progress", stateChange,
		"the recording stopped, its enhancement runs; no call fields but runtime metadata"},
	{"voice-enhancement-not-supported", stateChange, "the pipeline ended, and the recording could not be enhanced"},
	{"voice-enhancement-permanent-failure", stateChange, "the enhancement failed for good; no reason and no call fields"},

	{"rule-keyword-utterance", rulesMatched, "keywords were spoken, heard by Transcribe Call Analytics"},
	{"rule-keyword-result", rulesMatched, "keywords were spoken, heard by Transcribe; call ids outside sourceMetadata"},
	{"rule-keyword-negated", rulesMatched, "keywords that had to come never came"},
	{"rule-sentiment", rulesMatched, "the sentiment was negative throughout a window"},
	{"rule-issue", rulesMatched, "an issue was detected; no resources"},

	{"voice-analytics-ready", voiceStatus, "tasks can be started on the call, through the voice API"},
	{"voice-analytics-post-call", voiceStatus, "the speaker searches of a call, summed up after it"},
	{"speaker-identification-successful", speakerSearch, "the speaker matches a voice profile; scores are text"},
	{"speaker-identification-failure", speakerSearch, "the speaker could not be searched for"},
	{"speaker-identification-no-matches", speakerSearch, "the speaker matches no voice profile; a task of the voice API"},
	{"voiceprint-generation-success", speakerSearch, "a voiceprint was made"},
	{"voiceprint-generation-successful", speakerSearch, "a voiceprint was made; the other spelling of the status"},
	{"voiceprint-generation-failure", speakerSearch, "no voiceprint could be made"},
	{"voice-tone-successful", voiceTone, "the tone of the last span; scores are text"},
	{"voice-tone-failure", voiceTone, "the tone could not be analysed"},
	{"voice-tone-completed", voiceTone, "the tone of the whole call; scores are numbers"},

	{"consent-granted", consent, "somebody consents to both tasks on a transaction"},
	{"consent-granted-until", consent, "somebody consents to voice tone on a call, until a time"},
	{"consent-denied", consent, "somebody refuses speaker search"},
	{"consent-withdrawn", consent, "somebody withdraws consent; the moment is exact"},
}

// Examples returns every example, sorted by name.
func Examples() []Example {
	list := make([]Example, 0, len(described))
	for _, d := range described {
		body, err := files.ReadFile("examples/" + d.name + ".json")
		if err != nil { // the list and the folder are built in together
			panic("schemas: example without a file: " + d.name)
		}
		list = append(list, Example{Name: d.name, Schema: d.schema, Summary: d.summary, Body: body})
	}
	slices.SortFunc(list, func(a, b Example) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Lookup returns the example of that name. The error for an unknown name has class
// NotFound and lists the names that may have been meant.
func Lookup(name string) (Example, error) {
	var names []string
	for _, e := range Examples() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Example{}, apperr.New(apperr.NotFound, fmt.Sprintf("example %q", name), "there is none of this name",
		"try one of: "+strings.Join(suggest.Names(names, name), ", "))
}
