package pipeline

import "time"

// Skew is how far the clock of whoever sends an event may be ahead of ours.
const Skew = 5 * time.Minute

// InFuture reports whether a time that an event has cannot be true now: it is further
// ahead than a clock may be. PutEvents accepts any time, also one of years ahead. Such
// an event is kept, merged and shown like any other, as which of two events is the
// greater must not depend on when they come. But nothing is decided by it: see
// State.InFuture.
func InFuture(t, now time.Time) bool { return t.After(now.Add(Skew)) }

// Believed returns when what an event tells happened, as far as it can be true now:
// its time, or now where that is in the future.
func Believed(t, now time.Time) time.Time {
	if InFuture(t, now) {
		return now
	}
	return t
}

// InFuture reports whether some event in the state is in the future. Whether the
// pipeline runs, has failed or has ended then cannot be told from the state, but from
// the events that are not in the future: see KnownAt.
func (s State) InFuture(now time.Time) bool { return InFuture(s.UpdatedAt(), now) }

// KnownAt returns the order that is greater than that of every event that is not in
// the future. The state that the events below it make is what is known now.
func KnownAt(now time.Time) Order {
	return Order(appendPadded(nil, now.Add(Skew).UnixMicro()+1, timeDigits))
}
