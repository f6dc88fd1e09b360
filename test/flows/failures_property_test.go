package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// recordedFailures is a repository that only counts the failures that are recorded.
type recordedFailures struct {
	incident.Repository
	recorded int
	last     incident.Occurrence
}

func (r *recordedFailures) Pipeline(_ context.Context, id string) (pipeline.State, error) {
	return pipeline.State{}, apperr.New(apperr.NotFound, "table", "knows no pipeline "+id, "")
}

func (r *recordedFailures) GroupIncidents(
	context.Context, incident.Group, func([]incident.Incident) bool,
) ([]incident.Incident, error) {
	return nil, nil
}

func (r *recordedFailures) Membership(context.Context, string, string) (incident.Membership, error) {
	return incident.Membership{}, nil
}

func (r *recordedFailures) PutIncident(context.Context, incident.Incident) error { return nil }

func (r *recordedFailures) PutMembership(context.Context, incident.Membership, incident.Membership) error {
	return nil
}

func (r *recordedFailures) PutOccurrence(_ context.Context, _ string, o incident.Occurrence) error {
	r.recorded, r.last = r.recorded+1, o
	return nil
}

func (r *recordedFailures) Incident(context.Context, string) (incident.Incident, error) {
	return incident.Incident{ClosedAt: noon.Add(time.Hour)}, nil
}

func (r *recordedFailures) AddReason(context.Context, incident.Incident, incident.Reason, int) error {
	return nil
}

func (r *recordedFailures) AddLosses(context.Context, incident.Incident, []incident.Loss) error {
	return nil
}

func (r *recordedFailures) SetCause(context.Context, incident.Incident, incident.Cause, string) error {
	return nil
}

func (r *recordedFailures) service() *incident.Service {
	return &incident.Service{Repo: r, Counts: quiet{}, Now: func() time.Time { return noon }}
}

// anyOf draws one of some JSON values.
func anyOf(t *rapid.T, label string, values ...string) json.RawMessage {
	return json.RawMessage(rapid.SampledFrom(values).Draw(t, label))
}

// oddElement draws an entry of the list of elements, of any form; within a list that is
// JSON text, the entry is not JSON text itself, as no pattern finds anything in text within
// text.
func oddElement(t *rapid.T, inText bool) json.RawMessage {
	entry := map[string]json.RawMessage{}
	for _, field := range [][]string{
		{"type", `"S3RecordingSink"`, `"VoiceEnhancement"`, `"Novel"`, `""`, `7`, `null`},
		{"status", `"Failed"`, `"Failed"`, `"NotSupported"`, `"InProgress"`, `""`, `7`, `null`, `["Failed"]`},
		{"updatedOn", `1773230400000`, `1773230401`, `"x"`, `4000000000000`, `null`},
		{"statusDetail", `"Failed"`, `7`, `"denied"`},
	} {
		if rapid.IntRange(0, 5).Draw(t, "has "+field[0]) > 0 {
			entry[field[0]] = anyOf(t, field[0], field[1:]...)
		}
	}
	raw, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	forms := []json.RawMessage{raw, raw, raw, json.RawMessage(`null`), json.RawMessage(`"Failed"`)}
	if !inText {
		forms = append(forms, quotedJSON(raw))
	}
	return rapid.SampledFrom(forms).Draw(t, "entry")
}

func quotedJSON(raw json.RawMessage) json.RawMessage {
	quoted, err := json.Marshal(string(raw))
	if err != nil {
		panic(err) // any text has a JSON form
	}
	return quoted
}

