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

// joins is a repository that only counts the failures that are recorded.
type joins struct {
	incident.Repository
	recorded int
	last     incident.Occurrence
}

func (j *joins) Pipeline(_ context.Context, id string) (pipeline.State, error) {
	return pipeline.State{}, apperr.New(apperr.NotFound, "table", "knows no pipeline "+id, "")
}

func (j *joins) GroupIncidents(context.Context, incident.Group, func([]incident.Incident) bool) ([]incident.Incident, error) {
	return nil, nil
}

func (j *joins) Membership(context.Context, string, string) (incident.Membership, error) {
	return incident.Membership{}, nil
}
func (j *joins) PutIncident(context.Context, incident.Incident) error { return nil }
func (j *joins) PutMembership(context.Context, incident.Membership, incident.Membership) error {
	return nil
}

func (j *joins) PutOccurrence(_ context.Context, _ string, o incident.Occurrence) error {
	j.recorded, j.last = j.recorded+1, o
	return nil
}

func (j *joins) Incident(context.Context, string) (incident.Incident, error) {
	return incident.Incident{ClosedAt: noon.Add(time.Hour)}, nil
}
func (j *joins) AddReason(context.Context, incident.Incident, incident.Reason, int) error { return nil }
func (j *joins) AddLosses(context.Context, incident.Incident, []incident.Loss) error      { return nil }
func (j *joins) SetCause(context.Context, incident.Incident, incident.Cause, string) error {
	return nil
}

func (j *joins) service() *incident.Service {
	return &incident.Service{Repo: j, Counts: quiet{}, Now: func() time.Time { return noon }}
}

// anyOf draws one of some JSON values.
func anyOf(t *rapid.T, label string, values ...string) json.RawMessage {
	return json.RawMessage(rapid.SampledFrom(values).Draw(t, label))
}

// oddElement draws an entry of the list of elements, of any form; within a list that is
// JSON text it is none itself, as no pattern finds anything in text within text.
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

// oddChange draws a state change of which anything may have an unexpected form.
func oddChange(t *rapid.T) []byte {
	detail := map[string]json.RawMessage{"version": json.RawMessage(`"0"`)}
	set := func(key string, values ...string) {
		if rapid.IntRange(0, 9).Draw(t, "has "+key) > 0 {
			detail[key] = anyOf(t, key, values...)
		}
	}
	set("eventType", `"chime:MediaInsightsPermanentFailure"`, `"chime:MediaInsightsCreateFailed"`, `"chime:MediaInsightsInProgress"`, `"chime:MediaInsightsStopped"`,
		`"chime:Novel"`, `["chime:MediaInsightsPermanentFailure"]`, `7`, `""`)
	set("mediaInsightsPipelineArn", `"arn:aws:chime:us-east-1:111122223333:media-pipeline/p"`, `"p"`, `7`, `""`)
	set("transactionId", `"t"`, `7`, `"rehearsal-t"`)
	if rapid.IntRange(0, 3).Draw(t, "has elements") > 0 {
		form := rapid.SampledFrom([]string{"a list", "a list", "a list", "JSON text", "one entry"}).Draw(t, "form of the elements")
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
	raw, err := json.Marshal(map[string]any{
		"id": "e", "detail-type": chime.DetailStateChange, "source": chime.Source, "account": "111122223333", "region": "us-east-1",
		"time": anyOf(t, "time", `"2026-03-11T12:00:00Z"`, `"2026-03-11T12:00:00Z"`, `1773230400`, `"soon"`, `null`, `"2099-01-01T00:00:00Z"`), "detail": detail,
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

// What a rule sends to the function failures is recorded as a failure or is an error;
// and whatever the function would record, a rule sends there.
func TestRuleAndFunctionAgreeOnFailures(t *testing.T) {
	recorded, refused, silent := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // most events are cheap
			raw := oddChange(t)
			routed := routedTo(t, "failures", raw)
			table := &joins{}
			err := table.service().Handle(context.Background(), raw)
			switch failed := table.recorded > 0; {
			case failed && (err != nil || !routed):
				t.Fatalf("recorded %d failures, error %v, sent by a rule %v: %s", table.recorded, err, routed, raw)
			case failed:
				recorded++
			case err == nil:
				t.Fatalf("the function said nothing of %s", raw)
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

// The failure of an element is found beside whatever else the event says.
func TestFailureIsFoundNextToUnreadableParts(t *testing.T) {
	const failing = `{"type":"S3RecordingSink","status":"Failed","updatedOn":1773230400000}`
	rules := eventrule.Table(eventrule.Options{})
	for _, tt := range []struct{ name, elements, rule string }{
		{"an element without a status", `[` + failing + `,{"type":"KinesisDataStreamSink"}]`, "element-failure"},
		{"an entry that is none", `[7,` + failing + `]`, "element-failure"},
		{"no list around it", failing, "element-failure"},
		{"the same element, newer", `[` + failing + `,{"type":"S3RecordingSink","status":"InProgress","updatedOn":1773230401000}]`, "element-failure"},
		{"the list is JSON text", string(quotedJSON(json.RawMessage(`[` + failing + `]`))), "element-failure-text"},
		{"the list is JSON text with spaces", string(quotedJSON(json.RawMessage(`[ {"type" : "VoiceEnhancementSink", "status" : "NotSupported"} ]`))), "element-failure-text"},
		{"the entry is JSON text", `[` + string(quotedJSON(json.RawMessage(failing))) + `]`, "element-failure-text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := fmt.Appendf(nil, `{"id":"e","detail-type":%q,"source":"aws.chime","time":"2026-03-11T12:00:00Z","detail":{"eventType":"chime:MediaInsightsInProgress",`+
				`"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/p","voiceConnectorId":"vc","mediaInsightsPipelineElementStatuses":%s}}`,
				chime.DetailStateChange, tt.elements)
			matched, err := rules.Match(raw)
			if err != nil || len(matched) != 2 || matched[1].Name != tt.rule {
				t.Errorf("got the rules %v (%v), want state-change and %s", matched, err, tt.rule)
			}
			table := &joins{}
			if err := table.service().Handle(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			if table.recorded != 1 {
				t.Errorf("got %d failures, want one", table.recorded)
			}
		})
	}
}

// A failure whose time cannot be read is one of when it is handled.
func TestFailureWithoutATimeIsRecorded(t *testing.T) {
	good := string(phoned{id: "p", connector: "abc"}.event(chime.EventPermanentFailure, noon))
	for _, form := range []string{`"soon"`, `null`, `7`, `{}`, `""`} {
		raw := strings.Replace(good, `"time":"`+noon.Format(time.RFC3339)+`"`, `"time":`+form, 1)
		table := &joins{}
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
