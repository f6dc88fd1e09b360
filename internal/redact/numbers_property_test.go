package redact_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/redact"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// textsPerCheck makes ten thousand texts of rapid's hundred checks.
const textsPerCheck = 100

// country is how numbers of a country are made.
type country struct {
	code, trunk string
	lengths     []int // of the number without either
}

var countries = []country{
	{"44", "0", []int{10}}, {"49", "0", []int{9, 10, 11}}, {"33", "0", []int{9}}, {"81", "0", []int{9, 10}},
	{"86", "0", []int{11}},
	{"61", "0", []int{9}}, {"91", "0", []int{10}}, {"55", "0", []int{10, 11}}, {"39", "", []int{10}},
	{"34", "", []int{9}},
	{"353", "0", []int{9}}, {"420", "", []int{9}}, {"972", "0", []int{9}}, {"41", "0", []int{9}}, {"31", "0", []int{9}},
	{"65", "", []int{8}},
	{"45", "", []int{8}}, {"52", "", []int{10}}, {"7", "8", []int{10}}, {"971", "0", []int{9}}, {"20", "0", []int{10}},
}

// dialled is a number as people write it, and its digits.
type dialled struct{ text, digits string }

// spaces, hyphens and the like that people, telephones and word processors put between
// the digits of a number.
var separators = []string{" ", "-", ".", "/", "_", "\u00a0", "\u202f", "\u2009", "\u3000", "\u2010", "\u2011", "\u2012",
	"\u2013", "\u2014",
	"\u2212", "\uff0d", "\u30fc", "\uff0f", "\uff0e", "\u00b7", " - ", " – ", " / ", " \u200b", "\t"}

func drawDigits(t *rapid.T, n int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "digits")
}

// national draws the part of a number behind the country code.
func national(t *rapid.T, c country) string {
	n := rapid.SampledFrom(c.lengths).Draw(t, "length")
	return rapid.SampledFrom([]string{"1", "2", "3", "5", "6", "7", "8", "9"}).Draw(t, "first") + drawDigits(t, n-1)
}

// grouped puts separators between pairs of digits, or between groups of three to five:
// all alike, or each another.
func grouped(t *rapid.T, digits string, separators []string) string {
	var b strings.Builder
	one, pairs := rapid.SampledFrom(separators).Draw(t, "separator"), rapid.Bool().Draw(t, "pairs")
	mixed := rapid.IntRange(0, 3).Draw(t, "mixed") == 0
	for first := true; digits != ""; first = false {
		n := 2
		if !pairs {
			n = rapid.IntRange(3, 5).Draw(t, "group")
		}
		n = min(n, len(digits))
		if len(digits)-n == 1 {
			n = len(digits)
		}
		if !first {
			if mixed {
				one = rapid.SampledFrom(separators).Draw(t, "separator")
			}
			b.WriteString(one)
		}
		b.WriteString(digits[:n])
		digits = digits[n:]
	}
	return b.String()
}

