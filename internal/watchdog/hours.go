package watchdog

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Hours are the time zone of a business, and its quiet hours: those in which calls are
// not missed. The zero value is UTC without quiet hours. It is a value and safe for
// concurrent use.
type Hours struct {
	zone  *time.Location
	quiet []quietRule
}

// quietRule says that some days are quiet from one time of the day until a later one.
type quietRule struct {
	on         func(day time.Time) bool
	begin, end int // minutes since midnight
}

// Span is a stretch of time, both ends included.
type Span struct{ From, To time.Time }

// DefaultTimeZone is the time zone where none is chosen.
const DefaultTimeZone = "UTC"

// TimeZoneAllowed and QuietHoursAllowed say in words what NewHours accepts.
const (
	TimeZoneAllowed   = "the IANA name of a time zone, such as America/New_York or Europe/Berlin"
	QuietHoursAllowed = `a list, or entries separated by commas, of days, times of these days or both: ` +
		`"Mon-Fri 18:00-08:00", "Sat", "22:00-06:00", "2026-12-25", "2026-12-24..2027-01-01", ` +
		`"12-25" (each year), "2026-12-24 14:00-24:00"; at most 500 characters`
)

// maxQuietHours bounds the quiet hours as text, in bytes: they are an environment variable.
const maxQuietHours = 500

var timeZoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// CheckTimeZoneName returns an error of class Invalid for a text that no time zone is
// called. It does not look whether there is such a zone: NewHours does.
func CheckTimeZoneName(where, name string) error {
	if !timeZoneName.MatchString(name) || name == "Local" {
		return apperr.New(apperr.Invalid, where, fmt.Sprintf("is %q", name), "set "+TimeZoneAllowed)
	}
	return nil
}

// NewHours reads the name of a time zone, empty for UTC, and quiet hours as text. The
// error is of class Invalid where either is not what TimeZoneAllowed and
// QuietHoursAllowed say. The database of time zones has to be there: a program imports
// time/tzdata where the machine may not have it.
func NewHours(zone, quiet string) (Hours, error) {
	zone = cmp.Or(zone, DefaultTimeZone)
	if err := CheckTimeZoneName("time zone", zone); err != nil {
		return Hours{}, err
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		what := fmt.Sprintf("is %q, which is not known", zone)
		return Hours{}, apperr.Wrap(err, apperr.Invalid, "time zone", what, "set "+TimeZoneAllowed)
	}
	rules, err := parseQuiet("quiet hours", quiet)
	return Hours{location, rules}, err
}

// CheckQuietHours returns an error of class Invalid for quiet hours that NewHours refuses.
func CheckQuietHours(where, quiet string) error {
	_, err := parseQuiet(where, quiet)
	return err
}

// Zone returns the time zone.
func (h Hours) Zone() *time.Location {
	if h.zone == nil {
		return time.UTC
	}
	return h.zone
}

// Quiet reports whether a time is within the quiet hours.
func (h Hours) Quiet(t time.Time) bool {
	return slices.ContainsFunc(h.spans(t, t), func(s Span) bool { return !t.Before(s.From) && t.Before(s.To) })
}

// Busy returns how much of the time between two others is outside the quiet hours.
func (h Hours) Busy(from, to time.Time) time.Duration {
	length := max(to.Sub(from), 0)
	busy := length
	for _, s := range h.spans(from, to) {
		begin, end := max(s.From.Sub(from), 0), min(s.To.Sub(from), length)
		busy -= max(end-begin, 0)
	}
	return busy
}

// QuietUntil returns when the last quiet time before t ended, not before from; from
// where there was none between.
func (h Hours) QuietUntil(from, t time.Time) time.Time {
	until := from
	for _, s := range h.spans(from, t) {
		if !s.To.After(t) {
			until = pipeline.Later(until, s.To)
		}
	}
	return until
}

// Earlier returns the time so many days before t at which clocks show what they show at t.
func (h Hours) Earlier(t time.Time, days int) time.Time {
	l := t.In(h.Zone())
	return time.Date(l.Year(), l.Month(), l.Day()-days, l.Hour(), l.Minute(), l.Second(), 0, h.Zone())
}

