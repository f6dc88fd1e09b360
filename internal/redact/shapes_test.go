package redact_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// twoDigitCodes are the country codes of two digits (ITU-T E.164, list of assigned country codes). Codes of North
// America and of Russia and Kazakhstan have one digit, all others have three and begin with 2 to 9.
var twoDigitCodes = strings.Fields(`20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58
	60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98`)

// isCode reports whether digits are all of a country code.
func isCode(digits string) bool {
	switch len(digits) {
	case 1:
		return digits == "7"
	case 2:
		return slices.Contains(twoDigitCodes, digits)
	}
	return digits[0] >= '2' && digits[0] != '7' && !slices.Contains(twoDigitCodes, digits[:2])
}

// Groups of digits between spaces are a number when the first is a country code, and there are ten digits in three
// groups or more.
func TestGroupsBehindACountryCode(t *testing.T) {
	for code := range 1000 {
		digits := strconv.Itoa(code)
		if digits[0] == '0' {
			continue
		}
		tail := strings.Repeat("5", 10-len(digits)-2-4) + "5512"
		text := digits + " 55 " + tail
		if got := redact.Text(text); (got == "…5512") != isCode(digits) {
			t.Errorf("got %q of %q, want it masked: %t", got, text, isCode(digits))
		}
		if short := digits + " 55 " + tail[1:]; redact.Text(short) != short {
			t.Errorf("got %q of %q, want it as it is: it has nine digits", redact.Text(short), short)
		}
	}
}

// form writes digits in groups.
func form(digits, separator string, groups ...int) string {
	var parts []string
	for _, n := range groups {
		parts = append(parts, digits[:n])
		digits = digits[n:]
	}
	return strings.Join(parts, separator)
}

// Without anything that says so, groups are a number where they are as is usual somewhere, and else with hyphens or
// brackets between three or more that have six digits at most.
func TestGroupsAsIsUsual(t *testing.T) {
	const usual, other = "12345678901234567", "61345678901234567"
	for _, tt := range []struct {
		name, text string
		masked     bool
	}{
		{"Brazil, mobile", form(usual, " ", 2, 5, 4), true},
		{"Brazil", form(usual, " ", 2, 4, 4), true},
		{"Australia, toll-free", form(usual, " ", 4, 3, 3), true},
		{"Russia", form("4951234567", " ", 3, 3, 2, 2), true},
		{"Russia, with its trunk", form("84951234567", " ", 1, 3, 3, 2, 2), true},
		{"China", form("13800138000", " ", 3, 4, 4), true},
		{"China, not mobile", form("12800138000", " ", 3, 4, 4), false},
		{"China, of another beginning", form("73800138000", " ", 3, 4, 4), false},
		{"India", form("6876543210", " ", 5, 5), true},
		{"India, not mobile", form("5876543210", " ", 5, 5), false},
		{"three groups of nothing", form(usual, " ", 3, 3, 5), false},
		{"with hyphens", form(usual, "-", 3, 3, 5), true},
		{"with a hyphen in the end", "123 456-78901", false},
		{"with a hyphen first", "123-456 78901", true},
		{"of six digits", form(usual, "-", 2, 6, 2), true},
		{"of seven digits", form(usual, "-", 1, 7, 2), false},
		{"two groups", form(usual, "-", 6, 6), false},
		{"ending in one digit", form(usual, "-", 4, 5, 1), false},
		{"ending in one digit behind a number", form(usual, "-", 4, 4, 3, 1), true},
		{"before one digit of something else", form(usual, "-", 4, 4, 3) + " 2", true},
		{"nine digits", form(usual, "-", 3, 3, 3), false},
		{"ten digits", form(usual, "-", 3, 3, 4), true},
		{"fifteen digits", form(usual, "-", 5, 5, 5), true},
		{"sixteen digits", form(usual, "-", 5, 5, 5, 1), true}, // the first three
		{"seven groups", form(usual, "-", 2, 2, 2, 2, 2, 2, 2), true},
		{"with dots", form(usual, ".", 2, 5, 4), false},
		{"with underscores", form(usual, "_", 2, 5, 4), false},
		{"with slashes", form(usual, "/", 2, 5, 4), false},
		{"behind a version", "1." + form(usual, "-", 3, 3, 5), false},
		{"behind an id", "a1b2-" + form(usual, "-", 3, 3, 5), false},
		{"before an id", form(usual, "-", 3, 3, 5) + "-a1b2", false},
		{"behind a short id", "a1-" + form(usual, "-", 3, 3, 5), false},
		{"before a short id", form(usual, "-", 3, 3, 5) + "-a1", false},
		{"behind a word", "leg-" + form(usual, "-", 3, 3, 5), true},
		{"before a word", form(usual, "-", 3, 3, 5) + "-leg", true},
		{"before a letter of an id", form(usual, "-", 3, 3, 5) + "f", false},
		{"before another letter", form(usual, "-", 3, 3, 5) + "p", true},
		{"before an extension", form(usual, "-", 3, 3, 5) + "x12", true},
		{"before a unit", form(usual, " ", 2, 5, 4) + " bytes", false},
		{"behind a currency", "€ " + form(usual, " ", 2, 5, 4), false},
		{"behind a currency in letters", "USD " + form(other, " ", 2, 5, 4), false},
		{"behind other letters", "AUSD " + form(other, " ", 2, 5, 4), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := redact.Text(tt.text)
			if (got != tt.text) != tt.masked {
				t.Errorf("got %q of %q, want it masked: %t", got, tt.text, tt.masked)
			}
			whole := !strings.HasPrefix(tt.name, "sixteen") && !strings.HasPrefix(tt.name, "before an ext") &&
				!strings.HasPrefix(tt.name, "before one digit")
			if n := len(visible(got)); tt.masked && whole && n != 4 {
				t.Errorf("got %q of %q, want four digits", got, tt.text)
			}
		})
	}
}

