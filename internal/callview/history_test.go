package callview_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// recorded returns events as the table stores them, in order, and the state that they make.
func recorded(t interface{ Fatal(args ...any) }, raws ...string) (state pipeline.State, history []pipeline.Record) {
	for _, raw := range raws {
		event, err := chime.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		delta, err := pipeline.FromEvent(event)
		if err != nil {
			t.Fatal(err)
		}
		state = pipeline.Merge(state, delta)
		history = append(history, pipeline.Record{
			Time: event.Time, ID: event.ID, EventType: event.StateChange.EventType, Body: []byte(raw),
		})
	}
	return state, history
}

// stateChange returns an event n minutes after two, with elements as JSON objects.
func stateChange(n int, eventType, more string, elements ...string) string {
	return fmt.Sprintf(`{"id":"e%d","source":"aws.chime","detail-type":"Media Insights State Change",
		"account":"111122223333","region":"us-east-1","time":%q,"detail":{"eventType":"chime:MediaInsights%s",
		"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/p1","fromNumber":"+12065550137",
		%s"mediaInsightsPipelineElementStatuses":[%s]}}`,
		n, at("14:00:00Z").Add(time.Duration(n)*time.Minute).Format(time.RFC3339), eventType, more,
		strings.Join(elements, ","))
}

func element(name, status, detail string, minute int) string {
	return fmt.Sprintf(`{"type":%q,"status":%q,"statusDetail":%q,"updatedOn":%d}`,
		name, status, detail, at("14:00:00Z").Add(time.Duration(minute)*time.Minute).UnixMilli())
}

// Each event names the elements that it changed, and each element the event of its status.
func TestHistory(t *testing.T) {
	const sink, processor = "S3RecordingSink", "AmazonTranscribeProcessor"
	state, history := recorded(t,
		stateChange(0, "InProgress", `"failureReason":"Earlier",`,
			element(sink, "Initializing", "", 0), element(processor, "InProgress", "", 0)),
		stateChange(1, "InProgress", "",
			element(sink, "Failed", "Access denied to +12065550137", 1), element(processor, "InProgress", "", 0)),
		stateChange(2, "InProgress", "", element(sink, "InProgress", "late", 0), element(processor, "InProgress", "", 2)),
		stateChange(3, "PermanentFailure", `"failureReason":"Throttled",`,
			element(sink, "Failed", "Access denied for good", 3)),
	)
	c := callview.New(state, history, nil, nil, callview.Options{})
	var got []string
	for _, e := range c.Events {
		for _, change := range e.Changes {
			got = append(got, fmt.Sprintf("%s %s: %s to %s: %s",
				e.ID, change.Element, change.From, change.Status, change.StatusDetail))
		}
		if e.Body != nil {
			t.Errorf("%s: got a body that was not asked for", e.ID)
		}
	}
	want := []string{
		"e0 " + processor + ":  to InProgress: ", "e0 " + sink + ":  to Initializing: ",
		"e1 " + sink + ": Initializing to Failed: Access denied to …0137",
		"e3 " + sink + ": Failed to Failed: Access denied for good",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	wantSources := map[string]callview.Source{
		"failure": {EventID: "e3", EventTime: at("14:03:00Z")},
		sink:      {EventID: "e1", EventTime: at("14:01:00Z")}, processor: {EventID: "e0", EventTime: at("14:00:00Z")},
	}
	if diff := cmp.Diff(wantSources, sourcesOf(c)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if c.Elements[1].Class != "permissions" || c.Elements[0].Class != "" {
		t.Errorf("got classes %q and %q, want one of the failed element only", c.Elements[1].Class, c.Elements[0].Class)
	}
	t.Run("the first events have expired", func(t *testing.T) {
		c := callview.New(state, history[:1], nil, nil, callview.Options{})
		want := map[string]callview.Source{"failure": {}, sink: {}, processor: wantSources[processor]}
		if diff := cmp.Diff(want, sourcesOf(c)); diff != "" {
			t.Errorf("sources (-want +got):\n%s", diff)
		}
	})
	t.Run("a body that cannot be read", func(t *testing.T) {
		broken := append([]pipeline.Record{{ID: "x", Body: []byte("+12065550137 {")}}, history...)
		c := callview.New(state, broken, nil, nil, callview.Options{Bodies: true})
		if string(c.Events[0].Body) != `"…0137 {"` || c.Events[1].Changes == nil {
			t.Errorf("got %s and changes %v, want it as masked text, and the others' changes",
				c.Events[0].Body, c.Events[1].Changes)
		}
	})
}

func sourcesOf(c callview.Call) map[string]callview.Source {
	sources := map[string]callview.Source{}
	for _, e := range c.Elements {
		sources[e.Type] = e.Source
	}
	if c.Failure != nil {
		sources["failure"] = c.Failure.Source
	}
	return sources
}

func TestBodies(t *testing.T) {
	raw := stateChange(0, "InProgress", `"ANI":"12065550137",`,
		element("S3RecordingSink", "InProgress", "of 2065550137", 0))
	state, history := recorded(t, raw)
	match := dynamo.Match{ID: "m", Body: []byte(`{"detail":{"callId":"tel:2065550137"}}`)}
	whole := callview.New(state, history, []dynamo.Match{match}, nil, callview.Options{Bodies: true, FullNumbers: true})
	if string(whole.Events[0].Body) != raw || string(whole.Alerts[0].Body) != string(match.Body) {
		t.Errorf("got %s and %s, want the events as they came", whole.Events[0].Body, whole.Alerts[0].Body)
	}
	masked := callview.New(state, history, []dynamo.Match{match}, nil, callview.Options{Bodies: true})
	for _, body := range []json.RawMessage{masked.Events[0].Body, masked.Alerts[0].Body} {
		if strings.Contains(string(body), "555") || !strings.Contains(string(body), "…0137") || !json.Valid(body) {
			t.Errorf("got %s, want JSON with the number masked", body)
		}
	}
}
