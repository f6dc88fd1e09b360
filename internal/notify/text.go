package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Text from events is cut to these lengths, in characters.
const (
	maxWord   = 40
	maxName   = 64 // of a configuration, as the API limits it; a Voice Connector's id is shorter
	maxID     = 200
	maxReason = 300
)

// clean returns text from an event as one line of at most limit characters.
func clean(s string, limit int) string {
	runes := []rune(oneLine(s))
	if len(runes) <= limit {
		return string(runes)
	}
	return strings.TrimRight(string(runes[:limit-1]), " ") + "…"
}

// oneLine leaves out control characters and invisible ones, which could change the
// direction of the text, and replaces runs of white space by one space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// shellQuote quotes what comes from an event, so that pasting it runs nothing.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:/@+", r))
	}
	if s != "" && s[0] != '-' && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

const timeFormat = "2006-01-02 15:04:05"

// instant returns a time, and how far into the call it is where that is known.
func instant(t, callStart time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeFormat) + " UTC" + offsetIntoCall(t, callStart)
}

// offsetIntoCall returns how far into the call a time is.
func offsetIntoCall(t, callStart time.Time) string {
	if callStart.IsZero() || t.Before(callStart) {
		return ""
	}
	return ", " + formatDuration(t.Sub(callStart)) + " into the call"
}

// formatDuration returns a duration in its two largest units, without one that is zero.
func formatDuration(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	units := []struct {
		n    int
		name string
	}{{h, " h"}, {m, " min"}, {s, " s"}}
	for len(units) > 1 && units[0].n == 0 {
		units = units[1:]
	}
	text := fmt.Sprint(units[0].n) + units[0].name
	if len(units) > 1 && units[1].n > 0 {
		text += " " + fmt.Sprint(units[1].n) + units[1].name
	}
	return text
}

// list joins words for a sentence: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
