package incident

import (
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Next returns what has to be done about an incident now. lastSeen is when its
// newest failure was handled. This is the policy:
//
//   - The opening, each reopening and the end are notified at once, once.
//   - While an incident is open, a loss that makes it graver than people know is
//     notified at once, once for each severity. See AtOnce.
//   - A reason of a cause that people do not know of yet is notified at once, once
//     for each cause, since it needs another remedy. See UrgentReason. Only few causes
//     can be in one incident (see Choose), so that this stays a handful of
//     messages, however many texts come.
//   - All other reasons wait for the next summary, and so do calls. A summary comes
//     at most once a window. It is sent when calls have failed, or reasons were
//     added, since the last message.
//   - Every message lists all reasons that are kept, and marks those that no earlier
//     message had. So each is new in one message, at the latest in that of the end.
//
// Two of them are for the caller to check against what only it can find out: that there
// is something to sum up; and, of the Closing of an open incident, which it closes first,
// that calls have succeeded since the last failure.
func Next(i Incident, lastSeen, now time.Time, t Timing) UpdateKind {
	if kind := AtOnce(i); kind != Nothing {
		return kind
	}
	switch {
	case !i.Open() && i.Announced.Closings > i.Reopened:
		return Nothing
	case !i.Open(), now.Sub(lastSeen) >= t.Quiet:
		return Closing
	case now.Sub(i.Announced.At) >= t.Window:
		return Summary
	}
	return Nothing
}

// openingAnnounced reports whether people know of the last opening or reopening.
func (i Incident) openingAnnounced() bool { return i.Announced.Openings > i.Reopened }

// AtOnce returns which update about an open incident must not wait for a summary, if any
// is due.
func AtOnce(i Incident) UpdateKind {
	switch {
	case !i.Open():
		return Nothing
	case !i.openingAnnounced() && i.Reopened > 0:
		return Reopening
	case !i.openingAnnounced():
		return Opening
	case i.Announced.Severity != "" && i.Severity().WorseThan(i.Announced.Severity):
		return GraverLoss
	case i.UrgentReason().ID != "":
		return NewReason
	}
	return Nothing
}

// UrgentReason returns the reason whose cause people have to know of at once: none of
// the reasons that they know has its class and, where it has one, its target. It is the
// zero Reason where there is none. A reason without words and class says nothing that
// people could act on, and is never one.
func (i Incident) UrgentReason() Reason {
	for _, r := range i.Unannounced() {
		known := func(a Reason) bool {
			return i.Announced.Has(a) && a.Class == r.Class && (r.Target == "" || a.Target == r.Target)
		}
		if !slices.ContainsFunc(i.Reasons, known) {
			return r
		}
	}
	return Reason{}
}

// Unannounced returns the reasons that no message has listed and that say something:
// they have words or a class.
func (i Incident) Unannounced() []Reason {
	return slices.DeleteFunc(slices.Clone(i.Reasons), func(r Reason) bool {
		return i.Announced.Has(r) || r.Text == "" && r.Class == Unknown
	})
}

// Announced is what notifications have said of an incident.
type Announced struct {
	// At is when the opening or the last summary was sent, zero while none was.
	At time.Time
	// Calls is how many calls they know of by then, LastCalls how many of these
	// came in the window that the last summary was about.
	Calls, LastCalls int
	// Openings counts the openings and reopenings that were sent, Additions the messages
	// about graver losses and new reasons, Summaries and Closings the others.
	Openings, Additions, Summaries, Closings int
	// Severity is the gravest that a message had; empty while none was sent.
	Severity Severity
	// Reasons are the ids of the reasons that messages have listed, sorted.
	Reasons []string
}

// Has reports whether a notification has listed a reason.
func (a Announced) Has(r Reason) bool { return slices.Contains(a.Reasons, r.ID) }

// announcedBy returns what notifications have said once one of a kind was sent. What was
// sent may be older than what is stored, and than what was to be sent now.
func (i Incident) announcedBy(sent Sent, kind UpdateKind) Announced {
	a := i.Announced
	if sent.Severity.WorseThan(a.Severity) {
		a.Severity = sent.Severity
	}
	a.Reasons = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Reasons, sent.Reasons))))
	switch kind {
	case GraverLoss, NewReason:
		a.Additions++ // the next summary still counts from the last one
		return a
	case Opening, Reopening:
		a.Openings = i.Reopened + 1
	case Summary:
		a.Summaries++
	case Closing:
		a.Closings = i.Reopened + 1
	}
	a.At = pipeline.Later(a.At, sent.At)
	a.LastCalls = max(0, sent.Calls-a.Calls)
	a.Calls += a.LastCalls
	return a
}
