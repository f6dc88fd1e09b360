package alert_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var failedAt = time.Date(2026, 3, 9, 15, 20, 27, 0, time.UTC)

// inbound is a call of which all is known.
func inbound(change func(*pipeline.State)) pipeline.State {
	s := pipeline.State{
		ID:               "390c229b-3f88-4f5b-8169-99dfd9e1652c",
		PipelineARN:      "arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
		ConfigurationARN: "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/contact-centre-insights",
		Account:          "111122223333", Region: "us-east-1",
		CallFields: chime.CallFields{CallID: "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5", TransactionID: "c5dbc041-b2da-45ca-9887-faae186bff33", VoiceConnectorID: "c4tq9mzx1bd7ne0rw3yhk8", Direction: "Inbound", FromNumber: "+12065550137", ToNumber: "+12065550190"},
		Status:     pipeline.Failed,
		CreatedAt:  failedAt.Add(-145 * time.Second), StartedAt: failedAt.Add(-143 * time.Second),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func permanent(reason string, elements ...pipeline.Element) alert.Failure {
	return alert.Failure{Kind: alert.PermanentFailure, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.Elements = elements
		if reason != "" {
			s.Failure = &pipeline.Failure{Reason: reason}
		}
	})}
}

func uncreated(code, reason string) alert.Failure {
	return alert.Failure{Kind: alert.CreateFailed, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.ID, s.PipelineARN = "create-failed."+s.TransactionID, ""
		s.Status, s.CreatedAt, s.StartedAt = pipeline.CreateFailed, time.Time{}, time.Time{}
		s.Failure = &pipeline.Failure{Reason: reason, Origin: "Voice Connector", HTTPStatusCode: code}
	})}
}

func oneElement(status pipeline.Status, failed pipeline.Element, others ...pipeline.Element) alert.Failure {
	return alert.Failure{Kind: alert.ElementFailure, At: failedAt, Element: failed, State: inbound(func(s *pipeline.State) {
		s.Status, s.Elements = status, append([]pipeline.Element{failed}, others...)
	})}
}

func element(kind, status, detail string) pipeline.Element {
	return pipeline.Element{Type: kind, Status: status, StatusDetail: detail, UpdatedOn: failedAt.UnixMilli()}
}

func matched(call *pipeline.State, rule chime.RulesMatched) alert.Match {
	return alert.Match{Call: call, Event: &chime.Event{
		ID: "326f820b-85ca-4d27-9d95-bb5705306ecc", DetailType: chime.DetailRulesMatched, Account: "111122223333", Region: "us-east-1",
		Time: failedAt, RulesMatched: &rule,
	}}
}

