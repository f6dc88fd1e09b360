package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/watchdog"
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

func permanent(reason string, elements ...chime.Element) incident.Failure {
	return incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.Elements = elements
		if reason != "" {
			s.Failure = &pipeline.Failure{Reason: reason}
		}
	})}
}

func uncreated(code, reason string) incident.Failure {
	return incident.Failure{Kind: incident.CreateFailed, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.ID, s.PipelineARN = "create-failed."+s.TransactionID, ""
		s.Status, s.CreatedAt, s.StartedAt = pipeline.CreateFailed, time.Time{}, time.Time{}
		s.Failure = &pipeline.Failure{Reason: reason, Origin: "Voice Connector", HTTPStatusCode: code}
	})}
}

func oneElement(status pipeline.Status, failed chime.Element, others ...chime.Element) incident.Failure {
	return incident.Failure{Kind: incident.ElementFailure, At: failedAt, Element: failed, State: inbound(func(s *pipeline.State) {
		s.Status, s.Elements = status, append([]chime.Element{failed}, others...)
	})}
}

func element(kind, status, detail string) chime.Element {
	return chime.Element{Type: kind, Status: status, StatusDetail: detail, UpdatedOn: failedAt.UnixMilli()}
}

func matched(call *pipeline.State, rule chime.RulesMatched) testMatch {
	return testMatch{rulematch.Notification{Call: call, Event: &chime.Event{
		ID: "326f820b-85ca-4d27-9d95-bb5705306ecc", DetailType: chime.DetailRulesMatched, Account: "111122223333", Region: "us-east-1",
		Time: failedAt, RulesMatched: &rule,
	}}}
}

// rehearsal makes the state of a rehearsed call of that of a real one.
func rehearsal(s pipeline.State) pipeline.State {
	before, id := chime.SplitPipelineARN(s.PipelineARN)
	s.PipelineARN = before + chime.RehearsalPrefix + id
	for _, id := range []*string{&s.ID, &s.CallID, &s.TransactionID} {
		*id = chime.RehearsalPrefix + *id
	}
	return s
}

func rehearsedMatch(call chime.CallFields) testMatch {
	call.CallID, call.TransactionID = chime.RehearsalPrefix+call.CallID, chime.RehearsalPrefix+call.TransactionID
	m := matched(nil, chime.RulesMatched{RuleName: "cancel-contract", UtteranceID: "u", CallFields: call})
	m.Event.ID, m.Event.Source = chime.RehearsalPrefix+m.Event.ID, chime.RehearsalSource
	return m
}

func rehearsedMatchOf(call pipeline.State) testMatch {
	m := rehearsedMatch(chime.CallFields{})
	m.Call, m.Event.RulesMatched.CallFields = &call, call.CallFields
	return m
}

// message is anything that can be rendered.
type message interface {
	Message(notify.Options) notify.Message
}

// testMatch is a rule match that can be rendered.
type testMatch struct{ rulematch.Notification }

func (m testMatch) Message(o notify.Options) notify.Message { return notify.Match(m.Notification, o) }

// testUpdate is an update that can be rendered.
type testUpdate struct{ incident.Update }

func (u testUpdate) Message(o notify.Options) notify.Message { return notify.Incident(u.Update, o) }

