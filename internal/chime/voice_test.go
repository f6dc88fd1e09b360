package chime_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/schemas"
)

// Whatever the service is known to send is read as its JSON says, from every source.
func TestReadReadsTheExamples(t *testing.T) {
	analytics := map[string]chime.Analytics{"SpeakerSearchStatus": chime.AnalyticsSpeakerSearch,
		"VoiceToneAnalysisStatus": chime.AnalyticsVoiceTone, "VoiceAnalyticsStatus": chime.AnalyticsReady}
	sources := map[lambdafn.Source]chime.VoiceSource{lambdafn.Direct: chime.ByLambda, lambdafn.SQS: chime.BySQS,
		lambdafn.SNS: chime.BySNS, lambdafn.Kinesis: chime.ByKinesis}
	read := map[chime.Analytics]int{}
	for _, example := range schemas.Examples() {
		var event struct {
			ID         string         `json:"id"`
			DetailType string         `json:"detail-type"`
			Detail     map[string]any `json:"detail"`
		}
		if err := json.Unmarshal(example.Body, &event); err != nil {
			t.Fatal(err)
		}
		want, is := analytics[event.DetailType]
		if !is {
			continue
		}
		for from, source := range sources {
			t.Run(example.Name+" by "+string(source), func(t *testing.T) {
				n, err := chime.ParseVoice(example.Body, from.Voice())
				if err != nil {
					t.Fatal(err)
				}
				read[want]++
				if n.By != source || n.Analytics != want || n.ID != event.ID || string(n.Raw) != string(example.Body) {
					t.Errorf("got %s of %s, event %s, want %s of %s, event %s, with the bytes as they came", n.Analytics, n.By, n.ID,
						want, source, event.ID)
				}
				got := map[string]string{"taskId": n.TaskID, "detailStatus": n.DetailStatus,
					"mediaInsightsPipelineId": n.PipelineID,
					"callId":                  n.CallID, "transactionId": n.TransactionID, "voiceConnectorId": n.VoiceConnectorID}
				for name, value := range got {
					if text, _ := event.Detail[name].(string); value != text {
						t.Errorf("%s: got %q, want %q", name, value, text)
					}
				}
				if n.IsReady() != (n.DetailStatus == "AnalyticsReady") ||
					n.IsPostCall() != (n.DetailStatus == "PostCallVoiceAnalytics") {
					t.Errorf("%s: got ready %t and after the call %t", n.DetailStatus, n.IsReady(), n.IsPostCall())
				}
			})
		}
	}
	for _, kind := range analytics {
		if read[kind] == 0 {
			t.Errorf("there is no example of %s", kind)
		}
	}
}

