package redact

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

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
