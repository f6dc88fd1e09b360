package incident

import "time"

// Recurrence is a failure as seen from an incident that may be closed.
type Recurrence struct {
	Cause Cause
	// Member reports whether the failure is recorded in the incident already.
	Member bool
	// Seen is when the failure was handled, or now.
	Seen time.Time
}

// Reopens reports whether a failure reopens a closed incident. These are all cases:
//
//   - A failure that belongs to no incident yet reopens one of the same class, whose
//     target must not be another, for the time Reopen after it was closed. Later, the
//     failure opens a new incident.
//   - A failure that was recorded while somebody closed the incident reopens it: it
//     was handled less than the time Quiet before the closing, so whoever closed the
//     incident did not know it.
//   - A failure that was recorded longer ago than that was known, and does not.
//
// An open incident is never reopened.
func (i Incident) Reopens(r Recurrence, t Timing) bool {
	switch {
	case i.Open():
		return false
	case r.Member:
		return r.Seen.After(i.ClosedAt.Add(-t.Quiet))
	}
	return r.Seen.Sub(i.ClosedAt) <= t.Reopen && i.Class == r.Cause.Class && i.Cause().Fits(r.Cause) > Apart
}

// FailedAfterClose reports whether a failure, of a pipeline that belongs to i, began
// after i was closed: then it is a new failure, and not one that an event repeats.
func (i Incident) FailedAfterClose(began time.Time) bool {
	return !i.Open() && began.After(i.ClosedAt)
}

// reopened returns i as it is once a failure at a time has reopened it.
func (i Incident) reopened(failed time.Time) Incident {
	i.ClosedAt, i.Reopened = time.Time{}, i.Reopened+1
	if failed.After(i.ActiveAt) {
		i.ActiveAt = failed
	}
	return i
}