func TestRead(t *testing.T) {
	type note struct {
		Source                                                      chime.VoiceSource
		Analytics                                                   chime.Analytics
		Task, Status, Pipeline, Call, Transaction, Connector, Event string
		Ready, PostCall                                             bool
	}
	const head = `{"id":"e","time":"2026-03-11T08:15:04Z","detail-type":`
	const text = `"{\"taskId\":\"k\",\"transactionId\":\"t\",` +
		`\"detailStatus\":\"AnalyticsReady\",\"voiceConnectorId\":\"v\"}"`
	const rehearsal = `{"source":"chimewatch.rehearsal",` + `"id":"e","time":"2026-03-11T08:15:04Z","detail-type":`
	for _, tt := range []struct {
		name   string
		source lambdafn.Source
		body   string
		want   note
	}{
		{"ready", lambdafn.SQS,
			head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"AnalyticsReady",` +
				`"transactionId":"t","callId":"c","voiceConnectorId":"v"}}`,
			note{chime.BySQS, chime.AnalyticsReady, "", "AnalyticsReady", "", "c", "t", "v", "e", true, false}},
		{"after the call", lambdafn.SNS,
			head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"PostCallVoiceAnalytics","transactionId":"t"}}`,
			note{chime.BySNS, chime.AnalyticsReady, "", "PostCallVoiceAnalytics", "", "", "t", "", "e", false, true}},
		{"a status that nobody knows", lambdafn.SNS,
			head + `"VoiceAnalyticsStatus","detail":{"detailStatus":"AnalyticsTired"}}`,
			note{chime.BySNS, chime.AnalyticsReady, "", "AnalyticsTired", "", "", "", "", "e", false, false}},
		{"task of a pipeline", lambdafn.Kinesis,
			head + `"SpeakerSearchStatus","detail":{"taskId":"k","mediaInsightsPipelineId":"p"}}`,
			note{chime.ByKinesis, chime.AnalyticsSpeakerSearch, "k", "", "p", "", "", "", "e", false, false}},
		{"task, directly", lambdafn.Direct, head + `"VoiceToneAnalysisStatus","detail":{"taskId":"k"}}`,
			note{chime.ByLambda, chime.AnalyticsVoiceTone, "k", "", "", "", "", "", "e", false, false}},
		{"unknown type", lambdafn.EventBridge,
			head + `"VoiceMoodStatus","detail":{"taskId":"k","transactionId":"t","callId":7,"detailStatus":"AnalyticsReady"}}`,
			note{chime.ByLambda, chime.AnalyticsUnknown, "k", "AnalyticsReady", "", "", "t", "", "e", false, false}},
		{"unknown type, in a rehearsal", lambdafn.SQS, rehearsal + `"VoiceMoodStatus","detail":{"taskId":"k",` +
			`"transactionId":"t","callId":"c","mediaInsightsPipelineId":"p","voiceConnectorId":"v"}}`,
			note{Source: chime.BySQS, Analytics: chime.AnalyticsUnknown, Task: "rehearsal-k", Pipeline: "rehearsal-p",
				Call: "rehearsal-c", Transaction: "rehearsal-t", Connector: "v", Event: "rehearsal-e"}},
		{"unknown type, with ids of a rehearsal", lambdafn.SQS, head +
			`"VoiceMoodStatus","detail":{"taskId":"rehearsal-k","transactionId":"rehearsal-t","callId":"c"}}`,
			note{chime.BySQS, chime.AnalyticsUnknown, "", "", "", "c", "", "", "e", false, false}},
		{"ready, in a rehearsal", lambdafn.SQS, rehearsal + `"VoiceAnalyticsStatus","detail":` +
			`{"detailStatus":"AnalyticsReady","transactionId":"t","callId":"c","voiceConnectorId":"v"}}`,
			note{Source: chime.BySQS, Analytics: chime.AnalyticsReady, Status: "AnalyticsReady", Call: "rehearsal-c",
				Transaction: "rehearsal-t", Connector: "v", Event: "rehearsal-e", Ready: true}},
		{"detail as JSON text", lambdafn.Kinesis, head + `"VoiceAnalyticsStatus","detail":` + text + `}`,
			note{chime.ByKinesis, chime.AnalyticsReady, "k", "AnalyticsReady", "", "", "t", "v", "e", true, false}},
		{"unknown type, detail as JSON text", lambdafn.Kinesis, head + `"VoiceMoodStatus","detail":` + text + `}`,
			note{chime.ByKinesis, chime.AnalyticsUnknown, "k", "AnalyticsReady", "", "", "t", "v", "e", false, false}},
		{"detail as JSON text, in a rehearsal", lambdafn.SQS, rehearsal + `"SpeakerSearchStatus","detail":` + text + `}`,
			note{chime.BySQS, chime.AnalyticsSpeakerSearch, "rehearsal-k", "AnalyticsReady", "", "", "rehearsal-t", "v",
				"rehearsal-e",
				false, false}},
		{"unknown type without an object", lambdafn.SQS, head + `"VoiceMoodStatus","detail":"none"}`,
			note{chime.BySQS, chime.AnalyticsUnknown, "", "", "", "", "", "", "e", false, false}},
		{"unknown type without detail", lambdafn.SQS, head + `"VoiceMoodStatus"}`,
			note{chime.BySQS, chime.AnalyticsUnknown, "", "", "", "", "", "", "e", false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := chime.ParseVoice([]byte(tt.body), tt.source.Voice())
			if err != nil {
				t.Fatal(err)
			}
			got := note{n.By, n.Analytics, n.TaskID, n.DetailStatus, n.PipelineID, n.CallID, n.TransactionID, n.VoiceConnectorID,
				n.ID, n.IsReady(), n.IsPostCall()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := chime.ParseVoice([]byte(`{"id":"e"}`), chime.ByLambda); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no notification: got %v, want it invalid", err)
	}
}

// Whatever form a field of the detail has, every other field is read, and the bytes are
// kept as they came.
func TestFieldsOfAnyFormHideNoOther(t *testing.T) {
	good := map[string]string{"taskId": `"k"`, "transactionId": `"t"`, "callId": `"c"`, "voiceConnectorId": `"v"`,
		"mediaInsightsPipelineId": `"p"`, "detailStatus": `"AnalyticsReady"`, "channelId": `0`, "isCaller": `true`,
		"startFragmentNumber": `"1"`, "speakerSearchDetails": `{"results":[{"voiceProfileId":"x","confidenceScore":"0.94"}]}`}
	forms := []string{``, `null`, `7`, `-0.5e3`, `"7"`, `""`, `true`, `[]`, `["x",{}]`, `{}`, `{"a":{"b":[1]}}`,
		`"{\"a\":1}"`, `"\ud800"`}
	read := func(n chime.VoiceNotification) map[string]string {
		return map[string]string{"taskId": n.TaskID, "transactionId": n.TransactionID, "callId": n.CallID,
			"voiceConnectorId": n.VoiceConnectorID, "mediaInsightsPipelineId": n.PipelineID, "detailStatus": n.DetailStatus}
	}
	for _, detailType := range []string{"SpeakerSearchStatus", "VoiceToneAnalysisStatus", "VoiceAnalyticsStatus",
		"VoiceMoodStatus"} {
		for odd := range good {
			for _, form := range forms {
				members := []string{}
				for _, name := range slices.Sorted(maps.Keys(good)) {
					switch value := good[name]; {
					case name != odd:
						members = append(members, strconv.Quote(name)+":"+value)
					case form != "":
						members = append(members, strconv.Quote(name)+":"+form)
					}
				}
				body := `{"id":"e","time":"2026-03-11T08:15:04Z","detail-type":"` + detailType + `","detail":{` +
					strings.Join(members, ",") + `}}`
				n, err := chime.ParseVoice([]byte(body), chime.BySQS)
				if err != nil || string(n.Raw) != body {
					t.Errorf("%s %s: got %v and %q, want the bytes as they came", odd, form, err, n.Raw)
					continue
				}
				for name, got := range read(n) {
					if want, _ := strconv.Unquote(good[name]); name != odd && got != want {
						t.Errorf("%s %s of %s: got %s %q, want %q", odd, form, detailType, name, got, want)
					}
				}
			}
		}
	}
}

// Only what is surely no voice notification is foreign.
func TestReadForeign(t *testing.T) {
	const usable = `{"id":"e","time":"2026-03-11T08:15:04Z","detail":{},`
	for _, tt := range []struct {
		name, body string
		foreign    bool
	}{
		{"call analytics by its service type", `{"service-type":"CallAnalytics","detail-type":"Transcribe"}`, true},
		{"call analytics with an id", usable + `"service-type":"CallAnalytics","detail-type":"Recording"}`, true},
		{"another service type", usable + `"service-type":"MeetingAnalytics","detail-type":"Summary"}`, true},
		{"another service type without a detail type", `{"service-type":"MeetingAnalytics"}`, true},
		{"a known detail type without a service type", usable + `"detail-type":"CallAnalyticsMetadata"}`, true},
		{"a new detail type of the family without an id", `{"detail-type":"TranscribeCallAnalyticsSummary"}`, true},
		{"a service type that is no text", `{"service-type":7,"detail-type":"Transcribe"}`, true},
		{"a new detail type with an id", usable + `"detail-type":"TranscribeCallAnalyticsSummary"}`, false},
		{"a detail type of call analytics under our service type",
			usable + `"service-type":"VoiceAnalytics","detail-type":"Transcribe"}`, false},
		{"a detail type of ours under another service type",
			usable + `"service-type":"CallAnalytics","detail-type":"VoiceAnalyticsStatus"}`, false},
		{"an unknown detail type", usable + `"detail-type":"VoiceMoodStatus"}`, false},
		{"nothing that is known", `{"this":"is none"}`, false},
		{"no JSON", `{"service-type":"CallAnalytics","detail-type":"Transcribe"`, false},
		{"no object", `"CallAnalytics"`, false},
		{"nothing", ``, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := chime.ParseVoice([]byte(tt.body), chime.ByKinesis)
			if got := errors.Is(err, chime.ErrForeign); got != tt.foreign {
				t.Errorf("got %v, want it foreign: %t", err, tt.foreign)
			}
		})
	}
}
