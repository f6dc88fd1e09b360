package rulematch_test

import (
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

func TestInferType(t *testing.T) {
	tests := []struct {
		name string
		rule chime.RulesMatched
		want string
	}{
		{"utterance", chime.RulesMatched{UtteranceID: "u", BeginTimestamp: "b"}, rulematch.TypeKeyword},
		{"result", chime.RulesMatched{ResultID: "r", BeginTimestamp: "b"}, rulematch.TypeKeyword},
		{"utterance alone", chime.RulesMatched{UtteranceID: "u"}, rulematch.TypeKeyword},
		{"utterance and a span", chime.RulesMatched{UtteranceID: "u", BeginTimestamp: "b", EndTimestamp: "e"},
			rulematch.TypeKeyword},
		{"span", chime.RulesMatched{BeginTimestamp: "b", EndTimestamp: "e"}, rulematch.TypeSentiment},
		{"nothing", chime.RulesMatched{}, rulematch.TypeNegatedOrIssue},
		{"begin alone", chime.RulesMatched{BeginTimestamp: "b"}, rulematch.TypeUnknown},
		{"end alone", chime.RulesMatched{EndTimestamp: "e"}, rulematch.TypeUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := rulematch.InferType(&tt.rule); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKeyOf(t *testing.T) {
	const configuration = "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/calls"
	long := strings.Repeat("x", 2000)
	for _, tt := range []struct {
		name     string
		id       string
		metadata map[string]string
		grouped  bool
		want     rulematch.Key
	}{
		{"a transaction and a call", "e", map[string]string{"transactionId": "t", "callId": "c"}, true,
			rulematch.Key{Scope: rulematch.Transaction, ID: "t"}},
		{"a call", "e", map[string]string{"callId": "c"}, false,
			rulematch.Key{Scope: rulematch.Call, ID: "c"}},
		{"a call with a long id", "e", map[string]string{"callId": long}, false,
			rulematch.Key{Scope: rulematch.Call, ID: chime.ShortID(long, pipeline.MaxIDLength)}},
		{"a configuration", "e", map[string]string{"mediaInsightsPipelineConfigurationArn": configuration}, true,
			rulematch.Key{Scope: rulematch.Group, ID: "configuration/" + configuration}},
		{"nothing", "e", nil, true, rulematch.Key{Scope: rulematch.Group, ID: "region/111122223333/us-east-1"}},
		{"nothing, in a rehearsal", chime.RehearsalPrefix + "e", nil, true,
			rulematch.Key{Scope: rulematch.Group, ID: chime.RehearsalPrefix + "region/111122223333/us-east-1"}},
		{"nothing, without groups", "e", nil, false, rulematch.Key{Scope: rulematch.OneMatch, ID: "e"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := chime.Parse(event(t, "e", noon, tt.metadata))
			if err != nil {
				t.Fatal(err)
			}
			ev.ID, tt.want.Rule = tt.id, "r1"
			if got := rulematch.KeyOf(ev, tt.grouped); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if got := tt.want.Name(); len(got) > 403 || !strings.HasSuffix(got, "/r1") {
				t.Errorf("got the name %q", got)
			}
		})
	}
}
