//go:build unix

package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/schemas"
)

// documented lists every example of a state change, with what calls show has to print and
// what does not come from the example itself.
var documented = []struct {
	example, status string
	degraded        bool
	class           string // of the failure of the pipeline or of its creation
	incident        bool   // whether it is notified
}{
	{example: "created", status: "Created"},
	{example: "create-failed", status: "CreateFailed", class: "quota", incident: true},
	{example: "in-progress", status: "InProgress"},
	{example: "paused", status: "Paused"},
	{example: "temporary-failure", status: "TemporarilyFailed"},
	{example: "permanent-failure", status: "Failed", class: "permissions", incident: true},
	{example: "stopped", status: "Stopped"},
	{example: "two-elements-transcribing", status: "InProgress"},
	{example: "two-elements-recording", status: "InProgress"},
	{example: "two-elements-processor-failed", status: "InProgress", degraded: true, incident: true},
	{example: "two-elements-permanent-processor", status: "Failed", class: "permissions", incident: true},
	{example: "two-elements-permanent-recording", status: "Failed", class: "permissions", incident: true},
	{example: "two-elements-paused", status: "Paused"},
	{example: "two-elements-temporary-failure", status: "TemporarilyFailed"},
	{example: "two-elements-stopped", status: "Stopped"},
	{example: "voice-enhancement-in-progress", status: "InProgress"},
	{example: "voice-enhancement-not-supported", status: "Stopped", degraded: true, incident: true},
	{example: "voice-enhancement-permanent-failure", status: "Failed", class: "unknown", incident: true},
}

// TestShowAfterEveryDocumentedEvent sends each example to the real system, each as a call of
// its own, and compares every field that calls show prints, by each of its ids, with the
// example.
func TestShowAfterEveryDocumentedEvent(t *testing.T) {
	t.Parallel()
	s := startLocal(t, t.TempDir())
	at := time.Now().UTC().Truncate(time.Second) // a temporary failure must not last while the test runs
	type expected struct {
		ids  []string
		want map[string]any
	}
	calls := make([]expected, len(documented))
	for i, d := range documented {
		detail := detailOf(t, d.example)
		own := map[string]string{} // so that no two examples are of one call
		for name, value := range map[string]string{
			"mediaInsightsPipelineArn": fmt.Sprintf("%s00000000-0000-4000-8000-%012d", pipelineARNs, i),
			"callId":                   "call-" + d.example, "transactionId": "transaction-" + d.example,
		} {
			if _, given := detail[name]; given {
				own[name], detail[name] = value, value
			}
		}
		args := []string{d.example, "--set", "time=" + at.Format(time.RFC3339)}
		for name, value := range own {
			args = append(args, "--set", "detail."+name+"="+value)
		}
		want := shownAfter(detail, s.send(t, args...), at)
		want["status"], want["degraded"] = d.status, d.degraded
		if failure, ok := want["failure"].(map[string]any); ok {
			failure["class"] = d.class
		}
		ids := slices.Collect(maps.Values(own))
		if id, ok := want["pipelineId"].(string); ok {
			ids = append(ids, id)
		}
		calls[i] = expected{append(ids, want["id"].(string)), want}
	}
	s.drained(t)
	// The subtests run side by side, and the stack has to outlive them.
	t.Run("calls", func(t *testing.T) {
		for i, d := range documented {
			t.Run(d.example, func(t *testing.T) {
				t.Parallel()
				for _, id := range calls[i].ids {
					got := s.show(t, id)
					incidents, notifications := list(got, "incidents"), list(got, "notifications")
					if (len(incidents) == 1) != d.incident || (len(notifications) > 0) != d.incident {
						t.Errorf("calls show %s: got the incidents %v and the notifications %v, want them: %v",
							id, incidents, notifications, d.incident)
					}
					delete(got, "incidents")
					delete(got, "notifications")
					checkSources(t, got)
					if diff := cmp.Diff(calls[i].want, got); diff != "" {
						t.Errorf("calls show %s (-want +got):\n%s", id, diff)
					}
				}
			})
		}
	})
	full := s.show(t, "call-created", "--full-numbers")
	if full["fromNumber"] != "+12065550112" || full["toNumber"] != "+12065550190" {
		t.Errorf("with --full-numbers: got %v and %v, want them whole", full["fromNumber"], full["toNumber"])
	}
	if got := s.page(t, "/dead-letters"); strings.TrimSpace(got) != "[]" {
		t.Errorf("got the dead letters %s, want none", got)
	}
}

