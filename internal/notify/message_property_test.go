package notify_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// maxLines is what a person reads on a phone.
const maxLines = 25

// Whatever an event holds, the message is one that SNS accepts and that shows no
// number of the call.
func TestMessagesAreWithinTheLimitsOfSNS(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9\r\n\t '$-]{0,400}`),
		rapid.Just("call +12065550137 or 12065550137"))
	kinds := rapid.OneOf(text, rapid.SampledFrom([]string{
		chime.ElementRecordingSink, chime.ElementVoiceEnhancement, chime.ElementTranscribe,
	}))
	statuses := rapid.SampledFrom([]string{"Failed", "NotSupported", "Stopped", "New"})
	elements := rapid.Custom(func(t *rapid.T) chime.Element {
		return chime.Element{
			Type: kinds.Draw(t, "type"), Status: statuses.Draw(t, "status"), StatusDetail: text.Draw(t, "detail"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		state := pipeline.State{
			ID:          rapid.SampledFrom([]string{"", chime.RehearsalPrefix}).Draw(t, "prefix") + text.Draw(t, "id"),
			PipelineARN: text.Draw(t, "arn"), ConfigurationARN: text.Draw(t, "configuration"),
			Account: text.Draw(t, "account"), Region: text.Draw(t, "region"),
			CallFields: chime.CallFields{
				CallID: text.Draw(t, "call"), TransactionID: text.Draw(t, "transaction"),
				VoiceConnectorID: text.Draw(t, "connector"), Direction: text.Draw(t, "direction"),
				FromNumber: "+12065550137", ToNumber: text.Draw(t, "to"),
			},
			Elements: rapid.SliceOfN(elements, 0, 12).Draw(t, "elements"),
			Failure: &pipeline.Failure{
				Reason: text.Draw(t, "reason"), Origin: text.Draw(t, "origin"), HTTPStatusCode: text.Draw(t, "code"),
			},
		}
		kind := rapid.SampledFrom([]incident.Kind{
			incident.PermanentFailure, incident.CreateFailed, incident.ElementFailure, incident.TemporaryFailure,
		}).Draw(t, "kind")
		failure := incident.Failure{Kind: kind, State: state, Element: elements.Draw(t, "element"), At: failedAt}
		match := matched(&state, chime.RulesMatched{
			RuleName: text.Draw(t, "rule"), UtteranceID: text.Draw(t, "utterance"),
			BeginTimestamp: text.Draw(t, "begin"), EndTimestamp: text.Draw(t, "end"),
		})
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
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if n := len(m.Subject); n == 0 || n > notify.MaxSubject || strings.ContainsFunc(m.Subject, unprintable) {
		t.Errorf("got subject %q, want 1 to %d printable ASCII characters", m.Subject, notify.MaxSubject)
	}
	if n := strings.Count(m.Body, "\n"); n > maxLines {
		t.Errorf("got %d lines, want at most %d:\n%s", n, maxLines, m.Body)
	}
	control := func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }
	if at := strings.IndexFunc(m.Body, control); at >= 0 {
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

// checkJSON checks the renderings in JSON against the schemas of their receivers.
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
	custom := card.Version == "1.0" && card.Source == "custom" && card.Content.TextType == "client-markdown"
	if !custom || card.Content.Title == "" || card.Content.Description == "" || card.Metadata.ThreadID == "" {
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
	if err := json.Unmarshal([]byte(m.Structure()), &bodies); err != nil {
		t.Errorf("%v in %s", err, m.Structure())
	}
	for protocol, want := range map[string]string{"default": m.Body, "sms": m.SMS, "https": m.Card, "sqs": m.Data} {
		if bodies[protocol] != want {
			t.Errorf("%s: got %q, want %q", protocol, bodies[protocol], want)
		}
	}
	if n := len(m.Structure()); n > 256*1024 {
		t.Errorf("got %d bytes, more than SNS accepts", n)
	}
}

// notification compiles the schema of what machines get.
var notification = sync.OnceValue(func() *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	compiler.AssertFormat()
	return compiler.MustCompile("../../schemas/notification/notification.schema.json")
})