// forms are the ways in which numbers are written.
var forms = map[string]func(t *rapid.T) dialled{
	"plus": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		sign := rapid.SampledFrom([]string{"+", "＋", "%2B", "%2b", "%252B", `\u002b`, "+ ", "＋ ", "+(", "(+"}).Draw(t,
			"sign")
		text := sign + c.code
		if strings.Contains(sign, "(") {
			text += ")"
		}
		return dialled{text + rapid.SampledFrom(separators).Draw(t, "after the code") + grouped(t, n, separators),
			c.code + n}
	},
	"plus, one run": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		return dialled{rapid.SampledFrom([]string{"+", "＋", "%2B", "00", "011"}).Draw(t, "sign") + c.code + n, c.code +
			n}
	},
	"plus, with the trunk zero": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries[:4]).Draw(t, "country")
		n := national(t, c)
		return dialled{"+" + c.code + " (0)" + grouped(t, n, separators), c.code + n}
	},
	"international prefix": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		between := rapid.SampledFrom([]string{"", " ", "-"}).Draw(t, "between")
		prefix := rapid.SampledFrom([]string{"00", "011"}).Draw(t, "prefix")
		return dialled{prefix + between + c.code + rapid.SampledFrom([]string{" ", "-", "/", "\u00a0"}).Draw(t,
			"after") + grouped(t, n, separators), c.code + n}
	},
	"trunk": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries[:8]).Draw(t, "country")
		n := national(t, c)
		area := rapid.IntRange(2, 4).Draw(t, "area")
		head := rapid.SampledFrom([]string{"0%s ", "(0%s) ", "0%s/", "0%s-", "(0%s)", "(0)%s ", "0%s.", "0%s – ",
			"0%s\u00a0"}).Draw(t, "head")
		tails := []string{" ", "-", ".", "\u00a0", "\u2011", "\u202f"}
		return dialled{fmt.Sprintf(head, n[:area]) + grouped(t, n[area:], tails), "0" + n}
	},
	"trunk, one run": func(t *rapid.T) dialled {
		n := national(t, rapid.SampledFrom(countries[:8]).Draw(t, "country"))
		return dialled{"0" + n, "0" + n}
	},
	"country code without a sign": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		separator := rapid.SampledFrom([]string{" ", "-", "\u00a0", "\u2011"}).Draw(t, "separator")
		for len(n) < 10-len(c.code) {
			n += "5"
		}
		return dialled{c.code + separator + n[:3] + separator + n[3:], c.code + n}
	},
	"North American": func(t *rapid.T) dialled {
		n := american(t)
		form := rapid.SampledFrom([]string{"(%s) %s-%s", "%s-%s-%s", "%s.%s.%s", "%s %s %s", "%s/%s-%s", "(%s)%s-%s",
			"(%s) %s %s", "[%s] %s-%s", "%s%s%s", "%s %s%s",
			"%s-%s%s", "%s_%s_%s", "%s\u2011%s\u2011%s", "(%s)\u00a0%s\u2013%s", "%s\u202f%s\u202f%s", "（%s）%s－%s",
			"%s·%s·%s", "%s\u200b%s\u200b%s", "%s - %s - %s"}).Draw(t, "form")
		one := rapid.SampledFrom([]string{"", "1", "1-", "1 ", "1.", "+1 ", "+1", "+1-", "%2B1", "+1.", "001 ",
			"0111"}).Draw(t, "one")
		text := one + fmt.Sprintf(form, n[:3], n[3:6], n[6:])
		if strings.HasPrefix(one, "0") || strings.HasPrefix(text, "1.") && strings.Count(text, ".") == 1 {
			text = "+1" + n
		}
		return dialled{text, n}
	},
	"with an extension": func(t *rapid.T) dialled {
		n, extension := american(t), drawDigits(t, rapid.IntRange(2, 5).Draw(t, "length"))
		mark := rapid.SampledFrom([]string{"x", " x", " ext. ", " ext ", " extension ", ";ext=", " #", ", ext. ", " X",
			" Ext: "}).Draw(t, "mark")
		text := rapid.SampledFrom([]string{"(%s) %s-%s", "%s-%s-%s", "+1%s%s%s", "%s%s%s"}).Draw(t, "form")
		return dialled{fmt.Sprintf(text, n[:3], n[3:6], n[6:]) + mark + extension, n + extension}
	},
	"address": func(t *rapid.T) dialled {
		n := american(t)
		user := rapid.SampledFrom([]string{n, "1" + n, "+1" + n, "%2B1" + n, "+1-" + n[:3] + "-" + n[3:], "1." + n[:3] +
			"." + n[3:6] + "." + n[6:], "(" + n[:3] + ")" + n[3:],
			n[:3] + "%20" + n[3:], "conf" + n, n + ";phone-context=+1", n + ";npdi"}).Draw(t, "user")
		form := rapid.SampledFrom([]string{"sip:%s@198.51.100.7", "sips:%s@pbx.example:5061",
			"SIP:%s@pbx.example;transport=udp", "<sip:%s@pbx.example>", "tel:%s", "tel:%s;ext=1234",
			`"Jane Doe" <sip:%s@198.51.100.7:5060>;tag=ab12`, "sip:%s", "callto:%s", "%s@pbx.example", "Tel: %s",
			"sip:%s:secret@pbx.example"}).Draw(t, "form")
		if strings.HasPrefix(form, "%s@") && strings.HasPrefix(user, "conf") {
			user = n
		}
		return dialled{fmt.Sprintf(form, user), n}
	},
	"of seven digits, by its name": func(t *rapid.T) dialled {
		n := "555" + drawDigits(t, 4)
		form := rapid.SampledFrom([]string{"phone %s", "phone number: %s", `"callerId":"%s"`, `\"ANI\":\"%s\"`,
			"caller %s", "customerNumber=%s", "Tel. %s", "fromNumber: %s"}).Draw(t, "form")
		return dialled{fmt.Sprintf(form, rapid.SampledFrom([]string{n, n[:3] + "-" + n[3:], n[:3] + " " + n[3:], n[:3] +
			"." + n[3:]}).Draw(t, "number")), n}
	},
}

// american draws ten digits of the North American plan.
func american(t *rapid.T) string {
	first := rapid.SampledFrom([]string{"2", "3", "4", "5", "6", "7", "8", "9"})
	return first.Draw(t, "area") + drawDigits(t, 2) + first.Draw(t, "exchange") + drawDigits(t, 6)
}

