package redact_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// Whatever a text is, masking it once is enough, and keeps it valid.
func TestTextIsStable(t *testing.T) {
	pieces := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"+", "%2B", "00", "0", "1", "415", "555", "0123",
		"4155550123", "…", "…0123", " ", "-", ".", "/", "(", ")", "sip:", "tel:", "@", "x", "ext. ",
		`\u002b`, `\`, "%", "%25", "arn:aws:iam::", "123456789012", ":", "2026-11-25", "T14:08", "e", "E10", "phone ",
		"account ", "\u200b", "\xff", "１", "$", "ms", "us-east-1", "_", "\n", "#"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("0123456789-. /()")), 1, 30, -1))
	rapid.Check(t, func(t *rapid.T) {
		for range textsPerCheck {
			var text string
			for range rapid.IntRange(1, 12).Draw(t, "pieces") {
				text += pieces.Draw(t, "piece")
			}
			checkStable(t, text)
		}
	})
}

type failer interface {
	Fatalf(format string, args ...any)
}

func checkStable(t failer, text string) {
	masked := redact.Text(text)
	if again := redact.Text(masked); again != masked {
		t.Fatalf("got %q of %q, and %q of that", masked, text, again)
	}
	if utf8.ValidString(text) && !utf8.ValidString(masked) {
		t.Fatalf("got %q, which is no UTF-8, of %q", masked, text)
	}
	number := redact.Number(text)
	if again := redact.Number(number); again != number {
		t.Fatalf("got the number %q of %q, and %q of that", number, text, again)
	}
	if raw := []byte(text); json.Valid(raw) {
		if got := redact.JSON("", raw); !json.Valid(got) {
			t.Fatalf("got %q, which is no JSON, of %q", got, raw)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "+14155550123", `{"ANI":"2065550187"}`, "sip:12065550146@203.0.113.9",
		"…0171 1234567", "%252B1206555", `\u0031\u`, "1.2065550188e+10", "2026-11-25T14:08:30+0100 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkStable(t, text) })
}

// Time grows with the length of the text and not faster, whatever is in it.
func TestTimeIsLinear(t *testing.T) {
	const length = 1 << 18
	for _, piece := range []string{"1", "1 ", "+", "+1", "…0123", "0 ", "…0123 ", "%25", `\`, `\u0031`, "sip:",
		"arn:aws:a:b:", "1.", "1-", "x1", "a4155550123", "x4155550123", "4155550123 ", "2026-", "12:",
		"(", "e1", "us-east-1", "\u200b", "１", "1\u200b", "from ", "0", "00", "http://1/", "127.0.0.1/",
		"123456789012/", "phone 1", "$1", "1e", `\ud835`, "1.1e9 "} {
		text := strings.Repeat(piece, length/len(piece)) + "4155550123"
		began := time.Now()
		redact.Text(text)
		if took := time.Since(began); took > 20*time.Second { // a few hundred milliseconds; hours if it were quadratic
			t.Errorf("%q: took %s for %d bytes", piece, took, len(text))
		}
	}
}
