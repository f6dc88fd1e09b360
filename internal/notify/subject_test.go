package notify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

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

// anyNews draws news of an incident as real events make them.
func anyNews(t *rapid.T) testUpdate {
	class := rapid.SampledFrom(incident.Classes()).Draw(t, "class")
	failed := rapid.SampledFrom([]string{
		"", chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementVoiceEnhancementSink,
		chime.ElementKinesisSink, "HologramSink",
	}).Draw(t, "element")
	f := permanent("")
	if failed != "" {
		f = permanent("", element(failed, chime.StatusFailed, ""))
	}
	stage := rapid.SampledFrom(stages).Draw(t, "stage")
	scope := rapid.OneOf(
		rapid.StringMatching(`voice-connector/[a-z0-9]{22,24}`),
		rapid.Map(rapid.StringMatching(`[0-9a-zA-Z._-]{1,64}`), func(name string) string {
			return "configuration/arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/" + name
		}),
	).Draw(t, "scope")
	count := rapid.IntRange(1, 99999).Draw(t, "calls")
	return news(f, stage, func(n *testUpdate) {
		n.Incident.Class, n.Incident.Scope, n.Counts.Calls = class, scope, count
		n.UrgentReason.Class = class
	})
}

// nameOf returns what the calls of an incident share, by its name.
func nameOf(n testUpdate) string {
	return n.Incident.Scope[strings.LastIndex(n.Incident.Scope, "/")+1:]
}

// Only the subject, which SNS limits, is cut: the titles in card and machine form
// name cause, connector or configuration, and incident whole.
func TestTitlesAreWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := anyNews(rt)
		for _, title := range titles(t, n.Message(notify.Options{})) {
			for _, part := range []string{n.Incident.Class.Title(), nameOf(n) + ")", n.Incident.ID} {
				if !strings.Contains(title, part) {
					rt.Errorf("got the title %q, want %q in it", title, part)
				}
			}
		}
	})
}

// The subject keeps what calls lose and what they share, and loses the number of
// calls first, then words of the cause; it is cut between words.
func TestSubjectKeepsWhatMattersMost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := anyNews(rt)
		m := n.Message(notify.Options{})
		if len(m.Title) <= notify.MaxSubject {
			if m.Subject != m.Title {
				rt.Errorf("got the subject %q, want the title %q, which has room", m.Subject, m.Title)
			}
			return
		}
		if !strings.HasSuffix(m.Subject, nameOf(n)+")") || len(m.Subject) > notify.MaxSubject {
			rt.Errorf("got the subject %q, want at most %d characters that end with %q",
				m.Subject, notify.MaxSubject, nameOf(n)+")")
		}
		before, after, cut := strings.Cut(m.Subject, "...")
		lastWords := before[strings.LastIndex(before, ": ")+1:]
		if cut && (!strings.HasPrefix(after, " (") || !strings.Contains(m.Title, lastWords+" ")) {
			rt.Errorf("got the subject %q of the title %q, want it cut between words", m.Subject, m.Title)
		}
	})
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

// A text message names the connector or the configuration: whole where there is
// room, and with so much that it can be told from others where there is not.
func TestTextMessageNamesWhatCallsShare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := anyNews(rt)
		m, name := n.Message(notify.Options{}), nameOf(n)
		if len(name) > 5 && !strings.Contains(m.SMS, name+".") && !strings.Contains(m.SMS, name[:5]) {
			rt.Errorf("got %q, want %q in it, whole or at least its beginning", m.SMS, name)
		}
		if septets := gsmSeptets(m.SMS); septets > 160 {
			rt.Errorf("got %d septets, want one segment: %q", septets, m.SMS)
		}
	})
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
