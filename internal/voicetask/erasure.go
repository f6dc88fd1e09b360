package voicetask

import (
	"slices"
	"time"
)

// Running returns the tasks that were started, and neither stopped nor ended with their call.
// Without the ledger nobody would stop them when consent ends.
func (l Ledger) Running(now time.Time) []Standing {
	if slices.ContainsFunc(l, func(e Entry) bool { return e.Kind == Ended }) {
		return nil
	}
	running := []State{StateStarting, StateStarted, StateStopping, StateUnresolved}
	return slices.DeleteFunc(l.Standings(now), func(s Standing) bool { return !slices.Contains(running, s.State) })
}

// Harmless returns what takes the place of an entry before anything of its ledger is erased, and
// whether that differs. A ledger must not say more, half erased, than it said whole: a grant
// without the revocation that came after it would start a task. So each grant is made a
// revocation, and each readiness an end; they still name what they named.
func (e Entry) Harmless() (Entry, bool) {
	switch e.Kind {
	case Granted:
		e.Kind, e.Until = Withdrawn, time.Time{}
	case Ready:
		e.Kind = Ended
	default:
		return e, false
	}
	return e, true
}
