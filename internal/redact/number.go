package redact

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

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

// number is a phone number in the text; there is none where to is 0.
type number struct {
	from, to int
	// digits is where its digits end, before an extension.
	digits int
}

// numberOf makes a number of the digits between two places, with the extension that
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
	if g.sum(g.n) >= minDigits {
		named = sc.nameOf(i, word)
	}
	if word == i {
		if n, kept = sc.keep(&g, run, named); n.to > 0 || kept > 0 {
			return n, kept
		}
	}
	if g.sum(g.n) < minDigits {
		return n, 0
	}
	if word < i && named.class == unnamed && g.n > 1 && !isForeign(sc.s[i-1]) &&
		strings.Contains(sc.s[run:g.list[1].from], " ") {
		return sc.bare(i, run, word, named), 0 // an id, and digits of something else
	}
	if n = sc.written(&g, minTrunk); n.to == 0 {
		n = sc.byName(&g, named)
	}
	if n.to == 0 {
		n = sc.shaped(&g)
	}
	if n.to == 0 {
		n = sc.bare(i, run, word, named)
	}
	return n, 0
}

// plus handles a plus sign and the number behind it. It returns where to go on.
func (sc *scanner) plus(i int) int {
	first, minimum := i+1, minPlus
	for n := 0; n < maxGap && oneOf(sc.at(first), " -(["); n++ {
		if sc.at(first) == ' ' {
			minimum++ // it may be a sum
		}
		first++
	}
	if !isDigit(sc.at(first)) || sc.increment(first) {
		return i + 1
	}
	if n := sc.greedy(first, minimum, true); n.to > 0 {
		n.from = i
		return sc.hide(n)
	}
	return i + 1
}

// increment reports whether what is behind a plus sign is a decimal number: +0.5,
// +1.25s, or the m=+12.345678901 of a time in Go.
func (sc *scanner) increment(i int) bool {
	end := sc.skip(i, isDigit)
	fraction := sc.skip(end+1, isDigit)
	if sc.at(end) != '.' || fraction == end+1 || sc.at(fraction) == '.' && isDigit(sc.at(fraction+1)) {
		return false
	}
	return sc.s[i:end] == "0" || sc.unit(fraction) ||
		sc.at(i-2) == '=' && sc.at(i-3) == 'm' && !isLetter(sc.at(i-4))
}

// greedy makes one number of all groups from i on, if they have as many digits as minimum says.
// signed reports that a plus precedes them. Groups behind what is complete by the North
// American plan are left out.
func (sc *scanner) greedy(i, minimum int, signed bool) number {
	g := sc.groups(i, true)
	all := g.within(maxDigits + g.prefix())
	for k := 1; k < all; k++ {
		grouped, valid := g.plan(k)
		end := g.list[k-1].to
		apart := grouped && strings.Contains(sc.s[end:g.list[k].from], " ")
		if valid && (signed && g.sum(k) == nanp+1 || !signed && apart) {
			return sc.numberOf(i, end)
		}
	}
	if all == 0 || g.sum(all) < minimum {
		return number{}
	}
	return sc.numberOf(i, g.list[all-1].to)
}

// written finds a number that is known by how it is written. Within a country it has at
// least as many digits as minimum says.
func (sc *scanner) written(g *spread, minimum int) number {
	if n := sc.prefixed(g); n.to > 0 {
		return n
	}
	if n := sc.american(g); n.to > 0 {
		return n
	}
	return sc.trunk(g, minimum)
}

// american finds ten digits in groups of 3-3-4, with or without a 1 before them. Where
// the separators leave a doubt, the area code has to be valid.
func (sc *scanner) american(g *spread) number {
	first := g.list[0]
	named := g.n > 1 && first.len() == 1 && sc.at(first.from-1) == '-' && isLetter(sc.at(first.from-2))
	if named && strings.Trim(sc.s[first.to:g.list[1].from], " ") == "" {
		return number{} // us-east-1 4155550123
	}
	for k := 2; k <= g.n; k++ {
		grouped, valid := g.plan(k)
		end := g.list[k-1].to
		formatted := k > 2 && strings.ContainsAny(sc.s[first.from:end], "-.()[]")
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
		return sc.numberOf(first.from, g.list[k-1].to)
	}
	return number{}
}

// trunk finds two groups or more that begin with 0, as numbers within most countries
// do: 030 901820, (0)30/901820-55.
func (sc *scanner) trunk(g *spread, minimum int) number {
	k, first := g.within(maxTrunk), g.list[0]
	if k < 2 || g.digits[0] != '0' || g.digits[1] == '0' || g.sum(k) < minimum {
		return number{}
	}
	if first.len() == 1 && !sc.bracketed(first.from, first.to) {
		return number{}
	}
	end := g.list[k-1].to
	path := k > 2 && first.len() < 3 && !strings.ContainsAny(sc.s[first.from:end], " -._()[]") // 08/30/part, of a file
	if path || sc.inChain(first.from) || sc.hexBehind(end) {
		return number{}
	}
	return sc.numberOf(first.from, end)
}

// byName finds a number behind words, or under a name, that say so.
func (sc *scanner) byName(g *spread, n name) number {
	run := g.list[0]
	switch n.class {
	case phone:
		return sc.greedy(run.from, n.minimum, false)
	case party:
		local := g.n == 2 && run.len() == 3 && g.list[1].len() == 4
		if sc.unit(g.list[g.n-1].to) || g.n == 1 && sc.epoch(run.from, run.to) {
			return number{}
		}
		if local || g.sum(g.n) >= n.minimum {
			return sc.greedy(run.from, 0, false)
		}
	}
	return number{}
}

// bare finds a run of digits that nothing marks as a number, and that is nothing else.
func (sc *scanner) bare(i, run, word int, n name) number {
	length, digits := run-i, sc.s[i:run]
	switch {
	case length > maxDigits, strings.HasPrefix(digits, "000"), n.class == quantity:
		return number{}
	case length >= minBare, length == minBare-1 && digits[0] == '0':
	case length >= minUser && (sc.user || word == i && sc.at(run) == '@'):
	default:
		return number{}
	}
	if n.class != phone && (sc.epoch(i, run) || compactDate(digits) || sc.unit(run) || sc.currency(i) ||
		sc.accountID(i, run)) {
		return number{}
	}
	return sc.numberOf(i, run)
}

// extensionForm is what may follow a number: x204, ext. 204, #204, ;ext=204.
const extensionForm = `([ ,;]{0,2}(?:#|(?i:x|ext|extn|extension))[ .:=]{0,2}\d{1,7})(?:[^0-9A-Za-z]|$)`

var extension = lazyregexp.New(`^` + extensionForm)

// extensionEnd returns where the extension ends that follows a number, i where there is
// none.
func extensionEnd(s string, i int) int {
	if i == len(s) || !oneOf(s[i], " ,;#xXeE") {
		return i
	}
	if m := extension().FindStringSubmatchIndex(s[i:min(i+window, len(s))]); m != nil {
		return i + m[3]
	}
	return i
}
