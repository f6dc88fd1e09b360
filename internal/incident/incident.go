package incident

import "time"

// Incident is one cause that makes calls fail, from its first failure until
// calls have succeeded for a while.
type Incident struct {
	// ID is the group's id, a dot, and the number of the incident in its group.
	ID string
	Group
	// Class is that of the cause; Unknown becomes another when a later failure
	// tells more.
	Class Class
	// Reason is the raw text that the first failure gave.
	Reason string
	// Losses is what the first failure cost, the gravest first.
	Losses []Loss
	// OpenedAt is when the first failure happened, Seen when it was handled.
	OpenedAt, Seen time.Time
	// ClosedAt is when the incident was found to be over; zero while it is open.
	ClosedAt time.Time
	// Reopened counts how often the cause came back after it was over.
	Reopened int
	Told     Told
}

// Open tells whether the incident is going on.
func (i Incident) Open() bool { return i.ClosedAt.IsZero() }

// Told is what people were told about an incident.
type Told struct {
	// At is when they were last told something, zero while nothing.
	At time.Time
	// Calls is how many calls they know of, LastCalls how many of these came in
	// the window that the last summary was about.
	Calls, LastCalls int
	// Openings counts the opening and the reopenings told, Summaries and
	// Closings the others.
	Openings, Summaries, Closings int
}

// Occurrence is one call that failed of an incident's cause. A pipeline has one
// in an incident; another only where it failed again after the incident's end.
type Occurrence struct {
	// PipelineID is the id of the pipeline's state; empty for a call that was
	// erased, of which only the times are left.
	PipelineID string
	CallID     string
	// At is the time of the event that told first, Seen when it was handled.
	At, Seen time.Time
}

// Timing says when to speak.
type Timing struct {
	// Window is the least time between two notifications about an open incident.
	Window time.Duration
	// Quiet is how long no failure must have come for an incident to be over.
	Quiet time.Duration
	// Reopen is how long after its end a cause that comes back reopens an
	// incident; afterwards it opens a new one.
	Reopen time.Duration
}

// DefaultTiming suits calls of a few minutes.
var DefaultTiming = Timing{Window: 15 * time.Minute, Quiet: 15 * time.Minute, Reopen: 2 * time.Hour}

// Verdict says what a failure does to the incidents of its group.
type Verdict int

// The verdicts.
const (
	Opens   Verdict = iota // a new incident
	Joins                  // one that is open
	Reopens                // one that was over
)

// Choose finds, among the incidents of a failure's group, newest first, the one
// that a failure of the class belongs to. A cause that is not known may be any
// that is: the failure joins what is open, and one of a known cause joins what
// was opened for an unknown one. With Opens the incident is zero.
func Choose(known []Incident, class Class, now time.Time, t Timing) (Incident, Verdict) {
	for _, fits := range []func(Incident) bool{
		func(i Incident) bool { return i.Class == class },
		func(i Incident) bool { return i.Class == Unknown || class == Unknown },
	} {
		for _, i := range known {
			if i.Open() && fits(i) {
				return i, Joins
			}
		}
	}
	for _, i := range known {
		if i.Class == class && !i.Open() && now.Sub(i.ClosedAt) <= t.Reopen {
			return i, Reopens
		}
	}
	return Incident{}, Opens
}

// Overlooked tells whether a failure that joined a closed incident was not
// known to whoever closed it: otherwise it would not have been quiet.
func Overlooked(i Incident, o Occurrence, t Timing) bool {
	return !i.Open() && o.Seen.After(i.ClosedAt.Add(-t.Quiet))
}

// Anew tells whether a failure, of a pipeline that has joined an incident, came
// after that incident's end: then it is no reminder of what is told and over.
func Anew(i Incident, began time.Time) bool {
	return !i.Open() && began.After(i.ClosedAt)
}

// Step is what an incident owes.
type Step string

// The steps. TellOpening tells a reopening, too.
const (
	Nothing     Step = ""
	TellOpening Step = "opening"
	TellSummary Step = "summary"
	Close       Step = "close"
	TellClosing Step = "closing"
)

// Next says what an incident owes now. lastSeen is when its newest failure was
// handled. TellSummary and Close are for the caller to hold against what only
// it can find out: that calls have failed since the last notification, and that
// calls have succeeded since the last failure.
func Next(i Incident, lastSeen, now time.Time, t Timing) Step {
	switch {
	case !i.Open():
		if i.Told.Closings <= i.Reopened {
			return TellClosing
		}
	case i.Told.Openings <= i.Reopened:
		return TellOpening
	case now.Sub(lastSeen) >= t.Quiet:
		return Close
	case now.Sub(i.Told.At) >= t.Window:
		return TellSummary
	}
	return Nothing
}

// Tally counts an incident's calls.
type Tally struct {
	// Calls is how many pipelines failed, exactly.
	Calls int
	// LastAt is the time of the newest failure.
	LastAt time.Time
	// Examples are the first of them that were not erased.
	Examples []Occurrence
}

// Trend compares two windows.
type Trend string

// The trends.
const (
	Growing Trend = "growing"
	Steady  Trend = "steady"
	Slowing Trend = "slowing"
)

// TrendOf compares the calls that failed since the last notification with those
// of the window before. After the opening there is no window before: every
// further call is growth.
func TrendOf(told Told, calls int) Trend {
	fresh := calls - told.Calls
	before := told.LastCalls
	if told.Summaries == 0 {
		before = told.Calls
	}
	switch {
	case fresh > before:
		return Growing
	case fresh < before:
		return Slowing
	}
	return Steady
}
