package notify_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func TestFailureNamesClassAndLosses(t *testing.T) {
	denied := element(chime.ElementSqsSink, chime.StatusFailed, "AccessDenied")
	tests := []struct {
		name    string
		failure incident.Failure
		class   incident.Class
		losses  []incident.Loss
	}{
		{"element's own detail before the pipeline's reason", incident.Failure{Kind: incident.ElementFailure, Element: denied, State: pipeline.State{Failure: &pipeline.Failure{Reason: "Rate exceeded"}}}, incident.Permissions, []incident.Loss{incident.Insights}},
		{"pipeline's reason where the element has none", incident.Failure{Kind: incident.ElementFailure, Element: element(chime.ElementSqsSink, chime.StatusFailed, ""), State: pipeline.State{Failure: &pipeline.Failure{Reason: "Rate exceeded"}}}, incident.Throttled, []incident.Loss{incident.Insights}},
		{"one element's loss, though others failed", incident.Failure{Kind: incident.ElementFailure, Element: denied, State: pipeline.State{Elements: []chime.Element{denied, element(chime.ElementRecordingSink, chime.StatusFailed, "")}}}, incident.Permissions, []incident.Loss{incident.Insights}},
		{"all failed elements of a pipeline", permanent("", denied, element(chime.ElementRecordingSink, chime.StatusFailed, "")), incident.Permissions, []incident.Loss{incident.Recording, incident.Insights}},
		{"unfinished elements where none failed", permanent("", element(chime.ElementRecordingSink, chime.StatusStopped, ""), element(chime.ElementTranscribe, chime.StatusPaused, "")), incident.Unknown, []incident.Loss{incident.Transcript, incident.Insights}},
		{"all done", permanent("", element(chime.ElementRecordingSink, chime.StatusStopped, "")), incident.Unknown, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.failure.Event = tt.failure.State
			if got := tt.failure.Cause().Class; got != tt.class {
				t.Errorf("got class %s, want %s", got, tt.class)
			}
			if diff := cmp.Diff(tt.losses, tt.failure.Losses()); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	tests := []struct {
		into time.Duration
		want string
	}{
		{0, "0 s into the call"},
		{1499 * time.Millisecond, "1 s into the call"},
		{59 * time.Second, "59 s into the call"},
		{time.Minute, "1 min into the call"},
		{61 * time.Minute, "1 h 1 min into the call"},
		{8*time.Hour + 30*time.Second, "8 h into the call"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			call := pipeline.State{ID: "x", StartedAt: failedAt.Add(-tt.into)}
			m := matched(&call, chime.RulesMatched{RuleName: "r"}).Message(notify.Options{})
			if !strings.Contains(m.Body, ", "+tt.want+"\n") {
				t.Errorf("got %s, want %s", m.Body, tt.want)
			}
		})
	}
	t.Run("before the call", func(t *testing.T) {
		call := pipeline.State{ID: "x", StartedAt: failedAt.Add(time.Second)}
		m := matched(&call, chime.RulesMatched{RuleName: "r"}).Message(notify.Options{})
		if strings.Contains(m.Body, "into the call") {
			t.Errorf("got %s, want no span", m.Body)
		}
	})
	t.Run("in forms that services write", func(t *testing.T) {
		for _, begin := range []string{"2026-03-09T15:20:20Z", "2026-03-09t15:20:20.000+0000", "1773069620", "1773069620000"} {
			m := matched(nil, chime.RulesMatched{RuleName: "r", BeginTimestamp: begin}).Message(notify.Options{})
			if want := "2026-03-09 15:20:20 UTC"; !strings.Contains(m.Body, want) || strings.Contains(m.Body, "as given") {
				t.Errorf("%s: got %s, want %s", begin, m.Body, want)
			}
		}
	})
	t.Run("over midnight", func(t *testing.T) {
		m := matched(nil, chime.RulesMatched{RuleName: "r", BeginTimestamp: "2026-03-09T23:59:30Z", EndTimestamp: "2026-03-10T00:00:30Z"}).Message(notify.Options{})
		if want := "2026-03-09 23:59:30 to 2026-03-10 00:00:30 UTC (1 min)"; !strings.Contains(m.Body, want) {
			t.Errorf("got %s, want %s", m.Body, want)
		}
	})
}

// A text message says all that an e-mail does, in one segment, for every cause,
// loss and stage: what, since when, how many, why, what to try, where to look.
func TestTextMessageSaysAll(t *testing.T) {
	elements := []string{"", chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementTranscribeCallAnalytics, chime.ElementVoiceAnalytics, chime.ElementVoiceEnhancementSink, chime.ElementKinesisSink}
	for _, class := range incident.Classes() {
		for _, failed := range elements {
			for _, stage := range stages {
				f := permanent("", element(failed, chime.StatusFailed, ""))
				if failed == "" {
					f = permanent("")
				}
				id := ""
				m := news(f, stage, func(n *testUpdate) {
					n.UrgentReason.Class, id = class, n.Incident.ID
					n.Incident.Class, n.Counts.Calls, n.Incident.OpenedAt = class, 99999, failedAt.AddDate(0, 0, 14)
					n.Counts.Examples[0].At = failedAt.AddDate(0, 0, 14)
				}).Message(notify.Options{})
				want := []string{"] ", class.Title(), "99999 calls since 23 Mar 15:20 UTC.", id[strings.LastIndex(id, "-")+1:]}
				if stage != incident.Closing {
					want = append(want, class.Hint())
				}
				for _, part := range want {
					if part == "" || !strings.Contains(m.SMS, part) {
						t.Errorf("%s of %s, %s: got %q, want it to say %q", class, failed, stage, m.SMS, part)
					}
				}
				if n := gsmSeptets(m.SMS); n > 160 {
					t.Errorf("got %d septets, want one segment: %q", n, m.SMS)
				}
			}
		}
	}
}

// Events come in any order: the first call that failed need not have opened the
// incident.
func TestSinceIsWhenTheFirstCallFailed(t *testing.T) {
	m := news(permanent("Access denied"), incident.Closing, func(n *testUpdate) {
		n.Counts.Examples = []incident.Occurrence{{PipelineID: "early", At: failedAt.Add(-25 * time.Minute)}}
	}).Message(notify.Options{})
	if !strings.Contains(m.Body, "Since: 2026-03-09 14:55:27 UTC\n") || !strings.Contains(m.Body, "It lasted 2 h,") {
		t.Errorf("got %s, want it since the first call, for two hours", m.Body)
	}
}

// mostLines is what a person reads on a phone.
const mostLines = 25

// Whatever an event holds, the message is one that SNS takes and that shows no
// number of the call.
func TestMessagesAreFitToSend(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9\r\n\t '$-]{0,400}`), rapid.Just("call +12065550137 or 12065550137"))
	elementGen := rapid.Custom(func(t *rapid.T) chime.Element {
		kind := rapid.OneOf(text, rapid.SampledFrom([]string{chime.ElementRecordingSink, chime.ElementVoiceEnhancement, chime.ElementTranscribe}))
		return chime.Element{Type: kind.Draw(t, "type"), Status: rapid.SampledFrom([]string{"Failed", "NotSupported", "Stopped", "New"}).Draw(t, "status"), StatusDetail: text.Draw(t, "detail")}
	})
	rapid.Check(t, func(t *rapid.T) {
		state := pipeline.State{
			ID:          rapid.SampledFrom([]string{"", chime.RehearsalPrefix}).Draw(t, "prefix") + text.Draw(t, "id"),
			PipelineARN: text.Draw(t, "arn"), ConfigurationARN: text.Draw(t, "configuration"),
			Account: text.Draw(t, "account"), Region: text.Draw(t, "region"),
			CallFields: chime.CallFields{CallID: text.Draw(t, "call"), TransactionID: text.Draw(t, "transaction"), VoiceConnectorID: text.Draw(t, "connector"),
				Direction: text.Draw(t, "direction"), FromNumber: "+12065550137", ToNumber: text.Draw(t, "to")}, Elements: rapid.SliceOfN(elementGen, 0, 12).Draw(t, "elements"),
			Failure: &pipeline.Failure{Reason: text.Draw(t, "reason"), Origin: text.Draw(t, "origin"), HTTPStatusCode: text.Draw(t, "code")},
		}
		kind := rapid.SampledFrom([]incident.Kind{incident.PermanentFailure, incident.CreateFailed, incident.ElementFailure, incident.TemporaryFailure}).Draw(t, "kind")
		failure := incident.Failure{Kind: kind, State: state, Element: elementGen.Draw(t, "element"), At: failedAt}
		match := matched(&state, chime.RulesMatched{RuleName: text.Draw(t, "rule"), UtteranceID: text.Draw(t, "utterance"), BeginTimestamp: text.Draw(t, "begin"), EndTimestamp: text.Draw(t, "end")})
		if state.Rehearsal() {
			match.Event.ID = chime.RehearsalPrefix + match.Event.ID
		}
		options := notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"}
		stage := rapid.SampledFrom(stages).Draw(t, "stage")
		for _, m := range []notify.Message{news(failure, stage, nil).Message(options), match.Message(options)} {
			checkFit(t, m)
		}
	})
}

func checkFit(t *rapid.T, m notify.Message) {
	if len(m.Subject) == 0 || len(m.Subject) > notify.MaxSubject || strings.TrimFunc(m.Subject, func(r rune) bool { return ' ' <= r && r <= '~' }) != "" {
		t.Errorf("got subject %q, want 1 to %d printable ASCII characters", m.Subject, notify.MaxSubject)
	}
	if n := strings.Count(m.Body, "\n"); n > mostLines {
		t.Errorf("got %d lines, want at most %d:\n%s", n, mostLines, m.Body)
	}
	if at := strings.IndexFunc(m.Body, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }); at >= 0 {
		t.Errorf("got a control character at %d in %q", at, m.Body)
	}
	if len(m.Attributes) > notify.MaxAttributes || slices.Contains(slices.Collect(maps.Values(m.Attributes)), "") {
		t.Errorf("got attributes %v, want at most %d, none empty", m.Attributes, notify.MaxAttributes)
	}
	if n := gsmSeptets(m.SMS); n < 1 || n > 160 {
		t.Errorf("got an SMS of %d septets, want one segment: %q", n, m.SMS)
	}
	checkJSON(t, m)
	for _, s := range append(slices.Collect(maps.Values(m.Attributes)), m.Subject, m.Structure()) {
		if strings.Contains(s, "2065550137") {
			t.Errorf("got the number of the call in %q", s)
		}
	}
}

