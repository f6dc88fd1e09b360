package redact

import "unicode"

// keep finds what begins with a run of digits and is no phone number, as far as it is
// known by its form or by the words before it. A decimal number may be a phone number
// that was printed as one.
func (sc *scanner) keep(g *spread, run int, n name) (found number, kept int) {
	i := g.list[0].from
	if kept := sc.moment(i); kept > 0 {
		return found, kept
	}
	if kept := sc.address(i); kept > 0 {
		return found, kept
	}
	_, more := sc.gapEnd(run)
	switch {
	case n.class == phone:
		return found, 0
	case n.class == account && run-i == accountDigits:
		return found, run
	case n.class == account && g.total() == accountDigits: // 1234-5678-9012
		return found, g.list[g.n-1].to
	case sc.accountID(i, run), sc.unit(run):
		return found, run
	case n.class == quantity && run-i >= minDigits && (!more || sc.kindAt(run) == space):
		return found, run
	}
	return sc.decimal(i, run)
}

// exactly reports whether there are n digits at i and no more.
func (sc *scanner) exactly(i, n int) bool {
	if sc.kindAt(i+n) == digit || sc.kindAt(i-1) == digit {
		return false
	}
	for k := range n {
		if sc.kindAt(i+k) != digit {
			return false
		}
	}
	return true
}

// value returns the value of n digits at i, -1 where there are none.
func (sc *scanner) value(i, n int) int {
	v := 0
	for k := range n {
		if sc.kindAt(i+k) != digit {
			return -1
		}
		v = 10*v + int(sc.s[i+k].r-'0')
	}
	return v
}

// between reports whether the value of one or two digits at i, and no more, is in a
// range, and returns where they end.
func (sc *scanner) between(i, low, high int) (end int, ok bool) {
	for n := 1; n <= 2; n++ {
		if v := sc.value(i, n); sc.exactly(i, n) && low <= v && v <= high {
			return i + n, true
		}
	}
	return i, false
}

// uuid returns where the UUID at i ends, 0 where there is none.
func (sc *scanner) uuid(i int) int {
	for n, length := range [...]int{8, 4, 4, 4, 12} {
		if n > 0 {
			if sc.kindAt(i) != dash {
				return 0
			}
			i++
		}
		for range length {
			if i >= len(sc.s) || !isHexDigit(sc.s[i].r) {
				return 0
			}
			i++
		}
	}
	if sc.kindAt(i).alphanumeric() {
		return 0
	}
	return i
}

// epoch reports whether a run of digits is a time from 2015 to 2033, in seconds or
// milliseconds since 1970.
func (sc *scanner) epoch(i, run int) bool {
	const since = 1_420_070_400
	switch length := run - i; length {
	case 10, 13:
		return sc.is(i, '1') && sc.value(i, 10) >= since
	}
	return false
}

// address returns where the IPv4 address at i ends, with its port; 0 where there is
// none.
func (sc *scanner) address(i int) int {
	if sc.inChain(i) {
		return 0
	}
	for n := range 4 {
		if n > 0 {
			if sc.kindAt(i) != dot {
				return 0
			}
			i++
		}
		length := 1
		for length < 4 && sc.kindAt(i+length) == digit {
			length++
		}
		if v := sc.value(i, length); v < 0 || v > 255 || length > 1 && sc.is(i, '0') {
			return 0
		}
		i += length
	}
	if sc.kindAt(i) == dot && sc.kindAt(i+1) == digit || sc.kindAt(i) == letter {
		return 0
	}
	for port := i + 1; port < i+6 && sc.kindAt(i) == colon && sc.kindAt(port) == digit; port++ {
		if sc.kindAt(port+1) != digit {
			return port + 1
		}
	}
	return i
}

// decimal finds a decimal number at i, of which the whole part ends at run: a duration,
// a score, an amount, a time. What looks like a phone number that was printed as a
// floating-point number, 1.2065550123e+10, is one; and what has a phone number for its
// whole part or its fraction is no decimal number.
func (sc *scanner) decimal(i, run int) (n number, kept int) {
	end := sc.digitsEnd(run + 1)
	if sc.kindAt(run) != dot || end == run+1 || sc.inChain(i) {
		return n, 0
	}
	whole, fraction := run-i, end-run-1
	if sc.kindAt(end) == dot && sc.kindAt(end+1).alphanumeric() || whole > 1 && sc.is(i, '0') {
		return n, 0 // a version, the name of a file, 0171.1234567
	}
	if exponent, after := sc.exponent(end); after > 0 {
		digits := exponent + 1
		exact := whole == 1 && fraction+1 >= minUser && digits >= minBare && digits <= maxDigits
		if exact && !sc.scientificTime(i, digits) {
			return number{i, after, end}, 0
		}
		return n, after
	}
	plausible := func(k int) bool { return sc.s[k].r >= '2' && sc.s[k+3].r >= '2' }
	switch {
	case sc.unit(end), whole == 1 && sc.is(i, '0'), sc.currency(i):
	case whole >= minBare && !sc.epoch(i, run):
		return n, 0
	case fraction == nanp && plausible(run+1), fraction == nanp+1 && sc.is(run+1, '1') && plausible(run+2):
		return n, 0
	case whole == 3 && fraction == 7 && sc.s[i].r >= '2' && sc.s[run+1].r >= '2':
		return n, 0
	}
	return n, end
}

// exponent reads the exponent of a floating-point number, and returns where it ends; 0
// where there is none.
func (sc *scanner) exponent(i int) (exponent, end int) {
	if sc.kindAt(i) != letter || sc.s[i].r|0x20 != 'e' {
		return 0, 0
	}
	negative := sc.kindAt(i+1) == dash
	if i++; negative || sc.kindAt(i) == plus {
		i++
	}
	end, ok := sc.between(i, 0, 99)
	if !ok {
		return 0, 0
	}
	if exponent = sc.value(i, end-i); negative {
		exponent = -exponent
	}
	return exponent, end
}

// scientificTime is epoch for the digits of a floating-point number.
func (sc *scanner) scientificTime(i, digits int) bool {
	return (digits == 10 || digits == 13) && sc.is(i, '1') && sc.kindAt(i+2) == digit && sc.s[i+2].r >= '4'
}

// unit reports whether a unit follows a number: right behind it, or as a word.
func (sc *scanner) unit(i int) bool {
	glued := sc.kindAt(i) == letter
	if sc.kindAt(i) == space {
		i++
	}
	if i < len(sc.s) && unicode.Is(unicode.Sc, sc.s[i].r) {
		return true
	}
	end := i
	for end-i <= maxWord && sc.kindAt(end) == letter {
		end++
	}
	if end == i || sc.kindAt(end) == digit {
		return false
	}
	word := lower(sc.s[i:end])
	return units[word] || glued && shortUnits[word]
}

// currency reports whether a currency precedes a number.
func (sc *scanner) currency(i int) bool {
	if sc.kindAt(i-1) == space {
		i--
	}
	if i > sc.floor && unicode.Is(unicode.Sc, sc.s[i-1].r) {
		return true
	}
	from := i
	for from > sc.floor && i-from < 4 && sc.kindAt(from-1) == letter {
		from--
	}
	return i-from == 3 && currencies[lower(sc.s[from:i])]
}
