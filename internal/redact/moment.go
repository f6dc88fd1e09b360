package redact

// moment returns where the date or the time of day at i ends, 0 where there is none.
func (sc *scanner) moment(i int) int {
	for _, find := range []func(int) int{sc.yearFirst, sc.yearLast, sc.compactMoment, sc.timeOfDay} {
		if end := find(i); end > 0 {
			return end
		}
	}
	return 0
}

// year reports whether four digits at i are a year of now.
func (sc *scanner) year(i int) bool {
	v := sc.value(i, 4)
	return 1900 <= v && v < 2100
}

// yearFirst reads 2026-11-25, 2026/11/25/14 or 2026.11.25, and the time that follows.
func (sc *scanner) yearFirst(i int) int {
	k := sc.kindAt(i + 4)
	if !sc.exactly(i, 4) || !sc.year(i) || !k.in(dash, slash, dot, under) {
		return 0
	}
	month, ok := sc.between(i+5, 1, 12)
	if !ok || sc.kindAt(month) != k {
		return 0
	}
	day, ok := sc.between(month+1, 1, 31)
	if !ok || sc.kindAt(day) == letter && !sc.letterT(day) {
		return 0
	}
	return sc.clock(day)
}

// yearLast reads 25.11.2026 and 11/25/2026, and the time that follows.
func (sc *scanner) yearLast(i int) int {
	first, ok := sc.between(i, 1, 31)
	k := sc.kindAt(first)
	if !ok || !k.in(dash, slash, dot) {
		return 0
	}
	second, ok := sc.between(first+1, 1, 31)
	year := second + 1
	if !ok || sc.kindAt(second) != k || !sc.exactly(year, 4) || !sc.year(year) {
		return 0
	}
	if end := year + 4; sc.kindAt(end) != k || sc.kindAt(end+1) != digit {
		return sc.clock(end)
	}
	return 0
}

// day reports whether eight digits at i are a date.
func (sc *scanner) day(i int) bool {
	month, day := sc.value(i+4, 2), sc.value(i+6, 2)
	return sc.year(i) && 1 <= month && month <= 12 && 1 <= day && day <= 31
}

// compactMoment reads 20261125T140830 and 20261125-140830.
func (sc *scanner) compactMoment(i int) int {
	const length = len("20261125")
	after := i + length
	if !sc.day(i) || sc.kindAt(i-1) == digit || !(sc.kindAt(after).in(dash, under) || sc.letterT(after)) {
		return 0
	}
	if end := sc.compactTime(after + 1); end > 0 {
		return sc.zone(end)
	}
	if sc.letterT(after) {
		return sc.clock(after)
	}
	return 0
}

func (sc *scanner) letterT(i int) bool { return sc.is(i, 'T') || sc.is(i, 't') }

// compactTime reads 1408 and 140830, with a fraction of the second.
func (sc *scanner) compactTime(i int) int {
	hour, minute := sc.value(i, 2), sc.value(i+2, 2)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0
	}
	switch {
	case sc.exactly(i, 4):
		return i + 4
	case sc.exactly(i, 6) && sc.value(i+4, 2) <= 60:
		return sc.fraction(i + 6)
	case sc.exactly(i, 9):
		return i + 9
	}
	return 0
}

// compactDate reports whether a run of digits is a date and a time: 20261125140830, or
// without seconds from 2020 to 2029. The twelve digits of other years may be an
// Egyptian number.
func (sc *scanner) compactDate(i, run int) bool {
	switch run - i {
	case 14:
		return sc.day(i) && sc.compactTime14(i+8)
	case 12:
		return sc.day(i) && sc.value(i, 3) == 202 && sc.value(i+8, 2) < 24 && sc.value(i+10, 2) < 60
	}
	return false
}

func (sc *scanner) compactTime14(i int) bool {
	return sc.value(i, 2) < 24 && sc.value(i+2, 2) < 60 && sc.value(i+4, 2) <= 60
}

// timeOfDay reads 14:08 and 14:08:30.5.
func (sc *scanner) timeOfDay(i int) int {
	hour, ok := sc.between(i, 0, 24)
	if !ok || sc.kindAt(hour) != colon || sc.kindAt(i-1) == colon {
		return 0
	}
	if !sc.exactly(hour+1, 2) || sc.value(hour+1, 2) > 59 {
		return 0
	}
	end := hour + 3
	if sc.kindAt(end) == colon && sc.exactly(end+1, 2) {
		end = sc.fraction(end + 3)
	}
	if sc.kindAt(end) == colon && sc.kindAt(end+1) == digit {
		return 0
	}
	return sc.zone(end)
}

// clock returns where the time ends that follows a date at i; i where none does.
func (sc *scanner) clock(i int) int {
	k, from := sc.kindAt(i), i+1
	if !k.in(space, dash, under, slash, dot, colon, plus) && !sc.letterT(i) {
		return i
	}
	if sc.letterT(i) {
		if end := sc.compactTime(from); end > 0 {
			return sc.zone(end)
		}
	}
	if !sc.exactly(from, 2) || sc.value(from, 2) > 24 {
		return i
	}
	end := from + 2
	between := sc.kindAt(end)
	if k == space && between != colon || k.in(slash, dot, under) && between != k && between != colon {
		return i
	}
	if between.in(colon, dash, dot, under, slash) {
		n := 0
		for ; n < 2 && sc.kindAt(end) == between && sc.exactly(end+1, 2); n++ {
			end += 3
		}
		if n == 2 && between != colon && sc.kindAt(end) == between && (sc.exactly(end+1, 3) || sc.exactly(end+1, 6)) {
			end = sc.digitsEnd(end + 1) // a fraction: 14-08-30-123456
		}
	}
	if sc.kindAt(end) == letter && !sc.is(end, 'Z') {
		return i
	}
	if sc.kindAt(end).in(dot, dash, slash, under) && sc.kindAt(end+1) == digit {
		fraction := sc.fraction(end)
		if between != colon || fraction == end {
			return i // a longer chain of digits, which may be a number
		}
		end = fraction
	}
	return sc.zone(end)
}

// maxFraction is nanoseconds.
const maxFraction = 9

// fraction returns where the fraction of a second ends; i where there is none.
func (sc *scanner) fraction(i int) int {
	if sc.kindAt(i) != dot && !sc.is(i, ',') {
		return i
	}
	end := i + 1
	for end-i <= maxFraction && sc.kindAt(end) == digit {
		end++
	}
	if end == i+1 || sc.kindAt(end) == digit {
		return i
	}
	return end
}

// zone returns where the time zone ends that follows a time: Z, +01:00, -0500. Four
// digits that others follow may be a number.
func (sc *scanner) zone(i int) int {
	if sc.is(i, 'Z') || sc.is(i, 'z') {
		return i + 1
	}
	from := i
	if sc.kindAt(from) == space {
		from++
	}
	if !sc.kindAt(from).in(plus, dash) || !(sc.exactly(from+1, 2) || sc.exactly(from+1, 4)) {
		return i
	}
	end, minute := from+5, from+3
	if sc.exactly(from+1, 2) {
		if sc.kindAt(from+3) != colon || !sc.exactly(from+4, 2) {
			return i
		}
		end, minute = from+6, from+4
	}
	if sc.kindAt(end).alphanumeric() || sc.value(from+1, 2) > 14 || sc.value(minute, 2)%15 != 0 {
		return i
	}
	if next, more := sc.gapEnd(end); more && sc.yearFirst(next) == 0 {
		return i
	}
	return end
}
