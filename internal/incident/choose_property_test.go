package incident_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// Whatever incidents there are: what a failure joins or reopens is never of another
// known class, nor of another known target of its class; and a cause that is
// refined is never less known than before, nor another.
func TestCausesThatNeedTwoRemediesStayApart(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cause := rapid.Custom(func(t *rapid.T) incident.Cause {
		classes := []incident.Class{incident.Unknown, incident.Quota, incident.Permissions}
		class := rapid.SampledFrom(classes).Draw(t, "class")
		if class == incident.Unknown {
			return causeOf(class, "")
		}
		return causeOf(class, rapid.SampledFrom([]string{"", "kms", "s3"}).Draw(t, "target"))
	})
	rapid.Check(t, func(t *rapid.T) {
		var known []incident.Incident
		for range rapid.IntRange(0, 5).Draw(t, "incidents") {
			c := cause.Draw(t, "cause")
			i := incident.Incident{Class: c.Class, Target: c.Target}
			if rapid.Bool().Draw(t, "closed") {
				i.ClosedAt = now.Add(-time.Duration(rapid.IntRange(1, 90).Draw(t, "ago")) * time.Minute)
			}
			known = append(known, i)
		}
		f := cause.Draw(t, "failure")
		got, does := incident.Choose(known, f, now, incident.Timing{Reopen: time.Hour})
		if does == incident.Opens {
			return
		}
		is := got.Cause()
		bothKnown := is.Class != incident.Unknown && f.Class != incident.Unknown
		if is.Class != f.Class && (does == incident.Reopens || bothKnown) {
			t.Errorf("%v: got %v, which is of another class", f, is)
		}
		if is.Class == f.Class && is.Target != "" && f.Target != "" && is.Target != f.Target {
			t.Errorf("%v: got %v, which is of another target", f, is)
		}
		if is.RefinedBy(f) && (is == f || is.Target != "" || f.Class == incident.Unknown || f.RefinedBy(is)) {
			t.Errorf("%v is refined by %v, want it only where that says more", is, f)
		}
	})
}
