package watchdog

import "time"

// Silence is the question whether it is a fault that no event has come since a time.
//
// The answer is yes where calls should have come by now: where on the same day of
// earlier weeks, at the same time by the clocks, calls came all the while, and before
// and after. So it is no at the start of business, at its end, in a break, or at a
// weekend, as earlier weeks had that, too; and no where calls are so few that there is
// none in an hour now and then.
type Silence struct {
	// Last is when the last event happened, Now the present.
	Last, Now time.Time
	// Heartbeat is how long there may be no event.
	Heartbeat time.Duration
	Hours     Hours
}

// Verdict is the answer.
type Verdict struct {
	// Page reports whether people have to be notified.
	Page bool
	// Compared are the times at which calls came on earlier days, the newest first: as
	// clocks show them, from From to To. Weekly is set where these are the same day of
	// earlier weeks.
	Compared []Span
	Weekly   bool
}

// CallsBegan reports whether at least so many calls of ours began within a span. A zero
// From means no bound.
type CallsBegan func(s Span, atLeast int) (bool, error)

// The rule in numbers.
const (
	// weeks is how many weeks are looked back, days how many days while the calls that
	// are known are younger than a week.
	weeks, days = 4, 6
	// perHalf is how many calls have to have come in each half of the time for which
	// there was no event now. With ten calls in that time on average, and with these
	// coming at random, there is none by chance once in 22,000 times.
	perHalf = 5
	// perHalfAlone is that where there is only one earlier day to compare with.
	perHalfAlone = 12
	// start is how long after quiet hours the first call may come.
	start = time.Hour
)

// scales are the multiples of Heartbeat that are tried: where calls are few, their
// absence means something only later.
var scales = []time.Duration{1, 4, 16}

// Judge answers the question. It asks as little as it needs: nothing while there is no
// silence, two or four times a scale where earlier days do not object either, and at
// most about a hundred times when they do. The error is that of began.
func (s Silence) Judge(began CallsBegan) (Verdict, error) {
	busy := s.Hours.Busy(s.Last, s.Now)
	quietUntil := s.Hours.QuietUntil(s.Last, s.Now)
	hasJustOpened := quietUntil.After(s.Last) && s.Now.Sub(quietUntil) < min(s.Heartbeat, start)
	if s.Heartbeat <= 0 || s.Hours.Quiet(s.Now) || hasJustOpened {
		return Verdict{}, nil
	}
	for _, scale := range scales {
		length := scale * s.Heartbeat
		if length > busy {
			break
		}
		if v, err := s.judge(length, began); err != nil || v.Page {
			return v, err
		}
	}
	return Verdict{}, nil
}

// judge compares the last length of time with earlier days.
func (s Silence) judge(length time.Duration, began CallsBegan) (v Verdict, err error) {
	v.Weekly = true
	misses := 0
	var alone comparison
	for week := 1; week <= weeks && misses < 2; week++ {
		day := s.compare(7*week, length)
		if !day.usable {
			continue
		}
		objects, err := day.objects(began, perHalf)
		if err != nil {
			return v, err
		}
		if objects {
			v.Compared, alone = append(v.Compared, day.span), day
			continue
		}
		known, err := began(Span{To: day.from}, 1)
		if err != nil {
			return v, err
		}
		if !known && misses == 0 && len(v.Compared) == 0 {
			return s.judgeYoung(length, began)
		}
		if !known {
			break
		}
		misses++
	}
	// One week of three or four may have been an exception; of two, it is not known which.
	v.Page = misses < 2 && len(v.Compared) > misses
	if v.Page && len(v.Compared) == 1 {
		v.Page, err = alone.objects(began, perHalfAlone)
	}
	return v, err
}

// judgeYoung compares with the last two days of the same kind, working days or those
// of the weekend, while calls are not known for a week.
func (s Silence) judgeYoung(length time.Duration, began CallsBegan) (v Verdict, err error) {
	for n := 1; n <= days && len(v.Compared) < 2; n++ {
		day := s.compare(n, length)
		if !day.usable || !s.sameKind(day) {
			continue
		}
		if objects, err := day.objects(began, perHalf); err != nil || !objects {
			return v, err
		}
		v.Compared = append(v.Compared, day.span)
	}
	v.Page = len(v.Compared) == 2
	return v, nil
}

// sameKind reports whether all that is looked at of an earlier day is of working days
// where it is now, and of the weekend where that is now.
func (s Silence) sameKind(day comparison) bool {
	weekend := func(t time.Time) bool {
		day := t.In(s.Hours.Zone()).Weekday()
		return day == time.Saturday || day == time.Sunday
	}
	offsets := []time.Duration{day.from.Sub(day.span.To), day.span.From.Sub(day.span.To), 0, day.to.Sub(day.span.To)}
	if s.Hours.shifts() { // the days of a zone that nobody chose begin up to 14 hours earlier, or 12 later
		offsets = append(offsets, -12*time.Hour, 14*time.Hour)
	}
	for _, offset := range offsets {
		if weekend(day.span.To.Add(offset)) != weekend(s.Now.Add(offset)) {
			return false
		}
	}
	return true
}

// comparison is what has to have been on an earlier day for it to object to a silence.
type comparison struct {
	span     Span      // the time that is compared
	from, to time.Time // all that is looked at
	slots    []slot
	usable   bool
}

// slot is a stretch of time in which at least one call has to have come, or, in half of
// the time that is compared, as many as Silence.judge wants.
type slot struct {
	Span
	half bool
}

// compare returns the comparison with the day so many days ago.
func (s Silence) compare(ago int, length time.Duration) comparison {
	then, half := s.Hours.Earlier(s.Now, ago), length/2
	c := comparison{span: Span{then.Add(-length), then}}
	var first, last time.Duration // after then
	add := func(from, to time.Duration, isHalf bool) {
		span := Span{then.Add(from), then.Add(to)}
		first, last = min(first, from), max(last, to)
		if s.Hours.Busy(span.From, span.To) >= (to-from)/2 { // in quiet hours no calls have to come
			c.slots = append(c.slots, slot{span, isHalf})
			c.usable = c.usable || isHalf
		}
	}
	add(-half, 0, true) // first, as it is the most likely to be missing
	add(0, half, false) // calls went on
	add(-length, -half, true)
	add(-length-half, -length, false) // and had begun before
	if s.Hours.shifts() {
		// Clocks may have changed since, by up to an hour either way.
		piece := max(half, 30*time.Minute)
		for at := time.Duration(0); at < time.Hour; at += piece {
			add(half+at, half+at+piece, false)
			add(-length-half-at-piece, -length-half-at, false)
		}
	}
	c.from, c.to = then.Add(first), then.Add(last)
	// A day within the silence itself says nothing, nor does one that was quiet.
	c.usable = c.usable && !c.to.After(s.Last) && !s.Hours.Quiet(then)
	return c
}

// objects reports whether calls came as they have to have.
func (c comparison) objects(began CallsBegan, perHalf int) (bool, error) {
	for _, slot := range c.slots {
		atLeast := 1
		if slot.half {
			atLeast = perHalf
		}
		if came, err := began(slot.Span, atLeast); err != nil || !came {
			return false, err
		}
	}
	return true, nil
}