// Other groups that are a number, and such that are none.
func TestOtherGroups(t *testing.T) {
	checkPairs(t, redact.Text, []pair{
		{"(4155550123)", "(…0123)"}, {"[+14155550123]", "[…0123]"}, {"x 415)555-0123", "x …0123"}, {"(415)555-0123)",
			"…0123)"},
		{"030/901/820", "…1820"}, {"08/30/90182", "08/30/90182"}, {"08/3090182", "…0182"}, {"1.030 901820", "1.030 901820"},
		{"030 901820f", "030 901820f"}, {"u-1 4155550123", "u-1 …0123"}, {"u-1-415-555-0123", "u-…0123"},
		{"5071829364ms2", "…9364ms2"}, {"x0050718293f", "x…8293f"}, {"%+5071829", "%…1829"},
		{"sip:   50718", "sip:   …0718"}, {"sip:    50718", "sip:    50718"}, {`sip:"50718"`, `sip:"…0718"`},
		{"tel://50718", "tel://…0718"},
		{"12345678-1234-4321-9876-1234567890123", "12345678-…9876-…0123"},
		{"12345678-1234-4321-9876-123456789012 5071829364", "12345678-1234-4321-9876-123456789012 …9364"},
	})
	checkPairs(t, redact.Text, []pair{
		{"050 5071 829 364", "…9364"}, {"sip:1001@198.51.100.7", "sip:1001@198.51.100.7"},
		{"415 (555-0123) x", "…0123 x"}, {"415%2z5550123", "415%2z5550123"}, {"+49 (0)(30) 901820", "…1820"},
		{"+    507182936450", "…6450"}, {"+     507182936450", "+     …6450"}, {"+-5071829", "…1829"},
	})
	for word := range strings.FieldsSeq("anonymous restricted private unavailable unknown withheld") {
		for _, form := range []string{"%s", "sip:%s@pbx", "<sip:%s>"} {
			if got := redact.Number(fmt.Sprintf(form, strings.ToUpper(word))); got != word {
				t.Errorf("got %q of %q, want that there is no number", got, fmt.Sprintf(form, strings.ToUpper(word)))
			}
		}
	}
	checkPairs(t, redact.Number, []pair{
		{"@5071829", "…"}, {";5071829", "…"}, {",5071829", "…"}, {":5071829", "…"}, {"5071829a", "…"},
		{"5a071829", "…"}, {"5071829,77", "…1829"},
	})
}

// Ten digits in groups of 3-3-4 are a number of North America. Where only spaces, underscores or slashes separate
// them, area code and exchange have to begin with 2 to 9.
func TestGroupsOfNorthAmerica(t *testing.T) {
	for area := '0'; area <= '9'; area++ {
		for exchange := '0'; exchange <= '9'; exchange++ {
			valid := area >= '2' && exchange >= '2'
			for _, tt := range []struct {
				form   string
				always bool
			}{
				{"%c15 %c55 0123", false}, {"%c15_%c55_0123", false}, {"%c15/%c55/0123", false}, {"%c15 %c550123", false},
				{"%c15-%c55-0123", true}, {"%c15.%c55.0123", true}, {"(%c15) %c55 0123", true}, {"[%c15] %c55 0123", true},
				{"1-%c15-%c55-0123", true}, {"1 (%c15) %c55-0123", true}, {"%c-1-5-%c-5-5-0-1-2-3", true},
			} {
				text := fmt.Sprintf("leg %s ended", fmt.Sprintf(tt.form, area, exchange))
				want := tt.always || valid || tt.form == "%c15 %c55 0123" && isCode(string(area)+"15")
				if !want && area == '0' || strings.HasPrefix(tt.form, "1 ") {
					continue // a leading zero is a rule of its own, and so is a country code
				}
				if got := redact.Text(text); (got == "leg …0123 ended") != want {
					t.Errorf("got %q of %q, want it masked: %t", got, text, want)
				}
			}
		}
	}
}

