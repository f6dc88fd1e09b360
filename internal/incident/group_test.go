package incident_test

import (
	"slices"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

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
			want := test.state.Rehearsal()
			if got := group.Rehearsal(); got != want || chime.IsRehearsal(id) != want {
				t.Errorf("group %s of %s: got rehearsal %v, want %v, and the id to say so", id, scope, got, want)
			}
			if seen[id] {
				t.Errorf("group id %s comes twice", id)
			}
			seen[id] = true
		}
	}
}

func TestMostSevere(t *testing.T) {
	types := []string{"VoiceEnhancementSink", "SqsQueueSink", "KinesisDataStreamSink", "S3RecordingSink"}
	var elements []chime.Element
	for _, want := range types { // each is more severe than all before
		elements = append(elements, chime.Element{Type: want})
		if got := incident.MostSevere(elements); got != want {
			t.Errorf("of %d: got %q, want %q", len(elements), got, want)
		}
	}
	if got := incident.MostSevere(nil); got != "" {
		t.Errorf("got %q of no element, want none", got)
	}
}

func TestSucceeds(t *testing.T) {
	const arn = "arn:aws:chime:us-east-1:123456789012:media-insights-pipeline-configuration/c"
	call := func(status pipeline.Status, typesAndStatuses ...string) pipeline.State {
		st := pipeline.State{Account: "123456789012", Region: "us-east-1", ConfigurationARN: arn, Status: status}
		st.VoiceConnectorID = "abc"
		for pair := range slices.Chunk(typesAndStatuses, 2) {
			st.Elements = append(st.Elements, chime.Element{Type: pair[0], Status: pair[1]})
		}
		return st
	}
	runs := func(typesAndStatuses ...string) pipeline.State {
		return call(pipeline.InProgress, typesAndStatuses...)
	}
	stopped := func(typesAndStatuses ...string) pipeline.State {
		return call(pipeline.Stopped, typesAndStatuses...)
	}
	rehearsed := func(st pipeline.State) pipeline.State {
		st.ID = chime.RehearsalPrefix + "p"
		return st
	}
	const connector, configuration, region = "voice-connector/abc", "configuration/" + arn, "region/123456789012/us-east-1"
	const kinesis, recording, enhancement = "KinesisDataStreamSink", "S3RecordingSink", "VoiceEnhancementSink"
	for _, test := range []struct {
		name           string
		scope, element string // of the group
		call           pipeline.State
		want           bool
	}{
		{"it runs", connector, "", runs(), true},
		{"it has ended well", connector, "", stopped(recording, "Stopped"), true},
		{"it is only created", connector, "", call(pipeline.Created), false},
		{"it failed", connector, "", call(pipeline.Failed), false},
		{"it runs in part", connector, "", runs(recording, "Failed"), false},
		{"of another Voice Connector", "voice-connector/xyz", "", runs(), false},
		{"of the configuration", configuration, "", runs(), true},
		{"of another configuration", "configuration/arn:d", "", runs(), false},
		{"of another account's configuration", "configuration/999988887777/us-east-1/" + arn, "", runs(), false},
		{"of the Region", region, "", runs(), true},
		{"of another Region", "region/123456789012/us-west-2", "", runs(), false},
		{"a rehearsal", connector, "", rehearsed(runs()), false},
		{"a rehearsal, of the configuration", configuration, "", rehearsed(runs()), false},
		{"a rehearsal, of the Region", region, "", rehearsed(runs()), false},
		{"a rehearsal of what one found", "rehearsal/" + connector, "", rehearsed(runs()), true},
		{"a rehearsal of what one found in the Region", "rehearsal/" + region, "", rehearsed(runs()), true},
		{"a real call of what a rehearsal found", "rehearsal/" + connector, "", runs(), false},
		{"the sink delivers", connector, kinesis, runs(kinesis, "InProgress"), true},
		{"the sink fails, and others do not", connector, kinesis,
			runs(kinesis, "Failed", recording, "InProgress"), false},
		{"the sink is not there", connector, kinesis, runs(recording, "InProgress"), false},
		{"another element fails", connector, kinesis, runs(kinesis, "InProgress", recording, "Failed"), true},
		{"the recording goes on, and may fail when it is delivered", connector, recording,
			runs(recording, "InProgress"), false},
		{"the recording is delivered", connector, recording, stopped(recording, "Stopped"), true},
		{"the recording is still to be enhanced", connector, enhancement, stopped(enhancement, "InProgress"), false},
		{"the recording is enhanced", connector, enhancement, stopped(enhancement, "Stopped"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			group := incident.Group{Scope: test.scope, Element: test.element}
			if got := incident.Succeeds(group, test.call); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