// disguises are what happens to texts on their way.
var disguises = map[string]func(t *rapid.T, s string) string{
	"none": func(_ *rapid.T, s string) string { return s },
	"digits of another script": func(t *rapid.T, s string) string {
		zero := rapid.SampledFrom([]rune{'٠', '۰', '０', '०', '𝟎'}).Draw(t, "zero")
		return mapUnescaped(s, func(r rune) string {
			if '0' <= r && r <= '9' {
				return string(zero + r - '0')
			}
			return string(r)
		})
	},
	"characters without width": func(t *rapid.T, s string) string {
		return mapUnescaped(s, func(r rune) string {
			if unicode.IsDigit(r) && rapid.Bool().Draw(t, "hidden") {
				return string(r) + rapid.SampledFrom([]string{"\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff",
					"\u202c"}).Draw(t, "character")
			}
			return string(r)
		})
	},
	"JSON": func(_ *rapid.T, s string) string {
		quoted, _ := json.Marshal(s)
		return string(quoted)
	},
	"JSON in JSON, all escaped": func(t *rapid.T, s string) string {
		if strings.ContainsAny(s, `%\`) {
			return s
		}
		var b strings.Builder
		for _, r := range s {
			if r < 0x10000 && (r >= utf8.RuneSelf || unicode.IsDigit(r) && rapid.Bool().Draw(t, "escaped")) {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		quoted, _ := json.Marshal(b.String())
		return rapid.SampledFrom([]string{b.String(), string(quoted)}).Draw(t, "once or twice")
	},
	"URL": func(_ *rapid.T, s string) string {
		if strings.Contains(s, `\`) {
			return s
		}
		return url.PathEscape(s)
	},
}

// mapUnescaped maps the characters of a text without escapes; another is returned.
func mapUnescaped(s string, f func(rune) string) string {
	if strings.ContainsAny(s, `%\`) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteString(f(r))
	}
	return b.String()
}

// surroundings are texts that numbers stand in.
var surroundings = []string{"%s", "no route to %s", "Could not store calls/%s.wav", "call from %s refused",
	"Leg %s (also refused)", `{"note":"%s"}`, "from=%s&x=1", "<%s>", "'%s',",
	"%s: busy", "number %s.", "caller %s hung up", "id %s", "to %s, again", "a\n%s\nb", "…%s", "[%s]", `\"%s\"`, "(%s)",
	"rec_%s.json", "Anruf von %s fehlgeschlagen", "电话%s号"}

// visible returns the digits that a reader sees in a text.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], `\u`) || strings.HasPrefix(s[i:], "%") {
			if r, size, ok := unescaped(s[i:]); ok {
				if '0' <= r && r <= '9' {
					b.WriteRune(r)
				}
				i += size
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		for _, zero := range []rune{'0', '٠', '۰', '０', '०', '𝟎'} {
			if zero <= r && r <= zero+9 {
				b.WriteRune('0' + r - zero)
			}
		}
		i += size
	}
	return b.String()
}

func unescaped(s string) (r rune, size int, ok bool) {
	var v int
	if strings.HasPrefix(s, `\u`) && len(s) >= 6 {
		if _, err := fmt.Sscanf(s[2:6], "%04x", &v); err == nil {
			return rune(v), 6, true
		}
	}
	if strings.HasPrefix(s, "%") && len(s) >= 3 {
		if _, err := fmt.Sscanf(s[1:3], "%02X", &v); err == nil {
			return rune(v), 3, true
		}
	}
	return 0, 0, false
}

// leak returns seven digits of a number that stand in a row in a text, separators left
// out; none where there are none.
func leak(text, digits string) string {
	const maxSeen = 6
	seen := visible(strings.NewReplacer("198.51.100.7:5060", "", "198.51.100.7", "", "example:5061", "").Replace(text))
	for i := 0; i+maxSeen < len(digits); i++ {
		if part := digits[i : i+maxSeen+1]; strings.Contains(seen, part) {
			return part
		}
	}
	return ""
}

// No number leaves whole, in whatever form it is written, nor seven digits of it.
func TestEveryFormOfANumberIsMasked(t *testing.T) {
	for form, draw := range forms {
		t.Run(form, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range textsPerCheck / 5 { // five times as many as there are texts for each form
					n := draw(t)
					disguise := rapid.SampledFrom([]string{"none", "none", "none", "digits of another script",
						"characters without width", "JSON", "JSON in JSON, all escaped", "URL"}).Draw(t, "disguise")
					around := rapid.SampledFrom(surroundings).Draw(t, "surroundings")
					text := fmt.Sprintf(strings.ReplaceAll(around, "%s", "%[1]s"), disguises[disguise](t, n.text))
					masked := redact.Text(text)
					if part := leak(masked, n.digits); part != "" {
						t.Fatalf("got %q of %q: %s of %s can be read", masked, text, part, n.digits)
					}
					if again := redact.Text(masked); again != masked {
						t.Fatalf("got %q of %q, and %q of that", masked, text, again)
					}
				}
			})
		})
	}
}
