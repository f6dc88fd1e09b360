package incident_test

import (
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// When a failure reopens an incident. The incident was closed an hour before noon.
func TestReopens(t *testing.T) {
	timing := incident.Timing{Quiet: 10 * time.Minute, Reopen: time.Hour}
	closed := noon.Add(-time.Hour)
	role, kms := causeOf(incident.Permissions, "role-trust"), causeOf(incident.Permissions, "kms")
	some, quota, unknown := causeOf(incident.Permissions, ""), causeOf(incident.Quota, ""), causeOf(incident.Unknown, "")
	const justInTime, late = time.Hour, time.Hour + time.Second
	for _, tt := range []struct {
		name     string
		open     bool
		incident incident.Cause
		failure  incident.Cause
		member   bool
		seen     time.Duration // after it was closed
		want     bool
	}{
		{"the same cause comes back", false, kms, kms, false, time.Minute, true},
		{"at the last moment", false, kms, kms, false, justInTime, true},
		{"too late: it opens a new incident", false, kms, kms, false, late, false},
		{"the incident is open", true, kms, kms, false, time.Minute, false},
		{"the failure's target is unknown", false, kms, some, false, time.Minute, true},
		{"the incident's target is unknown", false, some, kms, false, time.Minute, true},
		{"another target needs another remedy", false, kms, role, false, time.Minute, false},
		{"another class needs another remedy", false, kms, quota, false, time.Minute, false},
		{"an unknown cause may be another", false, kms, unknown, false, time.Minute, false},
		{"the incident's cause is unknown", false, unknown, kms, false, time.Minute, false},
		{"both causes are unknown", false, unknown, unknown, false, time.Minute, true},

		{"it was recorded while the incident was closed", false, kms, kms, true, -time.Second, true},
		{"it was recorded right after that", false, kms, kms, true, time.Second, true},
		{"and is of an unknown cause", false, kms, unknown, true, -time.Second, true},
		{"it was recorded less than the quiet time before", false, kms, kms, true, -timing.Quiet + time.Second, true},
		{"whoever closed the incident knew it", false, kms, kms, true, -timing.Quiet, false},
		{"it was recorded, and the incident is open", true, kms, kms, true, -time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := incident.Incident{Class: tt.incident.Class, Target: tt.incident.Target, ClosedAt: closed}
			if tt.open {
				i.ClosedAt = time.Time{}
			}
			r := incident.Recurrence{Cause: tt.failure, Member: tt.member, Seen: closed.Add(tt.seen)}
			if got := i.Reopens(r, timing); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A failure of a call that belongs to an incident is a new one only if it began after
// the incident was closed.
func TestFailedAfterClose(t *testing.T) {
	for _, tt := range []struct {
		name          string
		closed, began time.Time
		want          bool
	}{
		{"the incident is open", time.Time{}, noon, false},
		{"it began before: an event only repeats it", noon, noon.Add(-time.Second), false},
		{"it began at that moment", noon, noon, false},
		{"it began after", noon, noon.Add(time.Second), true},
		{"it is not known when it began", noon, time.Time{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (incident.Incident{ClosedAt: tt.closed}).FailedAfterClose(tt.began); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
