package notify

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// maxSMS is the length of one segment of a text message, in septets of the GSM 03.38
// alphabet.
const maxSMS = 160

// gsmBasic are the characters of the alphabet that need one septet, and gsmExtended
// those that need two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡" +
		"ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// textMessage joins the parts in one segment, each in the first of its wordings that
// leaves room for the others: the last part is shortened first. Where the shortest
// wordings of all are too long, parts are left out, the last first; the first part is
// cut where it alone is too long.
func textMessage(parts [][]string) string {
	for keep := len(parts); keep > 0; keep-- {
		text, fits := shortened(parts[:keep])
		if !fits {
			continue
		}
		for _, wordings := range parts[keep:] { // one that is shorter may still fit
			for _, part := range wordings {
				if longer := join(" ", text, gsm(part)); septets(longer) <= maxSMS {
					text = longer
					break
				}
			}
		}
		return text
	}
	first := parts[0]
	return cutSeptets(gsm(first[len(first)-1]), maxSMS)
}

// shortened joins the parts, and reports whether they fit in one segment.
func shortened(parts [][]string) (text string, fits bool) {
	chosen := make([]int, len(parts))
	for {
		texts := make([]string, len(parts))
		for i, wordings := range parts {
			texts[i] = gsm(wordings[chosen[i]])
		}
		if text = join(" ", texts...); septets(text) <= maxSMS {
			return text, true
		}
		if !shortenLast(parts, chosen) {
			return "", false
		}
	}
}

// shortenLast chooses the next wording of the last part that has another, and reports
// whether there was one.
func shortenLast(parts [][]string, chosen []int) bool {
	for i := len(parts) - 1; i >= 0; i-- {
		if chosen[i]+1 < len(parts[i]) {
			chosen[i]++
			return true
		}
	}
	return false
}

// minName is how many characters of a name a text message shows at least.
const minName = 5

// scopeWordings returns what the failed calls share, each time in fewer characters: the
// name of a Voice Connector or a configuration is cut last.
func scopeWordings(scope string) []string {
	label, name := "", scopeName(scope)
	switch _, kind, _ := incident.SplitScope(scope); kind {
	case incident.ScopeVoiceConnector:
		label = "VC "
	case incident.ScopeConfiguration:
		label = "config "
	}
	wordings := []string{scopeText(scope) + ".", label + name + ".", name + "."}
	for runes := []rune(name); len(runes) > minName; {
		runes = runes[:len(runes)-1]
		wordings = append(wordings, label+string(runes)+ellipsis)
	}
	return wordings
}

// idWordings returns how to read more of the incident, each time in fewer characters.
// The shortest is the end of the id, which no other incident has.
func idWordings(id string) []string {
	end := id[strings.LastIndexByte(id, '-')+1:]
	return []string{
		"See: chimewatch incidents show " + id, "See: incidents show " + id, "Incident " + id + ".",
		"See: incidents show " + end, "Incident " + end + ".",
	}
}

// shortHeads returns what calls lose and why, for the beginning of a text message,
// which counts the calls in its next sentence.
func (u update) shortHeads(severity string) []string {
	lost := lostText(u.Incident)
	for _, subject := range []string{"Calls ", "Call ", "Recordings "} {
		if rest, found := strings.CutPrefix(lost, subject); found {
			lost = strings.ToUpper(rest[:1]) + rest[1:]
			break
		}
	}
	head := func(lost string) string { return "[" + severity + "] " + lost + ": " + u.class().Title() + "." }
	switch u.Kind {
	case incident.Reopening:
		return []string{head(lost + " again"), head(lost)}
	case incident.NewReason:
		return []string{head(lost + ", another reason"), head(lost + " also"), head(lost)}
	case incident.GraverLoss:
		return []string{head(lost + " as well"), head(lost)}
	}
	return []string{head(lost)}
}

// gsm replaces what the alphabet does not have.
func gsm(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(gsmBasic, r) || strings.ContainsRune(gsmExtended, r) {
			return r
		}
		return '?'
	}, strings.ReplaceAll(oneLine(s), "…", ellipsis))
}

func septets(s string) int {
	n := 0
	for _, r := range s {
		n++
		if strings.ContainsRune(gsmExtended, r) {
			n++
		}
	}
	return n
}

func cutSeptets(s string, limit int) string {
	runes := []rune(s)
	for len(runes) > 0 && septets(string(runes))+len(ellipsis) > limit {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + ellipsis
}
