package redact

// mostShaped is the most groups, and mostFormatted the most digits of one, where only
// the grouping says that they are a number.
const (
	mostShaped    = 7
	mostFormatted = 6
)

// shaped finds groups that nothing marks as a number but that are grouped like one.
func (sc *scanner) shaped(g *spread) number {
	first := g.list[0]
	if sc.inChain(first.from) || sc.inID(first.from) || sc.currency(first.from) {
		return number{}
	}
	for k := min(g.within(maxDigits), mostShaped); k >= 2; k-- {
		last := g.list[k-1]
		if g.sum(k) < minBare || last.len() < 2 || g.gaps(k).has(dot, slash, under) || !sc.likeNumber(g, k) {
			continue
		}
		if !sc.hexBehind(last.to) && !sc.idBehind(last.to) && !sc.unit(last.to) {
			return sc.numberOf(first.from, last.to)
		}
	}
	return number{}
}

// likeNumber reports whether the first k groups are grouped like a number: behind a
// country code, with hyphens or brackets, or as is usual in a country.
func (sc *scanner) likeNumber(g *spread, k int) bool {
	if k > 2 && countryCode(g.digits[:g.sum(k)]) == g.list[0].len() {
		return true
	}
	formatted, shape := k > 2 && g.list[1].before.has(dash, opening, closing), make([]byte, 0, mostShaped)
	for _, group := range g.list[:k] {
		formatted = formatted && group.len() <= mostFormatted
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
	return sc.kindAt(i-1) == dot && sc.kindAt(i-2) == digit
}

// hexBehind reports whether a letter follows that makes the digits before it part of a
// hexadecimal id.
func (sc *scanner) hexBehind(i int) bool {
	return sc.kindAt(i) == letter && isHexDigit(sc.s[i].r) && extensionEnd(sc.s, i) == i
}

// inID reports whether a hyphen and a word with digits and letters are right before the
// place, as within an id.
func (sc *scanner) inID(i int) bool {
	end := i - 1
	if sc.kindAt(end) != dash {
		return false
	}
	from := end
	for from > sc.floor && end-from < maxWord && sc.kindAt(from-1).alphanumeric() {
		from--
	}
	return hexWord(sc.s[from:end])
}

// idBehind is inID for what follows.
func (sc *scanner) idBehind(i int) bool {
	if sc.kindAt(i) != dash {
		return false
	}
	end := i + 1
	for end-i < maxWord && sc.kindAt(end).alphanumeric() {
		end++
	}
	return end > i+1 && hexWord(sc.s[i+1:end])
}

// countryCode returns the length of the country code that digits begin with, as ITU-T
// assigns them; 0 where there is none, and for North America, whose numbers are known
// by their groups.
func countryCode(digits []byte) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 " +
		"60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	switch d := digits[0]; {
	case d == '7':
		return 1
	case d < '2':
		return 0
	}
	for i := 0; i+3 < len(two); i += 3 {
		if two[i+1] == digits[0] && two[i+2] == digits[1] {
			return 2
		}
	}
	return 3
}
