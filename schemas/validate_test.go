package schemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/schemas"
)

// change sets the field at a path such as "detail/eventType" or
// "detail/list/0/type"; the value absent removes it.
type change struct {
	path  string
	value any
}

type removed struct{}

var absent = removed{}

// changed returns an example's JSON with changes.
func changed(t *testing.T, example string, changes ...change) []byte {
	t.Helper()
	e, err := schemas.Lookup(example)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(e.Body))
	decoder.UseNumber()
	var event any
	if err := decoder.Decode(&event); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		event = set(event, strings.Split(c.path, "/"), c.value)
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func set(target any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch target := target.(type) {
	case document:
		if value == absent && len(path) == 1 {
			delete(target, path[0])
		} else {
			target[path[0]] = set(target[path[0]], path[1:], value)
		}
	case []any:
		var i int
		if _, err := fmt.Sscan(path[0], &i); err != nil {
			panic(err)
		}
		target[i] = set(target[i], path[1:], value)
	}
	return target
}

func TestValidateNamesTheFaultyField(t *testing.T) {
	const (
		element  = "detail/mediaInsightsPipelineElementStatuses/1/"
		elements = "/detail/mediaInsightsPipelineElementStatuses"
	)
	tests := []struct {
		name    string
		example string
		changes []change
		want    []string // the pointers
	}{
		{"no id", "created", []change{{"id", absent}}, []string{"/id"}},
		{"empty id", "created", []change{{"id", ""}}, []string{"/id"}},
		{"id is a number", "created", []change{{"id", 7}}, []string{"/id"}},
		{"id too long", "created", []change{{"id", strings.Repeat("x", 257)}}, []string{"/id"}},
		{"no time", "created", []change{{"time", absent}}, []string{"/time"}},
		{"time is no time", "created", []change{{"time", "yesterday"}}, []string{"/time"}},
		{"time is empty", "created", []change{{"time", ""}}, []string{"/time"}},
		{"time is a number", "created", []change{{"time", 1773064931}}, []string{"/time"}},
		{"time without zone", "created", []change{{"time", "2026-03-09T14:02:11"}}, []string{"/time"}},
		{"time on no day", "created", []change{{"time", "2026-02-30T14:02:11Z"}}, []string{"/time"}},
		{"time with a leap second", "created", []change{{"time", "2016-12-31T23:59:60Z"}}, []string{"/time"}},
		{"time before 1970", "created", []change{{"time", "1969-12-31T23:59:59Z"}}, []string{"/time"}},
		{"time after 9999 in UTC", "created", []change{{"time", "9999-12-31T23:59:59-01:00"}}, []string{"/time"}},
		{"no source", "created", []change{{"source", absent}}, []string{"/source"}},
		{"foreign source", "created", []change{{"source", "aws.s3"}}, []string{"/source"}},
		{"account too short", "created", []change{{"account", "1234"}}, []string{"/account"}},
		{"account of letters", "created", []change{{"account", "11112222333a"}}, []string{"/account"}},
		{"account with a fraction", "created", []change{{"account", 1.5}}, []string{"/account"}},
		{"account below zero", "created", []change{{"account", -1}}, []string{"/account"}},
		{"account of 13 digits", "created", []change{{"account", 1111222233334}}, []string{"/account"}},
		{"account is null", "created", []change{{"account", nil}}, []string{"/account"}},
		{"resources is text", "created", []change{{"resources", "none"}}, []string{"/resources"}},
		{"a resource is a number", "created", []change{{"resources", []any{"arn:aws:chime:::x", 1}}},
			[]string{"/resources/1"}},
		{"no detail", "created", []change{{"detail", absent}}, []string{"/detail"}},
		{"detail is text", "created", []change{{"detail", "{}"}}, []string{"/detail"}},
		{"no detail-type", "created", []change{{"detail-type", absent}}, []string{"/detail-type"}},
		{"empty detail-type", "created", []change{{"detail-type", ""}}, []string{"/detail-type"}},
		{"detail-type is a list", "created", []change{{"detail-type", []any{}}}, []string{"/detail-type"}},
		{"no detail-type, id, time, eventType", "created",
			[]change{{"detail-type", absent}, {"id", absent}, {"time", absent}, {"detail/eventType", absent}},
			[]string{"/detail-type", "/id", "/time"}},
		{"no detail-type, no detail", "created", []change{{"detail-type", absent}, {"detail", absent}},
			[]string{"/detail", "/detail-type"}},

		{"no eventType", "in-progress", []change{{"detail/eventType", absent}}, []string{"/detail/eventType"}},
		{"empty eventType", "in-progress", []change{{"detail/eventType", ""}}, []string{"/detail/eventType"}},
		{"eventType is null", "in-progress", []change{{"detail/eventType", nil}}, []string{"/detail/eventType"}},
		{"no pipeline ARN", "in-progress", []change{{"detail/mediaInsightsPipelineArn", absent}},
			[]string{"/detail/mediaInsightsPipelineArn"}},
		{"no pipeline ARN, unknown eventType", "in-progress",
			[]change{{"detail/mediaInsightsPipelineArn", absent}, {"detail/eventType", "chime:MediaInsightsSplit"}},
			[]string{"/detail/mediaInsightsPipelineArn"}},
		{"no eventType, no pipeline ARN", "in-progress",
			[]change{{"detail/mediaInsightsPipelineArn", absent}, {"detail/eventType", absent}}, []string{"/detail/eventType"}},
		{"empty pipeline ARN", "in-progress", []change{{"detail/mediaInsightsPipelineArn", ""}},
			[]string{"/detail/mediaInsightsPipelineArn"}},
		{"pipeline ARN is no ARN", "in-progress", []change{{"detail/mediaInsightsPipelineArn", "de403361"}},
			[]string{"/detail/mediaInsightsPipelineArn"}},
		{"ARN of another service", "in-progress",
			[]change{{"detail/mediaInsightsPipelineArn", "arn:aws:s3:us-east-1:111122223333:bucket"}},
			[]string{"/detail/mediaInsightsPipelineArn"}},
		{"elements are no list", "two-elements-stopped", []change{{elements[1:], "none"}}, []string{elements}},
		{"element is text", "two-elements-stopped", []change{{element[:len(element)-1], "S3RecordingSink"}},
			[]string{elements + "/1"}},
		{"element without type", "two-elements-stopped", []change{{element + "type", absent}},
			[]string{elements + "/1/type"}},
		{"element whose status is no text", "two-elements-stopped", []change{{element + "status", 5}},
			[]string{elements + "/1/status"}},
		{"updatedOn is text", "two-elements-stopped", []change{{element + "updatedOn", "2026-03-09"}},
			[]string{elements + "/1/updatedOn"}},
		{"updatedOn is out of range", "two-elements-stopped", []change{{element + "updatedOn", json.Number("1e99999")}},
			[]string{elements + "/1/updatedOn"}},
		{"several", "two-elements-stopped",
			[]change{{"time", 5}, {element + "type", 5}, {element + "status", ""}, {"detail/callId", 5}},
			[]string{"/detail/callId", elements + "/1/status", elements + "/1/type", "/time"}},

		{"no ruleName", "rule-issue", []change{{"detail/ruleName", absent}}, []string{"/detail/ruleName"}},
		{"ruleName of one letter", "rule-issue", []change{{"detail/ruleName", "x"}}, []string{"/detail/ruleName"}},
		{"ruleName of 65 letters", "rule-issue", []change{{"detail/ruleName", strings.Repeat("x", 65)}},
			[]string{"/detail/ruleName"}},
		{"ruleName with a blank", "rule-issue", []change{{"detail/ruleName", "a rule"}}, []string{"/detail/ruleName"}},
		{"ruleName with a line end", "rule-issue", []change{{"detail/ruleName", "rule\n"}}, []string{"/detail/ruleName"}},
		{"sourceMetadata is text", "rule-issue", []change{{"detail/sourceMetadata", "x"}},
			[]string{"/detail/sourceMetadata"}},

		{"ready without transactionId", "voice-analytics-ready", []change{{"detail/transactionId", absent}},
			[]string{"/detail/transactionId"}},
		{"search without taskId", "speaker-identification-failure", []change{{"detail/taskId", absent}},
			[]string{"/detail/taskId"}},
		{"search without status", "speaker-identification-failure", []change{{"detail/detailStatus", absent}},
			[]string{"/detail/detailStatus"}},
		{"confidence above one", "speaker-identification-successful",
			[]change{{"detail/speakerSearchDetails/results/0/confidenceScore", 1.5}},
			[]string{"/detail/speakerSearchDetails/results/0/confidenceScore"}},
		{"confidence in words", "speaker-identification-successful",
			[]change{{"detail/speakerSearchDetails/results/1/confidenceScore", "high"}},
			[]string{"/detail/speakerSearchDetails/results/1/confidenceScore"}},
		{"tone without taskId and status", "voice-tone-failure",
			[]change{{"detail/taskId", absent}, {"detail/detailStatus", absent}},
			[]string{"/detail/detailStatus", "/detail/taskId"}},

		{"consent of another source", "consent-granted", []change{{"source", "aws.chime"}}, []string{"/source"}},
		{"consent without a call", "consent-granted", []change{{"detail/transactionId", absent}},
			[]string{"/detail/callId", "/detail/transactionId"}},
		{"consent to nothing", "consent-granted", []change{{"detail/scope", absent}}, []string{"/detail/scope"}},
		{"consent to something else", "consent-granted", []change{{"detail/scope", "recording"}}, []string{"/detail/scope"}},
		{"consent that decides nothing", "consent-granted", []change{{"detail/decision", "perhaps"}},
			[]string{"/detail/decision"}},
		{"consent by nobody", "consent-granted", []change{{"detail/by", ""}}, []string{"/detail/by"}},
		{"consent until no time", "consent-granted-until", []change{{"detail/until", "tomorrow"}}, []string{"/detail/until"}},
		{"consent at no time", "consent-withdrawn", []change{{"detail/at", 5}}, []string{"/detail/at"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := schemas.Validate(changed(t, tt.example, tt.changes...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Pointer)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pointers differ (-want +got):\n%s\n%v", diff, problems)
			}
		})
	}
}

