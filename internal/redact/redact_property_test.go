package redact_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	_ "github.com/chimewatch/chimewatch/internal/draws"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// textsPerCheck makes ten thousand texts of rapid's hundred checks.
const textsPerCheck = 100

// country is how numbers of a country are made.
type country struct {
	code, trunk string
	lengths     []int // of the number without either
}

var countries = []country{
	{"44", "0", []int{10}}, {"49", "0", []int{9, 10, 11}}, {"33", "0", []int{9}}, {"81", "0", []int{9, 10}}, {"86", "0", []int{11}},
	{"61", "0", []int{9}}, {"91", "0", []int{10}}, {"55", "0", []int{10, 11}}, {"39", "", []int{10}}, {"34", "", []int{9}},
	{"353", "0", []int{9}}, {"420", "", []int{9}}, {"972", "0", []int{9}}, {"41", "0", []int{9}}, {"31", "0", []int{9}}, {"65", "", []int{8}},
	{"45", "", []int{8}}, {"52", "", []int{10}}, {"7", "8", []int{10}}, {"971", "0", []int{9}}, {"20", "0", []int{10}},
}

// dialled is a number as people write it, and its digits.
type dialled struct{ text, digits string }

// spaces, hyphens and the like that people, telephones and word processors put between
// the digits of a number.
var separators = []string{" ", "-", ".", "/", "_", "\u00a0", "\u202f", "\u2009", "\u3000", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014",
	"\u2212", "\uff0d", "\u30fc", "\uff0f", "\uff0e", "\u00b7", " - ", " – ", " / ", "\u200b", " \u200b", "\t"}

func drawDigits(t *rapid.T, n int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "digits")
}

// national draws the part of a number behind the country code.
func national(t *rapid.T, c country) string {
	n := rapid.SampledFrom(c.lengths).Draw(t, "length")
	return rapid.SampledFrom([]string{"1", "2", "3", "5", "6", "7", "8", "9"}).Draw(t, "first") + drawDigits(t, n-1)
}

