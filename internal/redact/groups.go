package redact

import "strings"

const (
	// maxGroups and maxGap bound how far the digits of a number may be spread.
	maxGroups = 20
	maxGap    = 4
	// maxSpread is how many digits a number has with the prefix of an international call.
	maxSpread = maxDigits + len("011")
)

// group is a run of digits.
type group struct {
	from, to int
	sum      int // digits of this group and those before it
}

func (g group) len() int { return g.to - g.from }

// spread is consecutive groups that may be a number together.
type spread struct {
	list   [maxGroups]group
	n      int
	digits [maxSpread]byte
}

// sum returns how many digits the first k groups have.
func (g *spread) sum(k int) int {
	if k == 0 {
		return 0
	}
	return g.list[k-1].sum
}

// within returns the first groups that have no more digits than limit together.
func (g *spread) within(limit int) int {
	k := g.n
	for k > 0 && g.sum(k) > limit {
		k--
	}
	return k
}

// prefix returns the length of the prefix of an international call, 0 for none.
func (g *spread) prefix() int {
	switch d := &g.digits; {
	case string(d[:2]) == "00" && d[2] > '0':
		return len("00")
	case string(d[:3]) == "011" && d[3] > '0':
		return len("011")
	}
	return 0
}

// plan reports whether the first k groups are a number of the North American plan,
// with or without a 1 before it: grouped as 3-3-4 or less, or digit by digit; and of a
// valid area code and exchange, which begin with 2 to 9.
func (g *spread) plan(k int) (grouped, valid bool) {
	sum, one := g.sum(k), 0
	if sum == nanp+1 && g.digits[0] == '1' {
		one = 1
	}
	if sum != nanp+one {
		return false, false
	}
	grouped = true
	for _, group := range g.list[:k-1] {
		fits := group.sum == one || group.sum == one+3 || group.sum == one+6
		grouped = grouped && (fits && group.sum > 0 || k == sum)
	}
	return grouped, g.digits[one] >= '2' && g.digits[one+3] >= '2'
}

// gapEnd returns where the digits begin that are separated from those before i.
func (sc *scanner) gapEnd(i int) (next int, ok bool) {
	for next = i; next-i < maxGap && separates(sc.at(next)); {
		next++
	}
	sentence := sc.at(i) == '.' && sc.at(i+1) == ' '
	return next, next > i && isDigit(sc.at(next)) && !sentence
}

// groups gathers the groups of digits from i on, as far as they may belong to one
// number: not what begins something known, unless it is certain that the digits before
// it are a number, which they are too few for.
func (sc *scanner) groups(i int, certain bool) (g spread) {
	g.list[0] = group{from: i, to: i}
	sum := 0
	for g.n < maxGroups {
		end := i
		for isDigit(sc.at(end)) && sum+end-i <= maxSpread {
			end++
		}
		// The zero of +49 (0)30 is not dialled together with the country code.
		if undialled := g.n > 0 && end-i == 1 && sc.at(i) == '0' && sc.bracketed(i, end); !undialled {
			if sum+end-i > maxSpread {
				break
			}
			sum += copy(g.digits[sum:], sc.s[i:end])
		}
		g.list[g.n] = group{i, end, sum}
		g.n++
		certain = certain || g.prefix() > 0
		next, ok := sc.gapEnd(end)
		// A bracket encloses an area code, which is not at the end of a number.
		if !ok || sum >= minPlus && strings.ContainsAny(sc.s[end:next], "([") {
			break
		}
		first := g.list[0]
		trunk := g.digits[0] == '0' && g.digits[1] > '0' && (first.len() > 2 || sc.bracketed(first.from, first.to))
		begun := sc.beginning(next)
		certainly := certain && sum < minPlus+g.prefix()
		if begun == anID || begun == aMoment && !certainly || begun == aHost && !certainly && !trunk {
			break
		}
		i = next
	}
	return g
}

// bracketed reports whether brackets enclose some characters.
func (sc *scanner) bracketed(from, to int) bool {
	return oneOf(sc.at(from-1), "([") && oneOf(sc.at(to), ")]")
}

// What is known to begin at a group of digits, by its form.
const (
	notLooked uint8 = iota
	nothingKnown
	anID    // a UUID
	aMoment // a date, a time of day
	aHost   // an IPv4 address
)

// beginning returns what is known to begin at a group of digits. Groups are looked at many
// times, and this once.
func (sc *scanner) beginning(i int) uint8 {
	if sc.looked == nil {
		sc.looked = make([]uint8, len(sc.s)+1)
	}
	if sc.looked[i] == notLooked {
		switch {
		case sc.uuid(i) > 0:
			sc.looked[i] = anID
		case sc.moment(i) > 0:
			sc.looked[i] = aMoment
		case sc.address(i) > 0:
			sc.looked[i] = aHost
		default:
			sc.looked[i] = nothingKnown
		}
	}
	return sc.looked[i]
}
