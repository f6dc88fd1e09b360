package redact

import (
	"regexp"
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// The parts of dates and times, and what may stand behind them.
const (
	year        = `(?:19|20)\d\d`
	monthDay    = `(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])`
	month       = `(?:0?[1-9]|1[0-2])`
	day         = `(?:0?[1-9]|[12]\d|3[01])`
	hourMinute  = `(?:[01]\d|2[0-3])[0-5]\d`
	seconds     = `(?:[0-5]\d|60)`
	hour        = `(?:[01]\d|2[0-4])`
	fraction    = `(?:[.,]\d{1,9})?`
	compactTime = hourMinute + `(?:` + seconds + fraction + `|\d{5})?`
	noDigit     = `(?:\D|$)`
	noWord      = `(?:[^0-9A-Za-z\x01\x02]|$)`
)

var (
	// yearFirst is 2026-11-25, 2026/11/25, 2026.11.25 or 2026_11_25.
	yearFirst = separated("-/._", `(`+year+`~`+month+`~`+day+`)(?:[Tt]|`+noWord+`)`)
	// yearLast is 25.11.2026 and 11/25/2026.
	yearLast = separated("-/.", `(`+day+`~`+day+`~`+year+`)(?:~`+noDigit+`|[^0-9~]|$)`)
	// compactMoment is 20261125T140830 and 20261125-140830.
	compactMoment = lazyregexp.New(`^(?:(` + year + monthDay + `[-_Tt]` + compactTime + `)` + noDigit +
		`|(` + year + monthDay + `)[Tt])`)
	// compactDate is a date and a time: 20261125140830, or without seconds from 2020 to
	// 2029. The twelve digits of other years may be an Egyptian number.
	compactDate = lazyregexp.Matcher(`^(?:` + year + monthDay + hourMinute + seconds +
		`|202\d` + monthDay + hourMinute + `)$`)
	// timeOfDay is 14:08 and 14:08:30.5.
	timeOfDay = lazyregexp.New(`^((?:[01]?\d|2[0-4]):[0-5]\d(?::\d\d` + fraction + `)?)` + noDigit)
	// compactClock and clock are the time behind a date: T140830, -14-08-30-123456,
	// " 14:08:30".
	compactClock = lazyregexp.New(`^[Tt](` + compactTime + `)` + noDigit)
	clock        = separated("-_/.", `[-_/.:+Tt](`+hour+`~\d\d(?:~\d\d(?:~(?:\d{6}|\d{3}))?)?)`+noDigit,
		`[-_/.: +Tt](`+hour+`(?::\d\d){0,2})`+noDigit)
	clockFraction = lazyregexp.New(`^(\.\d{1,9})` + noDigit)
	// zone is +01:00 and -0500.
	zone = lazyregexp.New(`^( ?[+-](?:0\d|1[0-4]):?(?:00|15|30|45|60|75|90))` + noWord)
)

// separated returns an expression with each of some separators in place of ~, or others.
func separated(separators, expr string, others ...string) func() *regexp.Regexp {
	var each []string
	for _, c := range separators {
		each = append(each, strings.ReplaceAll(expr, "~", `\`+string(c)))
	}
	return lazyregexp.New(`^(?:` + strings.Join(append(each, others...), "|") + `)`)
}

// moment returns where the date or the time of day at i ends, 0 where there is none.
func (sc *scanner) moment(i int) int {
	run := sc.skip(i, isDigit)
	if isDigit(sc.at(i - 1)) {
		return 0
	}
	switch run - i {
	case 4:
		if end := sc.match(yearFirst, i); end > 0 {
			return sc.clock(end)
		}
	case 8:
		switch end := sc.match(compactMoment, i); {
		case end > run:
			return sc.zone(end)
		case end == run:
			return sc.clock(end)
		}
	case 1, 2:
		if end := sc.match(yearLast, i); end > 0 {
			return sc.clock(end)
		}
		end := sc.match(timeOfDay, i)
		if end > 0 && sc.at(i-1) != ':' && !(sc.at(end) == ':' && isDigit(sc.at(end+1))) {
			return sc.zone(end)
		}
	}
	return 0
}

// clock returns where the time ends that follows a date at i; i where none does.
func (sc *scanner) clock(i int) int {
	if end := sc.match(compactClock, i); end > 0 {
		return sc.zone(end)
	}
	first, between := sc.at(i), sc.at(i+len("-14"))
	if first == ' ' && between != ':' || oneOf(first, "/._") && between != first && between != ':' {
		return i
	}
	end := sc.match(clock, i)
	if fraction := sc.match(clockFraction, end); end > 0 && between == ':' && fraction > 0 {
		return sc.zone(fraction)
	}
	chained := oneOf(sc.at(end), ".-/_") && isDigit(sc.at(end+1)) // which may be a number
	if end == 0 || chained || isLetter(sc.at(end)) && sc.at(end) != 'Z' {
		return i
	}
	return sc.zone(end)
}

// zone returns where the time zone ends that follows a time: Z, +01:00, -0500. Four
// digits that others follow may be a number.
func (sc *scanner) zone(i int) int {
	if sc.at(i)|0x20 == 'z' {
		return i + 1
	}
	end := sc.match(zone, i)
	if next, more := sc.gapEnd(end); end == 0 || more && sc.match(yearFirst, next) == 0 {
		return i
	}
	return end
}