// grouped puts a separator between pairs of digits, or between groups of three to five.
func grouped(t *rapid.T, digits string, separators []string) string {
	var b strings.Builder
	separator, pairs := rapid.SampledFrom(separators).Draw(t, "separator"), rapid.Bool().Draw(t, "pairs")
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
			b.WriteString(separator)
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
		sign := rapid.SampledFrom([]string{"+", "＋", "%2B", "%2b", "%252B", `\u002b`, "+ ", "＋ ", "+(", "(+"}).Draw(t, "sign")
		text := sign + c.code
		if strings.Contains(sign, "(") {
			text += ")"
		}
		return dialled{text + rapid.SampledFrom(separators).Draw(t, "after the code") + grouped(t, n, separators), c.code + n}
	},
	"plus, one run": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		return dialled{rapid.SampledFrom([]string{"+", "＋", "%2B", "00", "011"}).Draw(t, "sign") + c.code + n, c.code + n}
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
		return dialled{prefix + between + c.code + rapid.SampledFrom([]string{" ", "-", "/", "\u00a0"}).Draw(t, "after") + grouped(t, n, separators), c.code + n}
	},
	"trunk": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries[:8]).Draw(t, "country")
		n := national(t, c)
		area := rapid.IntRange(2, 4).Draw(t, "area")
		head := rapid.SampledFrom([]string{"0%s ", "(0%s) ", "0%s/", "0%s-", "(0%s)", "(0)%s ", "0%s.", "0%s – ", "0%s\u00a0"}).Draw(t, "head")
		tail := rapid.SampledFrom([]string{" ", "-", "\u00a0", "\u2011", "\u202f"}).Draw(t, "tail")
		return dialled{fmt.Sprintf(head, n[:area]) + grouped(t, n[area:], []string{tail}), "0" + n}
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
		form := rapid.SampledFrom([]string{"(%s) %s-%s", "%s-%s-%s", "%s.%s.%s", "%s %s %s", "%s/%s-%s", "(%s)%s-%s", "(%s) %s %s", "[%s] %s-%s", "%s%s%s", "%s %s%s",
			"%s-%s%s", "%s_%s_%s", "%s\u2011%s\u2011%s", "(%s)\u00a0%s\u2013%s", "%s\u202f%s\u202f%s", "（%s）%s－%s", "%s·%s·%s", "%s\u200b%s\u200b%s", "%s - %s - %s"}).Draw(t, "form")
		one := rapid.SampledFrom([]string{"", "1", "1-", "1 ", "1.", "+1 ", "+1", "+1-", "%2B1", "+1.", "001 ", "0111"}).Draw(t, "one")
		text := one + fmt.Sprintf(form, n[:3], n[3:6], n[6:])
		if strings.HasPrefix(one, "0") || strings.HasPrefix(text, "1.") && strings.Count(text, ".") == 1 {
			text = "+1" + n
		}
		return dialled{text, n}
	},
	"with an extension": func(t *rapid.T) dialled {
		n, extension := american(t), drawDigits(t, rapid.IntRange(2, 5).Draw(t, "length"))
		mark := rapid.SampledFrom([]string{"x", " x", " ext. ", " ext ", " extension ", ";ext=", " #", ", ext. ", " X", " Ext: "}).Draw(t, "mark")
		text := rapid.SampledFrom([]string{"(%s) %s-%s", "%s-%s-%s", "+1%s%s%s", "%s%s%s"}).Draw(t, "form")
		return dialled{fmt.Sprintf(text, n[:3], n[3:6], n[6:]) + mark + extension, n + extension}
	},
	"address": func(t *rapid.T) dialled {
		n := american(t)
		user := rapid.SampledFrom([]string{n, "1" + n, "+1" + n, "%2B1" + n, "+1-" + n[:3] + "-" + n[3:], "1." + n[:3] + "." + n[3:6] + "." + n[6:], "(" + n[:3] + ")" + n[3:],
			n[:3] + "%20" + n[3:], "conf" + n, n + ";phone-context=+1", n + ";npdi"}).Draw(t, "user")
		form := rapid.SampledFrom([]string{"sip:%s@198.51.100.7", "sips:%s@pbx.example:5061", "SIP:%s@pbx.example;transport=udp", "<sip:%s@pbx.example>", "tel:%s", "tel:%s;ext=1234",
			`"Jane Doe" <sip:%s@198.51.100.7:5060>;tag=ab12`, "sip:%s", "callto:%s", "%s@pbx.example", "Tel: %s", "sip:%s:secret@pbx.example"}).Draw(t, "form")
		if strings.HasPrefix(form, "%s@") && strings.HasPrefix(user, "conf") {
			user = n
		}
		return dialled{fmt.Sprintf(form, user), n}
	},
	"of seven digits, by its name": func(t *rapid.T) dialled {
		n := "555" + drawDigits(t, 4)
		form := rapid.SampledFrom([]string{"phone %s", "phone number: %s", `"callerId":"%s"`, `\"ANI\":\"%s\"`, "caller %s", "customerNumber=%s", "Tel. %s", "fromNumber: %s"}).Draw(t, "form")
		return dialled{fmt.Sprintf(form, rapid.SampledFrom([]string{n, n[:3] + "-" + n[3:], n[:3] + " " + n[3:], n[:3] + "." + n[3:]}).Draw(t, "number")), n}
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
				return string(r) + rapid.SampledFrom([]string{"\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff", "\u202c"}).Draw(t, "character")
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
var surroundings = []string{"%s", "no route to %s", "Could not store calls/%s.wav", "call from %s refused", "Leg %s (also refused)", `{"note":"%s"}`, "from=%s&x=1", "<%s>", "'%s',",
	"%s: busy", "number %s.", "caller %s hung up", "id %s", "to %s, 404", "a\n%s\nb", "…%s", "[%s]", `\"%s\"`, "(%s)", "rec_%s.json", "Anruf von %s fehlgeschlagen", "电话%s号"}

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
	const most = 6
	seen := visible(text)
	for i := 0; i+most < len(digits); i++ {
		if part := digits[i : i+most+1]; strings.Contains(seen, part) {
			return part
		}
	}
	return ""
}

