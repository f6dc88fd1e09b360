package pipeline

import "time"

// Skew is how far the clock of whoever sends an event may be ahead of ours.
const Skew = 5 * time.Minute

// InFuture reports whether a time of an event cannot be true now: it is further ahead than a
// clock may be. PutEvents accepts any time, also one of years ahead. Such an event is stored,
// merged and shown like any other, as the greater one of two events must not depend on when
// they come. But nothing is decided by it: see State.InFuture.
func InFuture(t, now time.Time) bool { return t.After(now.Add(Skew)) }

// Believed returns when an event happened as far as it can be true now: its time, or now where
// that is in the future.
func Believed(t, now time.Time) time.Time {
	if InFuture(t, now) {
		return now
	}
	return t
}

// InFuture reports whether some event in the state is in the future. Then the state does not
// show whether the pipeline runs, has failed or has ended, but the events that are not in the
// future do: see KnownAt.
func (s State) InFuture(now time.Time) bool { return InFuture(s.UpdatedAt(), now) }

// KnownAt returns the order that is greater than that of every event that is not in the
// future. The events below it make the state as it is known now.
func KnownAt(now time.Time) Order {
	return Order(appendPadded(nil, now.Add(Skew).UnixMicro()+1, timeDigits))
}
