package incident_test

import (
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// When a failure that belongs to no incident yet reopens one, which was closed an hour
// before noon.
func TestReopens(t *testing.T) {
	timing := incident.Timing{Reopen: time.Hour}
	closed := noon.Add(-time.Hour)
	role, kms := causeOf(incident.Permissions, "role-trust"), causeOf(incident.Permissions, "kms")
	some, quota, unknown := causeOf(incident.Permissions, ""), causeOf(incident.Quota, ""), causeOf(incident.Unknown, "")
	const justInTime, late = time.Hour, time.Hour + time.Second
	for _, tt := range []struct {
		name     string
		open     bool
		incident incident.Cause
		failure  incident.Cause
		after    time.Duration // it was closed
		want     bool
	}{
		{"the same cause comes back", false, kms, kms, time.Minute, true},
		{"at the last moment", false, kms, kms, justInTime, true},
		{"too late: it opens a new incident", false, kms, kms, late, false},
		{"the incident is open", true, kms, kms, time.Minute, false},
		{"the failure's target is unknown", false, kms, some, time.Minute, true},
		{"the incident's target is unknown", false, some, kms, time.Minute, true},
		{"another target needs another remedy", false, kms, role, time.Minute, false},
		{"another class needs another remedy", false, kms, quota, time.Minute, false},
		{"an unknown cause may be another", false, kms, unknown, time.Minute, false},
		{"the incident's cause is unknown", false, unknown, kms, time.Minute, false},
		{"both causes are unknown", false, unknown, unknown, time.Minute, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := incident.Incident{Class: tt.incident.Class, Target: tt.incident.Target, ClosedAt: closed}
			if tt.open {
				i.ClosedAt = time.Time{}
			}
			if got := i.Reopens(tt.failure, closed.Add(tt.after), timing); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Whether whoever closed an incident did not know a failure of it.
func TestClosedWithout(t *testing.T) {
	timing := incident.Timing{Quiet: 10 * time.Minute}
	for _, tt := range []struct {
		name   string
		closed time.Time
		seen   time.Duration // after noon
		want   bool
	}{
		{"it was recorded while the incident was closed", noon, -time.Second, true},
		{"it was recorded right after that", noon, time.Second, true},
		{"it was recorded less than the quiet time before", noon, -timing.Quiet + time.Second, true},
		{"whoever closed the incident knew it", noon, -timing.Quiet, false},
		{"it was recorded, and the incident is open", time.Time{}, -time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := incident.Incident{ClosedAt: tt.closed}
			if got := i.ClosedWithout(noon.Add(tt.seen), timing); got != tt.want {
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
