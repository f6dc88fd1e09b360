package incident

import (
	"slices"
	"time"
)

// Step is what has to be done about an incident.
type Step string

// The steps. TellOpening is also for a reopening.
const (
	Nothing     Step = ""
	TellOpening Step = "opening"
	TellGraver  Step = "graver-loss"
	TellReason  Step = "new-reason"
	TellSummary Step = "summary"
	Close       Step = "close"
	TellClosing Step = "closing"
)

// Next returns what has to be done about an incident now. lastSeen is when its
// newest failure was handled. This is the policy:
//
//   - The opening, each reopening and the end are notified at once, once.
//   - While an incident is open, a loss that makes it graver than people know is
//     notified at once, once for each severity. See AtOnce.
//   - A reason of a cause that people do not know of yet is notified at once, once
//     for each cause, since it needs another remedy. See Another. Only few causes
//     can be in one incident (see Choose), so that this stays a handful of
//     messages, however many texts come.
//   - All other reasons wait for the next summary, and so do calls. A summary comes
//     at most once a window. It is sent when calls have failed, or reasons were
//     given, since the last message.
//   - Every message lists all reasons that are kept, and marks those that no earlier
//     message had. So each is new in one message, at the latest in that of the end.
//
// TellSummary and Close are for the caller to check against what only it can find
// out: that there is something to sum up, and that calls have succeeded since the
// last failure.
func Next(i Incident, lastSeen, now time.Time, t Timing) Step {
	if step := AtOnce(i); step != Nothing {
		return step
	}
	switch {
	case !i.Open():
		if i.Told.Closings <= i.Reopened {
			return TellClosing
		}
	case now.Sub(lastSeen) >= t.Quiet:
		return Close
	case now.Sub(i.Told.At) >= t.Window:
		return TellSummary
	}
	return Nothing
}

// AtOnce returns what must be notified about an open incident without waiting for
// a summary: Nothing, TellOpening, TellGraver or TellReason.
func AtOnce(i Incident) Step {
	if !i.Open() {
		return Nothing
	}
	if i.Told.Openings <= i.Reopened {
		return TellOpening
	}
	if i.Told.Severity != "" && i.Severity().Graver(i.Told.Severity) {
		return TellGraver
	}
	if _, another := i.Another(); another {
		return TellReason
	}
	return Nothing
}

// Another returns the reason whose cause people have to know of at once: none of
// the reasons that they know has its class and, where it has one, its target. A
// reason without words and class says nothing that people could act on, and is
// never one.
func (i Incident) Another() (Reason, bool) {
	for _, r := range i.Untold() {
		known := func(told Reason) bool {
			return i.Told.Knows(told) && told.Class == r.Class && (r.Target == "" || told.Target == r.Target)
		}
		if !slices.ContainsFunc(i.Reasons, known) {
			return r, true
		}
	}
	return Reason{}, false
}

// Untold returns the reasons that no message has listed and that say something:
// they have words or a class.
func (i Incident) Untold() []Reason {
	var list []Reason
	for _, r := range i.Reasons {
		if !i.Told.Knows(r) && (r.Text != "" || r.Class != Unknown) {
			list = append(list, r)
		}
	}
	return list
}

// Told is what people were told about an incident.
type Told struct {
	// At is when the opening or the last summary was sent, zero while none was.
	At time.Time
	// Calls is how many calls they know of by then, LastCalls how many of these
	// came in the window that the last summary was about.
	Calls, LastCalls int
	// Openings counts the openings and reopenings that were sent, News the messages
	// about graver losses and other reasons, Summaries and Closings the others.
	Openings, News, Summaries, Closings int
	// Severity is the gravest that a message had; empty while none was sent.
	Severity Severity
	// Reasons are the ids of the reasons that messages have listed, sorted.
	Reasons []string
}

// Knows reports whether a message has listed a reason.
func (t Told) Knows(r Reason) bool { return slices.Contains(t.Reasons, r.ID) }

// Learn adds what a message said: its severity, and the ids of the reasons that it
// listed.
func (t Told) Learn(severity Severity, reasons []string) Told {
	if severity.Graver(t.Severity) {
		t.Severity = severity
	}
	t.Reasons = slices.Concat(t.Reasons, reasons)
	slices.Sort(t.Reasons)
	t.Reasons = slices.Compact(t.Reasons)
	return t
}
