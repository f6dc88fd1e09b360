package redact

const (
	// mostGroups and mostGap bound how far the digits of a number may be spread.
	mostGroups = 20
	mostGap    = 4
	// mostSpread is the most digits of a number with the prefix of an international call.
	mostSpread = maxDigits + len("011")
)

// gap holds the kinds of the symbols that separate two groups of digits.
type gap uint32

func (g gap) has(kinds ...kind) bool {
	for _, k := range kinds {
		if g&(1<<k) != 0 {
			return true
		}
	}
	return false
}

// group is a run of digits.
type group struct {
	from, to int
	before   gap
	sum      int // digits of this group and those before it
}

func (g group) len() int { return g.to - g.from }

// spread is consecutive groups that may be a number together.
type spread struct {
	list   [mostGroups]group
	n      int
	digits [mostSpread]byte
}

// total returns how many digits the groups have.
func (g *spread) total() int { return g.sum(g.n) }

// sum returns how many digits the first k groups have.
func (g *spread) sum(k int) int {
	if k == 0 {
		return 0
	}
	return g.list[k-1].sum
}

// within returns the first groups that have no more than most digits together.
func (g *spread) within(most int) int {
	k := g.n
	for k > 0 && g.list[k-1].sum > most {
		k--
	}
	return k
}

// gaps returns what separates the first k groups.
func (g *spread) gaps(k int) (all gap) {
	for _, group := range g.list[1:max(k, 1)] {
		all |= group.before
	}
	return all
}

// prefix returns the length of the prefix of an international call, 0 for none.
func (g *spread) prefix() int {
	d := g.digits[:g.total()]
	switch {
	case len(d) > 2 && d[0] == '0' && d[1] == '0' && d[2] != '0':
		return 2
	case len(d) > 3 && d[0] == '0' && d[1] == '1' && d[2] == '1' && d[3] != '0':
		return 3
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
		if k == sum {
			break
		}
		grouped = grouped && (group.sum == one && one > 0 || group.sum == one+3 || group.sum == one+6)
	}
	return grouped, g.digits[one] >= '2' && g.digits[one+3] >= '2'
}

// gapEnd returns where the digits begin that are separated from those before i.
func (sc *scanner) gapEnd(i int) (next int, ok bool) {
	for next = i; next-i < mostGap && sc.kindAt(next).separates(); {
		next++
	}
	if next == i || sc.kindAt(next) != digit {
		return 0, false
	}
	if sc.kindAt(i) == dot && sc.kindAt(i+1) == space {
		return 0, false // a sentence ends
	}
	return next, true
}

// groups gathers the groups of digits from i on, as far as they may belong to one
// number: not what begins something known, unless it is certain that the digits before
// it are a number, which they are too few for.
func (sc *scanner) groups(i int, certain bool) (g spread) {
	var before gap
	g.list[0] = group{from: i, to: i}
	for g.n < mostGroups {
		end := i
		for sc.kindAt(end) == digit && g.total()+end-i <= mostSpread {
			end++
		}
		sum := g.total()
		// The zero of +49 (0)30 is not dialled together with the country code.
		if undialled := g.n > 0 && end-i == 1 && sc.is(i, '0') && sc.bracketed(i, end); !undialled {
			if sum+end-i > mostSpread {
				break
			}
			for _, sym := range sc.s[i:end] {
				g.digits[sum] = byte(sym.r)
				sum++
			}
		}
		g.list[g.n] = group{i, end, before, sum}
		g.n++
		certain = certain || g.prefix() > 0
		first := g.list[0]
		trunk := g.digits[0] == '0' && g.digits[1] > '0' && (first.len() > 2 || sc.bracketed(first.from, first.to))
		next, ok := sc.gapEnd(end)
		if !ok {
			break
		}
		begun := sc.beginning(next)
		if begun == aHost && trunk {
			begun = nothingKnown
		}
		if sum >= minPlus && sc.opens(end, next) || begun == anID || begun > anID && (!certain || sum >= minPlus+g.prefix()) {
			break
		}
		before = 0
		for _, sym := range sc.s[end:next] {
			before |= 1 << sym.kind
		}
		i = next
	}
	return g
}

// opens reports whether a bracket opens between two symbols. It encloses an area code,
// which is not at the end of a number.
func (sc *scanner) opens(from, to int) bool {
	for _, sym := range sc.s[from:to] {
		if sym.kind == opening {
			return true
		}
	}
	return false
}

// bracketed reports whether brackets enclose some symbols.
func (sc *scanner) bracketed(from, to int) bool {
	return sc.kindAt(from-1) == opening && sc.kindAt(to) == closing
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