// oddChange draws a state change in which anything may have an unexpected form.
func oddChange(t *rapid.T) []byte {
	detail := map[string]json.RawMessage{"version": json.RawMessage(`"0"`)}
	set := func(key string, values ...string) {
		if rapid.IntRange(0, 9).Draw(t, "has "+key) > 0 {
			detail[key] = anyOf(t, key, values...)
		}
	}
	set("eventType", `"chime:MediaInsightsPermanentFailure"`, `"chime:MediaInsightsCreateFailed"`,
		`"chime:MediaInsightsInProgress"`, `"chime:MediaInsightsStopped"`, `"chime:Novel"`,
		`["chime:MediaInsightsPermanentFailure"]`, `7`, `""`)
	set("mediaInsightsPipelineArn", `"arn:aws:chime:us-east-1:111122223333:media-pipeline/p"`, `"p"`, `7`, `""`)
	set("transactionId", `"t"`, `7`, `"rehearsal-t"`)
	if rapid.IntRange(0, 3).Draw(t, "has elements") > 0 {
		forms := []string{"a list", "a list", "a list", "JSON text", "one entry"}
		form := rapid.SampledFrom(forms).Draw(t, "form of the elements")
		var list []json.RawMessage
		for range rapid.IntRange(1, 4).Draw(t, "elements") {
			list = append(list, oddElement(t, form == "JSON text"))
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		switch form {
		case "JSON text":
			raw = quotedJSON(raw)
		case "one entry":
			raw = list[0]
		}
		detail["mediaInsightsPipelineElementStatuses"] = raw
	}
	at := anyOf(t, "time", `"2026-03-11T12:00:00Z"`, `"2026-03-11T12:00:00Z"`, `1773230400`, `"soon"`, `null`,
		`"2099-01-01T00:00:00Z"`)
	raw, err := json.Marshal(map[string]any{
		"id": "e", "detail-type": chime.DetailStateChange, "source": chime.Source, "account": account, "region": region,
		"time": at, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// routedTo reports whether a rule sends an event to a function.
func routedTo(t interface{ Fatal(...any) }, function string, raw []byte) bool {
	rules := eventrule.Table(eventrule.Options{Rehearsal: true})
	matched, err := rules.Match(raw)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(matched, func(r eventrule.Rule) bool { return r.Function == function })
}

// Each event that a rule sends to the function failures is recorded as a failure or is an
// error; and a rule sends there each event that the function would record.
func TestRuleAndFunctionAgreeOnFailures(t *testing.T) {
	recorded, refused, silent := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // most events are cheap
			raw := oddChange(t)
			routed := routedTo(t, "failures", raw)
			table := &recordedFailures{}
			err := table.service().Handle(context.Background(), raw)
			switch failed := table.recorded > 0; {
			case failed && (err != nil || !routed):
				t.Fatalf("recorded %d failures, error %v, sent by a rule %v: %s", table.recorded, err, routed, raw)
			case failed:
				recorded++
			case err == nil:
				t.Fatalf("neither a failure nor an error: %s", raw)
			case apperr.ClassOf(err) != apperr.Invalid:
				t.Fatalf("got %v, want it invalid", err)
			case routed:
				refused++
			default:
				silent++
			}
			if table.last.At.After(noon.Add(pipeline.Skew)) {
				t.Fatalf("got a failure at %v, which is yet to come", table.last.At)
			}
		}
	})
	t.Logf("%d events with a failure, %d in which none could be read, %d without", recorded, refused, silent)
	if recorded < 100 || refused < 50 || silent < 100 {
		t.Error("nearly all events were alike: they prove nothing")
	}
}

// The failure of an element is found next to whatever else the event has.
func TestFailureIsFoundNextToUnreadableParts(t *testing.T) {
	const failing = `{"type":"S3RecordingSink","status":"Failed","updatedOn":1773230400000}`
	text := func(json string) string { return string(quotedJSON([]byte(json))) }
	rules := eventrule.Table(eventrule.Options{})
	for _, tt := range []struct{ name, elements, rule string }{
		{
			name: "an element without a status", rule: "element-failure",
			elements: `[` + failing + `,{"type":"KinesisDataStreamSink"}]`,
		},
		{name: "an entry that is not an element", rule: "element-failure", elements: `[7,` + failing + `]`},
		{name: "no list around it", rule: "element-failure", elements: failing},
		{
			name: "the same element, newer", rule: "element-failure",
			elements: `[` + failing + `,{"type":"S3RecordingSink","status":"InProgress","updatedOn":1773230401000}]`,
		},
		{name: "the list is JSON text", rule: "element-failure-text", elements: text(`[` + failing + `]`)},
		{
			name: "the list is JSON text with spaces", rule: "element-failure-text",
			elements: text(`[ {"type" : "VoiceEnhancementSink", "status" : "NotSupported"} ]`),
		},
		{name: "the entry is JSON text", rule: "element-failure-text", elements: `[` + text(failing) + `]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := fmt.Appendf(nil, `{"id":"e","detail-type":%q,"source":"aws.chime","time":"2026-03-11T12:00:00Z",`+
				`"detail":{"eventType":"chime:MediaInsightsInProgress","mediaInsightsPipelineArn":"`+pipelineARN+`p",`+
				`"voiceConnectorId":"vc","mediaInsightsPipelineElementStatuses":%s}}`, chime.DetailStateChange, tt.elements)
			matched, err := rules.Match(raw)
			if err != nil || len(matched) != 2 || matched[1].Name != tt.rule {
				t.Errorf("got the rules %v (%v), want state-change and %s", matched, err, tt.rule)
			}
			table := &recordedFailures{}
			if err := table.service().Handle(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			if table.recorded != 1 {
				t.Errorf("got %d failures, want one", table.recorded)
			}
		})
	}
}

// A failure whose time cannot be read has the time at which it is handled.
func TestFailureWithoutATimeIsRecorded(t *testing.T) {
	good := string(failedCall("p", "", noon))
	for _, form := range []string{`"soon"`, `null`, `7`, `{}`, `""`} {
		raw := strings.Replace(good, `"time":"`+noon.Format(time.RFC3339)+`"`, `"time":`+form, 1)
		table := &recordedFailures{}
		service := table.service()
		service.Now = func() time.Time { return noon.Add(time.Minute) }
		if err := service.Handle(t.Context(), []byte(raw)); err != nil || raw == good {
			t.Fatalf("%s: %v", form, err)
		}
		if table.recorded != 1 || !table.last.At.Equal(noon.Add(time.Minute)) {
			t.Errorf("%s: got %d failures, the last %+v, want one of now", form, table.recorded, table.last)
		}
	}
}
