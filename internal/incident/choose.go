package incident

import "time"

// Decision is what a failure does to the incidents of its group.
type Decision int

// The decisions.
const (
	Opens   Decision = iota // opens a new incident
	Joins                   // joins an open one
	Reopens                 // reopens a closed one
)

// Fit says how well the cause of a failure fits an incident.
type Fit int

// The fits, from the worst to the best.
const (
	Apart  Fit = iota // the two need different remedies, as far as is known
	Unsure            // one of the two causes is not known, and may be the other
	Alike             // the class is the same, and what to repair is known of one at most
	Exact             // class and target are the same
)

// Fits returns how well two causes fit together. It is symmetric.
func (c Cause) Fits(other Cause) Fit {
	switch {
	case c == other:
		return Exact
	case c.Class == other.Class && (c.Target == "" || other.Target == ""):
		return Alike
	case c.Class != other.Class && (c.Class == Unknown || other.Class == Unknown):
		return Unsure
	}
	return Apart
}

// RefinedBy reports whether a failure's cause says more than c, an incident's: the
// class of an unknown cause, or what has to be repaired.
func (c Cause) RefinedBy(f Cause) bool {
	return c.Class == Unknown && f.Class != Unknown || c.Class == f.Class && c.Target == "" && f.Target != ""
}

// Choose returns the incident that a failure of this cause belongs to, of those of its
// group, newest first. It joins the open one that fits best, the newest of several: one
// of the same class and target; one of the same class where the target of either is not
// known; or one where either cause is not known, as it may be the other. Two known
// targets of one class, and two known classes, need two remedies and are two incidents.
// Otherwise the failure reopens a closed one (see Incident.Reopens), or opens a new one;
// the returned incident is zero then.
func Choose(group []Incident, cause Cause, now time.Time, t Timing) (Incident, Decision) {
	if i, fit := best(group, cause, Incident.Open); fit > Apart {
		return i, Joins
	}
	reopens := func(i Incident) bool { return i.Reopens(cause, now, t) }
	if i, fit := best(group, cause, reopens); fit > Apart {
		return i, Reopens
	}
	return Incident{}, Opens
}

// best returns the first of the eligible incidents whose cause fits best.
func best(group []Incident, cause Cause, eligible func(Incident) bool) (found Incident, fit Fit) {
	for _, i := range group {
		if f := i.Cause().Fits(cause); f > fit && eligible(i) {
			found, fit = i, f
		}
	}
	return found, fit
}
