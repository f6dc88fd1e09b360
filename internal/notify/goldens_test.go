package notify_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// hostile is a text that tries to break out of every rendering.
var hostile = "x\r\nSubject: pwned\x00\u202e +12065550137 12065550137 <!channel> *b* [l](http://x) `c` $(reboot) '" +
	strings.Repeat("long ", 100)

// hostileFailure is the failure of a pipeline of which all is hostile.
func hostileFailure() incident.Failure {
	return incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: pipeline.State{
		ID: hostile, PipelineARN: "arn:aws:chime:x:y:media-pipeline/" + hostile,
		ConfigurationARN: "arn/" + hostile, Account: hostile, Region: hostile,
		CallFields: chime.CallFields{
			CallID: hostile, TransactionID: hostile, VoiceConnectorID: hostile, Direction: hostile,
			FromNumber: "+12065550137", ToNumber: hostile,
		},
		Status:   pipeline.Failed,
		Elements: []chime.Element{element("Sink\n"+hostile, chime.StatusFailed, hostile)},
		Failure:  &pipeline.Failure{Reason: hostile},
	}}
}

// running is a call that goes on.
func running() pipeline.State {
	return inbound(func(s *pipeline.State) { s.Status = pipeline.InProgress })
}

// goldens are the messages of the golden files, by the names of these.
func goldens() map[string]message {
	all := map[string]message{}
	maps.Copy(all, goldenIncidents())
	maps.Copy(all, goldenRehearsals())
	maps.Copy(all, goldenMatches())
	maps.Copy(all, goldenWarnings())
	all["test"] = notify.TestMessage{
		Topic: "failures", About: "failures", Account: "111122223333", Region: "us-east-1", At: failedAt,
	}
	all["test-alarm"] = notify.TestAlarm{
		TopicARN: "arn:aws:sns:us-east-1:111122223333:alarms", Account: "111122223333", Region: "us-east-1",
		At: failedAt,
	}
	return all
}

func goldenIncidents() map[string]message {
	denied := permanent("Access denied")
	call := running()
	bare := incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: pipeline.State{
		ID: call.ID, PipelineARN: call.PipelineARN, Account: call.Account, Region: call.Region,
		Status: pipeline.Failed,
	}}
	unrecovered := incident.Failure{
		Kind: incident.TemporaryFailure, At: failedAt,
		Element: element(chime.ElementKinesisSink, chime.StatusTemporarilyFailed, ""),
		State:   inbound(func(s *pipeline.State) { s.Status = pipeline.TemporarilyFailed }),
	}
	hologram := oneElement(pipeline.InProgress, element("HologramSink", chime.StatusFailed, ""))
	unrecorded := permanent("Access denied", element(chime.ElementRecordingSink, chime.StatusFailed, ""))
	// of makes the calls of an incident share a configuration.
	of := func(configuration string) func(*testUpdate) {
		return func(n *testUpdate) { n.Incident.Scope = "configuration/" + configurationPrefix + configuration }
	}
	moreThanKept := withReasons(news(denied, incident.Summary, nil), manyReasons(2)...)
	moreThanKept.Incident.Reasons = moreThanKept.Incident.Reasons[:2]
	all := map[string]message{
		"hostile-incident":               news(hostileFailure(), incident.Summary, nil),
		"incident-bare":                  news(bare, incident.Opening, nil),
		"incident-unknown-element":       news(hologram, incident.Opening, nil),
		"incident-unrecovered":           news(unrecovered, incident.Opening, nil),
		"incident-by-configuration":      news(unrecorded, incident.Opening, of("contact-centre-insights")),
		"incident-by-long-configuration": news(classes()[incident.MissingResource], incident.Summary, of(longestName)),
		"incident-without-example": news(permanent("Rate exceeded"), incident.Summary, func(n *testUpdate) {
			n.Failure, n.Counts.Examples = nil, nil
		}),
		"incident-uncounted": news(permanent("Rate exceeded"), incident.Opening, func(n *testUpdate) {
			n.Failure, n.Counts = nil, incident.OccurrenceCounts{}
		}),
		"incident-of-two-reasons": withReasons(news(denied, incident.Summary, nil),
			incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "The KMS key is disabled")),
		"incident-of-many-reasons": withReasons(news(denied, incident.Closing, nil),
			manyReasons(incident.MaxReasons)...),
		"incident-of-more-reasons-than-are-kept": moreThanKept,
	}
	for class, f := range classes() {
		for _, stage := range stages {
			all["incident-"+string(class)+"-"+string(stage)] = news(f, stage, nil)
		}
	}
	return all
}