// news makes news of an incident that a failure opened.
func news(f incident.Failure, stage incident.UpdateKind, change func(*testUpdate)) testUpdate {
	f.Event = f.State
	element := f.Element.Type
	if element == "" {
		element = incident.MostSevere(f.State.FailingElements())
	}
	i := incident.Incident{
		Group: incident.Group{Scope: incident.ScopeOf(f.State), Element: element}, Class: f.Cause().Class, Losses: f.Losses(), OpenedAt: f.At,
	}
	i.ID = i.Group.ID() + ".7"
	if f.State.Failure != nil {
		i.Reason = f.State.Failure.Reason
	}
	own := incident.ReasonOf(i.Cause(), i.Reason)
	i.Reasons = []incident.Reason{own}
	n := testUpdate{incident.Update{Kind: stage, Incident: i, Failure: &f, Now: f.At.Add(time.Second), Counts: incident.OccurrenceCounts{Calls: 1, LastAt: f.At,
		Examples: []incident.Occurrence{{PipelineID: f.State.ID, CallID: f.State.CallID, At: f.At}}}}}
	switch stage {
	case incident.Reopening:
		n.Incident.Reopened, n.Counts.Calls, n.Counts.LastAt = 1, 13, f.At.Add(70*time.Minute)
		n.Incident.Announced = incident.Announced{At: f.At, Calls: 12, Openings: 1, Closings: 1}
	case incident.Summary:
		n.Counts.Calls, n.Counts.LastAt = 240, f.At.Add(29*time.Minute)
		n.Incident.Announced = incident.Announced{At: f.At.Add(15 * time.Minute), Calls: 61, LastCalls: 60, Openings: 1, Summaries: 1}
	case incident.Closing:
		n.Counts.Calls, n.Counts.LastAt = 1000, f.At.Add(95*time.Minute)
		n.Incident.ClosedAt = f.At.Add(2 * time.Hour)
		n.Incident.Announced = incident.Announced{At: f.At.Add(15 * time.Minute), Calls: 900, Openings: 1, Summaries: 5}
	}
	if stage == incident.NewReason || stage == incident.GraverLoss {
		n.Counts.Calls, n.Counts.LastAt = 13, f.At.Add(4*time.Minute)
		n.Incident.Announced = incident.Announced{At: f.At, Calls: 1, Openings: 1, Severity: incident.Low}
	}
	if n.Incident.Announced.Openings > 0 {
		n.Incident.Announced.Reasons = []string{own.ID}
	}
	if stage != incident.NewReason {
		n = withReasons(n)
	} else {
		n = withReasons(n, incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "The KMS key is pending deletion"))
		n.UrgentReason = n.Incident.Reasons[1]
	}
	if change != nil {
		change(&n)
	}
	return n
}

// withReasons makes the calls of news fail for its own reason and for further ones:
// one call for the first of these, two for the second, and so on.
func withReasons(n testUpdate, others ...incident.Reason) testUpdate {
	n.Incident.Reasons, n.Counts.Occurrences = append(slices.Clone(n.Incident.Reasons), others...), nil
	at := n.Counts.LastAt
	occur := func(calls int, reason string) {
		for range calls {
			id := fmt.Sprint("call-", len(n.Counts.Occurrences))
			n.Counts.Occurrences = append(n.Counts.Occurrences, incident.Occurrence{PipelineID: id, At: at, Reasons: []string{reason}})
		}
	}
	for k, r := range others {
		occur(k+1, r.ID)
	}
	occur(max(n.Counts.Calls-len(n.Counts.Occurrences), 0), n.Incident.Reasons[0].ID)
	n.Counts.Calls = len(n.Counts.Occurrences)
	return n
}

// manyReasons are reasons of unknown causes.
func manyReasons(n int) (list []incident.Reason) {
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"}
	for k := range n {
		text := "The " + words[k%10] + " of the " + words[k/10] + " did not answer to any of the requests that were sent to it in time"
		list = append(list, incident.ReasonOf(incident.Cause{Class: incident.Unknown}, text))
	}
	return list
}

