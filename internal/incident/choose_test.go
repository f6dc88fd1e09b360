package incident_test

import (
	"testing"
	"time"

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
	const opens, joins, reopens = incident.Opens, incident.Joins, incident.Reopens
	role, kms := causeOf(incident.Permissions, "role-trust"), causeOf(incident.Permissions, "kms")
	some, quota, unknown := causeOf(incident.Permissions, ""), causeOf(incident.Quota, ""), causeOf(incident.Unknown, "")
	group := func(newestFirst ...incident.Incident) []incident.Incident { return newestFirst }
	for _, tt := range []struct {
		name  string
		known []incident.Incident
		cause incident.Cause
		want  string
		does  incident.Decision
	}{
		{"nothing is there", nil, role, "", opens},
		{"the same class and target", group(is("2", kms, open), is("1", role, open)), role, "1", joins},
		{"two known targets", group(is("1", kms, open)), role, "", opens},
		{"two known classes", group(is("1", quota, open)), role, "", opens},
		{"the failure's target is not known", group(is("1", kms, open)), some, "1", joins},
		{"the incident's target is not known", group(is("1", some, open)), kms, "1", joins},
		{"no target before one that might be", group(is("2", kms, open), is("1", some, open)), some, "1", joins},
		{"its target before none", group(is("2", some, open), is("1", kms, open)), kms, "1", joins},
		{"its class before an unknown one", group(is("2", unknown, open), is("1", some, open)), kms, "1", joins},
		{"unknown before known", group(is("2", kms, open), is("1", unknown, open)), unknown, "1", joins},
		{"unknown joins the newest",
			group(is("3", kms, over), is("2", quota, open), is("1", kms, open)), unknown, "2", joins},
		{"a known cause explains the newest unknown", group(is("2", unknown, open), is("1", unknown, open)), kms, "2", joins},
		{"what is open before what is over", group(is("2", kms, over), is("1", unknown, open)), kms, "1", joins},
		{"the same cause comes back", group(is("1", kms, over)), kms, "1", reopens},
		{"and comes back late", group(is("1", kms, long)), kms, "", opens},
		{"its target before none, when it comes back", group(is("2", some, over), is("1", kms, over)), kms, "1", reopens},
		{"another target comes", group(is("1", kms, over)), role, "", opens},
		{"another class comes", group(is("1", quota, over)), kms, "", opens},
		{"an unknown cause reopens no known one", group(is("1", quota, over)), unknown, "", opens},
		{"a known cause reopens no unknown one", group(is("1", unknown, over)), quota, "", opens},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, does := incident.Choose(tt.known, tt.cause, now, timing)
			if got.ID != tt.want || does != tt.does {
				t.Errorf("got incident %q, decision %d, want %q, %d", got.ID, does, tt.want, tt.does)
			}
		})
	}
}