func goldenRehearsals() map[string]message {
	bare := uncreated("429", "")
	bare.State.VoiceConnectorID, bare.State.ConfigurationARN = "", ""
	bare.State.ID = chime.RehearsalPrefix + bare.State.ID
	hostileOne := hostileFailure()
	hostileOne.State.ID = chime.RehearsalPrefix + hostile
	all := map[string]message{
		"incident-rehearsal-of-a-region": news(bare, incident.Opening, nil),
		"hostile-rehearsal":              news(hostileOne, incident.Opening, nil),
	}
	for _, stage := range stages {
		f := classes()[incident.Permissions]
		f.State = rehearsal(f.State)
		all["incident-rehearsal-"+string(stage)] = news(f, stage, nil)
	}
	return all
}

func goldenMatches() map[string]message {
	call := running()
	fields := call.CallFields
	fields.VoiceConnectorID = ""
	ofConfiguration := chime.RulesMatched{RuleName: "issue_detected", Metadata: map[string]json.RawMessage{
		"mediaInsightsPipelineConfigurationArn": json.RawMessage(`"` + call.ConfigurationARN + `"`),
	}}
	return map[string]message{
		"match-keyword": matched(&call, chime.RulesMatched{
			RuleName: "cancel-contract", UtteranceID: "7cbd6c92-768d-43f6-9f0d-c8dbcee6d1d5",
			BeginTimestamp: "2026-03-09T15:20:20Z",
		}),
		"match-keyword-early": matched(nil, chime.RulesMatched{
			RuleName: "cancel-contract", ResultID: "1bef5f84-43c1-4f61-a14c-8713ba591f24",
			BeginTimestamp: "2026-03-09T15:20:20Z", CallFields: fields,
		}),
		"match-negated": matched(&call, chime.RulesMatched{
			RuleName: "recording-notice-missing", CallFields: fields,
		}),
		"match-sentiment": matched(&call, chime.RulesMatched{
			RuleName: "unhappy-for-a-minute", BeginTimestamp: "2026-03-09T15:19:20Z",
			EndTimestamp: "2026-03-09T15:20:20Z",
		}),
		"match-of-configuration":  matched(nil, ofConfiguration),
		"match-without-call-held": heldMatch(matched(nil, chime.RulesMatched{RuleName: "issue_detected"})),
		"match-without-call":      matched(nil, chime.RulesMatched{RuleName: "issue_detected"}),
		"match-of-unknown-type": matched(&call, chime.RulesMatched{
			RuleName: "new.rule", BeginTimestamp: "12.5",
		}),
		"match-rehearsal":       rehearsedMatch(fields),
		"match-rehearsal-known": rehearsedMatchOf(rehearsal(call)),
		"hostile-match": matched(nil, chime.RulesMatched{
			RuleName: hostile, BeginTimestamp: hostile, EndTimestamp: hostile,
			CallFields: chime.CallFields{CallID: hostile, FromNumber: hostile, Direction: hostile},
		}),
	}
}

func goldenWarnings() map[string]message {
	lingering := slices.Repeat([]pipeline.State{running()}, 7)
	return map[string]message{
		"quota":     warning(watchdog.Warning{Condition: watchdog.QuotaNear, Active: 17, Quota: 20}),
		"lingering": warning(watchdog.Warning{Condition: watchdog.PipelinesLinger, Pipelines: lingering}),

		"silence":            warning(silenceComparedWith(true, nil)),
		"silence-compared":   warning(silenceComparedWith(true, newYork, 7, 14, 21)),
		"silence-some-weeks": warning(silenceComparedWith(true, newYork, 7, 21, 28)),
		"silence-last-week":  warning(silenceComparedWith(true, newYork, 7)),
		"silence-days":       warning(silenceComparedWith(false, newYork, 3, 4)),
	}
}
