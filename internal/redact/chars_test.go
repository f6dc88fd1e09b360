package redact_test

import (
	"fmt"
	"testing"
	"unicode"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// each calls f for every character of a table.
func each(table *unicode.RangeTable, f func(r rune)) {
	for _, r16 := range table.R16 {
		for r := rune(r16.Lo); r <= rune(r16.Hi); r += rune(r16.Stride) {
			f(r)
		}
	}
	for _, r32 := range table.R32 {
		for r := rune(r32.Lo); r <= rune(r32.Hi); r += rune(r32.Stride) {
			f(r)
		}
	}
}

// between puts a character between the groups of a number, where it is its only separator.
func between(r rune) string { return fmt.Sprintf("415%c555%c0123", r, r) }

// Every space, hyphen and dash of Unicode separates digits, and what has no width does not.
func TestEveryCharacterBetweenDigits(t *testing.T) {
	masked := func(r rune) {
		if got := redact.Text(between(r)); got != "…0123" {
			t.Errorf("%U: got %q of %q", r, got, between(r))
		}
	}
	for _, table := range []*unicode.RangeTable{unicode.Zs, unicode.Pd, unicode.Cf, unicode.Mn, unicode.Me} {
		each(table, masked)
	}
	for _, r := range "\t./_-−⁃˗ーｰ⁻₋．·•∙⋅／⁄∕ᅟᅠㅤﾠ\x00\x1f\x7f\u0086" {
		masked(r)
	}
	for _, pair := range []string{"()", "[]", "（）", "［］"} {
		open, end := []rune(pair)[0], []rune(pair)[1]
		for _, form := range []string{"%c415%c555-0123", "%c415%c 5550123", "1 %c415%c 555-0123", "+1 %c415%c 555 0123"} {
			if got := redact.Text(fmt.Sprintf(form, open, end)); got != "…0123" {
				t.Errorf("got %q of %q", got, fmt.Sprintf(form, open, end))
			}
		}
	}
	for _, r := range "\n\r\v\f\u2028\u2029\u0085,;:!?*=&|<>'\"a字é€×#@…" {
		if text := between(r); redact.Text(text) != text {
			t.Errorf("%U: got %q of %q, want it as it is", r, redact.Text(text), text)
		}
	}
}

func TestEveryPlusSign(t *testing.T) {
	for _, r := range "+＋﹢⁺₊➕" {
		if got := redact.Text(fmt.Sprintf("a %c5071829", r)); got != "a …1829" {
			t.Errorf("%U: got %q", r, got)
		}
	}
}

// The signs of an address are known in full width, too.
func TestAddressesInFullWidth(t *testing.T) {
	checkPairs(t, redact.Text, []pair{
		{"sip：50718", "sip：…0718"}, {"5071829＠pbx", "…1829＠pbx"}, {"ｓｉｐ:50718", "ｓｉｐ:50718"},
	})
}

// Digits are digits in every script, and a mask shows them as those of this one.
func TestDigitsOfEveryScript(t *testing.T) {
	scripts := 0
	each(unicode.Nd, func(r rune) {
		if valueByName(r) != 0 {
			return
		}
		scripts++
		text := ""
		for _, d := range []rune{4, 1, 5, 5, 0, 6, 7, 8, 2, 9, 3} {
			text += string(r + d)
		}
		if got := redact.Text("leg " + text + "!"); got != "leg …8293!" {
			t.Errorf("%U: got %q of %q", r, got, text)
		}
	})
	if scripts < 60 {
		t.Errorf("got %d scripts, want them all", scripts)
	}
}

// valueByName returns the value of a decimal digit: those of a script are ten in a row, and the rows of the
// mathematical digits follow each other.
func valueByName(r rune) int {
	first := r
	for unicode.Is(unicode.Nd, first-1) {
		first--
	}
	return int(r-first) % 10
}

// A text may be escaped for JSON, also twice, and for URLs, up to three times more.
func TestEscapes(t *testing.T) {
	checkPairs(t, redact.Text, []pair{
		{"%2B5071829", "…1829"}, {"%2b5071829", "…1829"}, {"%252B5071829", "…1829"}, {"%25252B5071829", "…1829"},
		{"%2525252B5071829", "…1829"}, {"%252525252B5071829", "%252525252B5071829"},
		{"415%20555%200123", "…0123"}, {"415%C2%A0555%c2%a00123", "…0123"}, {"415%E2%80%91555%E2%80%910123", "…0123"},
		{"415%E2%80555%E2%800123", "415%E2%80555%E2%800123"}, {"a%3A+5071829", "a%3A…1829"},
		{"%34155550123", "…0123"}, {"%D9%A4155550123", "…0123"}, {"%", "%"}, {"50718%", "50718%"}, {"50718%2", "50718%2"},
		{"50718%25", "50718%25"}, {"50718%252", "50718%252"}, {"%zz+5071829", "%zz…1829"}, {"%2z5071829012", "%2z…9012"},
		{"%415071829012", "%…9012"}, // a letter is no part of a number, but may be two digits of one
		{`\u002b5071829`, "…1829"}, {`\\u002b5071829`, "…1829"}, {`\\\\u002B5071829`, "…1829"},
		{`415\u0020555\u00a00123`, "…0123"}, {`415\t555\t0123`, "…0123"}, {`415\/555\/0123`, "…0123"},
		{`415\\/555\\/0123`, "…0123"}, {`415\n555\n0123`, `415\n555\n0123`}, {`415\r555\r0123`, `415\r555\r0123`},
		{`\n4155550123\n`, `\n…0123\n`}, {`\b4155550123`, `\b…0123`}, {`\"5071829012\"`, `\"…9012\"`},
		{`\ud835\udfd2155550123`, "…0123"}, {`\uD835\uDFD2155550123`, "…0123"}, {`\\ud835\\udfd2155550123`, "…0123"},
		{`\ud835\u0034155550123`, `\ud…0123`}, {`\ud8354155550123`, `\ud…0123`}, {`\ud835`, `\ud835`},
		{`\ud835\udfzz5071829012`, `\ud835\udfzz…9012`},
		{`50718\`, `50718\`}, {`50718\u`, `50718\u`}, {`50718\u00`, `50718\u00`}, {`\u00g05071829012`, `\u00g…9012`},
		{`a\u20075071829012`, `a\u2007…9012`},
	})
}