func TestValidateLeavesTheUncertainOpen(t *testing.T) {
	const element = "detail/mediaInsightsPipelineElementStatuses/0/"
	tests := []struct {
		name    string
		example string
		changes []change
	}{
		{"rehearsal source", "created", []change{{"source", "chimewatch.rehearsal"}}},
		{"unknown field of the envelope", "created", []change{{"trace", document{"a": 1}}}},
		{"unknown field of the detail", "created", []change{{"detail/shard", []any{1, nil}}}},
		{"unknown event type", "in-progress", []change{{"detail/eventType", "chime:MediaInsightsDreaming"}}},
		{"unknown element type", "two-elements-stopped", []change{{element + "type", "HologramSink"}}},
		{"unknown element status", "two-elements-stopped", []change{{element + "status", "Dreaming"}}},
		{"unknown field of an element", "two-elements-stopped", []change{{element + "mood", "calm"}}},
		{"element without status", "two-elements-stopped", []change{{element + "status", absent}}},
		{"element without updatedOn", "two-elements-stopped", []change{{element + "updatedOn", absent}}},
		{"unknown direction", "created", []change{{"detail/direction", "Sideways"}}},
		{"number is a SIP address", "created", []change{{"detail/fromNumber", "sip:anonymous@anonymous.invalid"}}},
		{"failed creation with a pipeline ARN", "create-failed",
			[]change{{"detail/mediaInsightsPipelineArn", "arn:aws:chime:us-east-1:111122223333:media-pipeline/x"}}},
		{"other partition", "in-progress",
			[]change{{"detail/mediaInsightsPipelineArn", "arn:aws-us-gov:chime:us-gov-west-1:111122223333:media-pipeline/x"}}},
		{"account with lost zeros", "created", []change{{"account", 1234}}},
		{"time with fraction and offset", "created", []change{{"time", "2026-03-09T15:02:11.25+01:00"}}},
		{"no version, account, region, resources", "created",
			[]change{{"version", absent}, {"account", absent}, {"region", absent}, {"resources", absent},
				{"detail/version", absent}}},
		{"rule times in milliseconds", "rule-sentiment", []change{{"detail/beginTimestamp", 1773064931000}}},
		{"rule without sourceMetadata", "rule-issue", []change{{"detail/sourceMetadata", absent}}},
		{"unknown voice status", "voice-tone-completed", []change{{"detail/detailStatus", "VoiceToneAnalysisResumed"}}},
		{"search without results", "speaker-identification-successful", []change{{"detail/speakerSearchDetails", absent}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := schemas.Validate(changed(t, tt.example, tt.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) > 0 {
				t.Errorf("got %v, want no problem", problems)
			}
		})
	}
}

const (
	knownTypes = `"Media Insights State Change", "Media Insights Rules Matched", "VoiceAnalyticsStatus", ` +
		`"SpeakerSearchStatus", "VoiceToneAnalysisStatus"`
	ruleName = "the name of the alert rule that matched, 2 to 64 characters out of 0-9, a-z, A-Z, dot, underscore " +
		"and hyphen"
)

func TestProblemMessages(t *testing.T) {
	tests := []struct {
		name    string
		example string
		change  change
		want    string
	}{
		{"missing", "in-progress", change{"detail/eventType", absent},
			`/detail/eventType: is missing, expected the name of the new state, such as chime:MediaInsightsInProgress`},
		{"wrong type", "in-progress", change{"detail/eventType", 7},
			`/detail/eventType: found the number 7, expected text: ` +
				`the name of the new state, such as chime:MediaInsightsInProgress`},
		{"one of two", "in-progress", change{"source", "aws.s3"},
			`/source: found "aws.s3", expected "aws.chime" or "chimewatch.rehearsal": the sender of the event`},
		{"no detail-type", "in-progress", change{"detail-type", absent},
			`/detail-type: is missing, expected ` + knownTypes + ` or "Voice Analytics Consent"`},
		{"null detail-type", "in-progress", change{"detail-type", nil},
			`/detail-type: found null, expected ` + knownTypes + ` or "Voice Analytics Consent"`},
		{"time", "in-progress", change{"time", "yesterday"},
			`/time: found "yesterday", expected ` +
				`the time of the event, RFC 3339, in the years 1970 to 9999, such as 2026-01-31T12:00:00Z`},
		{"empty", "in-progress", change{"id", ""},
			`/id: found an empty text, expected ` +
				`the id of the event: a UUID, with "Id-" before it on some voice notifications`},
		{"long", "rule-issue", change{"detail/ruleName", strings.Repeat("é", 100)},
			`/detail/ruleName: found "` + strings.Repeat("é", 59) + `…", expected ` + ruleName},
		{"too short and misspelt is one problem", "rule-issue", change{"detail/ruleName", "!"},
			`/detail/ruleName: found "!", expected ` + ruleName},
		{"boolean", "in-progress", change{"detail", true},
			`/detail: found true, expected an object: the state change itself`},
		{"object", "in-progress", change{"account", document{}},
			`/account: found an object, expected an integer or text: ` +
				`the AWS account: text of 12 digits, or an integer of at most 12 digits`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := schemas.Validate(changed(t, tt.example, tt.change))
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 {
				t.Fatalf("got %d problems, want 1: %v", len(problems), problems)
			}
			if got := problems[0].Pointer + ": " + problems[0].Message; got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestValidateRefusesWhatHasNoSchema(t *testing.T) {
	const fix = ` (an event is one JSON object)`
	tests := []struct {
		name  string
		raw   string
		class apperr.Class
		want  string
	}{
		{"nothing", "", apperr.Invalid, "event: is empty" + fix},
		{"blanks", " \n", apperr.Invalid, "event: is empty" + fix},
		{"a list", "[]", apperr.Invalid, "event: found an array, expected an object" + fix},
		{"null", "null", apperr.Invalid, "event: found null, expected an object" + fix},
		{"a text", `"{}"`, apperr.Invalid, `event: found "{}", expected an object` + fix},
		{"a comma too few", "{\n  \"id\": \"é\" \"time\": 1\n}", apperr.Invalid,
			`event: is not JSON at line 2, column 13 (byte 16): ` +
				`invalid character '"' after object key:value pair (correct the JSON there)`},
		{"cut off", "{\"id\":\n\"x", apperr.Invalid,
			`event: is not JSON at line 2, column 2 (byte 9): unexpected end of JSON input (correct the JSON there)`},
		{"two events", `{}{}`, apperr.Invalid,
			`event: is not JSON at line 1, column 3 (byte 3): ` +
				`invalid character '{' after top-level value (correct the JSON there)`},
		{"bad from the start", "x", apperr.Invalid,
			`event: is not JSON at line 1, column 1 (byte 1): ` +
				`invalid character 'x' looking for beginning of value (correct the JSON there)`},
		{"foreign detail type", `{"detail-type":"Object Created"}`, apperr.NotFound,
			`/detail-type: there is no schema for "Object Created" ` +
				`(the detail types with a schema are ` + knownTypes + ` and "Voice Analytics Consent")`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema, problems, err := schemas.Validate([]byte(tt.raw))
			if schema != "" || problems != nil {
				t.Errorf("got schema %q and problems %v, want none", schema, problems)
			}
			if got := apperr.ClassOf(err); got != tt.class {
				t.Fatalf("class: got %q, want %q (%v)", got, tt.class, err)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestValidateSurvives feeds input that is meant to hurt.
func TestValidateSurvives(t *testing.T) {
	event := func(detail string) string {
		return `{"id":"1","time":"2026-03-09T14:02:11Z","source":"aws.chime",
			"detail-type":"Media Insights State Change","detail":` + detail + `}`
	}
	tests := []struct{ name, raw string }{
		{"deep lists", event(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))},
		{"deep objects, cut off", event(strings.Repeat(`{"a":`, 50_000))},
		{"long text", event(`{"eventType":"` + strings.Repeat("x", 1<<20) + `"}`)},
		{"invalid UTF-8", event("{\"eventType\":\"\xff\xfe\",\"\xff\":1}")},
		{"huge numbers",
			event(`{"eventType":1e999999999999,"mediaInsightsPipelineElementStatuses":[{"updatedOn":-1e999999999999}]}`)},
		{"keys twice", event(`{"eventType":"a","eventType":2,"version":"0","version":"0"}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := schemas.Validate([]byte(tt.raw))
			if err == nil && len(problems) == 0 {
				t.Error("got neither error nor problem, want one")
			}
			for _, p := range problems {
				if len(p.Message) > 1000 {
					t.Errorf("got a message of %d bytes, want a line", len(p.Message))
				}
			}
		})
	}
}

func TestValidateAtTheSameTime(t *testing.T) {
	raw := changed(t, "in-progress", change{"detail/eventType", absent})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, problems, err := schemas.Validate(raw); err != nil || len(problems) != 1 {
				t.Errorf("got %v and %v, want one problem", problems, err)
			}
		})
	}
	group.Wait()
}
