package redact

import (
	"slices"
	"strings"
)

// scanner goes through the symbols of a text once, from left to right. What it looks
// at around its place is bounded, so that its time is in proportion to the text.
type scanner struct {
	Redactor
	text  string
	s     []symbol
	named class // by the name of the field that the text stands in

	out  strings.Builder
	done int32 // bytes of the text that are dealt with
	// floor is the first symbol behind the last masked number or UUID: words before it
	// say nothing about what follows.
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
	sc := scanner{Redactor: r, text: text, s: lex(text), named: named, scheme: -1}
	for i := 0; i < len(sc.s); {
		switch sc.s[i].kind {
		case letter, digit:
			i = sc.word(i)
		case plus:
			i = sc.plus(i)
		case ellipsis:
			i = sc.masked(i)
		default:
			sc.leave(sc.s[i])
			i++
		}
	}
	if sc.done == 0 {
		return text
	}
	sc.out.WriteString(text[sc.done:])
	return sc.out.String()
}

// leave notes that an ARN or an address ends before a symbol.
func (sc *scanner) leave(sym symbol) {
	if sym.kind.in(space, lineEnd, at) || strings.ContainsRune(`"'<>,;`, sym.r) {
		sc.user, sc.arn = false, false
	}
}

// kindAt returns the kind of a symbol, lineEnd where there is none.
func (sc *scanner) kindAt(i int) kind {
	if i < 0 || i >= len(sc.s) {
		return lineEnd
	}
	return sc.s[i].kind
}

// is reports whether a symbol is that character.
func (sc *scanner) is(i int, r rune) bool { return i >= 0 && i < len(sc.s) && sc.s[i].r == r }

// wordEnd returns where the letters and digits from a symbol on end.
func (sc *scanner) wordEnd(i int) int {
	for i < len(sc.s) && sc.s[i].kind.alphanumeric() {
		i++
	}
	return i
}

// digitsEnd returns where the digits from a symbol on end.
func (sc *scanner) digitsEnd(i int) int {
	for i < len(sc.s) && sc.s[i].kind == digit {
		i++
	}
	return i
}

// word handles the word that begins at i, and numbers that begin in it. It returns
// where to go on.
func (sc *scanner) word(i int) int {
	end := sc.wordEnd(i)
	if kept := sc.uuid(i); kept > 0 {
		sc.floor = kept
		return kept
	}
	if sc.s[i].kind == letter {
		if kept := sc.arnHead(i, end); kept > 0 {
			sc.arn = true
			return kept
		}
		sc.schemeWord(i, end)
	}
	hex := !sc.user && hexWord(sc.s[i:end])
	for j := i; j < end; {
		if sc.s[j].kind == letter {
			j++
			continue
		}
		run := sc.digitsEnd(j)
		found, kept := number{}, 0
		switch {
		case sc.knows(j, run):
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
func hexWord(word []symbol) bool {
	if len(word) > 2 && word[0].r == '0' && word[1].r|0x20 == 'x' {
		return true
	}
	letters := 0
	for _, sym := range word {
		if !isHexDigit(sym.r) {
			return false
		}
		if sym.kind == letter {
			letters++
		}
	}
	return 0 < letters && letters < len(word)
}

// schemeWord notes where a number begins when the word is a scheme.
func (sc *scanner) schemeWord(i, end int) {
	if sc.kindAt(end) != colon || !schemes[lower(sc.s[i:end])] {
		return
	}
	sc.user, sc.scheme = true, end+1
	for n := 0; n < 3 && (sc.kindAt(sc.scheme).in(space, slash, opening) || sc.is(sc.scheme, '"')); n++ {
		sc.scheme++
	}
}

// knows reports whether a run of digits is one of the numbers that are to be found
// whatever is around them, or holds one of ten digits or more.
func (sc *scanner) knows(from, to int) bool {
	if len(sc.known) == 0 || to-from < minKnown {
		return false
	}
	run := digitsOf(sc.s[from:to])
	return slices.ContainsFunc(sc.known, func(k string) bool {
		return run == k || len(k) >= minBare && strings.Contains(run, k)
	})
}

// hide replaces a number by its mask, and returns where to go on.
func (sc *scanner) hide(n number) int {
	last := make([]byte, 0, shown)
	for i := n.digits - 1; i >= n.from && len(last) < shown; i-- {
		if sc.s[i].kind == digit {
			last = append(last, byte(sc.s[i].r))
		}
	}
	slices.Reverse(last)
	n = sc.enclosed(n)
	if n.from > sc.floor && sc.kindAt(n.from-1) == ellipsis {
		n.from-- // one is enough
	}
	sc.out.WriteString(sc.text[sc.done:sc.s[n.from].from])
	sc.out.WriteString(mark)
	sc.out.Write(last)
	sc.done = sc.s[n.to-1].to
	sc.floor, sc.scheme = n.to, -1
	return n.to
}

// enclosed adds to a number the bracket before it whose counterpart is in it, or the
// one behind it.
func (sc *scanner) enclosed(n number) number {
	open := 0
	for _, sym := range sc.s[n.from:n.to] {
		switch sym.kind {
		case opening:
			open++
		case closing:
			open--
		}
	}
	if open < 0 && n.from > sc.floor && sc.kindAt(n.from-1) == opening {
		n.from--
	}
	if open > 0 && sc.kindAt(n.to) == closing {
		n.to++
	}
	return n
}

// masked handles an ellipsis. With four digits behind it, it is what a mask leaves,
// unless the digits begin a number.
func (sc *scanner) masked(i int) int {
	first := i + 1
	end := sc.digitsEnd(first)
	if end-first != shown {
		return first
	}
	if g := sc.groups(first, false); g.n > 1 {
		n := sc.american(&g)
		if n.to == 0 && !g.list[1].before.has(under) {
			n = sc.written(&g, minBare)
		}
		if n.to > 0 {
			return sc.hide(n)
		}
	}
	sc.floor, sc.scheme = end, -1
	return end
}
