package incident

import (
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Reopens reports whether a failure of a cause that is handled now, and belongs to no
// incident yet, reopens a closed one: one of the same class, whose target must not be
// another, for the time Reopen after it was closed. Later, the failure opens a new
// incident.
func (i Incident) Reopens(c Cause, now time.Time, t Timing) bool {
	return !i.Open() && now.Sub(i.ClosedAt) <= t.Reopen && i.Cause().Fits(c) >= Alike
}

// ClosedWithout reports whether i was closed by somebody who did not know a failure of
// it, which reopens it then: one that was handled at a time less than Quiet before the
// closing. One that was handled earlier was known.
func (i Incident) ClosedWithout(seen time.Time, t Timing) bool {
	return !i.Open() && seen.After(i.ClosedAt.Add(-t.Quiet))
}

// FailedAfterClose reports whether a failure, of a pipeline that belongs to i, began
// after i was closed: then it is a new failure, and not one that an event repeats.
func (i Incident) FailedAfterClose(began time.Time) bool {
	return !i.Open() && began.After(i.ClosedAt)
}

// reopened returns i as it is once a failure at a time has reopened it.
func (i Incident) reopened(failed time.Time) Incident {
	i.ClosedAt, i.Reopened, i.ActiveAt = time.Time{}, i.Reopened+1, pipeline.Later(i.ActiveAt, failed)
	return i
}
