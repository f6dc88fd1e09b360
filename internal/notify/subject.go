package notify

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// maxTitle is how many characters a title has at most. Neither the card nor the message
// for machines has a limit; titles of real events are shorter.
const maxTitle = 250

// title returns the update in one line: what calls lose, why, what they share, and the
// incident.
func (u update) title(severity string) string {
	return clean(u.claim(severity)+", incident "+u.Incident.ID, maxTitle)
}

// claim is the title without the incident.
func (u update) claim(severity string) string {
	return u.tags(severity) + u.headline() + ": " + u.class().Title() + " (" + scopeOf(u.Incident.Scope).String() + ")"
}

// subject returns the title, cut to what SNS allows. What calls lose and what they share
// stay. The incident is left out first, which the body names, then the number of calls,
// and then words of the cause.
func (u update) subject(severity string) string {
	head, cause := ascii(u.tags(severity)+u.lost()), ascii(u.class().Title())
	shared := scopeOf(u.Incident.Scope)
	scope, name := " ("+ascii(shared.String())+")", " ("+ascii(shared.name)+")"
	candidates := []string{u.title(severity), u.claim(severity), head + ": " + cause + scope}
	if room := MaxSubject - len(head) - len(": ") - len(scope); room > 0 {
		if words := cutWords(cause, room); words != "" {
			candidates = append(candidates, head+": "+words+scope)
		}
	}
	return fit(append(candidates, head+scope, head+name, cutWords(head, MaxSubject-len(name))+name)...)
}

// tags begin title and subject.
func (u update) tags(severity string) string {
	return tag(u.Incident.Rehearsal()) + "[" + severity + "] "
}

// scope is what the failed calls of an incident share. That it is a rehearsal is said
// elsewhere.
type scope struct {
	label, short string // before the name; short is for text messages
	name         string // of the connector or the configuration, else account and Region
}

func scopeOf(text string) scope {
	_, kind, name := incident.SplitScope(text)
	switch kind {
	case incident.ScopeVoiceConnector:
		return scope{"Voice Connector ", "VC ", clean(name, maxName)}
	case incident.ScopeConfiguration:
		return scope{"configuration ", "config ", clean(configurationName(name), maxName)}
	}
	return scope{"account ", "", clean(strings.ReplaceAll(name, "/", ", "), maxWord)}
}

func (s scope) String() string { return s.label + s.name }

// fit returns the first of the texts that SNS allows as a subject; when none is, the
// last one without the words at its end.
func fit(texts ...string) string {
	text := ""
	for _, candidate := range texts {
		if text = ascii(candidate); len(text) <= MaxSubject {
			return text
		}
	}
	if words := cutWords(text, MaxSubject); words != "" {
		return words
	}
	return strings.TrimRight(text[:MaxSubject-len(ellipsis)], " ") + ellipsis
}

// ellipsis marks what was cut, in an alphabet that SNS and telephones have.
const ellipsis = "..."

// cutWords cuts an ASCII text between words to at most limit characters, the ellipsis
// included; it returns "" when not one word has room.
func cutWords(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := -1
	for at, r := range text {
		if at+len(ellipsis) > limit {
			break
		}
		if r == ' ' {
			end = at
		}
	}
	if end <= 0 {
		return ""
	}
	return strings.TrimRight(text[:end], " ,:(") + ellipsis
}

// ascii returns a line in the characters that SNS allows in a subject.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.ReplaceAll(oneLine(s), "…", ellipsis))
}
