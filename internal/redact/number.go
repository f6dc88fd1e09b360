package redact

import "unicode/utf8"

// How many digits make a number, by the rules in the package's documentation.
const (
	maxDigits = 15 // ITU-T E.164
	minPlus   = 7
	minTrunk  = 8
	maxTrunk  = 13
	minBare   = 10
	minUser   = 7 // in the user part of an address
	minScheme = 5
	nanp      = 10 // of the North American plan, without the 1
)

// number is a phone number in the text, by symbols; there is none where to is 0.
type number struct {
	from, to int
	// digits is where its digits end, before an extension.
	digits int
}

// numberOf makes a number of the digits between two symbols, with the extension that
// follows.
func (sc *scanner) numberOf(from, digits int) number {
	return number{from, extensionEnd(sc.s, digits), digits}
}

// number finds a number that begins with the run of digits [i, run), in the word that
// begins at word. kept is where something ends that is known to be none.
func (sc *scanner) number(i, run, word int) (n number, kept int) {
	if sc.scheme == i {
		if kept := sc.address(i); kept > 0 {
			return n, kept
		}
		if n = sc.greedy(i, minScheme, false); n.to > 0 {
			return n, 0
		}
	}
	g := sc.groups(i, false)
	var named name
	if g.total() >= minDigits {
		named = sc.nameOf(i, word)
	}
	if word == i {
		if n, kept = sc.keep(&g, run, named); n.to > 0 || kept > 0 {
			return n, kept
		}
	}
	if g.total() < minDigits {
		return n, 0
	}
	if word < i && named.class == unnamed && g.n > 1 && g.list[1].before.has(space) && sc.s[i-1].r < utf8.RuneSelf {
		return sc.bare(&g, run, word, named), 0 // an id, and digits of something else
	}
	if n = sc.written(&g, minTrunk); n.to > 0 {
		return n, 0
	}
	if n = sc.given(&g, named); n.to > 0 {
		return n, 0
	}
	if n = sc.shaped(&g); n.to > 0 {
		return n, 0
	}
	return sc.bare(&g, run, word, named), 0
}

// plus handles a plus sign and the number behind it. It returns where to go on.
func (sc *scanner) plus(i int) int {
	first, least := i+1, minPlus
	for n := 0; n < mostGap && sc.kindAt(first).in(space, opening, dash); n++ {
		if sc.kindAt(first) == space {
			least++ // it may be a sum
		}
		first++
	}
	if sc.kindAt(first) != digit || sc.increment(first) {
		return i + 1
	}
	if n := sc.greedy(first, least, true); n.to > 0 {
		n.from = i
		return sc.hide(n)
	}
	return i + 1
}

// increment reports whether what is behind a plus sign is a decimal number: +0.5,
// +1.25s, or the m=+12.345678901 of a time in Go.
func (sc *scanner) increment(i int) bool {
	end := sc.digitsEnd(i)
	fraction := sc.digitsEnd(end + 1)
	if sc.kindAt(end) != dot || fraction == end+1 || sc.kindAt(fraction) == dot && sc.kindAt(fraction+1) == digit {
		return false
	}
	return end-i == 1 && sc.is(i, '0') || sc.unit(fraction) ||
		sc.is(i-2, '=') && sc.is(i-3, 'm') && sc.kindAt(i-4) != letter
}

// greedy makes one number of all groups from i on, if they have least digits together.
// signed reports that a plus precedes them. Groups behind what is complete by the North
// American plan are left out.
func (sc *scanner) greedy(i, least int, signed bool) number {
	g := sc.groups(i, true)
	most := g.within(maxDigits + g.prefix())
	for k := 1; k < most; k++ {
		grouped, valid := g.plan(k)
		if valid && (signed && g.sum(k) == nanp+1 || !signed && grouped && g.list[k].before.has(space)) {
			return sc.numberOf(i, g.list[k-1].to)
		}
	}
	if most == 0 || g.sum(most) < least {
		return number{}
	}
	return sc.numberOf(i, g.list[most-1].to)
}

// written finds a number that is known by how it is written. Within a country it has
// least digits.
func (sc *scanner) written(g *spread, least int) number {
	if n := sc.prefixed(g); n.to > 0 {
		return n
	}
	if n := sc.american(g); n.to > 0 {
		return n
	}
	return sc.trunk(g, least)
}

