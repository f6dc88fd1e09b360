package schemas_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/schemas"
)

// exampleNames is fixed: commands, documents and tests use these names.
var exampleNames = strings.Fields(`
	created create-failed in-progress paused temporary-failure permanent-failure stopped
	two-elements-transcribing two-elements-recording two-elements-processor-failed
	two-elements-permanent-processor two-elements-permanent-recording two-elements-paused
	two-elements-temporary-failure two-elements-stopped
	voice-enhancement-in-progress voice-enhancement-not-supported voice-enhancement-permanent-failure
	rule-keyword-utterance rule-keyword-result rule-keyword-negated rule-sentiment rule-issue
	voice-analytics-ready voice-analytics-post-call
	speaker-identification-successful speaker-identification-failure speaker-identification-no-matches
	voiceprint-generation-success voiceprint-generation-successful voiceprint-generation-failure
	voice-tone-successful voice-tone-failure voice-tone-completed
	consent-granted consent-granted-until consent-denied consent-withdrawn`)

func TestExampleNames(t *testing.T) {
	want := slices.Sorted(slices.Values(exampleNames))
	var listed, files []string
	for _, e := range schemas.Examples() {
		listed = append(listed, e.Name)
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("listed examples differ (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		files = append(files, strings.TrimSuffix(entry.Name(), ".json"))
	}
	slices.Sort(files)
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("example files differ (-want +got):\n%s", diff)
	}
}

func TestExamplesFollowTheirSchema(t *testing.T) {
	for _, e := range schemas.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			schema, problems, err := schemas.Validate(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			if schema != e.Schema {
				t.Errorf("schema: got %q, want %q", schema, e.Schema)
			}
			for _, p := range problems {
				t.Errorf("got problem %s, want none", p)
			}
			if e.Summary == "" || strings.ContainsAny(e.Summary, "\n\r") {
				t.Errorf("summary: got %q, want one line", e.Summary)
			}
		})
	}
}

func TestExamplesLookReal(t *testing.T) {
	// 2026, fictional numbers, one account: nobody's data, and no placeholder.
	numbers := regexp.MustCompile(`\+[0-9]+`)
	fictional := regexp.MustCompile(`^\+1[2-9][0-9]{2}55501[0-9]{2}$`)
	arns := regexp.MustCompile(`arn:[^"]*`)
	ours := regexp.MustCompile(`^arn:aws:(chime|kinesisvideo):us-east-1:111122223333:[a-z-]+/[^/]+`)
	ids := make(map[string]string)
	for _, e := range schemas.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			var event struct{ ID, Time string }
			if err := json.Unmarshal(e.Body, &event); err != nil {
				t.Fatal(err)
			}
			if other := ids[event.ID]; other != "" {
				t.Errorf("id: got that of %s, want its own", other)
			}
			ids[event.ID] = e.Name
			if !strings.HasPrefix(event.Time, "2026-") {
				t.Errorf("time: got %s, want one in 2026", event.Time)
			}
			for _, number := range numbers.FindAllString(string(e.Body), -1) {
				if !fictional.MatchString(number) {
					t.Errorf("number: got %s, want a fictional one (555-01xx)", number)
				}
			}
			for _, arn := range arns.FindAllString(string(e.Body), -1) {
				if !ours.MatchString(arn) {
					t.Errorf("ARN: got %s, want one that matches %s", arn, ours)
				}
			}
		})
	}
}

// covering is one row or quirk of the events, and a test whether an example is
// one for it.
type covering struct {
	name  string
	holds func(ev document) bool
}

func TestEveryRowHasAnExample(t *testing.T) {
	rows := slices.Concat(envelopeRows(), stateChangeRows(), ruleRows(), voiceRows(), consentRows())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for _, e := range schemas.Examples() {
				var event document
				if err := json.Unmarshal(e.Body, &event); err != nil {
					t.Fatal(err)
				}
				if row.holds(event) {
					return
				}
			}
			t.Error("got no example, want one")
		})
	}
}

func envelopeRows() []covering {
	has := func(key string) func(document) bool {
		return func(ev document) bool { return ev[key] != nil }
	}
	timeHas := func(part string) func(document) bool {
		pattern := regexp.MustCompile(part)
		return func(ev document) bool { return pattern.MatchString(ev["time"].(string)) }
	}
	return []covering{
		{"account as text", func(ev document) bool { _, ok := ev["account"].(string); return ok }},
		{"account as a number", func(ev document) bool { _, ok := ev["account"].(float64); return ok }},
		{"empty resources", func(ev document) bool { list, ok := ev["resources"].([]any); return ok && len(list) == 0 }},
		{"absent resources", func(ev document) bool { return !has("resources")(ev) }},
		{"replayed", has("replay-name")},
		{"service type", has("service-type")},
		{"id with a prefix", func(ev document) bool { return strings.HasPrefix(ev["id"].(string), "Id-") }},
		{"time in whole seconds", timeHas(`:[0-9]{2}Z$`)},
		{"time in microseconds", timeHas(`\.[0-9]{6}Z$`)},
	}
}

