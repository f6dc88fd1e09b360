package notify

import (
	"slices"
	"strings"
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
	chosen := make([]string, len(parts))
	for i, wordings := range parts {
		chosen[i] = gsm(wordings[0])
	}
	for i := len(parts) - 1; i >= 0; i-- {
		for _, wording := range parts[i] {
			chosen[i] = gsm(wording)
			if text = join(" ", chosen...); septets(text) <= maxSMS {
				return text, true
			}
		}
	}
	return "", false
}

// minName is how many characters of a name a text message shows at least.
const minName = 5

// wordings returns what the failed calls share, each time in fewer characters: the name
// of a Voice Connector or a configuration is cut last.
func (s scope) wordings() []string {
	list := []string{s.String() + ".", s.short + s.name + ".", s.name + "."}
	for runes := []rune(s.name); len(runes) > minName; {
		runes = runes[:len(runes)-1]
		list = append(list, s.short+string(runes)+ellipsis)
	}
	return list
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
	var heads []string
	for _, behind := range append(slices.Clone(wordings[u.Kind].short), "") {
		heads = append(heads, "["+severity+"] "+lost+behind+": "+u.class().Title()+".")
	}
	return heads
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
