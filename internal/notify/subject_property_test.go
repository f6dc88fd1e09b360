package notify_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
)

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
}

// A text message names the connector or the configuration: whole where there is
// room, and as much as distinguishes it from others where there is not.
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
}
