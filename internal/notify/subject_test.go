package notify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// titles returns the title, and those of the card and of the machine form.
func titles(t testing.TB, m notify.Message) []string {
	t.Helper()
	var card struct {
		Content  struct{ Title string }
		Metadata struct{ Summary string }
	}
	var data struct{ Title string }
	for text, into := range map[string]any{m.Card: &card, m.Data: &data} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	return []string{m.Title, card.Content.Title, card.Metadata.Summary, data.Title}
}

// The subject is cut to what SNS allows, the least important first.
func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		name  string
		news  testUpdate
		scope string
		want  string
	}{
		{"whole", news(classes()[incident.Permissions], incident.Opening, nil), "",
			"[critical] Calls not recorded: missing permissions (Voice Connector c4tq9mzx1bd7ne0rw3yhk8)"},
		{"the number of calls goes first", news(classes()[incident.Permissions], incident.Summary, nil), "",
			"[critical] Calls not recorded: missing permissions (Voice Connector c4tq9mzx1bd7ne0rw3yhk8)"},
		{"then words of the cause", news(classes()[incident.RecordingLength], incident.Reopening, nil), "",
			"[low] Recordings not enhanced again: recording too long... (Voice Connector c4tq9mzx1bd7ne0rw3yhk8)"},
		{"then the cause", news(classes()[incident.Permissions], incident.Opening, nil),
			"configuration/contact-centre-insights-of-the-department-for-custom",
			"[critical] Calls not recorded (configuration contact-centre-insights-of-the-department-for-custom)"},
		{"then what it is that has the name", news(classes()[incident.Permissions], incident.Opening, nil),
			"configuration/" + longestName,
			"[critical] Calls not recorded (" + longestName + ")"},
		{"then words of the loss", news(classes()[incident.Permissions], incident.Reopening, nil),
			"configuration/" + longestName,
			"[critical] Calls not recorded... (" + longestName + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.scope != "" {
				tt.news.Incident.Scope = tt.scope
			}
			if got := tt.news.Message(notify.Options{}).Subject; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("rule match", func(t *testing.T) {
		long := strings.Repeat("r", 64)
		call := chime.CallFields{CallID: "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5"}
		m := matched(nil, chime.RulesMatched{RuleName: long, CallFields: call}).Message(notify.Options{})
		if want := "Rule " + long + " matched"; m.Subject != want {
			t.Errorf("got the subject %q, want %q", m.Subject, want)
		}
		for _, title := range titles(t, m) {
			if !strings.HasSuffix(title, " on call 4dbb6ce5-85d5-41ac-a9a0-c57d293009c5") {
				t.Errorf("got the title %q, want it whole", title)
			}
		}
	})
}

func TestTextMessages(t *testing.T) {
	for _, tt := range []struct {
		name string
		news testUpdate
		want string
	}{
		{"opening", news(classes()[incident.Permissions], incident.Opening, nil),
			"[critical] Not recorded: missing permissions. VC c4tq9mzx1bd7ne0rw3yhk8. 1 call since 9 Mar 15:20 UTC. " +
				"Try: check the access role. Incident ae2b8d3fa1d3.7."},
		{"summary", news(classes()[incident.Permissions], incident.Summary, nil),
			"[critical] Not recorded: missing permissions. VC c4tq9mzx1bd7ne0rw3yhk8. 240 calls since 9 Mar 15:20 UTC. " +
				"Try: check the access role. Incident ae2b8d3fa1d3.7."},
		{"closing", news(classes()[incident.Permissions], incident.Closing, nil),
			"[over] Not recorded: missing permissions. Voice Connector c4tq9mzx1bd7ne0rw3yhk8. " +
				"1000 calls since 9 Mar 15:20 UTC. Incident s3recordingsink-ae2b8d3fa1d3.7."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.news.Message(notify.Options{}).SMS; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
