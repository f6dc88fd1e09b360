package incident

import "time"

// Verdict says what a failure does to the incidents of its group.
type Verdict int

// The verdicts.
const (
	Opens   Verdict = iota // a new incident
	Joins                  // one that is open
	Reopens                // one that was over
)

// Fit says how well the cause of a failure fits an incident.
type Fit int

// The fits, from the worst to the best.
const (
	// Apart: the two need different remedies, as far as is known.
	Apart Fit = iota
	// Unsure: one of the two causes is not known, and may be the other.
	Unsure
	// Alike: the class is the same, and what to repair is known of one at most.
	Alike
	// Exact: class and target are the same.
	Exact
)

// Fits returns how well two causes fit together. It is symmetric.
func (c Cause) Fits(other Cause) Fit {
	switch {
	case c == other:
		return Exact
	case c.Class == other.Class && (c.Target == "" || other.Target == ""):
		return Alike
	case c.Class == other.Class:
		return Apart
	case c.Class == Unknown || other.Class == Unknown:
		return Unsure
	}
	return Apart
}

// Learns reports whether a failure's cause says more than an incident's: the class
// of an unknown cause, or what has to be repaired.
func (c Cause) Learns(from Cause) bool {
	return c.Class == Unknown && from.Class != Unknown || c.Class == from.Class && c.Target == "" && from.Target != ""
}

// Choose returns the incident that a failure of this cause belongs to, of those of
// its group, which are given with the newest first. It joins the open one that fits
// best, the newest of several: one of the same class and target; one of the same
// class where the target of either is not known; or one where either cause is not
// known, as it may be the other. Two known targets of one class, and two known
// classes, need two remedies and are two incidents. What is over is reopened only
// by a failure of the same class, whose target must not be another. With Opens the
// incident is zero.
func Choose(known []Incident, cause Cause, now time.Time, t Timing) (Incident, Verdict) {
	joins := func(i Incident) Fit {
		if !i.Open() {
			return Apart
		}
		return i.Cause().Fits(cause)
	}
	if i, fit := best(known, joins); fit > Apart {
		return i, Joins
	}
	reopens := func(i Incident) Fit {
		if i.Open() || now.Sub(i.ClosedAt) > t.Reopen || i.Class != cause.Class {
			return Apart
		}
		return i.Cause().Fits(cause)
	}
	if i, fit := best(known, reopens); fit > Apart {
		return i, Reopens
	}
	return Incident{}, Opens
}

// best returns the first of the incidents that fit best.
func best(known []Incident, fits func(Incident) Fit) (found Incident, fit Fit) {
	for _, i := range known {
		if f := fits(i); f > fit {
			found, fit = i, f
		}
	}
	return found, fit
}
