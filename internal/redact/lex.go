package redact

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// symbol is one character of a text as a reader of phone numbers sees it, after
// escapes are undone. What has no width makes no symbol.
type symbol struct {
	r        rune // a digit as ASCII, a separator as the ASCII one of its kind
	kind     kind
	from, to int32 // the bytes of the text that it stands for
}

// kind is what a symbol can be in a number.
type kind uint8

const (
	other kind = iota
	letter
	digit
	plus
	space
	lineEnd
	dash
	dot
	slash
	under
	opening // bracket
	closing
	colon
	at
	ellipsis
	nothing // has no width
)

func (k kind) in(kinds ...kind) bool { return slices.Contains(kinds, k) }

// separates reports whether the symbol may stand between the digits of a number.
func (k kind) separates() bool { return k == space || k >= dash && k <= closing }

// alphanumeric reports whether the symbol is part of a word.
func (k kind) alphanumeric() bool { return k == letter || k == digit }

// minDigits is the fewest digits that any rule masks.
const minDigits = 5

// mayHoldNumber reports whether a text has enough digits, of any script, to need a
// closer look.
func mayHoldNumber(s string) bool {
	n, ascii := 0, true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case '0' <= c && c <= '9':
			if n++; n >= minDigits {
				return true
			}
		}
	}
	if ascii {
		return false
	}
	for _, r := range s {
		if r >= utf8.RuneSelf && unicode.IsDigit(r) {
			if n++; n >= minDigits {
				return true
			}
		}
	}
	return false
}

// lex returns the symbols of a text.
func lex(text string) []symbol {
	symbols := make([]symbol, 0, len(text))
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		k := other
		switch {
		case r == '%':
			r, size = percent(text[i:])
			k = kindOf(r)
			if size == 1 || k == letter || k == other && r >= utf8.RuneSelf {
				r, size, k = '%', 1, other
			}
		case r == '\\':
			r, size, k = backslash(text[i:])
		case r < utf8.RuneSelf:
			k = kindOf(r)
		default:
			if r, size = utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError {
				k = kindOf(r)
			}
		}
		if k != nothing {
			symbols = append(symbols, symbol{plain(r, k), k, int32(i), int32(i + size)})
		}
		i += size
	}
	return symbols
}

// kindOf returns the kind of a character.
func kindOf(r rune) kind {
	if r < utf8.RuneSelf {
		return kindOfASCII(r)
	}
	switch r {
	case '＋', '﹢', '⁺', '₊', '➕':
		return plus
	case '−', '⁃', '˗', 'ー', 'ｰ', '⁻', '₋':
		return dash
	case '．', '·', '•', '∙', '⋅':
		return dot
	case '／', '⁄', '∕':
		return slash
	case '（', '［':
		return opening
	case '）', '］':
		return closing
	case '：':
		return colon
	case '＠':
		return at
	case '…':
		return ellipsis
	case '\u2028', '\u2029', '\u0085':
		return lineEnd
	case '\u115f', '\u1160', '\u3164', '\uffa0': // Hangul fillers: letters that are not seen
		return nothing
	}
	switch {
	case unicode.Is(unicode.Nd, r):
		return digit
	case unicode.IsLetter(r):
		return letter
	case unicode.Is(unicode.Zs, r):
		return space
	case unicode.Is(unicode.Pd, r):
		return dash
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cc):
		return nothing
	}
	return other
}

func kindOfASCII(r rune) kind {
	switch {
	case '0' <= r && r <= '9':
		return digit
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return letter
	case r == '\n' || r == '\r' || r == '\v' || r == '\f':
		return lineEnd
	case r == '\t':
		return space
	case r < ' ' || r == 0x7f:
		return nothing
	}
	switch r {
	case ' ':
		return space
	case '+':
		return plus
	case '-':
		return dash
	case '.':
		return dot
	case '/':
		return slash
	case '_':
		return under
	case '(', '[':
		return opening
	case ')', ']':
		return closing
	case ':':
		return colon
	case '@':
		return at
	}
	return other
}

