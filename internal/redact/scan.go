package redact

import (
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// scanner goes through a text once, from left to right. What it looks at around its
// place is bounded, so that its time is in proportion to the text.
type scanner struct {
	Redactor
	text  string
	s     string // the text as it is read
	spans []span
	named class // by the name of the field that the text stands in

	out  strings.Builder
	done int32 // bytes of the text that are dealt with
	// floor is the first character behind the last masked number or UUID: words before
	// it say nothing about what follows.
	floor int
	// scheme is where a number begins that follows "sip:" or "tel:", -1 for none.
	scheme int
	// user reports that the place is in the user part of a SIP address.
	user bool
	// arn reports that the place is in an ARN.
	arn bool
	// looked keeps what beginning has found.
	looked []uint8
}

// pass masks a text once.
func (r Redactor) pass(text string, named class) string {
	sc := scanner{Redactor: r, text: text, named: named, scheme: -1}
	sc.s, sc.spans = lex(text)
	for i := 0; i < len(sc.s); {
		switch c := sc.s[i]; {
		case isAlphanumeric(c):
			i = sc.word(i)
		case c == '+':
			i = sc.plus(i)
		case c == ellipsis:
			i = sc.masked(i)
		default:
			if oneOf(c, " \n@\"'<>,;") { // the end of an ARN or an address
				sc.user, sc.arn = false, false
			}
			i++
		}
	}
	if sc.done == 0 {
		return text
	}
	sc.out.WriteString(text[sc.done:])
	return sc.out.String()
}

// at returns a character, the end of a line where there is none.
func (sc *scanner) at(i int) byte {
	if i < 0 || i >= len(sc.s) {
		return '\n'
	}
	return sc.s[i]
}

// skip returns where the characters of a kind end that begin at i.
func (sc *scanner) skip(i int, is func(byte) bool) int {
	for i < len(sc.s) && is(sc.s[i]) {
		i++
	}
	return i
}

// back returns where the characters of a kind begin that end at i, at most maxWord.
func (sc *scanner) back(i int, is func(byte) bool) int {
	from := i
	for from > sc.floor && i-from < maxWord && is(sc.s[from-1]) {
		from--
	}
	return from
}

// window is how many characters an expression looks at: more than it can match.
const window = 160

// find matches an expression at i.
func (sc *scanner) find(expr func() *regexp.Regexp, i int) []int {
	return expr().FindStringSubmatchIndex(sc.s[i:min(i+window, len(sc.s))])
}

// match returns where the last group ends that participates in a match of an expression
// at i, 0 where it does not match. Behind the group stands what has to follow.
func (sc *scanner) match(expr func() *regexp.Regexp, i int) int {
	m := sc.find(expr, i)
	for k := len(m) - 1; k > 1; k -= 2 {
		if m[k] >= 0 {
			return i + m[k]
		}
	}
	return 0
}

// scheme is how an address or a link to dial begins.
var scheme = lazyregexp.New(`^((?i:sips?|tel|callto|sms|fax):[ /(\["]{0,3})`)

// word handles the word that begins at i, and numbers that begin in it. It returns
// where to go on.
func (sc *scanner) word(i int) int {
	end := sc.skip(i, isAlphanumeric)
	if kept := sc.uuid(i); kept > 0 {
		sc.floor = kept
		return kept
	}
	if sc.at(end) == ':' && isLetter(sc.s[i]) {
		if kept := sc.match(arnHead, i); kept > 0 {
			sc.arn = true
			return kept
		}
		if from := sc.match(scheme, i); from > 0 {
			sc.user, sc.scheme = true, from
		}
	}
	hex := !sc.user && hexWord(sc.s[i:end])
	for j := i; j < end; {
		if isLetter(sc.s[j]) {
			j++
			continue
		}
		run := sc.skip(j, isDigit)
		found, kept := number{}, 0
		switch {
		case sc.knows(sc.s[j:run]):
			found = number{j, run, run}
		case !hex:
			found, kept = sc.number(j, run, i)
		}
		switch {
		case found.to > 0:
			j = sc.hide(found)
		case kept > 0:
			j = kept
		default:
			j = run
		}
		end = max(end, j)
	}
	return end
}

// hexWord reports whether a word is made of hexadecimal digits, with letters and
// decimal digits among them, or is written like 0x1F.
func hexWord(word string) bool {
	if len(word) > 2 && strings.EqualFold(word[:2], "0x") {
		return true
	}
	const digits, letters = "0123456789", "abcdefABCDEF"
	return strings.ContainsAny(word, digits) && strings.ContainsAny(word, letters) &&
		strings.Trim(word, digits+letters) == ""
}

// knows reports whether a run of digits is one of the numbers that are to be found
// whatever is around them, or holds one of ten digits or more.
func (r Redactor) knows(run string) bool {
	return slices.ContainsFunc(r.known, func(k string) bool {
		return run == k || len(k) >= minBare && strings.Contains(run, k)
	})
}

// hide replaces a number by its mask, and returns where to go on.
func (sc *scanner) hide(n number) int {
	digits := digitsOf(sc.s[n.from:n.digits])
	n = sc.enclosed(n)
	if n.from > sc.floor && sc.at(n.from-1) == ellipsis {
		n.from-- // one is enough
	}
	sc.out.WriteString(sc.text[sc.done:sc.spans[n.from].from])
	sc.out.WriteString(mark)
	sc.out.WriteString(digits[max(len(digits)-shown, 0):])
	sc.done = sc.spans[n.to-1].to
	sc.floor, sc.scheme = n.to, -1
	return n.to
}

// enclosed adds to a number the bracket before it whose counterpart is in it, or the
// one behind it.
func (sc *scanner) enclosed(n number) number {
	open := 0
	for _, c := range sc.s[n.from:n.to] {
		switch c {
		case '(', '[':
			open++
		case ')', ']':
			open--
		}
	}
	if open < 0 && n.from > sc.floor && oneOf(sc.at(n.from-1), "([") {
		n.from--
	}
	if open > 0 && oneOf(sc.at(n.to), ")]") {
		n.to++
	}
	return n
}

// masked handles an ellipsis. With four digits behind it, it is what a mask leaves,
// unless the digits begin a number.
func (sc *scanner) masked(i int) int {
	first := i + 1
	end := sc.skip(first, isDigit)
	if end-first != shown {
		return first
	}
	if g := sc.groups(first, false); g.n > 1 {
		n := sc.american(&g)
		if n.to == 0 && !strings.Contains(sc.s[end:g.list[1].from], "_") {
			n = sc.written(&g, minBare)
		}
		if n.to > 0 {
			return sc.hide(n)
		}
	}
	sc.floor, sc.scheme = end, -1
	return end
}
