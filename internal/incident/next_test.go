package incident_test

import (
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func TestWhatAnIncidentOwes(t *testing.T) {
	timing := incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	open := incident.Incident{OpenedAt: start}
	told := func(i incident.Incident, t incident.Announced) incident.Incident { i.Announced = t; return i }
	closed := func(i incident.Incident, reopened int) incident.Incident {
		i.ClosedAt, i.Reopened = start.Add(time.Hour), reopened
		return i
	}
	cases := []struct {
		name          string
		incident      incident.Incident
		lastSeen, now time.Duration // since the start
		want          incident.Step
	}{
		{"nothing was told", open, 0, 0, incident.NotifyOpening},
		{"the opening was told just now", told(open, incident.Announced{At: start, Openings: 1}), 4 * time.Minute, 4 * time.Minute, incident.Nothing},
		{"a window has passed", told(open, incident.Announced{At: start, Openings: 1}), 4 * time.Minute, 5 * time.Minute, incident.NotifySummary},
		{"a window after the last summary", told(open, incident.Announced{At: start.Add(5 * time.Minute), Openings: 1, Summaries: 1}), 6 * time.Minute, 9 * time.Minute, incident.Nothing},
		{"it is quiet", told(open, incident.Announced{At: start, Openings: 1}), 0, 10 * time.Minute, incident.Close},
		{"it is quiet, but nobody knows", open, 0, 10 * time.Minute, incident.NotifyOpening},
		{"over and not told", closed(told(open, incident.Announced{At: start, Openings: 1}), 0), 0, 2 * time.Hour, incident.NotifyClosing},
		{"over and told", closed(told(open, incident.Announced{At: start, Openings: 1, Closings: 1}), 0), 0, 2 * time.Hour, incident.Nothing},
		{"reopened and not told", func() incident.Incident {
			i := told(open, incident.Announced{At: start, Openings: 1, Closings: 1})
			i.Reopened = 1
			return i
		}(), 0, time.Minute, incident.NotifyOpening},
		{"over again and not told", closed(told(open, incident.Announced{At: start, Openings: 2, Closings: 1}), 1), 0, 2 * time.Hour, incident.NotifyClosing},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			if got := incident.Next(test.incident, start.Add(test.lastSeen), start.Add(test.now), timing); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTrend(t *testing.T) {
	cases := []struct {
		name  string
		told  incident.Announced
		calls int
		want  incident.Trend
	}{
		{"many after the first", incident.Announced{Calls: 1, Openings: 1}, 40, incident.Growing},
		{"one after the first", incident.Announced{Calls: 1, Openings: 1}, 2, incident.Steady},
		{"more than in the window before", incident.Announced{Calls: 10, LastCalls: 9, Summaries: 1}, 30, incident.Growing},
		{"as many", incident.Announced{Calls: 10, LastCalls: 9, Summaries: 1}, 19, incident.Steady},
		{"fewer", incident.Announced{Calls: 10, LastCalls: 9, Summaries: 1}, 11, incident.Slowing},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			if got := incident.TrendOf(test.told, test.calls); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestScopeAndGroup(t *testing.T) {
	const arn = "arn:aws:chime:us-east-1:123456789012:media-insights-pipeline-configuration/c"
	connector := pipeline.State{Account: "123456789012", Region: "us-east-1", ConfigurationARN: arn}
	connector.VoiceConnectorID = "abc"
	configuration := connector
	configuration.VoiceConnectorID = ""
	bare := configuration
	bare.ConfigurationARN = ""
	named, elsewhere, other := configuration, configuration, bare
	named.ConfigurationARN = "c"
	elsewhere.Account, elsewhere.Region = "999988887777", "eu-central-1"
	other.Region = "us-west-2"
	unmarked := pipeline.State{PipelineARN: "arn:aws:chime:eu-central-1:999988887777:media-pipeline/p"}
	rehearsal := func(st pipeline.State) pipeline.State {
		st.ID = chime.RehearsalPrefix + "p"
		return st
	}
	seen := map[string]bool{}
	for _, test := range []struct {
		state pipeline.State
		want  string
	}{
		{connector, "voice-connector/abc"},
		{configuration, "configuration/" + arn},
		{named, "configuration/123456789012/us-east-1/c"},
		{elsewhere, "configuration/999988887777/eu-central-1/" + arn},
		{bare, "region/123456789012/us-east-1"},
		{other, "region/123456789012/us-west-2"},
		{unmarked, "region/999988887777/eu-central-1"},
		{rehearsal(connector), "rehearsal/voice-connector/abc"},
		{rehearsal(configuration), "rehearsal/configuration/" + arn},
		{rehearsal(bare), "rehearsal/region/123456789012/us-east-1"},
	} {
		scope := incident.ScopeOf(test.state)
		if scope != test.want {
			t.Errorf("got scope %s, want %s", scope, test.want)
		}
		for _, element := range []string{"", "S3RecordingSink", "✗ odd", "rehearsal"} {
			group := incident.Group{Scope: scope, Element: element}
			id := group.ID()
			if rehearsal := test.state.Rehearsal(); group.Rehearsal() != rehearsal || chime.IsRehearsal(id) != rehearsal {
				t.Errorf("group %s of %s: got rehearsal %v, want %v, and the id to say so", id, scope, group.Rehearsal(), rehearsal)
			}
			if seen[id] {
				t.Errorf("group id %s comes twice", id)
			}
			seen[id] = true
		}
	}
}

func TestGravestElement(t *testing.T) {
	elements := []chime.Element{{Type: "VoiceEnhancementSink"}, {Type: "SqsQueueSink"}, {Type: "KinesisDataStreamSink"}, {Type: "S3RecordingSink"}}
	for n, want := range []string{"", "VoiceEnhancementSink", "SqsQueueSink", "KinesisDataStreamSink", "S3RecordingSink"} {
		if got := incident.MostSevere(elements[:n]); got != want {
			t.Errorf("of %d: got %q, want %q", n, got, want)
		}
	}
}

func TestSucceeds(t *testing.T) {
	call := func(status pipeline.Status, elements ...string) pipeline.State {
		st := pipeline.State{Account: "123456789012", Region: "us-east-1", ConfigurationARN: "arn:aws:chime:us-east-1:123456789012:media-insights-pipeline-configuration/c", Status: status}
		st.VoiceConnectorID = "abc"
		for n := 0; n < len(elements); n += 2 {
			st.Elements = append(st.Elements, chime.Element{Type: elements[n], Status: elements[n+1]})
		}
		return st
	}
	rehearsed := func(st pipeline.State) pipeline.State {
		st.ID = chime.RehearsalPrefix + "p"
		return st
	}
	connector, recording := "voice-connector/abc", "S3RecordingSink"
	configuration := "configuration/" + call(pipeline.Created).ConfigurationARN
	runs := call(pipeline.InProgress)
	for _, test := range []struct {
		name  string
		group incident.Group
		call  pipeline.State
		want  bool
	}{
		{"it runs", incident.Group{Scope: connector}, call(pipeline.InProgress), true},
		{"it has ended well", incident.Group{Scope: connector}, call(pipeline.Stopped, recording, "Stopped"), true},
		{"it is only created", incident.Group{Scope: connector}, call(pipeline.Created), false},
		{"it failed", incident.Group{Scope: connector}, call(pipeline.Failed), false},
		{"it runs in part", incident.Group{Scope: connector}, call(pipeline.InProgress, recording, "Failed"), false},
		{"of another Voice Connector", incident.Group{Scope: "voice-connector/xyz"}, call(pipeline.InProgress), false},
		{"of the configuration", incident.Group{Scope: "configuration/arn:aws:chime:us-east-1:123456789012:media-insights-pipeline-configuration/c"}, call(pipeline.InProgress), true},
		{"of another configuration", incident.Group{Scope: "configuration/arn:d"}, call(pipeline.InProgress), false},
		{"of the Region", incident.Group{Scope: "region/123456789012/us-east-1"}, call(pipeline.InProgress), true},
		{"a rehearsal", incident.Group{Scope: connector}, rehearsed(runs), false},
		{"a rehearsal, of the configuration", incident.Group{Scope: configuration}, rehearsed(runs), false},
		{"a rehearsal, of the Region", incident.Group{Scope: "region/123456789012/us-east-1"}, rehearsed(runs), false},
		{"a rehearsal of what one found", incident.Group{Scope: "rehearsal/" + connector}, rehearsed(runs), true},
		{"a rehearsal of what one found in the Region", incident.Group{Scope: "rehearsal/region/123456789012/us-east-1"},
			rehearsed(runs), true},
		{"a real call of what a rehearsal found", incident.Group{Scope: "rehearsal/" + connector}, runs, false},
		{"of another account's configuration",
			incident.Group{Scope: "configuration/999988887777/us-east-1/" + runs.ConfigurationARN}, runs, false},
		{"of another Region", incident.Group{Scope: "region/123456789012/us-west-2"}, call(pipeline.InProgress), false},
		{"the sink delivers", incident.Group{Scope: connector, Element: "KinesisDataStreamSink"}, call(pipeline.InProgress, "KinesisDataStreamSink", "InProgress"), true},
		{"the sink fails, and others do not", incident.Group{Scope: connector, Element: "KinesisDataStreamSink"}, call(pipeline.InProgress, "KinesisDataStreamSink", "Failed", recording, "InProgress"), false},
		{"the sink is not there", incident.Group{Scope: connector, Element: "KinesisDataStreamSink"}, call(pipeline.InProgress, recording, "InProgress"), false},
		{"another element fails", incident.Group{Scope: connector, Element: "KinesisDataStreamSink"}, call(pipeline.InProgress, "KinesisDataStreamSink", "InProgress", recording, "Failed"), true},
		{"the recording goes on, and may fail when it is delivered", incident.Group{Scope: connector, Element: recording}, call(pipeline.InProgress, recording, "InProgress"), false},
		{"the recording is delivered", incident.Group{Scope: connector, Element: recording}, call(pipeline.Stopped, recording, "Stopped"), true},
		{"the recording is to be enhanced yet", incident.Group{Scope: connector, Element: "VoiceEnhancementSink"}, call(pipeline.Stopped, "VoiceEnhancementSink", "InProgress"), false},
		{"the recording is enhanced", incident.Group{Scope: connector, Element: "VoiceEnhancementSink"}, call(pipeline.Stopped, "VoiceEnhancementSink", "Stopped"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := incident.Succeeds(test.group, test.call); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