func goldens() map[string]interface {
	Message(alert.Options) alert.Message
} {
	recordingFailed := element(chime.ElementRecordingSink, chime.StatusFailed, "")
	transcribing := element(chime.ElementTranscribeCallAnalytics, chime.StatusInProgress, "")
	recorded := element(chime.ElementRecordingSink, chime.StatusStopped, "")
	running := inbound(func(s *pipeline.State) { s.Status = pipeline.InProgress })
	callFields := chime.CallFields{CallID: running.CallID, TransactionID: running.TransactionID, Direction: "Inbound", FromNumber: running.FromNumber, ToNumber: running.ToNumber}
	hostile := "x\r\nSubject: pwned\x00\u202e +12065550137 12065550137 $(reboot) '" + strings.Repeat("long ", 100)
	return map[string]interface {
		Message(alert.Options) alert.Message
	}{
		"permanent-permissions":        permanent("Access denied when assuming resource access role"),
		"permanent-missing-resource":   permanent("ResourceNotFoundException: Stream insights under account 111122223333 not found.", element(chime.ElementKinesisSink, chime.StatusFailed, ""), transcribing),
		"permanent-throttled":          permanent("ThrottlingException: Rate exceeded", element(chime.ElementTranscribe, chime.StatusFailed, ""), recorded),
		"permanent-incompatible-media": permanent("Incompatible media format on the KVS stream", element(chime.ElementTranscribeCallAnalytics, chime.StatusFailed, ""), recordingFailed),
		"permanent-unfinished":         permanent("", transcribing, element(chime.ElementRecordingSink, chime.StatusNotStarted, "")),
		"permanent-bare":               alert.Failure{Kind: alert.PermanentFailure, At: failedAt, State: pipeline.State{ID: running.ID, PipelineARN: running.PipelineARN, Account: running.Account, Region: running.Region, Status: pipeline.Failed}},
		"permanent-enhancement":        permanent("", element(chime.ElementVoiceEnhancement, chime.StatusFailed, ""), recorded),

		"create-quota":       uncreated("429", "The maximum number of active media insights pipelines has been reached"),
		"create-permissions": uncreated("403", "Forbidden"),
		"create-refused":     uncreated("500", ""),
		"create-bare":        alert.Failure{Kind: alert.CreateFailed, At: failedAt, State: pipeline.State{ID: "create-failed.53cc9126-1107-4caa-a5b3-457297967141", Account: "111122223333", Region: "us-east-1", Status: pipeline.CreateFailed}},

		"element-recording":     oneElement(pipeline.InProgress, recordingFailed, transcribing),
		"element-transcription": oneElement(pipeline.InProgress, element(chime.ElementTranscribe, chime.StatusFailed, "LimitExceededException"), recorded),
		"element-data-sink":     oneElement(pipeline.InProgress, element(chime.ElementKinesisSink, chime.StatusFailed, "AccessDeniedException"), transcribing),
		"element-length":        oneElement(pipeline.Stopped, element(chime.ElementVoiceEnhancement, chime.StatusNotSupported, "Unsupported recording length"), recorded),
		"element-unknown":       oneElement(pipeline.InProgress, element("HologramSink", chime.StatusFailed, ""), transcribing),

		"hostile-failure": alert.Failure{Kind: alert.PermanentFailure, At: failedAt, State: pipeline.State{
			ID: hostile, PipelineARN: "arn:aws:chime:x:y:media-pipeline/" + hostile, ConfigurationARN: "arn/" + hostile, Account: hostile, Region: hostile,
			CallFields: chime.CallFields{CallID: hostile, TransactionID: hostile, VoiceConnectorID: hostile, Direction: hostile, FromNumber: "+12065550137", ToNumber: hostile}, Status: pipeline.Failed,
			Elements: []pipeline.Element{element("Sink\n"+hostile, chime.StatusFailed, hostile)}, Failure: &pipeline.Failure{Reason: hostile},
		}},

		"match-keyword":         matched(&running, chime.RulesMatched{RuleName: "cancel-contract", UtteranceID: "7cbd6c92-768d-43f6-9f0d-c8dbcee6d1d5", BeginTimestamp: "2026-03-09T15:20:20Z"}),
		"match-keyword-early":   matched(nil, chime.RulesMatched{RuleName: "cancel-contract", ResultID: "1bef5f84-43c1-4f61-a14c-8713ba591f24", BeginTimestamp: "2026-03-09T15:20:20Z", CallFields: callFields}),
		"match-negated":         matched(&running, chime.RulesMatched{RuleName: "recording-notice-missing", CallFields: callFields}),
		"match-sentiment":       matched(&running, chime.RulesMatched{RuleName: "unhappy-for-a-minute", BeginTimestamp: "2026-03-09T15:19:20Z", EndTimestamp: "2026-03-09T15:20:20Z"}),
		"match-without-call":    matched(nil, chime.RulesMatched{RuleName: "issue_detected"}),
		"match-of-unknown-type": matched(&running, chime.RulesMatched{RuleName: "new.rule", BeginTimestamp: "12.5"}),
		"hostile-match":         matched(nil, chime.RulesMatched{RuleName: hostile, BeginTimestamp: hostile, EndTimestamp: hostile, CallFields: chime.CallFields{CallID: hostile, FromNumber: hostile, Direction: hostile}}),
	}
}

func TestGolden(t *testing.T) {
	for name, subject := range goldens() {
		t.Run(name, func(t *testing.T) {
			compare(t, name, subject.Message(alert.Options{RunbookURL: "https://example.com/RUNBOOK.md"}))
		})
	}
	t.Run("full-numbers-without-runbook", func(t *testing.T) {
		f := permanent("Call from +12065550137 refused: access denied")
		compare(t, "full-numbers-without-runbook", f.Message(alert.Options{FullNumbers: true}))
	})
}

func TestNoGoldenFileIsLeftOver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := goldens()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if _, ok := known[name]; !ok && name != "full-numbers-without-runbook" {
			t.Errorf("%s belongs to no test", file)
		}
	}
}

func compare(t *testing.T, name string, m alert.Message) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: %s\nID: %s\n", m.Subject, m.ID)
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		fmt.Fprintf(&b, "Attribute %s: %s\n", key, m.Attributes[key])
	}
	got := b.String() + "\n" + m.Body
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update, and look at what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
