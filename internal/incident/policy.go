package incident

import (
	"slices"
	"time"
)

// Step is what has to be done about an incident.
type Step string

// The steps. NotifyOpening is also for a reopening.
const (
	Nothing          Step = ""
	NotifyOpening    Step = "opening"
	NotifyGraverLoss Step = "graver-loss"
	NotifyReason     Step = "new-reason"
	NotifySummary    Step = "summary"
	Close            Step = "close"
	NotifyClosing    Step = "closing"
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
// NotifySummary and Close are for the caller to check against what only it can find
// out: that there is something to sum up, and that calls have succeeded since the
// last failure.
func Next(i Incident, lastSeen, now time.Time, t Timing) Step {
	if step := AtOnce(i); step != Nothing {
		return step
	}
	switch {
	case !i.Open():
		if !i.closingAnnounced() {
			return NotifyClosing
		}
	case now.Sub(lastSeen) >= t.Quiet:
		return Close
	case now.Sub(i.Announced.At) >= t.Window:
		return NotifySummary
	}
	return Nothing
}

// openingAnnounced and closingAnnounced report whether people know of the last opening
// or reopening, and of the closing after it.
func (i Incident) openingAnnounced() bool { return i.Announced.Openings > i.Reopened }
func (i Incident) closingAnnounced() bool { return i.Announced.Closings > i.Reopened }

// AtOnce returns what must be notified about an open incident without waiting for
// a summary: Nothing, NotifyOpening, NotifyGraverLoss or NotifyReason.
func AtOnce(i Incident) Step {
	if !i.Open() {
		return Nothing
	}
	if !i.openingAnnounced() {
		return NotifyOpening
	}
	if i.Announced.Severity != "" && i.Severity().WorseThan(i.Announced.Severity) {
		return NotifyGraverLoss
	}
	if _, urgent := i.UrgentReason(); urgent {
		return NotifyReason
	}
	return Nothing
}

// Another returns the reason whose cause people have to know of at once: none of
// the reasons that they know has its class and, where it has one, its target. A
// reason without words and class says nothing that people could act on, and is
// never one.
func (i Incident) UrgentReason() (Reason, bool) {
	for _, r := range i.Unannounced() {
		known := func(a Reason) bool {
			return i.Announced.Has(a) && a.Class == r.Class && (r.Target == "" || a.Target == r.Target)
		}
		if !slices.ContainsFunc(i.Reasons, known) {
			return r, true
		}
	}
	return Reason{}, false
}

// Unannounced returns the reasons that no message has listed and that say something:
// they have words or a class.
func (i Incident) Unannounced() []Reason {
	var list []Reason
	for _, r := range i.Reasons {
		if !i.Announced.Has(r) && (r.Text != "" || r.Class != Unknown) {
			list = append(list, r)
		}
	}
	return list
}

// Announced is what notifications have said of an incident.
type Announced struct {
	// At is when the opening or the last summary was sent, zero while none was.
	At time.Time
	// Calls is how many calls they know of by then, LastCalls how many of these
	// came in the window that the last summary was about.
	Calls, LastCalls int
	// Openings counts the openings and reopenings that were sent, News the messages
	// about graver losses and other reasons, Summaries and Closings the others.
	Openings, Additions, Summaries, Closings int
	// Severity is the gravest that a message had; empty while none was sent.
	Severity Severity
	// Reasons are the ids of the reasons that messages have listed, sorted.
	Reasons []string
}

// Has reports whether a notification has listed a reason.
func (a Announced) Has(r Reason) bool { return slices.Contains(a.Reasons, r.ID) }

// announcedBy returns what notifications have said once one of a step was sent. What
// was sent may be older than what is stored, and than what was to be sent now.
func (i Incident) announcedBy(sent Sent, step Step) Announced {
	a := i.Announced
	if sent.Severity.WorseThan(a.Severity) {
		a.Severity = sent.Severity
	}
	a.Reasons = slices.Concat(a.Reasons, sent.Reasons)
	slices.Sort(a.Reasons)
	a.Reasons = slices.Compact(a.Reasons)
	switch step {
	case NotifyGraverLoss, NotifyReason:
		a.Additions++ // the next summary still counts from the last one
		return a
	case NotifyOpening:
		a.Openings = i.Reopened + 1
	case NotifySummary:
		a.Summaries++
	case NotifyClosing:
		a.Closings = i.Reopened + 1
	}
	if sent.At.After(a.At) {
		a.At = sent.At
	}
	before := a.Calls
	a.Calls = max(before, sent.Calls)
	a.LastCalls = a.Calls - before
	return a
}

// update returns the kind of the notification of a step.
func (s Step) update(i Incident) UpdateKind {
	if s == NotifyOpening && i.Reopened > 0 {
		return Reopening
	}
	return UpdateKind(s) // both have the same names
}
