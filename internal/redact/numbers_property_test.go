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
				return string(r) + choose(t, "character", "\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff", "\u202c")
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
		return choose(t, "once or twice", b.String(), string(quoted))
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
					disguise := choose(t, "disguise",
						"none", "none", "none", "digits of another script", "characters without width", "JSON",
						"JSON in JSON, all escaped", "URL",
					)
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