// classes holds a failure of each class.
func classes() map[incident.Class]incident.Failure {
	recordingFailed := element(chime.ElementRecordingSink, chime.StatusFailed, "")
	transcribing := element(chime.ElementTranscribeCallAnalytics, chime.StatusInProgress, "")
	recorded := element(chime.ElementRecordingSink, chime.StatusStopped, "")
	return map[incident.Class]incident.Failure{
		incident.Permissions:       permanent("Access denied when assuming resource access role", recordingFailed),
		incident.MissingResource:   permanent("ResourceNotFoundException: Stream insights under account 111122223333 not found.", element(chime.ElementKinesisSink, chime.StatusFailed, ""), transcribing),
		incident.Throttled:         permanent("ThrottlingException: Rate exceeded", element(chime.ElementTranscribe, chime.StatusFailed, ""), recorded),
		incident.IncompatibleMedia: permanent("Incompatible media format on the KVS stream", element(chime.ElementTranscribeCallAnalytics, chime.StatusFailed, ""), recordingFailed),
		incident.Quota:             uncreated("429", "The maximum number of active media insights pipelines has been reached"),
		incident.CreationRefused:   uncreated("400", ""),
		incident.ServiceFault:      uncreated("500", ""),
		incident.NoAudio: permanent("BadRequestException: Your request timed out because no new audio was received for 15 seconds.",
			element(chime.ElementTranscribe, chime.StatusFailed, ""), recorded),
		incident.KeyUnusable:          permanent("KMS_KEY_DISABLED", recordingFailed, transcribing),
		incident.InvalidConfiguration: permanent("ValidationException: LanguageCode", element(chime.ElementTranscribe, chime.StatusFailed, ""), recorded),
		incident.RecordingLength:      oneElement(pipeline.Stopped, element(chime.ElementVoiceEnhancementSink, chime.StatusNotSupported, "Unsupported recording length"), recorded),
		incident.Unknown:              oneElement(pipeline.InProgress, recordingFailed, transcribing),
	}
}

var stages = []incident.UpdateKind{incident.Opening, incident.Reopening, incident.NewReason, incident.GraverLoss, incident.Summary, incident.Closing}

// longestName is the longest name that a configuration may have.
const longestName = "contact-centre-insights-of-the-department-for-customer-retention"

