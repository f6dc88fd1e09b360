package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Order is an event's place among the events of its pipeline, as text that
// sorts by bytes: event time in epoch microseconds, the latest updatedOn in the
// event in epoch milliseconds, the rank of its status, its id. The envelope's
// time has whole seconds, so several events of one pipeline often share it.
type Order string

const (
	timeDigits      = 18
	updatedDigits   = 15
	longestPlainID  = 64
	orderHeadLength = timeDigits + 1 + updatedDigits + 1 + 1 + 1
)

// OrderOf returns the place of a state change.
func OrderOf(ev *chime.Event) Order {
	var latest int64
	for _, e := range ev.StateChange.Elements {
		latest = max(latest, e.UpdatedOn)
	}
	id := ev.ID
	if len(id) > longestPlainID {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	b := make([]byte, 0, orderHeadLength+len(id))
	b = appendPadded(b, ev.Time.UnixMicro(), timeDigits)
	b = append(b, '.')
	b = appendPadded(b, latest, updatedDigits)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(StatusOf(ev.StateChange.EventType).rank()), 10)
	b = append(b, '.')
	b = append(b, id...)
	return Order(b)
}

// Time is the event time that the order begins with; zero for the empty order
// or a text that is none.
func (o Order) Time() time.Time {
	if len(o) < timeDigits {
		return time.Time{}
	}
	us, err := strconv.ParseInt(string(o[:timeDigits]), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func appendPadded(b []byte, n int64, width int) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], max(n, 0), 10)
	for range width - len(text) {
		b = append(b, '0')
	}
	return append(b, text...)
}