// plain returns the ASCII character that stands for all of its kind.
func plain(r rune, k kind) rune {
	if r < utf8.RuneSelf {
		return r
	}
	switch k {
	case digit:
		return '0' + valueOf(r)
	case space:
		return ' '
	case dash:
		return '-'
	case dot:
		return '.'
	case slash:
		return '/'
	case colon:
		return ':'
	}
	return r
}

// valueOf returns the value of a decimal digit. The digits of a script follow each
// other from zero (Unicode stability policies, decimal digits), so that those before
// it in its row tell.
func valueOf(r rune) rune {
	n := rune(0)
	for unicode.Is(unicode.Nd, r-n-1) {
		n++
	}
	return n % 10
}

// maxNested is how often a text may have been escaped for a URL.
const maxNested = 3

// percent undoes an escape of URLs at the beginning of a text: the bytes of one
// character. Its size is 1 where there is none.
func percent(text string) (r rune, size int) {
	var decoded [utf8.UTFMax]byte
	for n := range decoded {
		b, length := percentByte(text[size:])
		if length == 0 {
			return '%', 1
		}
		decoded[n] = b
		size += length
		if r, _ := utf8.DecodeRune(decoded[:n+1]); r != utf8.RuneError {
			return r, size
		}
	}
	return '%', 1
}

// percentByte undoes the escape of one byte, also where its percent sign is escaped.
func percentByte(text string) (b byte, size int) {
	if !strings.HasPrefix(text, "%") {
		return 0, 0
	}
	size = 1
	for range maxNested {
		if len(text) < size+4 || text[size:size+2] != "25" || !isHex(text[size+2:size+4]) {
			break
		}
		size += 2
	}
	if len(text) < size+2 || !isHex(text[size:size+2]) {
		return 0, 0
	}
	v, _ := strconv.ParseUint(text[size:size+2], 16, 8) // it is hexadecimal
	return byte(v), size + 2
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit(rune(s[i])) {
			return false
		}
	}
	return true
}

func isHexDigit(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
}

// backslash undoes an escape of JSON at the beginning of a text, also where the
// backslash is escaped once more. The backslashes before anything else are one symbol.
func backslash(text string) (r rune, size int, k kind) {
	size = len(text) - len(strings.TrimLeft(text, `\`))
	rest := text[size:]
	if rest == "" {
		return '\\', size, other
	}
	switch rest[0] {
	case 'n', 'r', 'f', 'v', 'b', 'a':
		return '\n', size + 1, lineEnd
	case 't':
		return ' ', size + 1, space
	case '/':
		return '/', size + 1, slash
	case 'u':
		if r, length := unicodeEscape(rest); length > 0 {
			return r, size + length, kindOf(r)
		}
	}
	return '\\', size, other
}

// unicodeEscape reads uXXXX, or two of them that make one character. One of which
// the character is nothing that a number or a word is made of is left as it is
// written: it may well be the name u2025550123.
func unicodeEscape(text string) (r rune, size int) {
	const length = len("u0000")
	if len(text) < length || !isHex(text[1:length]) {
		return 0, 0
	}
	v, _ := strconv.ParseUint(text[1:length], 16, 32) // it is hexadecimal
	r, size = rune(v), length
	if 0xd800 <= r && r < 0xdc00 {
		low, found := strings.CutPrefix(strings.TrimLeft(text[length:], `\`), "u")
		if !found || len(low) < 4 || !isHex(low[:4]) {
			return 0, 0
		}
		second, _ := strconv.ParseUint(low[:4], 16, 32)
		r, size = (r-0xd800)<<10|(rune(second)-0xdc00)+0x10000, len(text)-len(low)+4
	}
	if k := kindOf(r); k == other || !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, size
}