// No number leaves whole, in whatever form it is written, nor seven digits of it.
func TestNoFormOfANumberStays(t *testing.T) {
	for form, draw := range forms {
		t.Run(form, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range textsPerCheck / 5 { // five times as many as there are texts for each form
					n := draw(t)
					disguise := rapid.SampledFrom([]string{"none", "none", "none", "digits of another script", "characters without width", "JSON", "JSON in JSON, all escaped", "URL"}).Draw(t, "disguise")
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

func hex(t *rapid.T, n int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789abcdef")), n, n, -1).Draw(t, "hex")
}

func uuid(t *rapid.T) string {
	h := hex(t, 32)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func moment(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(1_500_000_000, 1_999_999_999).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
}

func accountOf(t *rapid.T) string { return drawDigits(t, 12) }

func region(t *rapid.T) string {
	return rapid.SampledFrom([]string{"us-east-1", "us-west-2", "eu-central-1", "us-gov-west-1", "ap-southeast-2"}).Draw(t, "Region")
}

// others are what is no phone number.
var others = map[string]func(t *rapid.T) string{
	"UUID":       uuid,
	"event id":   func(t *rapid.T) string { return "Id-" + uuid(t) },
	"request id": func(t *rapid.T) string { return "RequestId: " + uuid(t) },
	"hexadecimal id": func(t *rapid.T) string {
		n := rapid.SampledFrom([]int{8, 12, 16, 24, 32, 40, 64}).Draw(t, "length")
		return rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "letter") + hex(t, n-1)
	},
	"trace": func(t *rapid.T) string { return "Root=1-" + hex(t, 8) + "-f" + hex(t, 23) },
	"ARN": func(t *rapid.T) string {
		resource := rapid.SampledFrom([]string{"media-pipeline/" + uuid(t), "media-insights-pipeline-configuration/contact-centre-2", "function:Chimewatch-status", "role/Chime-Role",
			"stream/ChimeVoiceConnector-abcdef1ghij2klmno3pqr4-" + uuid(t) + "/1612345678901", "vc/abcdef1ghij2klmno3pqr4", "log-group:/aws/lambda/x:*"}).Draw(t, "resource")
		return "arn:aws:" + rapid.SampledFrom([]string{"chime", "iam:", "kinesis", "lambda"}).Draw(t, "service") + ":" + region(t) + ":" + accountOf(t) + ":" + resource
	},
	"bucket": func(t *rapid.T) string { return "arn:aws:s3:::recordings-" + accountOf(t) + "-" + region(t) + "/a.wav" },
	"account": func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"account ", "account id: ", `"accountId":"`, "Account=", "AWS account "}).Draw(t, "words") + accountOf(t)
	},
	"account, Region": func(t *rapid.T) string { return accountOf(t) + ", " + region(t) },
	"scope":           func(t *rapid.T) string { return "region/" + accountOf(t) + "/" + region(t) },
	"queue": func(t *rapid.T) string {
		return "https://sqs." + region(t) + ".amazonaws.com/" + accountOf(t) + "/letters"
	},
	"time": func(t *rapid.T) string {
		return moment(t).Format(rapid.SampledFrom([]string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000000Z", time.DateTime, "2006-01-02 15:04:05.999999999 -0700 MST", time.RFC1123,
			time.ANSIC, "2006/01/02 15:04:05", "02.01.2006 15:04", "01/02/2006", "2006-01-02T15:04:05-07:00", "20060102T150405Z", "20060102150405", time.StampMicro, "2006-01-02 15:04:05 UTC"}).Draw(t, "layout"))
	},
	"time of Go":         func(t *rapid.T) string { return moment(t).String() + " m=+12.345678901" },
	"epoch seconds":      func(t *rapid.T) string { return fmt.Sprint(moment(t).Unix()) },
	"epoch milliseconds": func(t *rapid.T) string { return fmt.Sprint(moment(t).UnixMilli()) },
	"epoch, fraction":    func(t *rapid.T) string { return fmt.Sprintf("%d.%03d", moment(t).Unix(), moment(t).Nanosecond()/1e6) },
	"epoch microseconds": func(t *rapid.T) string { return fmt.Sprint(moment(t).UnixMicro()) },
	"duration": func(t *rapid.T) string {
		return time.Duration(rapid.Int64Range(0, int64(90*time.Hour)).Draw(t, "nanoseconds")).String()
	},
	"milliseconds": func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 1e12).Draw(t, "n")) + " ms" },
	"nanoseconds":  func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 1e12).Draw(t, "n")) + "ns" },
	"sequence number": func(t *rapid.T) string {
		return "4959" + drawDigits(t, 52)
	},
	"fragment number": func(t *rapid.T) string { return "9134" + drawDigits(t, 43) },
	"short sequence":  func(t *rapid.T) string { return "sequence number " + drawDigits(t, 12) },
	"shard": func(t *rapid.T) string {
		return "shardId-" + fmt.Sprintf("%012d", rapid.IntRange(0, 9999).Draw(t, "shard"))
	},
	"address": func(t *rapid.T) string {
		octet := rapid.IntRange(0, 255)
		address := fmt.Sprintf("%d.%d.%d.%d", octet.Draw(t, "a"), octet.Draw(t, "b"), octet.Draw(t, "c"), octet.Draw(t, "d"))
		if rapid.Bool().Draw(t, "port") {
			address += fmt.Sprintf(":%d", rapid.IntRange(1, 65535).Draw(t, "number"))
		}
		return address
	},
	"address of IPv6": func(t *rapid.T) string { return "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:5061" },
	"status":          func(t *rapid.T) string { return fmt.Sprintf("HTTP %d", rapid.IntRange(100, 599).Draw(t, "code")) },
	"version": func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"v1.26.0", "2.1148.1", "aws-sdk-go-v2/1.36.3", "v0.0.0-20261030222936-bef5c4ba774d", "go1.26.8", "1.27.2.20260101", "node/22.5.1"}).Draw(t, "version")
	},
	"Voice Connector": func(t *rapid.T) string {
		return rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyz0123456789")), 22, 22, -1).Draw(t, "id")
	},
	"key of S3": func(t *rapid.T) string {
		at := moment(t)
		return rapid.SampledFrom([]string{"recordings/" + at.Format("2006/01/02/15/") + uuid(t) + ".wav", "calls/" + at.Format("2006-01-02T15-04-05Z") + "/a.json", at.Format("2006/01/02/") + "part-0001.gz",
			"dt=" + at.Format("2006-01-02") + "/hour=15/x", "a_" + at.Format("20060102_150405") + ".wav", at.Format("20060102-150405") + "-" + uuid(t), at.Format("2006/01/02/[$LATEST]") + "f" + hex(t, 31)}).Draw(t, "key")
	},
	"amount": func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"$1,234.56", "1234567.89", "EUR 12345678.90", "€ 1.234.567,89", "$4155550123.00", "12345678 bytes", "4155550123 bytes", "1,234,567,890", "0.94567856", "17 of 20", "99.95%"}).Draw(t, "amount")
	},
	"score":    func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(0, 1).Draw(t, "score")) },
	"incident": func(t *rapid.T) string { return "incident/s3recordingsink-f" + hex(t, 11) + ".7/opening" },
}