func goldens() map[string]message {
	running := inbound(func(s *pipeline.State) { s.Status = pipeline.InProgress })
	callFields := chime.CallFields{CallID: running.CallID, TransactionID: running.TransactionID, Direction: "Inbound", FromNumber: running.FromNumber, ToNumber: running.ToNumber}
	hostile := "x\r\nSubject: pwned\x00\u202e +12065550137 12065550137 <!channel> *b* [l](http://x) `c` $(reboot) '" + strings.Repeat("long ", 100)
	hostileFailure := incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: pipeline.State{
		ID: hostile, PipelineARN: "arn:aws:chime:x:y:media-pipeline/" + hostile, ConfigurationARN: "arn/" + hostile, Account: hostile, Region: hostile,
		CallFields: chime.CallFields{CallID: hostile, TransactionID: hostile, VoiceConnectorID: hostile, Direction: hostile, FromNumber: "+12065550137", ToNumber: hostile}, Status: pipeline.Failed,
		Elements: []chime.Element{element("Sink\n"+hostile, chime.StatusFailed, hostile)}, Failure: &pipeline.Failure{Reason: hostile},
	}}
	unrecovered := incident.Failure{Kind: incident.TemporaryFailure, At: failedAt, Element: element(chime.ElementKinesisSink, chime.StatusTemporarilyFailed, ""),
		State: inbound(func(s *pipeline.State) { s.Status = pipeline.TemporarilyFailed })}
	all := map[string]message{
		"incident-bare": news(incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: pipeline.State{ID: running.ID, PipelineARN: running.PipelineARN,
			Account: running.Account, Region: running.Region, Status: pipeline.Failed}}, incident.Opening, nil),
		"incident-unknown-element": news(oneElement(pipeline.InProgress, element("HologramSink", chime.StatusFailed, "")), incident.Opening, nil),
		"incident-unrecovered":     news(unrecovered, incident.Opening, nil),
		"incident-by-configuration": news(permanent("Access denied", element(chime.ElementRecordingSink, chime.StatusFailed, "")), incident.Opening, func(n *testUpdate) {
			n.Incident.Scope = "configuration/" + running.ConfigurationARN
		}),
		"incident-without-example": news(permanent("Rate exceeded"), incident.Summary, func(n *testUpdate) { n.Failure, n.Counts.Examples = nil, nil }),
		"incident-uncounted":       news(permanent("Rate exceeded"), incident.Opening, func(n *testUpdate) { n.Failure, n.Counts = nil, incident.OccurrenceCounts{} }),
		"incident-by-long-configuration": news(classes()[incident.MissingResource], incident.Summary, func(n *testUpdate) {
			arn := strings.TrimSuffix(running.ConfigurationARN, "contact-centre-insights") + longestName
			n.Incident.Scope = "configuration/" + arn
		}),
		"incident-of-two-reasons": withReasons(news(permanent("Access denied"), incident.Summary, nil),
			incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "The KMS key is disabled")),
		"incident-of-many-reasons": withReasons(news(permanent("Access denied"), incident.Closing, nil), manyReasons(incident.MaxReasons)...),
		"incident-of-more-reasons-than-are-kept": func() testUpdate {
			n := withReasons(news(permanent("Access denied"), incident.Summary, nil), manyReasons(2)...)
			n.Incident.Reasons = n.Incident.Reasons[:2]
			return n
		}(),
		"hostile-incident": news(hostileFailure, incident.Summary, nil),

		"test": notify.TestMessage{
			Topic: "failures", About: "failures", Account: "111122223333", Region: "us-east-1", At: failedAt,
		},
		"test-alarm": notify.TestAlarm{
			TopicARN: "arn:aws:sns:us-east-1:111122223333:alarms", Account: "111122223333", Region: "us-east-1", At: failedAt,
		},

		"quota": warning(watchdog.Warning{Condition: watchdog.QuotaNear, Active: 17, Quota: 20}),
		"lingering": warning(watchdog.Warning{
			Condition: watchdog.PipelinesLinger, Pipelines: slices.Repeat([]pipeline.State{running}, 7),
		}),
		"silence":            warning(silenceComparedWith(true, nil)),
		"silence-compared":   warning(silenceComparedWith(true, newYork, 7, 14, 21)),
		"silence-some-weeks": warning(silenceComparedWith(true, newYork, 7, 21, 28)),
		"silence-last-week":  warning(silenceComparedWith(true, newYork, 7)),
		"silence-days":       warning(silenceComparedWith(false, newYork, 3, 4)),

		"match-keyword":       matched(&running, chime.RulesMatched{RuleName: "cancel-contract", UtteranceID: "7cbd6c92-768d-43f6-9f0d-c8dbcee6d1d5", BeginTimestamp: "2026-03-09T15:20:20Z"}),
		"match-keyword-early": matched(nil, chime.RulesMatched{RuleName: "cancel-contract", ResultID: "1bef5f84-43c1-4f61-a14c-8713ba591f24", BeginTimestamp: "2026-03-09T15:20:20Z", CallFields: callFields}),
		"match-negated":       matched(&running, chime.RulesMatched{RuleName: "recording-notice-missing", CallFields: callFields}),
		"match-sentiment":     matched(&running, chime.RulesMatched{RuleName: "unhappy-for-a-minute", BeginTimestamp: "2026-03-09T15:19:20Z", EndTimestamp: "2026-03-09T15:20:20Z"}),
		"match-of-configuration": matched(nil, chime.RulesMatched{RuleName: "issue_detected", Metadata: map[string]json.RawMessage{
			"mediaInsightsPipelineConfigurationArn": json.RawMessage(`"` + running.ConfigurationARN + `"`)}}),
		"match-without-call-held": heldMatch(matched(nil, chime.RulesMatched{RuleName: "issue_detected"})),
		"match-without-call":      matched(nil, chime.RulesMatched{RuleName: "issue_detected"}),
		"match-of-unknown-type":   matched(&running, chime.RulesMatched{RuleName: "new.rule", BeginTimestamp: "12.5"}),
		"match-rehearsal":         rehearsedMatch(callFields),
		"match-rehearsal-known":   rehearsedMatchOf(rehearsal(running)),
		"hostile-match":           matched(nil, chime.RulesMatched{RuleName: hostile, BeginTimestamp: hostile, EndTimestamp: hostile, CallFields: chime.CallFields{CallID: hostile, FromNumber: hostile, Direction: hostile}}),
	}
	for _, stage := range stages {
		f := classes()[incident.Permissions]
		f.State = rehearsal(f.State)
		all["incident-rehearsal-"+string(stage)] = news(f, stage, nil)
	}
	bare := uncreated("429", "")
	bare.State.VoiceConnectorID, bare.State.ConfigurationARN, bare.State.ID = "", "", chime.RehearsalPrefix+bare.State.ID
	all["incident-rehearsal-of-a-region"] = news(bare, incident.Opening, nil)
	hostileFailure.State.ID = chime.RehearsalPrefix + hostile
	all["hostile-rehearsal"] = news(hostileFailure, incident.Opening, nil)
	for class, f := range classes() {
		for _, stage := range stages {
			all["incident-"+string(class)+"-"+string(stage)] = news(f, stage, nil)
		}
	}
	return all
}