// american finds ten digits in groups of 3-3-4, with or without a 1 before them. Where
// the separators leave a doubt, the area code has to be valid.
func (sc *scanner) american(g *spread) number {
	first := g.list[0]
	named := first.len() == 1 && sc.kindAt(first.from-1) == dash && sc.kindAt(first.from-2) == letter
	if named && g.list[1].before == 1<<space {
		return number{} // us-east-1 4155550123
	}
	for k := 2; k <= g.n; k++ {
		grouped, valid := g.plan(k)
		formatted := k > 2 && g.gaps(k).has(dash, dot, opening, closing)
		end := g.list[k-1].to
		if grouped && (valid || formatted) && !sc.hexBehind(end) && (formatted || !sc.unit(end)) {
			return sc.numberOf(first.from, end)
		}
	}
	return number{}
}

// prefixed finds digits behind 00 or 011.
func (sc *scanner) prefixed(g *spread) number {
	p, first := g.prefix(), g.list[0]
	if p == 0 || first.len() < p || sc.inChain(first.from) {
		return number{}
	}
	if k := g.within(maxDigits + p); g.sum(k) >= p+minPlus && !sc.hexBehind(g.list[k-1].to) {
		return sc.numberOf(g.list[0].from, g.list[k-1].to)
	}
	return number{}
}

// trunk finds two groups or more that begin with 0, as numbers within most countries
// do: 030 901820, (0)30/901820-55.
func (sc *scanner) trunk(g *spread, least int) number {
	k, from := g.within(maxTrunk), g.list[0].from
	if k < 2 || g.digits[0] != '0' || g.digits[1] == '0' || g.sum(k) < least {
		return number{}
	}
	if g.list[0].len() == 1 && !sc.bracketed(from, from+1) {
		return number{}
	}
	path := g.gaps(k) == 1<<slash && k > 2 && g.list[0].len() < 3 // 08/30/part, of a file
	end := g.list[k-1].to
	if path || sc.inChain(from) || sc.hexBehind(end) {
		return number{}
	}
	return sc.numberOf(from, end)
}

// given finds a number behind words, or under a name, that say so.
func (sc *scanner) given(g *spread, n name) number {
	run := g.list[0]
	switch n.class {
	case phone:
		return sc.greedy(run.from, n.least, false)
	case party:
		local := g.n == 2 && run.len() == 3 && g.list[1].len() == 4
		if g.n == 1 && (sc.epoch(run.from, run.to) || sc.unit(run.to)) || g.n > 1 && sc.unit(g.list[g.n-1].to) {
			return number{}
		}
		if local || g.total() >= n.least {
			return sc.greedy(run.from, 0, false)
		}
	}
	return number{}
}

// bare finds a run of digits that nothing marks as a number, and that is nothing else.
func (sc *scanner) bare(g *spread, run, word int, n name) number {
	i := g.list[0].from
	length, zero := run-i, sc.is(i, '0')
	switch {
	case length > maxDigits, zero && sc.is(i+1, '0') && sc.is(i+2, '0'):
		return number{}
	case length >= minBare, length == minBare-1 && zero:
	case length >= minUser && (sc.user || word == i && sc.kindAt(run) == at):
	default:
		return number{}
	}
	switch n.class {
	case phone:
		return sc.numberOf(i, run)
	case quantity:
		return number{}
	}
	if sc.epoch(i, run) || sc.compactDate(i, run) || sc.unit(run) || sc.currency(i) || sc.accountID(i, run) {
		return number{}
	}
	return sc.numberOf(i, run)
}

// maxExtension is the most digits of an extension.
const maxExtension = 7

// extensionEnd returns where the extension ends that follows a number: x204, ext. 204,
// #204, ;ext=204. It returns i where there is none.
func extensionEnd(s []symbol, i int) int {
	kindAt := func(k int) kind {
		if k >= len(s) {
			return lineEnd
		}
		return s[k].kind
	}
	skip := func(k, most int, also string) int {
		for n := 0; n < most && k < len(s) && (s[k].kind == space || containsRune(also, s[k].r)); n++ {
			k++
		}
		return k
	}
	k := skip(i, 2, ",;")
	word := k
	for word-k < len("extension")+1 && kindAt(word) == letter {
		word++
	}
	switch {
	case k < len(s) && s[k].r == '#':
		word = k + 1
	case word == k || !extensions[lower(s[k:word])]:
		return i
	}
	first := skip(word, 2, ".:=")
	end := first
	for end-first <= maxExtension && kindAt(end) == digit {
		end++
	}
	if end == first || end-first > maxExtension || kindAt(end) == letter && s[end].r < utf8.RuneSelf {
		return i
	}
	return end
}