// Between the digits of a number may be four separators, no more, and no end of a sentence.
func TestGapsBetweenGroups(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for _, separator := range []string{" ", "-", "/", "_", "\u00a0", "\u2011"} {
			gap := strings.Repeat(separator, n)
			text := "415" + gap + "555" + gap + "0123"
			if got := redact.Text(text); (got == "…0123") != (n <= 4) {
				t.Errorf("got %q of %q, want it masked: %t", got, text, n <= 4)
			}
		}
	}
	checkPairs(t, redact.Text, []pair{
		{"415. 555. 0123", "415. 555. 0123"}, {"+5071829. 36", "…1829. 36"}, {"phone 5071829. 3645071829",
			"phone …1829. …1829"},
	})
}

// The id of an account is known by the name of a Region next to it.
func TestAccountsNextToRegions(t *testing.T) {
	const account = "507182936450"
	for region, is := range map[string]bool{
		"us-east-1": true, "us-gov-west-1": true, "ap-southeast-2": true, "us-isob-east-1": true, "eu-central-1": true,
		"us-east-12": false, "use-east-1": false, "us-east": false, "us-1": false, "us--1": false, "u-east-1": false,
		"us-east-a": false, "us-east-1a": true, "us-a-b-c-1": false, "us-éast-1": false, "és-east-1": false,
	} {
		for _, separator := range []string{" ", ":", "/", "-", "_", ".", ",", ", ", ": ", " - ", "   "} {
			known := is && len(separator) < 3
			before, behind := account+separator+region, region+separator+account
			if got := redact.Text(before); (got == before) != known {
				t.Errorf("got %q of %q, want it as it is: %t", got, before, known)
			}
			if region == "us-east-1a" || strings.HasPrefix(separator, "-") || separator == " - " || separator == "." && !is {
				continue // a Zone, an id, a decimal number
			}
			if got := redact.Text(behind); (got == behind) != known {
				t.Errorf("got %q of %q, want it as it is: %t", got, behind, known)
			}
		}
	}
	for _, digits := range []string{account[:11], account + "3"} {
		for _, form := range []string{"us-east-1:%s", "%s:us-east-1", "account %s", "%s.dkr.ecr.us-east-1", "sqs.x/%s/q",
			"arn:aws:s3:::b-%s"} {
			if text := fmt.Sprintf(form, digits); redact.Text(text) == text {
				t.Errorf("got %q as it is, which is no account", text)
			}
		}
	}
	for _, tt := range []struct {
		text  string
		stays bool
	}{
		{"sqs.us-east-1.amazonaws.com/%s/q", true}, {"http://localhost:4100/%s/q", true}, {"http://127.0.0.1/%s/q", true},
		{"https://example.com/%s/q", false}, {"sqs.us-east-1.amazonaws.com/%s", false}, {"sqs.x/a/%s/q", false},
		{"%s.dkr.ecr.eu-west-1.amazonaws.com/x", true}, {"%s.dkr.ecs.x", false}, {"%s.dkr.ecr", false},
		{"arn:aws:sns:us-east-1:%s:t", true}, {"arn:aws:s3:::bucket-%s/x", true}, {"arn:aws:iam::aws:policy/p-%s", true},
		{"arn:aws:s3:::a b-%s", false}, {"arn:aws:s3:::a,b-%s", false}, {"arn:aws:s3::x:%s", false}, {"arn: %s", false},
		{"arn:aws:sés::%s:t", false}, {"sqs.us-éast-1.amazonaws.com/%s/q", false}, {"us-east-1-2:%s", false},
		{"arn:aws-us-gov:lambda:us-gov-west-1:%s:function:f", true}, {"barn:aws:s3:::b-%s", false}, {"arn:aws:%s:a", false},
		{"account %s", true}, {"account id: %s", true}, {"ownerId=%s", true}, {"accountNumber %s", true}, {"amount %s",
			false},
	} {
		text := fmt.Sprintf(tt.text, account)
		if got := redact.Text(text); (got == text) != tt.stays {
			t.Errorf("got %q of %q, want it as it is: %t", got, text, tt.stays)
		}
	}
}