// TestEveryStateChangeIsDocumented compares the list above with the examples.
func TestEveryStateChangeIsDocumented(t *testing.T) {
	var got, want []string
	for _, d := range documented {
		got = append(got, d.example)
	}
	for _, e := range schemas.Examples() {
		if strings.Contains(string(e.Body), `"Media Insights State Change"`) {
			want = append(want, e.Name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("examples (-there +listed):\n%s", diff)
	}
}

// shownAfter returns what calls show has to print after one event, without the status and
// what follows from it. Fields that the example does not have are absent.
func shownAfter(detail map[string]any, eventID string, at time.Time) map[string]any {
	when, eventType := at.Format(time.RFC3339), detail["eventType"].(string)
	want := map[string]any{
		"account": "123456789012", "region": "us-east-1", "createdAt": when, "updatedAt": when,
		"elements": []any{}, "alerts": []any{},
		"events": []any{map[string]any{"time": when, "id": eventID, "eventType": eventType}},
	}
	metadata, failure := map[string]any{}, map[string]any{}
	for name, value := range detail {
		switch name {
		case "version", "eventType":
		case "callId", "transactionId", "voiceConnectorId", "direction":
			want[name] = value
		case "fromNumber", "toNumber":
			number := value.(string)
			want[name] = "…" + number[len(number)-4:]
		case "mediaInsightsPipelineArn":
			arn := value.(string)
			want["pipelineArn"], want["pipelineId"] = arn, arn[strings.LastIndex(arn, "/")+1:]
			want["id"] = want["pipelineId"]
		case "mediaInsightsPipelineConfigurationArn":
			want["configurationArn"] = value
		case "mediaInsightsPipelineElementStatuses":
			want["elements"] = elementsIn(value.([]any))
		case "failureReason":
			failure["reason"] = value
		case "failureOrigin":
			failure["origin"] = value
		case "httpStatusCode":
			failure["httpStatusCode"] = value
		default:
			metadata[name] = value
		}
	}
	if want["id"] == nil {
		want["id"] = "create-failed." + detail["transactionId"].(string)
	}
	if len(metadata) > 0 {
		want["metadata"] = metadata
	}
	switch eventType {
	case "chime:MediaInsightsInProgress":
		want["startedAt"] = when
	case "chime:MediaInsightsPermanentFailure", "chime:MediaInsightsCreateFailed":
		want["failure"], want["endedAt"] = failure, when
	case "chime:MediaInsightsStopped":
		want["endedAt"] = when
	}
	return want
}

// checkSources compares the sources of elements and failures that calls show prints with the
// events that it lists. It removes them, as the event itself does not have them.
func checkSources(t *testing.T, shown map[string]any) {
	t.Helper()
	delete(shown, "durationSeconds")
	ids := map[any]bool{}
	for _, e := range list(shown, "events") {
		event := e.(map[string]any)
		ids[event["id"]] = true
		delete(event, "changes")
	}
	sources := list(shown, "elements")
	if failure, ok := shown["failure"]; ok {
		sources = append(slices.Clone(sources), failure)
	}
	for _, s := range sources {
		source := s.(map[string]any)
		if !ids[source["eventId"]] || source["eventTime"] == nil {
			t.Errorf("got %v, want it to name one of the events and its time", source)
		}
		if updated, ok := source["updatedOn"].(float64); ok {
			at := time.UnixMilli(int64(updated)).UTC().Format(time.RFC3339Nano)
			if source["updatedAt"] != at {
				t.Errorf("got %v, want updatedAt to be %s", source, at)
			}
			delete(source, "class") // of an element that failed
		}
		for _, name := range []string{"eventId", "eventTime", "updatedAt"} {
			delete(source, name)
		}
	}
}

// elementsIn returns the elements of an event in the order of their types. One type has two
// names in the examples, of which the documented one is shown.
func elementsIn(event []any) []any {
	var shown []any
	for _, e := range event {
		element := maps.Clone(e.(map[string]any))
		if element["type"] == "VoiceEnhancement" {
			element["type"] = "VoiceEnhancementSink"
		}
		shown = append(shown, element)
	}
	slices.SortFunc(shown, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["type"].(string), b.(map[string]any)["type"].(string))
	})
	return shown
}

