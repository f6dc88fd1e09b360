package chime

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of a time that is given as a count of units since 1970, in seconds. A
// smaller count is no time of an event, and a greater one is in the next finer unit.
const (
	minEpoch = 946684800    // 2000-01-01
	maxEpoch = 253402300799 // the last second of the year 9999
)

// isoTime matches what RFC 3339 section 5.6 and its note allow (T and Z in lower
// case, a space for the T, any number of digits in a fraction, a leap second), and of
// ISO 8601 the basic format, offsets such as +0000 and +00, which services of AWS
// write, and a time without an offset.
var isoTime = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d):?(\d\d)` +
	`(?:[.,](\d+))? ?(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)?$`)

// ParseTime reads a time in UTC from any form in which a standard or a service of AWS
// writes one: RFC 3339, ISO 8601 with its basic offsets, and the seconds,
// milliseconds, microseconds or nanoseconds since 1970, which are recognised by their
// size, from the year 2000 on. A time without an offset is one of UTC; a leap second
// is the second after it. ok is false for anything else, and for a time that is not in
// the years 1970 to 9999.
func ParseTime(text string) (t time.Time, ok bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return inYears(t)
	}
	m := isoTime.FindStringSubmatch(text)
	if m == nil {
		return parseEpoch(text)
	}
	second, leap := m[6], time.Duration(0)
	if second == "60" {
		second, leap = "59", time.Second
	}
	fraction, offset := "", "Z"
	if m[7] != "" {
		fraction = "." + m[7]
	}
	if m[9] != "" {
		minutes := m[10]
		if minutes == "" {
			minutes = "00"
		}
		offset = m[9] + ":" + minutes
	}
	t, err := time.Parse(time.RFC3339Nano, m[1]+"-"+m[2]+"-"+m[3]+"T"+m[4]+":"+m[5]+":"+second+fraction+offset)
	if err != nil {
		return time.Time{}, false
	}
	return inYears(t.Add(leap))
}

func inYears(t time.Time) (time.Time, bool) {
	t = t.UTC()
	if year := t.Year(); year < 1970 || year > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// parseEpoch reads a decimal number of units since 1970.
func parseEpoch(text string) (time.Time, bool) {
	const longest = 40 // and a value within bounds, so that the exact number stays small
	approximate, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > longest || strings.Trim(text, "0123456789.eE+-") != "" ||
		!(approximate >= minEpoch) || approximate > math.MaxInt64 {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil { // as services write it
		return ofEpoch(n)
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return time.Time{}, false
	}
	whole := new(big.Int).Quo(number.Num(), number.Denom())
	t, ok := ofEpoch(whole.Int64())
	if !ok || !whole.IsInt64() {
		return time.Time{}, false
	}
	nanos := number.Sub(number, new(big.Rat).SetInt(whole))
	nanos.Mul(nanos, big.NewRat(1e9, unitsPerSecond(whole.Int64())))
	return t.Add(time.Duration(new(big.Int).Quo(nanos.Num(), nanos.Denom()).Int64())), true
}

// unitsPerSecond returns how many of the units of which n have passed since 1970 are a
// second; zero if n is no time of an event.
func unitsPerSecond(n int64) int64 {
	for _, units := range []int64{1, 1e3, 1e6, 1e9} {
		if n/units <= maxEpoch {
			if n/units < minEpoch {
				return 0
			}
			return units
		}
	}
	return 0
}

// ofEpoch returns the time of a whole number of units since 1970, without allocating.
func ofEpoch(n int64) (time.Time, bool) {
	units := unitsPerSecond(n)
	if units == 0 {
		return time.Time{}, false
	}
	return time.Unix(n/units, n%units*(1e9/units)).UTC(), true
}

// timeOf reads a time from a JSON text or number.
func timeOf(value jsontext.Value) (time.Time, bool) {
	if value.Kind() == '0' {
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return ofEpoch(n)
		}
	}
	var text string
	if !keepTextOrNumber(&text, value) {
		return time.Time{}, false
	}
	return ParseTime(text)
}
