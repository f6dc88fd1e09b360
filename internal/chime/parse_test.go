package chime_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

func TestEveryExampleParses(t *testing.T) {
	for _, example := range schemas.Examples() {
		if _, err := chime.Parse(example.Body); err != nil {
			t.Errorf("%s: %v", example.Name, err)
		}
	}
}

const good = `{"id":"e","detail-type":"Media Insights State Change","account":11122223333,` +
	`"time":"2026-01-31T12:00:00.5Z","detail":{"version":"0","eventType":"chime:MediaInsightsStopped",` +
	`"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:011122223333:media-pipeline/p","queue":"sales"}}`

func TestParseIsLiberal(t *testing.T) {
	ev, err := chime.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if ev.Account != "011122223333" || ev.Time.Nanosecond() != 500_000_000 ||
		string(ev.StateChange.Metadata["queue"]) != `"sales"` {
		t.Errorf("got %+v %+v", ev, ev.StateChange)
	}
}

func TestParseNamesTheField(t *testing.T) {
	tests := []struct{ name, old, new, pointer string }{
		{"no id", `"id":"e",`, ``, "/id"},
		{"no detail-type", `"detail-type":"Media Insights State Change",`, ``, "/detail-type"},
		{"a time that is none", `2026-01-31T12:00:00.5Z`, `yesterday`, "/time"},
		{"a time that is a number", `"2026-01-31T12:00:00.5Z"`, `17`, "/time"},
		{"no eventType", `"eventType":"chime:MediaInsightsStopped",`, ``, "/detail/eventType"},
		{"no pipeline", `"mediaInsightsPipelineArn"`, `"other"`, "/detail/mediaInsightsPipelineArn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := chime.Parse([]byte(strings.Replace(good, tt.old, tt.new, 1)))
			var field *chime.FieldError
			if !errors.As(err, &field) || field.Pointer != tt.pointer || apperr.ClassOf(err) != apperr.Invalid {
				t.Errorf("got %v, want an invalid %s", err, tt.pointer)
			}
		})
	}
}

func TestParseEnvelope(t *testing.T) {
	const odd = `{"detail-type":"Transcribe","service-type":"CallAnalytics","time":7,"detail":"none","id":null}`
	ev, err := chime.ParseEnvelope([]byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	if ev.DetailType != "Transcribe" || ev.ServiceType != "CallAnalytics" || ev.ID != "" || !ev.Time.IsZero() {
		t.Errorf("got %+v, want what the envelope has", ev)
	}
	for _, raw := range []string{``, `7`, `[]`, `{"id":"e"`, `{"id":"e"}{}`} {
		if _, err := chime.ParseEnvelope([]byte(raw)); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%q: got %v, want it invalid", raw, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ev, err := chime.Parse(raw); (ev == nil || ev.ID == "") && err == nil {
			t.Error("got neither an event nor an error")
		}
	})
}
