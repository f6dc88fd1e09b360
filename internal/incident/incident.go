package incident

import "time"

// Incident is one cause that makes calls fail, from its first failure until
// calls have succeeded for a while.
type Incident struct {
	// ID is the group's id, a dot, and the number of the incident in its group.
	ID string
	Group
	// Class and Target are those of the cause. They become better known when a later
	// failure says more: see Cause.RefinedBy. Nothing makes them less known.
	Class  Class
	Target string
	// Reason is the raw text of the failure that Class and Target come from.
	Reason string
	// Reasons are the distinct reasons of its failures, at most MaxReasons and
	// MaxCauses of them, sorted by ID.
	Reasons []Reason
	// Losses is what its failures cost, the gravest first; empty where it may be
	// anything. See UnionOfLosses.
	Losses []Loss
	// OpenedAt is when the first failure happened, Seen when it was handled.
	OpenedAt, Seen time.Time
	// ClosedAt is when the incident was found to be over; zero while it is open.
	ClosedAt time.Time
	// Reopened counts how often the cause came back after it was over.
	Reopened int
	// ActiveAt is when something last happened to it, as far as is recorded: it opened, a
	// call failed, it closed or reopened. Of an open one it is up to some minutes old.
	ActiveAt  time.Time
	Announced Announced
	// FirstReasonOnly reports whether it was stored by a version that kept no reason but
	// the first.
	FirstReasonOnly bool
}

// Cause returns what its failures have in common, as far as that is known.
func (i Incident) Cause() Cause { return Cause{Class: i.Class, Target: i.Target} }

// Severity returns how grave it is, by all that its failures cost.
func (i Incident) Severity() Severity { return i.Cause().Severity(i.Losses) }

// Open reports whether the incident is going on.
func (i Incident) Open() bool { return i.ClosedAt.IsZero() }

// Occurrence is one call that failed of an incident's cause. A pipeline has one
// in an incident; another only where it failed again after the incident's end.
type Occurrence struct {
	// PipelineID is the id of the pipeline's state; empty for a call that was
	// erased, of which only the times are left.
	PipelineID string
	CallID     string
	// At is the time of the first event of the failure, Seen when it was handled.
	At, Seen time.Time
	// Reasons are the ids of the reasons of its events, sorted; empty where
	// it was counted by a version that did not keep them.
	Reasons []string
}

// Timing is how the deployer wants incidents notified.
type Timing struct {
	Window time.Duration // the least time between two notifications about an open incident
	Quiet  time.Duration // how long no failure must have come for an incident to be over
	Reopen time.Duration // how long after its end a cause reopens an incident, and opens no new one
}

// DefaultTiming suits calls of a few minutes.
var DefaultTiming = Timing{Window: 15 * time.Minute, Quiet: 15 * time.Minute, Reopen: 2 * time.Hour}
