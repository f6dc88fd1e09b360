package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// MaxReasons is how many distinct reasons an incident keeps, and MaxCauses how many more
// of which each has a cause of its own: so a reason that needs another remedy is kept,
// however many others came before. Calls that fail for further ones are counted together.
const (
	MaxReasons = 20
	MaxCauses  = 8
)

// Room returns how many reasons the incident may have for one more to be kept.
func (i Incident) Room(r Reason) int {
	if slices.ContainsFunc(i.Reasons, func(kept Reason) bool { return kept.Cause == r.Cause }) {
		return MaxReasons
	}
	return MaxReasons + MaxCauses
}

// maxReasonText is how many bytes of a reason are kept, so that an incident with
// all of them stays far below the 400 KB that DynamoDB allows for an item.
const maxReasonText = 600

// Reason is one of the texts by which the failures of an incident were explained.
// Texts that differ only in ids, ARNs, addresses, numbers and times are one reason.
type Reason struct {
	// ID is the same for all texts that are this reason, and made of letters and
	// digits. It is empty for what is no reason.
	ID string
	Cause
	// Text is one of the texts, as the service wrote it, at most maxReasonText
	// bytes of it; empty where the events had none. It may hold a phone number.
	Text string
}

// ReasonOf returns the reason of a failure: the same one for the same cause and
// texts that differ only in what Pattern replaces.
func ReasonOf(c Cause, text string) Reason {
	sum := sha256.Sum256([]byte(string(c.Class) + "\x00" + c.Target + "\x00" + Pattern(text)))
	return Reason{ID: "r" + hex.EncodeToString(sum[:6]), Cause: c, Text: boundedReason(text)}
}

// boundedReason returns as much of a reason as is kept. What is longer has its
// phone numbers masked before it is cut: half a number would not be known as one.
func boundedReason(text string) string {
	if len(text) > maxReasonText {
		text = redact.Text(text)
	}
	if len(text) <= maxReasonText {
		return text
	}
	end := maxReasonText - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// The parts of a reason that differ from call to call, and stand for no word.
var (
	arnOrURL = regexp.MustCompile(`\barn:[^\s"'<>()\[\],;]+|\b[a-z][a-z0-9+.-]*://[^\s"'<>()\[\],;]+`)
	uuid     = regexp.MustCompile(`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	hexadec  = regexp.MustCompile(`\b[0-9a-f]{12,}\b`)
	longWord = regexp.MustCompile(`[0-9a-z+/=_-]{32,}`) // request ids, tokens, encoded messages
	dates    = regexp.MustCompile(`\b(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?` +
		`(?:[0-9]{1,2}[ -])?` +
		`(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|` +
		`nov(?:ember)?|dec(?:ember)?)[ -][0-9]+`)
	halfDay  = regexp.MustCompile(`\b[0-9:.]+ ?[ap]m\b`)
	word     = regexp.MustCompile(`[\pL\pN\pM]+`)
	numbered = regexp.MustCompile(`#(?:[^\pL#]*#)+`)
)

// Pattern returns what a reason has in common with others that differ from it only
// in ids, ARNs, addresses, numbers and times: the text in lower case, with # for
// each of these, and for several in a row. Names without a digit stay.
func Pattern(text string) string {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	for _, form := range []*regexp.Regexp{arnOrURL, uuid, dates, halfDay, hexadec} {
		text = form.ReplaceAllString(text, "#")
	}
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		if digitsIn(word) >= 3 {
			return "#"
		}
		return word
	})
	text = word.ReplaceAllStringFunc(text, func(word string) string {
		if variable(word) {
			return "#"
		}
		return word
	})
	return strings.TrimRight(numbered.ReplaceAllString(text, "#"), " .")
}

func digitsIn(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsNumber(r) {
			n++
		}
	}
	return n
}

// variable reports whether a word, of letters and digits, is a number or an id: it begins
// with a digit, has two of them, or one where a word such as s3 or ipv4 is longer.
func variable(word string) bool {
	const maxName = 4 // bytes of one with a digit
	first, _ := utf8.DecodeRuneInString(word)
	digits := digitsIn(word)
	return unicode.IsNumber(first) || digits >= 2 || digits == 1 && len(word) > maxName
}