// shifts reports whether clocks in the business's own zone may change although they do
// not in this one: UTC stands for a zone that nobody chose.
func (h Hours) shifts() bool { return h.Zone().String() == DefaultTimeZone }

// maxQuietDays bounds how many days of quiet hours are looked at.
const maxQuietDays = 400

// spans returns the quiet times that touch the time between two others, in their order;
// those that touch each other are one.
func (h Hours) spans(from, to time.Time) []Span {
	if len(h.quiet) == 0 {
		return nil
	}
	var list []Span
	first, last := from.In(h.Zone()), to.In(h.Zone())
	day := time.Date(first.Year(), first.Month(), first.Day(), 12, 0, 0, 0, h.Zone())
	for n := 0; n < maxQuietDays && !day.After(last.AddDate(0, 0, 1)); n++ {
		for _, rule := range h.quiet {
			if rule.on(day) {
				list = append(list, Span{h.at(day, rule.begin), h.at(day, rule.end)})
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	slices.SortFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	var joined []Span
	for _, s := range list {
		if n := len(joined); n > 0 && !s.From.After(joined[n-1].To) {
			joined[n-1].To = pipeline.Later(joined[n-1].To, s.To)
		} else {
			joined = append(joined, s)
		}
	}
	return slices.DeleteFunc(joined, func(s Span) bool { return s.To.Before(from) || s.From.After(to) })
}

// at is the time of a day at which clocks show so many minutes since midnight.
func (h Hours) at(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, h.Zone())
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseQuiet reads quiet hours.
func parseQuiet(where, text string) ([]quietRule, error) {
	refused := func(entry string) error {
		return apperr.New(apperr.Invalid, where, fmt.Sprintf("has %q", entry), "set "+QuietHoursAllowed)
	}
	if len(text) > maxQuietHours {
		return nil, refused(text[:20] + "…")
	}
	var rules []quietRule
	for entry := range strings.SplitSeq(text, ",") {
		fields := strings.Fields(entry)
		if len(fields) == 0 {
			continue
		}
		rule := quietRule{on: func(time.Time) bool { return true }, end: 24 * 60}
		rest := fields
		if on, ok := parseDays(fields[0]); ok {
			rule.on, rest = on, fields[1:]
		}
		ok := len(rest) == 0
		if len(rest) == 1 {
			rule.begin, rule.end, ok = parseTimes(rest[0])
		}
		if !ok {
			return nil, refused(strings.TrimSpace(entry))
		}
		if rule.end > rule.begin {
			rules = append(rules, rule)
		} else { // what is left of the day, and its begin
			rules = append(rules, quietRule{rule.on, rule.begin, 24 * 60}, quietRule{rule.on, 0, rule.end})
		}
	}
	return rules, nil
}

// parseDays reads weekdays, a date, a range of dates, or a date of each year.
func parseDays(text string) (on func(day time.Time) bool, ok bool) {
	if first, last := cutRange(text, ".."); isDate(first) && isDate(last) {
		return func(day time.Time) bool {
			date := day.Format(time.DateOnly)
			return first <= date && date <= last
		}, first <= last
	}
	if isDate("2000-" + text) { // of each year, and 2000 is a leap year
		return func(day time.Time) bool { return day.Format("01-02") == text }, true
	}
	first, last := cutRange(strings.ToLower(text), "-")
	from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
	return func(day time.Time) bool {
		return (int(day.Weekday())-from+7)%7 <= (to-from+7)%7
	}, from >= 0 && to >= 0
}

// cutRange returns both ends of a range, which are the same where there is no separator.
func cutRange(text, sep string) (first, last string) {
	first, last, found := strings.Cut(text, sep)
	if !found {
		last = first
	}
	return first, last
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

var timesOfDay = regexp.MustCompile(`^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$`)

// parseTimes reads two times of a day.
func parseTimes(text string) (begin, end int, ok bool) {
	parts := timesOfDay.FindStringSubmatch(text)
	if parts == nil {
		return 0, 0, false
	}
	minutes := func(hours, minutes string) int {
		h, _ := strconv.Atoi(hours) // two digits each
		m, _ := strconv.Atoi(minutes)
		return 60*h + m
	}
	begin, end = minutes(parts[1], parts[2]), minutes(parts[3], parts[4])
	return begin, end, begin < 24*60 && end <= 24*60 && begin != end
}
