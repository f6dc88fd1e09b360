package incident_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
)

func elementsOf(kind string) []chime.Element {
	return []chime.Element{{Type: kind, Status: chime.StatusFailed}}
}

func TestLossesAndSeverity(t *testing.T) {
	tests := []struct {
		name   string
		failed []string
		want   []incident.Loss
		grave  incident.Severity
	}{
		{"none", nil, nil, incident.Critical},
		{"recording", []string{chime.ElementRecordingSink}, []incident.Loss{incident.Recording}, incident.Critical},
		{"transcription", []string{chime.ElementTranscribe},
			[]incident.Loss{incident.Transcript, incident.Insights}, incident.High},
		{"call analytics", []string{chime.ElementTranscribeCallAnalytics},
			[]incident.Loss{incident.Transcript, incident.Insights}, incident.High},
		{"voice analytics", []string{chime.ElementVoiceAnalytics}, []incident.Loss{incident.Insights}, incident.Medium},
		{"data sinks",
			[]string{chime.ElementKinesisSink, chime.ElementLambdaSink, chime.ElementSqsSink, chime.ElementSnsSink},
			[]incident.Loss{incident.Insights}, incident.Medium},
		{"enhancement in both spellings", []string{chime.ElementVoiceEnhancement, chime.ElementVoiceEnhancementSink},
			[]incident.Loss{incident.VoiceEnhancement}, incident.Low},
		{"unknown type", []string{"HologramSink"}, []incident.Loss{"HologramSink"}, incident.Medium},
		{"all, the gravest first",
			[]string{
				chime.ElementVoiceEnhancement, "HologramSink", chime.ElementSqsSink, chime.ElementTranscribe,
				chime.ElementRecordingSink,
			},
			[]incident.Loss{
				incident.Recording, incident.Transcript, incident.Insights, "HologramSink", incident.VoiceEnhancement,
			},
			incident.Critical},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var failed []chime.Element
			for _, kind := range tt.failed {
				failed = append(failed, chime.Element{Type: kind, Status: chime.StatusFailed})
			}
			got := incident.Losses(failed)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
			if grave := incident.SeverityOf(got); grave != tt.grave {
				t.Errorf("got severity %s, want %s", grave, tt.grave)
			}
		})
	}
}
