package voice_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/voice"
)

func TestRead(t *testing.T) {
	type note struct {
		Source                                                      voice.Source
		Analytics                                                   voice.Analytics
		Task, Status, Pipeline, Call, Transaction, Connector, Event string
		Ready, PostCall                                             bool
	}
	const head = `{"id":"e","time":"2026-03-11T08:15:04Z","detail-type":`
	for _, tt := range []struct {
		name   string
		source intake.Source
		body   string
		want   note
	}{
		{"ready", intake.SQS, head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"AnalyticsReady","transactionId":"t","callId":"c","voiceConnectorId":"v"}}`,
			note{voice.SQS, voice.Ready, "", "AnalyticsReady", "", "c", "t", "v", "e", true, false}},
		{"after the call", intake.SNS, head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"PostCallVoiceAnalytics","transactionId":"t"}}`,
			note{voice.SNS, voice.Ready, "", "PostCallVoiceAnalytics", "", "", "t", "", "e", false, true}},
		{"a status that nobody knows", intake.SNS, head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"AnalyticsTired"}}`,
			note{voice.SNS, voice.Ready, "", "AnalyticsTired", "", "", "", "", "e", false, false}},
		{"task of a pipeline", intake.Kinesis, head + `"SpeakerSearchStatus","detail":{"taskId":"k","mediaInsightsPipelineId":"p"}}`,
			note{voice.Kinesis, voice.SpeakerSearch, "k", "", "p", "", "", "", "e", false, false}},
		{"task, directly", intake.Direct, head + `"VoiceToneAnalysisStatus","detail":{"taskId":"k"}}`,
			note{voice.Lambda, voice.VoiceTone, "k", "", "", "", "", "", "e", false, false}},
		{"unknown type", intake.EventBridge, head + `"VoiceMoodStatus","detail":{"taskId":"k","transactionId":"t","callId":7,"detailStatus":"AnalyticsReady"}}`,
			note{voice.Lambda, voice.Unknown, "k", "AnalyticsReady", "", "", "t", "", "e", false, false}},
		{"unknown type without an object", intake.SQS, head + `"VoiceMoodStatus","detail":"none"}`, note{voice.SQS, voice.Unknown, "", "", "", "", "", "", "e", false, false}},
		{"unknown type without detail", intake.SQS, head + `"VoiceMoodStatus"}`, note{voice.SQS, voice.Unknown, "", "", "", "", "", "", "e", false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := voice.Read(intake.Message{Source: tt.source, Body: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			got := note{n.Source, n.Analytics, n.TaskID, n.Status, n.PipelineID, n.CallID, n.TransactionID, n.VoiceConnectorID, n.ID, n.IsReady(), n.IsPostCall()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := voice.Read(intake.Message{Body: []byte(`{"id":"e"}`)}); fault.ClassOf(err) != fault.Invalid {
		t.Errorf("no notification: got %v, want it invalid", err)
	}
}
