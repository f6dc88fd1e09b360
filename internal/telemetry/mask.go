package telemetry

import "strings"

// mark stands for what a mask hides.
const mark = "…"

// shown is how many digits of a number a mask leaves.
const shown = 4

// MaskNumber hides a phone number but for its last four digits: "+14155550123"
// becomes "…0123". A tel: or sip: address shows the digits of its number alone,
// not its host. A number of fewer than five digits, and anything else that
// could name a person, is hidden whole ("…"). Words by which networks say that
// there is no number, such as "anonymous", stay; so does the empty string.
func MaskNumber(s string) string {
	number := userPart(strings.TrimSpace(s))
	if number == "" && s == "" {
		return ""
	}
	switch strings.ToLower(number) {
	case "anonymous", "restricted", "private", "unavailable", "unknown", "withheld":
		return strings.ToLower(number)
	}
	digits := make([]byte, 0, 16)
	for i := range len(number) {
		switch c := number[i]; {
		case isDigit(c):
			digits = append(digits, c)
		case !strings.ContainsRune("+-.() /", rune(c)):
			return mark
		}
	}
	if len(digits) <= shown {
		return mark
	}
	return mark + string(digits[len(digits)-shown:])
}

// userPart takes the scheme, the host and the parameters off an address.
func userPart(s string) string {
	for _, scheme := range []string{"sips:", "sip:", "tel:"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s = s[len(scheme):]
			break
		}
	}
	s, _, _ = strings.Cut(s, "@")
	s, _, _ = strings.Cut(s, ";")
	return s
}

const (
	// fewestInText is the fewest digits behind a plus sign that MaskText takes for
	// a phone number; the shortest international ones have seven.
	fewestInText = 7
	// wholeInText is how many digits make a number whole, so that digits behind a
	// separator are another thing.
	wholeInText = 11
)

// MaskText masks the international phone numbers (a plus sign and digits, with
// or without separators between) in free text, and leaves the rest: account ids
// and ARNs, which have no plus sign, stay readable.
func MaskText(s string) string {
	var b strings.Builder
	for {
		plus := strings.IndexByte(s, '+')
		if plus < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:plus])
		end, digits := numberEnd(s, plus+1)
		if digits < fewestInText {
			b.WriteString(s[plus:end])
		} else {
			b.WriteString(MaskNumber(s[plus:end]))
		}
		s = s[end:]
	}
}

// numberEnd gives where the number that starts at from ends, after its last
// digit, and how many digits it has. One separator may stand between digits.
func numberEnd(s string, from int) (end, digits int) {
	end = from
	for i := from; i < len(s); i++ {
		switch {
		case isDigit(s[i]):
			digits++
			end = i + 1
		case !strings.ContainsRune("-.() ", rune(s[i])) || i-end > 1 || digits >= wholeInText:
			return end, digits
		}
	}
	return end, digits
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
