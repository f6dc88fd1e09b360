package redact

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// A text is read as one byte for each character, after escapes are undone: ASCII stands
// for itself and for what looks like it in other scripts, and these bytes, which texts
// show nobody, for the rest.
const (
	noWidth  = '\x00' // nothing that is seen; it is left out
	foreign  = '\x01' // a letter of another script
	micro    = '\x02' // the letter of µs
	ellipsis = '\x03' // the ellipsis of a mask
	money    = '\x04' // a currency sign other than $
	strange  = '\x05' // anything else
)

// span is where a character stands in the text, in bytes.
type span struct{ from, to int32 }

// lex returns a text as it is read, and where each of its characters stands.
func lex(text string) (string, []span) {
	read, spans := make([]byte, 0, len(text)), make([]span, 0, len(text))
	for i := 0; i < len(text); {
		c, size := text[i], 1
		switch {
		case c == '%':
			c, size = percent(text[i:])
		case c == '\\':
			c, size = backslash(text[i:])
		case ' ' <= c && c < '\x7f':
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			c = character(r)
		}
		if c != noWidth {
			read, spans = append(read, c), append(spans, span{int32(i), int32(i + size)})
		}
		i += size
	}
	return string(read), spans
}

// character returns the byte that a character is read as.
func character(r rune) byte {
	switch r {
	case '\n', '\r', '\v', '\f', '\u2028', '\u2029', '\u0085':
		return '\n'
	case '\t':
		return ' '
	case '＋', '﹢', '⁺', '₊', '➕':
		return '+'
	case '−', '⁃', '˗', 'ー', 'ｰ', '⁻', '₋':
		return '-'
	case '．', '·', '•', '∙', '⋅':
		return '.'
	case '／', '⁄', '∕':
		return '/'
	case '（', '［':
		return '('
	case '）', '］':
		return ')'
	case '：':
		return ':'
	case '＠':
		return '@'
	case '…':
		return ellipsis
	case 'µ', 'μ':
		return micro
	case '\u115f', '\u1160', '\u3164', '\uffa0': // Hangul fillers: letters that are not seen
		return noWidth
	}
	switch {
	case ' ' <= r && r < '\x7f':
		return byte(r)
	case unicode.Is(unicode.Nd, r):
		return digitOf(r)
	case unicode.IsLetter(r):
		return foreign
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r):
		return '-'
	case unicode.Is(unicode.Sc, r):
		return money
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cc):
		return noWidth
	}
	return strange
}

// digitOf returns a decimal digit of any script. Those of a script follow each other
// from zero (Unicode stability policies, decimal digits).
func digitOf(r rune) byte {
	n := rune(0)
	for unicode.Is(unicode.Nd, r-n-1) {
		n++
	}
	return '0' + byte(n%10)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isForeign(c byte) bool { return c == foreign || c == micro }

func isLetter(c byte) bool { return isLower(c) || isUpper(c) || isForeign(c) }

// isAlphanumeric reports whether a character is part of a word.
func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }

// separates reports whether a character may stand between the digits of a number.
func separates(c byte) bool { return oneOf(c, " -./_()[]") }

func oneOf(c byte, list string) bool { return strings.IndexByte(list, c) >= 0 }

// minDigits is how many digits any rule needs.
const minDigits = 5

// mayHoldNumber reports whether a text has enough digits, of any script, to need a
// closer look.
func mayHoldNumber(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
		if n >= minDigits {
			return true
		}
	}
	return false
}

var (
	// percentByte is the escape of one byte in a URL, whose percent sign may be escaped
	// up to three times more.
	percentByte = lazyregexp.New(`^%(?:25){0,3}([0-9A-Fa-f]{2})`)
	// unicodeEscape is an escape of JSON, or two of them that make one character.
	unicodeEscape = lazyregexp.New(`^u([0-9A-Fa-f]{4})(?:\\*u([0-9A-Fa-f]{4}))?`)
)

// percent undoes an escape of URLs at the beginning of a text: the bytes of one
// character. Letters, which may be two digits of something else, stay escaped.
func percent(text string) (c byte, size int) {
	var decoded []byte
	for len(decoded) < utf8.UTFMax {
		m := percentByte().FindStringSubmatch(text[size:min(size+len("%252525XX"), len(text))])
		if m == nil {
			break
		}
		size += len(m[0])
		decoded = append(decoded, byte(hexValue(m[1])))
		if r, _ := utf8.DecodeRune(decoded); r != utf8.RuneError {
			c = character(r)
			if isLetter(c) || c == strange || c == money {
				break
			}
			return c, size
		}
	}
	return '%', 1
}

// backslash undoes an escape of JSON at the beginning of a text, also where the
// backslash is escaped once more. The backslashes before anything else are one
// character, and so are those before the escape of what is no part of a number or a
// word: it may well be the name u2025550123.
func backslash(text string) (c byte, size int) {
	rest := strings.TrimLeft(text, `\`)
	size = len(text) - len(rest)
	switch {
	case rest == "":
	case oneOf(rest[0], "nrfvba"):
		return '\n', size + 1
	case rest[0] == 't':
		return ' ', size + 1
	case rest[0] == '/':
		return '/', size + 1
	case rest[0] == 'u':
		m := unicodeEscape().FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		r, length := hexValue(rest[m[2]:m[3]]), m[3]
		if utf16.IsSurrogate(r) && m[4] > 0 {
			r, length = utf16.DecodeRune(r, hexValue(rest[m[4]:m[5]])), m[5]
		}
		if c := character(r); isAlphanumeric(c) || separates(c) || oneOf(c, "\n+:@\x00\x03") {
			return c, size + length
		}
	}
	return '\\', size
}

func hexValue(digits string) rune {
	v, _ := strconv.ParseUint(digits, 16, 32) // an expression has found the digits
	return rune(v)
}