func stateChangeRows() []covering {
	var rows []covering
	for _, word := range strings.Fields(
		"Created CreateFailed InProgress Paused TemporaryFailure PermanentFailure Stopped") {
		rows = append(rows, covering{"one element, " + word, func(ev document) bool {
			d := detailOf(ev)
			return d["eventType"] == "chime:MediaInsights"+word && elementsOf(ev) == "" && d["callId"] != nil
		}})
	}
	// word: elements in the event's order.
	for word, elements := range map[string]string{
		"InProgress, transcribing":       "AmazonTranscribeProcessor InProgress, S3RecordingSink NotStarted",
		"InProgress, recording":          "AmazonTranscribeProcessor Stopped, S3RecordingSink InProgress",
		"InProgress, processor failed":   "AmazonTranscribeProcessor Failed, S3RecordingSink InProgress",
		"PermanentFailure, processor":    "AmazonTranscribeProcessor Failed, S3RecordingSink Stopped",
		"PermanentFailure, recording":    "AmazonTranscribeProcessor Stopped, S3RecordingSink Failed",
		"Paused, two elements":           "AmazonTranscribeProcessor Paused, S3RecordingSink NotStarted",
		"TemporaryFailure, two elements": "AmazonTranscribeProcessor TemporarilyFailed, S3RecordingSink NotStarted",
		"Stopped, two elements":          "AmazonTranscribeProcessor Stopped, S3RecordingSink Stopped",
		"InProgress, enhancement":        "VoiceEnhancementSink InProgress, S3RecordingSink Stopped",
		"Stopped, enhancement":           "VoiceEnhancement NotSupported, S3RecordingSink Stopped",
		"PermanentFailure, enhancement":  "VoiceEnhancement Failed, S3RecordingSink Stopped",
	} {
		eventType, _, _ := strings.Cut(word, ",")
		rows = append(rows, covering{word, func(ev document) bool {
			return detailOf(ev)["eventType"] == "chime:MediaInsights"+eventType && elementsOf(ev) == elements
		}})
	}
	return append(rows,
		covering{"failed creation with its fields and no pipeline ARN", func(ev document) bool {
			d := detailOf(ev)
			return d["mediaInsightsPipelineArn"] == nil && d["mediaInsightsPipelineConfigurationArn"] != nil &&
				d["failureOrigin"] == "Voice Connector" && d["httpStatusCode"] != nil && d["failureReason"] != nil
		}},
		covering{"documented failure reason", func(ev document) bool {
			return detailOf(ev)["failureReason"] == "Access denied when assuming resource access role"
		}},
		covering{"permanent failure with neither reason nor call fields", func(ev document) bool {
			d := detailOf(ev)
			return d["eventType"] == "chime:MediaInsightsPermanentFailure" && d["failureReason"] == nil && d["callId"] == nil
		}},
		covering{"status detail", func(ev document) bool {
			list, _ := detailOf(ev)["mediaInsightsPipelineElementStatuses"].([]any)
			return len(list) > 0 && list[0].(document)["statusDetail"] == "Unsupported recording length"
		}},
		covering{"runtime metadata among the fields", func(ev document) bool { return detailOf(ev)["agentId"] != nil }},
	)
}

func ruleRows() []covering {
	rule := func(want string) func(document) bool {
		return func(ev document) bool {
			if ev["detail-type"] != "Media Insights Rules Matched" {
				return false
			}
			var got []string
			for _, field := range []string{"utteranceId", "resultId", "beginTimestamp", "endTimestamp"} {
				if detailOf(ev)[field] != nil {
					got = append(got, field)
				}
			}
			return strings.Join(got, " ") == want
		}
	}
	return []covering{
		{"keyword with utteranceId", rule("utteranceId beginTimestamp")},
		{"keyword with resultId", rule("resultId beginTimestamp")},
		{"negated keyword, issue", rule("")},
		{"sentiment", rule("beginTimestamp endTimestamp")},
		{"call ids in sourceMetadata", func(ev document) bool {
			metadata, _ := detailOf(ev)["sourceMetadata"].(document)
			return metadata["callId"] != nil && metadata["transactionId"] != nil
		}},
		{"call ids outside sourceMetadata", func(ev document) bool {
			return detailOf(ev)["sourceMetadata"] != nil && detailOf(ev)["callId"] != nil
		}},
	}
}