// gsmSeptets counts the septets of a text in the alphabet of GSM 03.38; a
// character that is not in it makes the text longer than any segment.
func gsmSeptets(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune("^{}\\[~]|€", r):
			n += 2
		case r >= ' ' && r <= '~' && r != '`' || strings.ContainsRune("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", r):
			n++
		default:
			return 1000
		}
	}
	return n
}

// checkJSON holds the renderings in JSON against what takes them.
func checkJSON(t *rapid.T, m notify.Message) {
	var card struct {
		Version, Source, ID string
		Content             struct{ TextType, Title, Description string }
		Metadata            struct{ ThreadID string }
	}
	if err := json.Unmarshal([]byte(m.Card), &card); err != nil {
		t.Fatalf("%v in the card %s", err, m.Card)
	}
	if err := validate(cards(), m.Card); err != nil {
		t.Errorf("%v in %s", err, m.Card)
	}
	if card.Version != "1.0" || card.Source != "custom" || card.Content.TextType != "client-markdown" || card.Content.Title == "" || card.Content.Description == "" || card.Metadata.ThreadID == "" {
		t.Errorf("got the card %s, want a custom notification with title, description and thread", m.Card)
	}
	if strings.Contains(card.Content.Description, "<") || len(m.Card) > 16_000 {
		t.Errorf("got a card of %d bytes: %s", len(m.Card), m.Card)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	if err := notification().Validate(value); err != nil {
		t.Errorf("%v in %s", err, m.Data)
	}
	var bodies map[string]string
	if err := json.Unmarshal([]byte(m.Structure()), &bodies); err != nil || bodies["default"] != m.Body || bodies["sms"] != m.SMS || bodies["https"] != m.Card || bodies["sqs"] != m.Data {
		t.Errorf("got the structure %s (%v), want every rendering under its protocol", m.Structure(), err)
	}
	if n := len(m.Structure()); n > 256*1024 {
		t.Errorf("got %d bytes, more than SNS takes", n)
	}
}

// notification compiles the schema of what machines get.
var notification = sync.OnceValue(func() *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	compiler.AssertFormat()
	return compiler.MustCompile("../../schemas/notification/notification.schema.json")
})
