package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// digits returns n digits that are neither a time, a valid number of the North American plan, nor in a row elsewhere.
func digits(n int) string { return strings.Repeat("5071829364", n/10+1)[:n] }

// The rules of the package's documentation say how many digits are a number, by what is around them: so many are
// masked, fewer and more stay as they are.
func TestDigitCountsOfNumbers(t *testing.T) {
	field := func(name string) func(string) string {
		return func(s string) string { return redact.Field(name, s) }
	}
	for _, tt := range []struct {
		name             string
		mask             func(string) string
		form             string
		minimum, maximum int // of the digits in place of %s
	}{
		{"bare", redact.Text, "%s", 10, 15},
		{"bare, in text", redact.Text, "leg %s failed", 10, 15},
		{"bare, between letters", redact.Text, "conf%s", 10, 15},
		{"bare, with a leading zero", redact.Text, "0%s", 8, 14},
		{"a shard", redact.Text, "000%s", 99, 99},
		{"two leading zeros", redact.Text, "00%s", 7, 15},
		{"behind 011", redact.Text, "011%s", 6, 15}, /* nine with a leading zero are one, too */
		{"behind 00 and a space", redact.Text, "00 %s", 7, 15},
		{"behind a plus", redact.Text, "+%s", 7, 15},
		{"behind a plus of a URL", redact.Text, "%%2B%s", 7, 15},
		{"behind a plus and a space", redact.Text, "+ %s", 8, 15},
		{"behind a plus and a bracket", redact.Text, "+(%s)", 7, 15},
		{"in an address", redact.Text, "sip:%s@pbx", 5, 15},
		{"in an address, in brackets", redact.Text, "<sips:%s>", 5, 15},
		{"to be dialled", redact.Text, "tel:%s", 5, 15},
		{"to be faxed", redact.Text, "fax: %s", 5, 15},
		{"in a user part", redact.Text, "sip:conf%s@pbx", 7, 15},
		{"of a user", redact.Text, "%s@pbx", 7, 15},
		{"two groups with a leading zero", redact.Text, "050 %s", 5, 15}, /* from ten on, by themselves */
		{"two groups, a zero in brackets", redact.Text, "(050) %s", 5, 15},
		{"two groups, a zero by itself", redact.Text, "(0)%s", 7, 15},
		{"of a phone", redact.Text, "phone %s", 7, 15},
		{"of a caller", redact.Text, "callerId=%s", 7, 15},
		{"perhaps", redact.Text, "call %s", 8, 15},
		{"perhaps, from", redact.Text, "from: %s", 8, 15},
		{"in a field of a phone", field("customerPhone"), "%s", 5, 15},
		{"in a field of perhaps", field("from"), "%s", 7, 15},
		{"in a field of nothing", field("note"), "%s", 10, 15},
		{"in a field of an amount", field("count"), "%s", 99, 99},
		{"of milliseconds", redact.Text, "%s ms", 99, 99},
		{"a time in Go", redact.Text, "%sms", 99, 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := 1; n <= 24; n++ {
				text := fmt.Sprintf(tt.form, digits(n))
				got := tt.mask(text)
				if masked := got != text; masked != (tt.minimum <= n && n <= tt.maximum) {
					t.Errorf("%d digits: got %q of %q, want %d to %d masked", n, got, text, tt.minimum, tt.maximum)
				} else if masked && !strings.Contains(got, "…"+digits(n)[n-4:]) {
					t.Errorf("got %q of %q, want its last four digits", got, text)
				}
			}
		})
	}
}

// A number that is known is found by its digits alone, if it has as many as a number has.
func TestDigitCountsOfKnownNumbers(t *testing.T) {
	for n := 1; n <= 24; n++ {
		r := redact.Knowing(digits(n))
		text := "request id " + digits(n)
		if masked := r.Text(text) != text; masked != (n >= 7 && n <= 15) {
			t.Errorf("%d digits: got %q of %q, want 7 to 15 masked", n, r.Text(text), text)
		}
		within := "request id 9" + digits(n) // a run that holds it
		if masked := r.Text(within) != within; masked != (n >= 10 && n <= 15) {
			t.Errorf("%d digits: got %q of %q, want it found in a run from 10 digits on", n, r.Text(within), within)
		}
	}
	checkPairs(t, redact.Knowing("+12065550137", "22065550199").Text, []pair{
		{"id request id 2065550137", "id request id …0137"}, // North America, without its 1
		{"request id 2065550199", "request id 2065550199"},  // no 1 of North America
	})
}

// Number shows four digits of five or more, and nothing of fewer.
func TestNumberShowsFourDigitsOfFive(t *testing.T) {
	for n := 1; n <= 24; n++ {
		want := "…"
		if n >= 5 {
			want += digits(n)[n-4:]
		}
		for _, form := range []string{"%s", "+%s", "sip:%s@pbx", "tel:%s", "(%s)", "%s x77", `"J. Doe 2" <sip:%s@pbx>`,
			"<%s>"} {
			if got := redact.Number(fmt.Sprintf(form, digits(n))); got != want {
				t.Errorf("got %q of %q, want %q", got, fmt.Sprintf(form, digits(n)), want)
			}
		}
	}
}

// An extension of up to seven digits goes with the number that it follows.
func TestExtensionsAreMasked(t *testing.T) {
	for _, mark := range []string{
		"x", " x", "  x", "X", " ext ", " ext. ", " Ext: ", " extn ", " extension ", ";ext=", ", ext. ", " #", "#", " x ",
		",x", "; ext=", "x.", " EXTENSION  ",
	} {
		for n := 1; n <= 9; n++ {
			text := "4155550123" + mark + digits(n)
			got, want := redact.Text(text), "…0123"
			if n > 7 {
				want += mark + digits(n)
			}
			if n >= 8 && got == "…0123"+mark+digits(n) || n < 8 && got == want {
				continue
			}
			t.Errorf("got %q of %q, want %q", got, text, want)
		}
	}
	for _, behind := range []string{"   x204", " y204", " extra 204", " x", "x204a", " extensions 204", " ext...204",
		"\nx204"} {
		if got := redact.Text("4155550123" + behind); got != "…0123"+behind {
			t.Errorf("got %q of %q, want what is behind the number to stay", got, "4155550123"+behind)
		}
	}
}
