package notify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/notify"
)

// All renderings of a message about a rehearsal begin with a tag, and an attribute is for
// subscription filters; no other message has either.
func TestEveryRenderingIsTaggedAsRehearsal(t *testing.T) {
	const tag = "[rehearsal] "
	of := 0
	for name, subject := range goldens() {
		m := subject.Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"})
		want := strings.Contains(name, "rehearsal")
		if want {
			of++
		}
		var data struct {
			Rehearsal   bool
			Title, Text string
		}
		var card struct {
			Content  struct{ Title, Description string }
			Metadata struct{ Summary string }
		}
		for text, target := range map[string]any{m.Data: &data, m.Card: &card} {
			if err := json.Unmarshal([]byte(text), target); err != nil {
				t.Fatal(err)
			}
		}
		for form, text := range map[string]string{
			"subject": m.Subject, "body": m.Body, "SMS": m.SMS, "title for machines": data.Title, "text for machines": data.Text,
			"title in chat": card.Content.Title, "description in chat": card.Content.Description,
			"summary in chat": card.Metadata.Summary,
		} {
			if strings.HasPrefix(text, tag) != want || strings.Count(text, tag) > 1 {
				t.Errorf("%s: got the %s %q, want the tag at its beginning: %v", name, form, text, want)
			}
		}
		attribute, there := m.Attributes["rehearsal"]
		if data.Rehearsal != want || there != want || want && attribute != "true" {
			t.Errorf("%s: got %v for machines and the attribute %q, want %v", name, data.Rehearsal, attribute, want)
		}
		if len(m.Attributes) > notify.MaxAttributes {
			t.Errorf("%s: got %d attributes, want at most %d: %v", name, len(m.Attributes), notify.MaxAttributes, m.Attributes)
		}
	}
	if of < 8 {
		t.Errorf("got %d messages about rehearsals, want some of each kind", of)
	}
}
