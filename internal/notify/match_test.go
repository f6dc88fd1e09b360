package notify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// No number leaves whole with a match, in whatever form and in whichever field of the
// event, the call or the id of the message it is: not in the attributes, either, by which
// subscribers filter, nor in what only machines and chats read.
func TestMatchMasksNumbersInEveryField(t *testing.T) {
	const digits = "4155550137"
	for _, number := range []string{
		"+1" + digits, "sip:" + digits + "@198.51.100.7", "tel:+1" + digits, "%2B1" + digits, "conf-1" + digits,
		"001" + digits,
	} {
		for name, fill := range map[string]func(*testMatch){
			"event id":      func(m *testMatch) { m.Event.ID = number },
			"occasion":      func(m *testMatch) { m.DeduplicationID = number + "/r/2" },
			"rule":          func(m *testMatch) { m.Event.RulesMatched.RuleName = number },
			"occasion only": func(m *testMatch) { m.DeduplicationID = "t/" + number + "/2" },
			"begin":         func(m *testMatch) { m.Event.RulesMatched.BeginTimestamp = number },
			"call id":       func(m *testMatch) { m.Event.RulesMatched.CallID = number },
			"transaction":   func(m *testMatch) { m.Event.RulesMatched.TransactionID = number },
			"connector":     func(m *testMatch) { m.Event.RulesMatched.VoiceConnectorID = number },
			"direction":     func(m *testMatch) { m.Event.RulesMatched.Direction = number },
			"from":          func(m *testMatch) { m.Event.RulesMatched.FromNumber = number },
			"region":        func(m *testMatch) { m.Event.Region = number },
			"configuration": func(m *testMatch) {
				arn, _ := json.Marshal(configurationPrefix + number)
				m.Event.RulesMatched.Metadata = map[string]json.RawMessage{"mediaInsightsPipelineConfigurationArn": arn}
			},
			"pipeline": func(m *testMatch) { m.Call = &pipeline.State{ID: number, ConfigurationARN: "arn/" + number} },
		} {
			m := matched(nil, chime.RulesMatched{RuleName: "r"})
			fill(&m)
			got := m.Message(notify.Options{})
			texts := []string{got.Title, got.Subject, got.Body, got.SMS, got.Card, got.Data, got.Structure()}
			for _, value := range got.Attributes {
				texts = append(texts, value)
			}
			for _, text := range texts {
				if strings.Contains(text, digits) {
					t.Errorf("%s as %s: got it whole in %q", number, name, text)
				}
			}
		}
	}
}
