package incident_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/incident"
)

func causeOf(class incident.Class, target string) incident.Cause {
	return incident.Cause{Class: class, Target: target}
}

func TestChoose(t *testing.T) {
	timing := incident.Timing{Reopen: time.Hour}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	is := func(id string, cause incident.Cause, closed time.Duration) incident.Incident {
		i := incident.Incident{ID: id, Class: cause.Class, Target: cause.Target}
		if closed > 0 {
			i.ClosedAt = now.Add(-closed)
		}
		return i
	}
	const open, over, long = 0, time.Minute, 2 * time.Hour
	role, kms, some := causeOf(incident.Permissions, "role-trust"), causeOf(incident.Permissions, "kms"), causeOf(incident.Permissions, "")
	quota, unknown := causeOf(incident.Quota, ""), causeOf(incident.Unknown, "")
	for _, tt := range []struct {
		name  string
		known []incident.Incident // newest first
		cause incident.Cause
		want  string
		does  incident.Decision
	}{
		{"nothing is there", nil, role, "", incident.Opens},
		{"the same class and target", []incident.Incident{is("2", kms, open), is("1", role, open)}, role, "1", incident.Joins},
		{"two known targets", []incident.Incident{is("1", kms, open)}, role, "", incident.Opens},
		{"two known classes", []incident.Incident{is("1", quota, open)}, role, "", incident.Opens},
		{"the failure's target is not known", []incident.Incident{is("1", kms, open)}, some, "1", incident.Joins},
		{"the incident's target is not known", []incident.Incident{is("1", some, open)}, kms, "1", incident.Joins},
		{"no target before one that might be", []incident.Incident{is("2", kms, open), is("1", some, open)}, some, "1", incident.Joins},
		{"its target before none", []incident.Incident{is("2", some, open), is("1", kms, open)}, kms, "1", incident.Joins},
		{"its class before an unknown one", []incident.Incident{is("2", unknown, open), is("1", some, open)}, kms, "1", incident.Joins},
		{"unknown before known", []incident.Incident{is("2", kms, open), is("1", unknown, open)}, unknown, "1", incident.Joins},
		{"unknown joins the newest", []incident.Incident{is("3", kms, over), is("2", quota, open), is("1", kms, open)}, unknown, "2", incident.Joins},
		{"a known cause explains the newest unknown", []incident.Incident{is("2", unknown, open), is("1", unknown, open)}, kms, "2", incident.Joins},
		{"what is open before what is over", []incident.Incident{is("2", kms, over), is("1", unknown, open)}, kms, "1", incident.Joins},
		{"the same cause comes back", []incident.Incident{is("1", kms, over)}, kms, "1", incident.Reopens},
		{"and comes back late", []incident.Incident{is("1", kms, long)}, kms, "", incident.Opens},
		{"its target before none, when it comes back", []incident.Incident{is("2", some, over), is("1", kms, over)}, kms, "1", incident.Reopens},
		{"another target comes", []incident.Incident{is("1", kms, over)}, role, "", incident.Opens},
		{"another class comes", []incident.Incident{is("1", quota, over)}, kms, "", incident.Opens},
		{"an unknown cause reopens no known one", []incident.Incident{is("1", quota, over)}, unknown, "", incident.Opens},
		{"a known cause reopens no unknown one", []incident.Incident{is("1", unknown, over)}, quota, "", incident.Opens},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, does := incident.Choose(tt.known, tt.cause, now, timing)
			if got.ID != tt.want || does != tt.does {
				t.Errorf("got incident %q, verdict %d, want %q, %d", got.ID, does, tt.want, tt.does)
			}
		})
	}
}

// Whatever incidents there are: what a failure joins or reopens is never of another
// known class, nor of another known target of its class; and learning never makes a
// cause less known, or another.
func TestCausesThatNeedTwoRemediesStayApart(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cause := rapid.Custom(func(t *rapid.T) incident.Cause {
		class := rapid.SampledFrom([]incident.Class{incident.Unknown, incident.Quota, incident.Permissions}).Draw(t, "class")
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
		if is.Class != f.Class && (does == incident.Reopens || is.Class != incident.Unknown && f.Class != incident.Unknown) {
			t.Errorf("%v: got %v, which is of another class", f, is)
		}
		if is.Class == f.Class && is.Target != "" && f.Target != "" && is.Target != f.Target {
			t.Errorf("%v: got %v, which is of another target", f, is)
		}
		if is.RefinedBy(f) && (is == f || is.Target != "" || f.Class == incident.Unknown || f.RefinedBy(is)) {
			t.Errorf("%v learns %v, want it only where that says more", is, f)
		}
	})
}