// What is no number stays as it is, to the byte.
func TestIDsTimesAndAmountsStay(t *testing.T) {
	for what, draw := range others {
		t.Run(what, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range textsPerCheck / 10 {
					text := fmt.Sprintf(strings.ReplaceAll(rapid.SampledFrom(plainSurroundings).Draw(t, "surroundings"), "%s", "%[1]s"), draw(t))
					if masked := redact.Text(text); masked != text {
						t.Fatalf("got %q of %q", masked, text)
					}
				}
			})
		})
	}
	t.Run("together", func(t *testing.T) {
		var all []func(t *rapid.T) string
		for _, draw := range others {
			all = append(all, draw)
		}
		rapid.Check(t, func(t *rapid.T) {
			for range textsPerCheck {
				text := "task"
				for range rapid.IntRange(1, 5).Draw(t, "things") {
					text += rapid.SampledFrom([]string{" ", ": ", ", ", " (", "; ", "\n", " took ", " in "}).Draw(t, "between") + rapid.SampledFrom(all).Draw(t, "thing")(t)
				}
				if masked := redact.Text(text); masked != text {
					t.Fatalf("got  %q\nwant %q", masked, text)
				}
			}
		})
	})
}

var plainSurroundings = []string{"%s", "failed: %s", "got %s, want something else", `{"x":"%s"}`, "%s.", "(%s)", "a %s b", "key=%s;", "[%s]", `\"%s\"`, "%s\n", "of %s, at"}

// Whatever a text is, masking it once is enough, and keeps it valid.
func TestTextIsStable(t *testing.T) {
	pieces := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"+", "%2B", "00", "0", "1", "415", "555", "0123", "4155550123", "…", "…0123", " ", "-", ".", "/", "(", ")", "sip:", "tel:", "@", "x", "ext. ",
		`\u002b`, `\`, "%", "%25", "arn:aws:iam::", "123456789012", ":", "2026-11-25", "T14:08", "e", "E10", "phone ", "account ", "\u200b", "\xff", "１", "$", "ms", "us-east-1", "_", "\n", "#"}),
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
	for _, seed := range []string{"", "+14155550123", `{"ANI":"2065550187"}`, "sip:12065550146@203.0.113.9", "…0171 1234567", "%252B1206555", `\u0031\u`, "1.2065550188e+10", "2026-11-25T14:08:30+0100 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkStable(t, text) })
}

// Time grows with the length of the text and not faster, whatever is in it.
func TestTimeIsLinear(t *testing.T) {
	const length = 1 << 19
	for _, piece := range []string{"1", "1 ", "+", "+1", "…0123", "0 ", "…0123 ", "%25", `\`, `\u0031`, "sip:", "arn:aws:a:b:", "1.", "1-", "x1", "a4155550123", "x4155550123", "4155550123 ", "2026-", "12:",
		"(", "e1", "us-east-1", "\u200b", "１", "1\u200b", "from ", "0", "00", "http://1/", "127.0.0.1/", "123456789012/", "phone 1", "$1", "1e", `\ud835`, "1.1e9 "} {
		text := strings.Repeat(piece, length/len(piece)) + "4155550123"
		began := time.Now()
		redact.Text(text)
		if took := time.Since(began); took > 20*time.Second { // a few hundred milliseconds; hours if it were quadratic
			t.Errorf("%q: took %s for %d bytes", piece, took, len(text))
		}
	}
}