func voiceRows() []covering {
	var rows []covering
	for detailType, statuses := range map[string]string{
		"VoiceAnalyticsStatus": "AnalyticsReady PostCallVoiceAnalytics",
		"SpeakerSearchStatus": "IdentificationSuccessful IdentificationFailure IdentificationNoMatchesFound " +
			"VoiceprintGenerationSuccess VoiceprintGenerationSuccessful VoiceprintGenerationFailure",
		"VoiceToneAnalysisStatus": "VoiceToneAnalysisSuccessful VoiceToneAnalysisFailure VoiceToneAnalysisCompleted",
	} {
		for status := range strings.FieldsSeq(statuses) {
			rows = append(rows, covering{detailType + " " + status, func(ev document) bool {
				return ev["detail-type"] == detailType && detailOf(ev)["detailStatus"] == status
			}})
		}
	}
	score := func(want string) func(document) bool {
		pattern := regexp.MustCompile(want)
		return func(ev document) bool {
			text, err := json.Marshal(detailOf(ev))
			return err == nil && pattern.Match(text)
		}
	}
	return append(rows,
		covering{"task of a pipeline", func(ev document) bool {
			d := detailOf(ev)
			return d["mediaInsightsPipelineId"] != nil && d["sourceArn"] != nil && d["streamArn"] != nil && d["channelId"] != nil
		}},
		covering{"task of the voice API", func(ev document) bool {
			d := detailOf(ev)
			return d["taskId"] != nil && d["voiceConnectorId"] != nil && d["transactionId"] != nil && d["callId"] != nil
		}},
		covering{"confidence as text", score(`"confidenceScore":"0`)},
		covering{"tone as text", score(`"positive":"0`)},
		covering{"tone as a number", score(`"positive":0`)},
	)
}

func consentRows() []covering {
	of := func(want string) func(document) bool {
		return func(ev document) bool {
			d := detailOf(ev)
			return ev["source"] == "chimewatch.consent" &&
				want == fmt.Sprint(d["decision"], " ", d["scope"], ", ", d["transactionId"] != nil, " ", d["callId"] != nil, ", ",
					d["until"] != nil, " ", d["at"] != nil)
		}
	}
	return []covering{
		{"consent by transaction", of("granted both, true false, false false")},
		{"consent by call, with an end", of("granted voice-tone, false true, true false")},
		{"refusal, both ids", of("denied speaker-search, true true, false false")},
		{"withdrawal, at an exact moment", of("withdrawn both, true false, false true")},
	}
}

func detailOf(ev document) document { return ev["detail"].(document) }

// elementsOf writes an event's elements as "type status, type status".
func elementsOf(ev document) string {
	list, _ := detailOf(ev)["mediaInsightsPipelineElementStatuses"].([]any)
	words := make([]string, len(list))
	for i, item := range list {
		element := item.(document)
		words[i] = element["type"].(string) + " " + element["status"].(string)
	}
	return strings.Join(words, ", ")
}

func TestLookup(t *testing.T) {
	got, err := schemas.Lookup("rule-sentiment")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "rule-sentiment" || got.Schema != "media-insights-rules-matched" || len(got.Body) == 0 {
		t.Errorf("got %q of schema %q with %d bytes, want the example rule-sentiment", got.Name, got.Schema, len(got.Body))
	}
}

func TestLookupOfUnknownName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"creatd", `example "creatd": there is none of this name (try one of: created)`},
		{"Permanent-Failure",
			`example "Permanent-Failure": there is none of this name ` +
				`(try one of: permanent-failure, voice-enhancement-permanent-failure)`},
		{"sentiment", `example "sentiment": there is none of this name (try one of: rule-sentiment)`},
		{"xyz", `example "xyz": there is none of this name (try one of: ` +
			strings.Join(slices.Sorted(slices.Values(exampleNames)), ", ") + `)`},
		{"", `example "": there is none of this name (try one of: ` +
			strings.Join(slices.Sorted(slices.Values(exampleNames)), ", ") + `)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := schemas.Lookup(tt.name)
			if got := apperr.ClassOf(err); got != apperr.NotFound {
				t.Fatalf("class: got %q, want %q", got, apperr.NotFound)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
