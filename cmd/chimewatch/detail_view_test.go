package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func clock(text string) time.Time {
	t, err := time.Parse(time.TimeOnly, text)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 2, 8)
}

// someCalls are a call that failed, one that ended with a failed element, one that runs, and one that was never
// created.
func someCalls() []callview.Call {
	return []callview.Call{
		{
			ID: "390c229b-3f88-4f5b-8169-99dfd9e1652c", PipelineID: "390c229b-3f88-4f5b-8169-99dfd9e1652c",
			PipelineARN:      "arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
			ConfigurationARN: "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/sales",
			Account:          "111122223333", Region: "us-east-1", Status: pipeline.Failed,
			CallID: "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5", TransactionID: "c5dbc041-b2da-45ca-9887-faae186bff33",
			VoiceConnectorID: "c4tq9mzx1bd7ne0rw3yhk8", Direction: "Inbound", FromNumber: "…0137", ToNumber: "…0190",
			Metadata: map[string]json.RawMessage{"queue": json.RawMessage(`"sales"`), "agent": json.RawMessage(`{"id":7}`)},
			Elements: []callview.Element{
				{Type: "AmazonTranscribeProcessor", Status: "Stopped", UpdatedOn: clock("15:20:26").UnixMilli(),
					UpdatedAt: clock("15:20:26")},
				{Type: "S3RecordingSink", Status: "Failed", StatusDetail: "bucket", Class: incident.Unknown,
					UpdatedOn: clock("15:20:27").UnixMilli(), UpdatedAt: clock("15:20:27")},
			},
			Failure: &callview.Failure{Class: incident.Permissions,
				Reason: "Access denied when assuming resource access role"},
			CreatedAt: clock("15:20:00"), StartedAt: clock("15:20:01"), UpdatedAt: clock("15:20:27"), EndedAt: clock("15:20:27"),
			Events: []callview.Event{
				{Time: clock("15:20:00"), ID: "e1", EventType: "chime:MediaInsightsCreated"},
				{Time: clock("15:20:27"), ID: "e2", EventType: "chime:MediaInsightsPermanentFailure"},
			},
			Alerts: []callview.Alert{{Time: clock("15:20:10"), ID: "m1", RuleName: "unhappy-for-a-minute",
				Type: "sentiment"}},
			Notifications: []callview.Notification{{ID: "n1", Kind: "permanent-failure", Subject: "No recording of a call",
				SentAt: clock("15:20:28")}},
		},
		{
			ID: "p2", Status: pipeline.Stopped, Degraded: true, CallID: "call-2",
			CreatedAt: clock("14:00:00"), UpdatedAt: clock("14:30:00"), EndedAt: clock("14:30:00"),
			Elements: []callview.Element{{Type: "VoiceEnhancementSink", Status: "NotSupported",
				StatusDetail: "Unsupported recording length", Class: incident.RecordingLength}},
		},
		{ID: "p3", Status: pipeline.InProgress, CreatedAt: clock("13:00:00"), StartedAt: clock("13:00:01"),
			UpdatedAt: clock("13:00:01")},
		{
			ID: "create-failed.t1", Status: pipeline.CreateFailed,
			CreatedAt: clock("12:00:00"), UpdatedAt: clock("12:00:00"), EndedAt: clock("12:00:00"),
			Failure: &callview.Failure{
				Class: incident.Quota, Reason: "the quota of this account for active pipelines is\nreached",
				Origin: "Voice Connector", HTTPStatusCode: "400",
			},
		},
	}
}

func TestTables(t *testing.T) {
	for _, test := range []struct {
		name  string
		print func(*app, []callview.Call) error
	}{
		{"list.txt", printCallList},
		{"cards.txt", (*app).printDetails},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout bytes.Buffer
			if err := test.print(&app{stdout: &stdout, getenv: func(string) string { return "" }}, someCalls()); err != nil {
				t.Fatal(err)
			}
			golden(t, test.name, stdout.String())
		})
	}
}

func TestTerminalIsNotControlledByEvents(t *testing.T) {
	c := callview.Call{
		ID: "p\x1b[2J", Status: pipeline.Failed, CallID: "a\nb\u202e",
		Failure:  &callview.Failure{Class: "\x07", Reason: "\u009b31m"},
		Metadata: map[string]json.RawMessage{"\x1b": json.RawMessage("\"\u009b\"")},
		Elements: []callview.Element{{Type: "\x1b", Status: "Failed\x1b"}},
	}
	var stdout bytes.Buffer
	a := &app{stdout: &stdout, getenv: func(string) string { return "" }}
	if err := printCallList(a, []callview.Call{c}); err != nil {
		t.Fatal(err)
	}
	if err := a.printDetails([]callview.Call{c}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(stdout.String(), "\x1b\x07\u009b\u202e"); i >= 0 {
		t.Errorf("got a control character at %d in %q, want none", i, stdout.String())
	}
}

func TestStatusesAreColoured(t *testing.T) {
	const red, yellow = "\x1b[31m", "\x1b[33m"
	for status, want := range map[string]string{
		"Failed":             red,
		"Failed (degraded)":  red,
		"CreateFailed":       red,
		"Stopped (degraded)": yellow,
		"TemporarilyFailed":  yellow,
		"NotSupported":       yellow,
		"Stopped":            "",
		"InProgress":         "",
	} {
		got := coloured(statusColumn, status)
		if plain := got == status; plain != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want it to begin with %q", status, got, want)
		}
	}
}

func TestColour(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
	}{
		{"no terminal", nil},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}},
		{"dumb terminal", map[string]string{"TERM": "dumb"}},
	} {
		a := &app{stdout: &bytes.Buffer{}, getenv: func(name string) string { return test.env[name] }}
		if a.colour() {
			t.Errorf("%s: got colour, want none", test.name)
		}
	}
}

func printCallList(a *app, calls []callview.Call) error { return printList(a, calls, callColumns) }
