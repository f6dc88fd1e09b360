// Package redact masks phone numbers. It is the only place with a rule for what a
// phone number looks like, and everything that leaves the table goes through it:
// logs, notifications, and what the command prints. It is pure: the same input
// returns the same output, without clock, network or other packages of this module.
//
// A masked number shows its last four digits: "+1 (415) 555-0123" becomes "…0123".
// An extension goes with the number that it follows.
//
// # How text is read
//
// Text is read after escapes are undone: JSON's (\u002b, \/) and URLs' (%2B, also
// %252B). Characters without width between digits do not count, digits of every
// script do. Between the digits of one number there may be up to four spaces,
// hyphens and dashes, dots, slashes, underscores and brackets, of any Unicode kind.
//
// # What is a phone number
//
//  1. Seven to fifteen digits behind a plus sign, grouped in any way.
//  2. Five to fifteen digits behind sip:, sips:, tel:, callto:, sms: or fax:, grouped
//     in any way; and in a SIP user part seven or more digits between other characters.
//  3. Seven to fifteen digits behind the prefix 00 or 011.
//  4. Ten digits grouped 3-3-4, with or without a 1 before them: where the separators
//     are only spaces, underscores or slashes, the area code and the exchange have to
//     begin with 2 to 9, as in the North American plan.
//  5. Two groups or more with a leading 0, eight to thirteen digits in all; or nine
//     digits in one group with a leading 0.
//  6. Ten to fifteen digits in groups of which the first is a country code, or with
//     hyphens or brackets between three groups or more, or grouped as is usual in
//     Australia, Brazil, China, India and Russia.
//  7. Seven to fifteen digits behind words such as "phone", "ANI" or "callerId". Words
//     that may mean other things, such as "from" or "call", need eight digits or the
//     grouping 3-4.
//  8. A bare run of ten to fifteen digits, also between letters ("conf12065550123").
//
// # What is none
//
// Where both readings are possible a run of digits is masked; only what can be
// recognised as something else stays as it is:
//
//   - UUIDs, words made of hexadecimal digits with a letter among them, and 0x…
//   - ARNs up to their resource, and in it 12 digits; 12 digits next to the name of a
//     Region, behind "account" or "owner", or in the address of a queue
//   - runs of more than 15 digits (sequence numbers, fragment numbers, epoch
//     microseconds) and runs that begin with 000 (shards)
//   - epoch times since 2015, in seconds from 1420070400 to 1999999999 and in
//     milliseconds accordingly; dates and times in all common notations, and dates run
//     together to 14 digits
//   - IPv4 addresses and decimal numbers
//   - bare runs before a unit ("ms", "bytes") or next to a currency, and behind words
//     such as "sequence number", "request id", "offset" or "size"
//
// # Limits
//
// Digits that follow a number with nothing but a separator between are masked as its
// end, unless it is complete by the North American plan. A run of fewer than ten digits
// stays, unless a sign or words before it say what it is, or Knowing names it. So do
// two numbers run together, numbers spelled in words or over more than one line, and
// what is written like a hexadecimal id ("e4155550123"). In return, ids of ten to
// fifteen decimal digits are masked, and ids of accounts that nothing marks as such.
package redact

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// mark stands for the digits that a mask hides.
const mark = "…"

// shown is how many digits of a number a mask shows.
const shown = 4

// maxPasses bounds how often Text looks again at what it has masked.
const maxPasses = 6

// Redactor masks phone numbers. The zero value applies the rules of the package;
// Knowing adds numbers that are to be found whatever is around them, and Whole masks
// nothing. A Redactor is a value and safe for concurrent use.
type Redactor struct {
	known []string // digits
	whole bool
}

// Whole returns a Redactor that masks nothing, for whoever is to see the numbers.
func Whole() Redactor { return Redactor{whole: true} }

// minKnown is how many digits a number needs to be looked for by itself: fewer are
// likely to stand in other text by chance.
const minKnown = 7

// Knowing returns a Redactor that also masks these numbers where they are written
// without a separator, with or without their plus, if they have seven digits or more.
func Knowing(numbers ...string) Redactor {
	var r Redactor
	for _, n := range numbers {
		digits := digitsOf(numberIn(n))
		if len(digits) < minKnown || len(digits) > maxDigits {
			continue
		}
		r.known = append(r.known, digits)
		if len(digits) == 11 && digits[0] == '1' {
			r.known = append(r.known, digits[1:])
		}
	}
	return r
}

// Text masks the phone numbers in free text and returns all else as it is. Its time
// grows with the length of the text, whatever is in it, and valid UTF-8 stays valid.
// Text of its own result changes nothing.
func Text(s string) string { return Redactor{}.Text(s) }

// Field is Text for a value that stands under a name, such as a key of JSON or of a
// log line: under the name "ANI" or "customerPhone" fewer digits are a number, under
// "account" or "updatedOn" none are.
func Field(name, value string) string { return Redactor{}.Field(name, value) }

// JSON masks a JSON document; see Redactor.JSON.
func JSON(name string, raw []byte) []byte { return Redactor{}.JSON(name, raw) }

// Text is the function Text.
func (r Redactor) Text(s string) string { return r.Field("", s) }

// Field is the function Field. It masks until nothing changes any more: a number that is
// gone may leave digits next to it that have another meaning without it.
func (r Redactor) Field(name, value string) string {
	if r.whole || !mayHoldNumber(value) {
		return value
	}
	named := classOf(nameParts(name))
	for range maxPasses {
		masked := r.pass(value, named)
		if masked == value {
			break
		}
		value = masked
	}
	return value
}

// Number is the function Number.
func (r Redactor) Number(s string) string {
	if r.whole {
		return s
	}
	return Number(s)
}

// nobody are the words by which networks say that there is no number.
var nobody = map[string]bool{
	"anonymous": true, "restricted": true, "private": true, "unavailable": true, "unknown": true, "withheld": true,
}

// Number masks a value that is known to be a phone number or an address:
// "+14155550123" becomes "…0123", and so does "sip:+14155550123@198.51.100.7". A
// number of fewer than five digits, and anything else that could name a person, is
// hidden whole ("…"). Words by which networks say that there is no number, such as
// "anonymous", stay; so do the empty string and what is masked already.
func Number(s string) string {
	if s == "" {
		return ""
	}
	number := numberIn(s)
	if word := strings.ToLower(number); nobody[word] {
		return word
	}
	digits := digitsOf(number)
	if len(digits) == shown && number == string(ellipsis)+digits {
		return mark + digits
	}
	stranger := func(r rune) bool { return r != '+' && !isDigit(byte(r)) && !separates(byte(r)) }
	if len(digits) <= shown || strings.ContainsFunc(number, stranger) {
		return mark
	}
	return mark + digits[len(digits)-shown:]
}

// behindNumber is what begins behind the number in an address: password, host,
// parameters or an extension.
var behindNumber = lazyregexp.New(`[@:;,]|` + extensionForm)

// numberIn returns what is the number in an address, as it is read: without display
// name, scheme, password, host, parameters and extension.
func numberIn(address string) string {
	s, _ := lex(address)
	s = strings.Trim(s, " \n")
	if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") {
		s = s[open+1 : len(s)-1]
	}
	s = s[len(scheme().FindString(s)):]
	if behind := behindNumber().FindStringIndex(s); behind != nil {
		s = s[:behind[0]]
	}
	return strings.Trim(s, " \n")
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if isDigit(byte(r)) {
			return r
		}
		return -1
	}, s)
}