// heldMatch is a match that tells of others that were held back.
func heldMatch(m testMatch) testMatch {
	m.Held, m.DeduplicationID = 58, "region/111122223333/us-east-1/issue_detected/2"
	return m
}

// warning is a warning that can be rendered.
func warning(w watchdog.Warning) message {
	w.Account, w.Region, w.Since = "111122223333", "us-east-1", failedAt
	return testWarning{w}
}

type testWarning struct{ watchdog.Warning }

func (w testWarning) Message(o notify.Options) notify.Message { return notify.Warning(w.Warning, o) }

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err) // time/tzdata is imported
	}
	return zone
}()

// silenceComparedWith is a silence that was compared with days so long ago.
func silenceComparedWith(weekly bool, zone *time.Location, ago ...int) watchdog.Warning {
	w := watchdog.Warning{
		Condition: watchdog.EventsMissing, LastEventAt: failedAt.Add(-2 * time.Hour), After: time.Hour, Weekly: weekly, Zone: zone,
	}
	for _, days := range ago {
		then := failedAt.In(zone).AddDate(0, 0, -days)
		w.Compared = append(w.Compared, watchdog.Span{From: then.Add(-time.Hour), To: then})
	}
	return w
}

func TestGolden(t *testing.T) {
	for name, subject := range goldens() {
		t.Run(name, func(t *testing.T) {
			compare(t, name, subject.Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"}))
		})
	}
	t.Run("full-numbers-without-runbook", func(t *testing.T) {
		f := permanent("Call from +12065550137 refused: access denied")
		compare(t, "full-numbers-without-runbook", news(f, incident.Opening, nil).Message(notify.Options{FullNumbers: true}))
	})
}

// What messages link to is there.
func TestRunbookHasEverySectionThatMessagesLinkTo(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for name, subject := range goldens() {
		_, fragment, found := strings.Cut(subject.Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"}).Body, "RUNBOOK.md#")
		if !found {
			continue
		}
		links++
		if section := strings.TrimSpace(fragment); !strings.Contains(string(runbook), "\n## "+section+"\n") {
			t.Errorf("%s links to %s, which docs/RUNBOOK.md does not have", name, section)
		}
	}
	if links == 0 {
		t.Error("no message links to the runbook")
	}
}

func TestClassesOfTheGoldenFailures(t *testing.T) {
	if got, want := len(classes()), len(incident.Classes()); got != want {
		t.Errorf("got failures of %d classes, want %d", got, want)
	}
	for class, f := range classes() {
		f.Event = f.State
		if got := f.Cause().Class; got != class {
			t.Errorf("got %s, want %s", got, class)
		}
	}
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

// indented makes JSON readable.
func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return b.String()
}

func compare(t *testing.T, name string, m notify.Message) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: %s\nID: %s\n", m.Subject, m.ID)
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		fmt.Fprintf(&b, "Attribute %s: %s\n", key, m.Attributes[key])
	}
	got := b.String() + "\n" + m.Body + "\n--- SMS\n" + m.SMS + "\n\n--- chat\n" + indented(t, m.Card) + "\n\n--- machines\n" + indented(t, m.Data) + "\n"
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
