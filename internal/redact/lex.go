package redact

import (
	"slices"
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
