package redact

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// maxShaped is how many groups are a number, and maxFormatted how many digits one of them
// has, where only the grouping says so.
const (
	maxShaped    = 7
	maxFormatted = 6
)

// shaped finds groups that nothing marks as a number but that are grouped like one.
func (sc *scanner) shaped(g *spread) number {
	from := g.list[0].from
	if sc.inChain(from) || sc.inID(from) || sc.currency(from) {
		return number{}
	}
	all := g.within(maxDigits)
	for k := min(all, maxShaped); k >= 2; k-- {
		last := g.list[k-1]
		if g.sum(k) < minBare || last.len() < 2 || strings.ContainsAny(sc.s[from:last.to], "./_") || !sc.likeNumber(g, k) {
			continue
		}
		if sc.hexBehind(last.to) || sc.idBehind(last.to) || sc.unit(last.to) {
			continue
		}
		if k < all && g.list[k].len() == 1 && sc.s[last.to:g.list[k].from] == "-" {
			return sc.numberOf(from, g.list[k].to) // 1234-5678-901-2
		}
		return sc.numberOf(from, last.to)
	}
	return number{}
}

// countryCode matches the country codes that ITU-T assigns, but that of North America,
// whose numbers are known by their groups.
var countryCode = lazyregexp.Matcher(`^(?:7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|` +
	`2[1-689]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|8[0357-9]\d|9[679]\d)$`)

// likeNumber reports whether the first k groups are grouped like a number: behind a
// country code, with hyphens or brackets, or as is usual in a country.
func (sc *scanner) likeNumber(g *spread, k int) bool {
	first := g.list[0]
	if k > 2 && countryCode(sc.s[first.from:first.to]) {
		return true
	}
	formatted := k > 2 && strings.ContainsAny(sc.s[first.to:g.list[1].from], "-()[]")
	shape := make([]byte, 0, maxShaped)
	for _, group := range g.list[:k] {
		formatted = formatted && group.len() <= maxFormatted
		shape = append(shape, '0'+byte(min(group.len(), 9)))
	}
	switch string(shape) {
	case "254", "244", "433", "3322", "13322": // Brazil, Australia, Russia
		return true
	case "344": // China
		return g.digits[0] == '1' && g.digits[1] >= '3'
	case "55": // India
		return g.digits[0] >= '6'
	}
	return formatted
}

// inChain reports whether digits and a dot are right before the place, as in a version.
func (sc *scanner) inChain(i int) bool {
	return sc.at(i-1) == '.' && isDigit(sc.at(i-2))
}

// hexBehind reports whether a letter follows that makes the digits before it part of a
// hexadecimal id.
func (sc *scanner) hexBehind(i int) bool {
	return oneOf(sc.at(i), "abcdefABCDEF") && extensionEnd(sc.s, i) == i
}

// inID reports whether a hyphen and a word with digits and letters are right before the
// place, as within an id; idBehind, whether they follow.
func (sc *scanner) inID(i int) bool {
	return sc.at(i-1) == '-' && hexWord(sc.s[sc.back(i-1, isAlphanumeric):i-1])
}

func (sc *scanner) idBehind(i int) bool {
	return sc.at(i) == '-' && hexWord(sc.s[i+1:min(sc.skip(i+1, isAlphanumeric), i+1+maxWord)])
}
