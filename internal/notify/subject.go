package notify

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// maxTitle is the most characters of a title. The formats of card and machine form
// set no limit of their own; titles from real events stay below it.
const maxTitle = 250

// title returns the news in one line, whole: what calls lose, why, what they share,
// and the incident.
func (n update) title(severity string) string {
	return clean(n.claim(severity)+", incident "+n.Incident.ID, maxTitle)
}

// claim is the title without the incident.
func (n update) claim(severity string) string {
	return n.tags(severity) + n.headline() + ": " + n.class().Title() + " (" + scopeText(n.Incident.Scope) + ")"
}

// subject returns the title, cut to what SNS allows in the order of importance:
// what calls lose and what they share stay. The incident goes first, which the body
// names; the number of calls goes next, and then the words of the cause.
func (n update) subject(severity string) string {
	head, cause := ascii(n.tags(severity)+n.lost()), ascii(n.class().Title())
	scope := " (" + ascii(scopeText(n.Incident.Scope)) + ")"
	candidates := []string{n.title(severity), n.claim(severity), head + ": " + cause + scope}
	if room := MaxSubject - len(head) - len(": ") - len(scope); room > 0 {
		if words := cutWords(cause, room); words != "" {
			candidates = append(candidates, head+": "+words+scope)
		}
	}
	name := " (" + ascii(scopeName(n.Incident.Scope)) + ")"
	return fit(append(candidates, head+scope, head+name, cutWords(head, MaxSubject-len(name))+name)...)
}

// tags begin title and subject.
func (n update) tags(severity string) string {
	return tag(n.Incident.Rehearsal()) + "[" + severity + "] "
}

// scopeText names in words what the failed calls share. That it is a rehearsal is
// said elsewhere.
func scopeText(scope string) string {
	label := "account "
	switch _, kind, _ := incident.SplitScope(scope); kind {
	case incident.ScopeVoiceConnector:
		label = "Voice Connector "
	case incident.ScopeConfiguration:
		label = "configuration "
	}
	return label + scopeName(scope)
}

// scopeName is the name alone: of the connector or the configuration, else account
// and Region.
func scopeName(scope string) string {
	_, kind, name := incident.SplitScope(scope)
	switch kind {
	case incident.ScopeVoiceConnector:
		return clean(name, maxName)
	case incident.ScopeConfiguration:
		return clean(configurationName(name), maxName)
	}
	return clean(strings.ReplaceAll(name, "/", ", "), maxWord)
}

// fit returns the first of the texts that SNS allows as a subject; when none is,
// the last one with the words at its end cut off.
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

// cutWords cuts an ASCII text between words, so that it has at most so many
// characters with the mark of the cut; it returns "" when not one word has room.
func cutWords(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := -1
	for at, r := range text {
		if at+len(ellipsis) > most {
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

// ascii writes a line in the characters that SNS allows in a subject.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.ReplaceAll(oneLine(s), "…", ellipsis))
}
