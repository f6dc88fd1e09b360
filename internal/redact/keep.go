package redact

import (
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// keep finds what begins with a run of digits and is no phone number, as far as it is
// known by its form or by the words before it. A decimal number may be a phone number
// that was printed as one.
func (sc *scanner) keep(g *spread, run int, n name) (found number, kept int) {
	i := g.list[0].from
	if kept = sc.moment(i); kept == 0 {
		kept = sc.address(i)
	}
	if kept > 0 {
		return found, kept
	}
	_, more := sc.gapEnd(run)
	switch {
	case n.class == phone:
		return found, 0
	case n.class == account && g.sum(g.n) == accountDigits: // 1234-5678-9012
		return found, g.list[g.n-1].to
	case n.class == account && run-i == accountDigits, sc.accountID(i, run), sc.unit(run),
		n.class == quantity && run-i >= minDigits && (!more || sc.at(run) == ' '):
		return found, run
	}
	return sc.decimal(i, run)
}

// uuid is a UUID.
var uuid = lazyregexp.New(`^([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})` + noWord)

// uuid returns where the UUID at i ends, 0 where there is none.
func (sc *scanner) uuid(i int) int {
	if sc.at(i+len("00000000")) != '-' {
		return 0
	}
	return sc.match(uuid, i)
}

// epoch reports whether a run of digits is a time from 2015 to 2033, in seconds or
// milliseconds since 1970.
func (sc *scanner) epoch(i, run int) bool {
	const since = "1420070400"
	length := run - i
	return (length == len(since) || length == len(since+"000")) && sc.s[i:run] >= since && sc.s[i] == '1'
}

const octet = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`

// ipv4 is an IPv4 address, with its port.
var ipv4 = lazyregexp.New(`^((?:` + octet + `\.){3}` + octet + `)(?:(:\d{1,5})` + noDigit +
	`|[^0-9.A-Za-z\x01\x02]|\.` + noDigit + `|$)`)

// address returns where the IPv4 address at i ends, with its port; 0 where there is
// none.
func (sc *scanner) address(i int) int {
	if sc.at(sc.skip(i, isDigit)) != '.' || sc.inChain(i) {
		return 0
	}
	return sc.match(ipv4, i)
}

// exponent is that of a floating-point number.
var exponent = lazyregexp.New(`^([eE][-+]?\d{1,2})` + noDigit)

// decimal finds a decimal number at i, of which the whole part ends at run: a duration,
// a score, an amount, a time. What looks like a phone number that was printed as a
// floating-point number, 1.2065550123e+10, is one; and what has a phone number for its
// whole part or its fraction is no decimal number.
func (sc *scanner) decimal(i, run int) (n number, kept int) {
	end := sc.skip(run+1, isDigit)
	if sc.at(run) != '.' || end == run+1 || sc.inChain(i) {
		return n, 0
	}
	whole, fraction := sc.s[i:run], sc.s[run+1:end]
	if sc.at(end) == '.' && isAlphanumeric(sc.at(end+1)) || len(whole) > 1 && whole[0] == '0' {
		return n, 0 // a version, the name of a file, 0171.1234567
	}
	if after := sc.match(exponent, end); after > 0 {
		power, _ := strconv.Atoi(sc.s[end+1 : after]) // the expression has found its digits
		digits := power + 1
		time := whole == "1" && fraction[0] >= '4' && (digits == 10 || digits == 13)
		exact := len(whole) == 1 && len(fraction) >= minUser-1 && minBare <= digits && digits <= maxDigits
		if exact && !time {
			return number{i, after, end}, 0
		}
		return n, after
	}
	switch {
	case sc.unit(end), whole == "0", sc.currency(i):
	case len(whole) >= minBare && !sc.epoch(i, run):
		return n, 0
	case len(fraction) == nanp && plausible(fraction),
		len(fraction) == nanp+1 && fraction[0] == '1' && plausible(fraction[1:]),
		len(whole) == 3 && len(fraction) == 7 && plausible(whole+fraction):
		return n, 0
	}
	return n, end
}

// plausible reports whether digits begin with a valid area code and exchange of the
// North American plan.
func plausible(digits string) bool { return digits[0] >= '2' && digits[3] >= '2' }

// unit reports whether a unit follows a number: right behind it, or as a word.
func (sc *scanner) unit(i int) bool {
	from := i
	if sc.at(i) == ' ' {
		from++
	}
	end := sc.skip(from, isLetter)
	if c := sc.at(from); c == '$' || c == money {
		return true
	}
	if end == from || end-from > maxWord || isDigit(sc.at(end)) {
		return false
	}
	word := strings.ToLower(sc.s[from:end])
	return units[word] || from == i && shortUnits[word]
}

// currencyBefore is a currency before a number.
var currencyBefore = lazyregexp.Matcher(
	`(?:[$\x04]|(?:^|[^A-Za-z\x01\x02])(?i:eur|usd|gbp|chf|jpy|cad|aud|inr|brl)) ?$`)

// currency reports whether a currency precedes a number.
func (sc *scanner) currency(i int) bool {
	return currencyBefore(sc.s[max(sc.floor, i-len(" EUR ")):i])
}
