package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// What is due for an incident that opened at noon.
func TestNext(t *testing.T) {
	timing := incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}
	minutes := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	open := func(reopened int, a incident.Announced) incident.Incident {
		return incident.Incident{OpenedAt: noon, Reopened: reopened, Announced: a}
	}
	closed := func(reopened int, a incident.Announced) incident.Incident {
		i := open(reopened, a)
		i.ClosedAt = minutes(60)
		return i
	}
	opening := incident.Announced{At: noon, Openings: 1}
	summary := incident.Announced{At: minutes(5), Openings: 1, Summaries: 1}
	closing := incident.Announced{At: noon, Openings: 1, Closings: 1}
	reopening := incident.Announced{At: noon, Openings: 2, Closings: 1}
	for _, tt := range []struct {
		name          string
		incident      incident.Incident
		lastSeen, now int // minutes
		want          incident.UpdateKind
	}{
		{"nothing was announced", open(0, incident.Announced{}), 0, 0, incident.Opening},
		{"the opening was announced just now", open(0, opening), 4, 4, incident.Nothing},
		{"a window has passed", open(0, opening), 4, 5, incident.Summary},
		{"less than a window after the last summary", open(0, summary), 6, 9, incident.Nothing},
		{"it is quiet", open(0, opening), 0, 10, incident.Closing},
		{"it is quiet, but nobody knows", open(0, incident.Announced{}), 0, 10, incident.Opening},
		{"over, and not announced", closed(0, opening), 0, 120, incident.Closing},
		{"over, and announced", closed(0, closing), 0, 120, incident.Nothing},
		{"reopened, and not announced", open(1, closing), 0, 1, incident.Reopening},
		{"over again, and not announced", closed(1, reopening), 0, 120, incident.Closing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := incident.Next(tt.incident, minutes(tt.lastSeen), minutes(tt.now), timing)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What must be notified about an open incident, of which people know the opening.
func TestAtOnce(t *testing.T) {
	type reasons = []incident.Reason
	of := func(class incident.Class, target string) func(text string) incident.Reason {
		return func(text string) incident.Reason { return incident.ReasonOf(causeOf(class, target), text) }
	}
	role, kms := of(incident.Permissions, "role-trust"), of(incident.Permissions, "kms")
	some, unknown := of(incident.Permissions, ""), of(incident.Unknown, "")
	insights, recording := []incident.Loss{incident.Insights}, []incident.Loss{incident.Recording, incident.Insights}
	for _, tt := range []struct {
		name       string
		knows, has reasons // those that people know, and those that came since
		losses     []incident.Loss
		change     func(*incident.Incident)
		want       incident.UpdateKind
		urgent     string
	}{
		{name: "nothing is new", knows: reasons{role("a")}, losses: insights},
		{name: "nobody knows of it", has: reasons{role("a")}, losses: insights,
			change: func(i *incident.Incident) { i.Announced = incident.Announced{} }, want: incident.Opening},
		{name: "other words of the same cause", knows: reasons{role("a")}, has: reasons{role("b")},
			losses: insights},
		{name: "a cause of which less is known", knows: reasons{role("a")}, has: reasons{some("b")},
			losses: insights},
		{name: "an unknown cause", knows: reasons{role("a")}, has: reasons{unknown("b")},
			losses: insights, want: incident.NewReason, urgent: "b"},
		{name: "a second one", knows: reasons{role("a"), unknown("b")}, has: reasons{unknown("c")},
			losses: insights},
		{name: "no words at all", knows: reasons{role("a")}, has: reasons{unknown("")}, losses: insights},
		{name: "no words, but a class", knows: reasons{unknown("a")}, has: reasons{role("")},
			losses: insights, want: incident.NewReason},
		{name: "the class of what was unknown", knows: reasons{unknown("a")}, has: reasons{role("b")},
			losses: insights, want: incident.NewReason, urgent: "b"},
		{name: "the target of what had none", knows: reasons{some("a")}, has: reasons{kms("b")},
			losses: insights, want: incident.NewReason, urgent: "b"},
		{name: "another target", knows: reasons{role("a")}, has: reasons{kms("b")},
			losses: insights, want: incident.NewReason, urgent: "b"},
		{name: "a graver loss", knows: reasons{role("a")}, losses: recording, want: incident.GraverLoss},
		{name: "a loss that may be any", knows: reasons{role("a")}, want: incident.GraverLoss},
		{name: "a graver loss and an unknown cause", knows: reasons{role("a")}, has: reasons{unknown("b")},
			losses: recording, want: incident.GraverLoss, urgent: "b"},
		{name: "a loss that is less grave", knows: reasons{role("a")}, losses: insights,
			change: func(i *incident.Incident) { i.Announced.Severity = incident.High }},
		{name: "what is over", knows: reasons{role("a")}, has: reasons{unknown("b")},
			losses: recording, change: func(i *incident.Incident) { i.ClosedAt = noon }, urgent: "b"},
		{name: "what is back", knows: reasons{role("a")}, has: reasons{unknown("b")},
			losses: recording, change: func(i *incident.Incident) { i.Reopened = 1 }, want: incident.Reopening, urgent: "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := incident.Incident{
				Class: incident.Permissions, Target: "role-trust", Losses: tt.losses, Reasons: slices.Concat(tt.knows, tt.has),
				Announced: incident.Announced{At: noon, Openings: 1, Severity: incident.Medium},
			}
			for _, r := range tt.knows {
				i.Announced.Reasons = append(i.Announced.Reasons, r.ID)
			}
			if tt.change != nil {
				tt.change(&i)
			}
			got := incident.AtOnce(i)
			if r := i.UrgentReason(); got != tt.want || r.Text != tt.urgent && len(tt.knows) > 0 {
				t.Errorf("got %q about %q, want %q about %q", got, r.Text, tt.want, tt.urgent)
			}
			if next := incident.Next(i, noon, noon, incident.DefaultTiming); got != incident.Nothing && next != got {
				t.Errorf("next: got %q, want %q", next, got)
			}
		})
	}
}

func TestTrend(t *testing.T) {
	opening := incident.Announced{Calls: 1, Openings: 1}
	summary := incident.Announced{Calls: 10, LastCalls: 9, Summaries: 1}
	for _, tt := range []struct {
		name      string
		announced incident.Announced
		calls     int
		want      incident.Trend
	}{
		{"many after the first", opening, 40, incident.Growing},
		{"one after the first", opening, 2, incident.Steady},
		{"more than in the window before", summary, 30, incident.Growing},
		{"as many", summary, 19, incident.Steady},
		{"fewer", summary, 11, incident.Slowing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := incident.TrendOf(tt.announced, tt.calls); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
