package alert

import "strings"

// maxSMS is what one segment of a text message holds, in septets of the GSM
// 03.38 alphabet.
const maxSMS = 160

// gsmBasic are the characters of the alphabet that take one septet, and
// gsmExtended those that take two.
const (
	gsmBasic    = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// textMessage joins as many of the parts as one segment holds, each in the first
// of its wordings that has room. The first part is cut where it alone is longer.
func textMessage(parts [][]string) string {
	text := ""
	for i, wordings := range parts {
		for _, part := range wordings {
			if part = gsm(part); part == "" {
				continue
			}
			longer := part
			if text != "" {
				longer = text + " " + part
			}
			if septets(longer) <= maxSMS {
				text = longer
				break
			}
			if i == 0 {
				return cutSeptets(longer, maxSMS)
			}
		}
	}
	return text
}

// gsm replaces what the alphabet does not have.
func gsm(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(gsmBasic, r) || strings.ContainsRune(gsmExtended, r) {
			return r
		}
		return '?'
	}, strings.ReplaceAll(oneLine(s), "…", "..."))
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

func cutSeptets(s string, most int) string {
	runes := []rune(s)
	for len(runes) > 0 && septets(string(runes))+3 > most {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + "..."
}