// TestShowMergesTheEventsOfACall sends the events of one call out of order, and rule matches
// on it before its pipeline is known.
func TestShowMergesTheEventsOfACall(t *testing.T) {
	t.Parallel()
	s := startLocal(t, t.TempDir())
	begin := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	const id, ofCall = "de403361-f63b-49e4-9bde-6c2805b3f0e6", "7000e34a-8af3-4cdc-9efe-a55b725ded40"
	clock := func(second int) string { return begin.Add(time.Duration(second) * time.Second).Format(time.RFC3339) }
	sent := map[string]string{}
	for _, e := range []struct {
		example string
		second  int
	}{
		{"rule-sentiment", 20}, {"stopped", 50}, {"rule-keyword-utterance", 10}, {"created", 0}, {"paused", 30},
		{"in-progress", 1},
	} {
		sent[e.example] = s.send(t, e.example, "--set", "time="+clock(e.second),
			"--set", "detail.mediaInsightsPipelineArn="+pipelineARNs+id,
			"--set", "detail.transactionId="+ofCall, "--set", "detail.sourceMetadata.transactionId="+ofCall)
	}
	s.drained(t)
	got := s.show(t, ofCall)
	checkSources(t, got)
	event := func(example, eventType string, second int) any {
		return map[string]any{"time": clock(second), "id": sent[example], "eventType": eventType}
	}
	for name, want := range map[string]any{
		"status": "Stopped", "failure": nil,
		"createdAt": clock(0), "startedAt": clock(1), "updatedAt": clock(50), "endedAt": clock(50),
		"configurationArn": detailOf(t, "created")["mediaInsightsPipelineConfigurationArn"],
		"events": []any{
			event("created", "chime:MediaInsightsCreated", 0), event("in-progress", "chime:MediaInsightsInProgress", 1),
			event("paused", "chime:MediaInsightsPaused", 30), event("stopped", "chime:MediaInsightsStopped", 50),
		},
		"alerts": []any{
			matched(t, "rule-keyword-utterance", "KeywordMatch", sent["rule-keyword-utterance"], clock(10)),
			matched(t, "rule-sentiment", "Sentiment", sent["rule-sentiment"], clock(20)),
		},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var kinds []string
	for _, n := range list(got, "notifications") {
		kinds = append(kinds, fmt.Sprint(n.(map[string]any)["kind"]))
	}
	if diff := cmp.Diff([]string{"rule-match", "rule-match"}, kinds); diff != "" {
		t.Errorf("kinds of notifications (-want +got):\n%s", diff)
	}
}

// matched returns what calls show has to print about an example of a rule match.
func matched(t *testing.T, example, kind, eventID, at string) map[string]any {
	t.Helper()
	want := map[string]any{"time": at, "id": eventID, "type": kind}
	for name, value := range detailOf(t, example) {
		if slices.Contains([]string{"ruleName", "utteranceId", "resultId", "beginTimestamp", "endTimestamp"}, name) {
			want[name] = value
		}
	}
	return want
}

// detailOf returns the detail of an example.
func detailOf(t *testing.T, name string) map[string]any {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	var event struct{ Detail map[string]any }
	if err := json.Unmarshal(e.Body, &event); err != nil {
		t.Fatal(err)
	}
	return event.Detail
}

// list returns a member of a decoded object that is an array.
func list(object map[string]any, name string) []any {
	array, _ := object[name].([]any)
	return array
}
