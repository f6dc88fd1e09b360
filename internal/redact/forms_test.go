package redact_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// country is how numbers of a country are made.
type country struct {
	code, trunk string
	lengths     []int // of the number without either
}

var countries = []country{
	{"44", "0", []int{10}},
	{"49", "0", []int{9, 10, 11}},
	{"33", "0", []int{9}},
	{"81", "0", []int{9, 10}},
	{"86", "0", []int{11}},
	{"61", "0", []int{9}},
	{"91", "0", []int{10}},
	{"55", "0", []int{10, 11}},
	{"39", "", []int{10}},
	{"34", "", []int{9}},
	{"353", "0", []int{9}},
	{"420", "", []int{9}},
	{"972", "0", []int{9}},
	{"41", "0", []int{9}},
	{"31", "0", []int{9}},
	{"65", "", []int{8}},
	{"45", "", []int{8}},
	{"52", "", []int{10}},
	{"7", "8", []int{10}},
	{"971", "0", []int{9}},
	{"20", "0", []int{10}},
}

// dialled is a number as people write it, and its digits.
type dialled struct{ text, digits string }

// separators are spaces, hyphens and the like that people, telephones and word processors
// put between the digits of a number.
var separators = []string{
	" ", "-", ".", "/", "_", "\u00a0", "\u202f", "\u2009", "\u3000", "\u2010", "\u2011", "\u2012", "\u2013",
	"\u2014", "\u2212", "\uff0d", "\u30fc", "\uff0f", "\uff0e", "\u00b7", " - ", " – ", " / ", " \u200b", "\t",
}

// choose draws one of the options.
func choose(t *rapid.T, label string, options ...string) string {
	return rapid.SampledFrom(options).Draw(t, label)
}

func drawDigits(t *rapid.T, n int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "digits")
}

// national draws the part of a number behind the country code.
func national(t *rapid.T, c country) string {
	n := rapid.SampledFrom(c.lengths).Draw(t, "length")
	return choose(t, "first", "1", "2", "3", "5", "6", "7", "8", "9") + drawDigits(t, n-1)
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
		sign := choose(t, "sign", "+", "＋", "%2B", "%2b", "%252B", `\u002b`, "+ ", "＋ ", "+(", "(+")
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
		return dialled{choose(t, "sign", "+", "＋", "%2B", "00", "011") + c.code + n, c.code + n}
	},
	"plus, with the trunk zero": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries[:4]).Draw(t, "country")
		n := national(t, c)
		return dialled{"+" + c.code + " (0)" + grouped(t, n, separators), c.code + n}
	},
	"international prefix": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		n := national(t, c)
		between := choose(t, "between", "", " ", "-")
		prefix := choose(t, "prefix", "00", "011")
		after := choose(t, "after", " ", "-", "/", "\u00a0")
		return dialled{prefix + between + c.code + after + grouped(t, n, separators), c.code + n}
	},
	"trunk": func(t *rapid.T) dialled {
		c := rapid.SampledFrom(countries[:8]).Draw(t, "country")
		n := national(t, c)
		area := rapid.IntRange(2, 4).Draw(t, "area")
		head := choose(t, "head", "0%s ", "(0%s) ", "0%s/", "0%s-", "(0%s)", "(0)%s ", "0%s.", "0%s – ", "0%s\u00a0")
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
		separator := choose(t, "separator", " ", "-", "\u00a0", "\u2011")
		for len(n) < 10-len(c.code) {
			n += "5"
		}
		return dialled{c.code + separator + n[:3] + separator + n[3:], c.code + n}
	},
	"North American": func(t *rapid.T) dialled {
		n := american(t)
		form := choose(t, "form",
			"(%s) %s-%s", "%s-%s-%s", "%s.%s.%s", "%s %s %s", "%s/%s-%s", "(%s)%s-%s", "(%s) %s %s",
			"[%s] %s-%s", "%s%s%s", "%s %s%s", "%s-%s%s", "%s_%s_%s", "%s\u2011%s\u2011%s",
			"(%s)\u00a0%s\u2013%s", "%s\u202f%s\u202f%s", "（%s）%s－%s", "%s·%s·%s", "%s\u200b%s\u200b%s",
			"%s - %s - %s",
		)
		one := choose(t, "one", "", "1", "1-", "1 ", "1.", "+1 ", "+1", "+1-", "%2B1", "+1.", "001 ", "0111")
		text := one + fmt.Sprintf(form, n[:3], n[3:6], n[6:])
		if strings.HasPrefix(one, "0") || strings.HasPrefix(text, "1.") && strings.Count(text, ".") == 1 {
			text = "+1" + n
		}
		return dialled{text, n}
	},
	"with an extension": func(t *rapid.T) dialled {
		n, extension := american(t), drawDigits(t, rapid.IntRange(2, 5).Draw(t, "length"))
		mark := choose(t, "mark",
			"x", " x", " ext. ", " ext ", " extension ", ";ext=", " #", ", ext. ", " X", " Ext: ",
		)
		text := choose(t, "form", "(%s) %s-%s", "%s-%s-%s", "+1%s%s%s", "%s%s%s")
		return dialled{fmt.Sprintf(text, n[:3], n[3:6], n[6:]) + mark + extension, n + extension}
	},
	"address": func(t *rapid.T) dialled {
		n := american(t)
		user := choose(t, "user",
			n, "1"+n, "+1"+n, "%2B1"+n, "+1-"+n[:3]+"-"+n[3:],
			"1."+n[:3]+"."+n[3:6]+"."+n[6:], "("+n[:3]+")"+n[3:], n[:3]+"%20"+n[3:],
			"conf"+n, n+";phone-context=+1", n+";npdi",
		)
		form := choose(t, "form",
			"sip:%s@198.51.100.7", "sips:%s@pbx.example:5061", "SIP:%s@pbx.example;transport=udp",
			"<sip:%s@pbx.example>", "tel:%s", "tel:%s;ext=1234",
			`"Jane Doe" <sip:%s@198.51.100.7:5060>;tag=ab12`, "sip:%s", "callto:%s", "%s@pbx.example",
			"Tel: %s", "sip:%s:secret@pbx.example",
		)
		if strings.HasPrefix(form, "%s@") && strings.HasPrefix(user, "conf") {
			user = n
		}
		return dialled{fmt.Sprintf(form, user), n}
	},
	"of seven digits, by its name": func(t *rapid.T) dialled {
		n := "555" + drawDigits(t, 4)
		form := choose(t, "form",
			"phone %s", "phone number: %s", `"callerId":"%s"`, `\"ANI\":\"%s\"`, "caller %s",
			"customerNumber=%s", "Tel. %s", "fromNumber: %s",
		)
		number := choose(t, "number", n, n[:3]+"-"+n[3:], n[:3]+" "+n[3:], n[:3]+"."+n[3:])
		return dialled{fmt.Sprintf(form, number), n}
	},
}

// american draws ten digits of the North American plan.
func american(t *rapid.T) string {
	first := rapid.SampledFrom([]string{"2", "3", "4", "5", "6", "7", "8", "9"})
	return first.Draw(t, "area") + drawDigits(t, 2) + first.Draw(t, "exchange") + drawDigits(t, 6)
}
