package incident_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
)

func TestWhatIsNotifiedAtOnce(t *testing.T) {
	role, kms, some := causeOf(incident.Permissions, "role-trust"), causeOf(incident.Permissions, "kms"), causeOf(incident.Permissions, "")
	unknown := causeOf(incident.Unknown, "")
	of := func(cause incident.Cause, text string) incident.Reason { return incident.ReasonOf(cause, text) }
	insights, recording := []incident.Loss{incident.Insights}, []incident.Loss{incident.Recording, incident.Insights}
	told := incident.Announced{At: time.Now(), Openings: 1, Severity: incident.Medium}
	for _, tt := range []struct {
		name string
		// knows are the reasons that people know, has those that came since.
		knows, has []incident.Reason
		losses     []incident.Loss
		change     func(*incident.Incident)
		want       incident.Step
		another    string
	}{
		{"nothing is new", []incident.Reason{of(role, "a")}, nil, insights, nil, incident.Nothing, ""},
		{"nobody knows of it", nil, []incident.Reason{of(role, "a")}, insights, func(i *incident.Incident) { i.Announced = incident.Announced{} }, incident.NotifyOpening, ""},
		{"other words of the same cause", []incident.Reason{of(role, "a")}, []incident.Reason{of(role, "b")}, insights, nil, incident.Nothing, ""},
		{"a cause of which less is known", []incident.Reason{of(role, "a")}, []incident.Reason{of(some, "b")}, insights, nil, incident.Nothing, ""},
		{"an unknown cause", []incident.Reason{of(role, "a")}, []incident.Reason{of(unknown, "b")}, insights, nil, incident.NotifyReason, "b"},
		{"a second one", []incident.Reason{of(role, "a"), of(unknown, "b")}, []incident.Reason{of(unknown, "c")}, insights, nil, incident.Nothing, ""},
		{"no words at all", []incident.Reason{of(role, "a")}, []incident.Reason{of(unknown, "")}, insights, nil, incident.Nothing, ""},
		{"no words, but a class", []incident.Reason{of(unknown, "a")}, []incident.Reason{of(role, "")}, insights, nil, incident.NotifyReason, ""},
		{"the class of what was unknown", []incident.Reason{of(unknown, "a")}, []incident.Reason{of(role, "b")}, insights, nil, incident.NotifyReason, "b"},
		{"the target of what had none", []incident.Reason{of(some, "a")}, []incident.Reason{of(kms, "b")}, insights, nil, incident.NotifyReason, "b"},
		{"another target", []incident.Reason{of(role, "a")}, []incident.Reason{of(kms, "b")}, insights, nil, incident.NotifyReason, "b"},
		{"a graver loss", []incident.Reason{of(role, "a")}, nil, recording, nil, incident.NotifyGraverLoss, ""},
		{"a loss that may be any", []incident.Reason{of(role, "a")}, nil, nil, nil, incident.NotifyGraverLoss, ""},
		{"a graver loss and an unknown cause", []incident.Reason{of(role, "a")}, []incident.Reason{of(unknown, "b")}, recording, nil, incident.NotifyGraverLoss, "b"},
		{"a loss that is less grave", []incident.Reason{of(role, "a")}, nil, insights, func(i *incident.Incident) { i.Announced.Severity = incident.High }, incident.Nothing, ""},
		{"what is over", []incident.Reason{of(role, "a")}, []incident.Reason{of(unknown, "b")}, recording, func(i *incident.Incident) { i.ClosedAt = time.Now() }, incident.Nothing, "b"},
		{"what is back", []incident.Reason{of(role, "a")}, []incident.Reason{of(unknown, "b")}, recording, func(i *incident.Incident) { i.Reopened = 1 }, incident.NotifyOpening, "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := incident.Incident{Class: role.Class, Target: role.Target, Losses: tt.losses, Announced: told, Reasons: slices.Concat(tt.knows, tt.has)}
			for _, r := range tt.knows {
				i.Announced.Reasons = append(i.Announced.Reasons, r.ID)
			}
			if tt.change != nil {
				tt.change(&i)
			}
			got := incident.AtOnce(i)
			r, _ := i.UrgentReason()
			if got != tt.want || r.Text != tt.another && len(tt.knows) > 0 {
				t.Errorf("got %q about %q, want %q about %q", got, r.Text, tt.want, tt.another)
			}
			if next := incident.Next(i, time.Now(), time.Now(), incident.DefaultTiming); got != incident.Nothing && next != got {
				t.Errorf("next: got %q, want %q", next, got)
			}
		})
	}
}

// A storm of texts is few messages: however many reasons come, as many are notified
// at once as there are causes.
func TestStormOfReasonsIsFewMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		causes := []incident.Cause{causeOf(incident.Unknown, ""), causeOf(incident.Quota, ""), causeOf(incident.Quota, "pipelines")}
		i := incident.Incident{Class: incident.Quota, Losses: []incident.Loss{incident.Insights}}
		i.Announced = incident.Announced{At: time.Now(), Openings: 1, Severity: incident.Medium}
		messages := 0
		for n := range rapid.IntRange(1, 200).Draw(t, "failures") {
			r := incident.ReasonOf(rapid.SampledFrom(causes).Draw(t, "cause"), string(rune('a'+n%26))+string(rune('a'+n/26)))
			if len(i.Reasons) < i.Room(r) {
				i.Reasons = append(i.Reasons, r)
			}
			for incident.AtOnce(i) != incident.Nothing {
				messages++
				another, _ := i.UrgentReason()
				i.Announced.Reasons = append(i.Announced.Reasons, another.ID)
			}
		}
		if messages > len(causes) || len(i.Reasons) > incident.MaxReasons+incident.MaxCauses {
			t.Errorf("got %d messages and %d reasons kept, want at most %d and %d", messages, len(i.Reasons), len(causes),
				incident.MaxReasons+incident.MaxCauses)
		}
	})
}

// The severity of an incident is the gravest of its failures', in whichever order
// they come, and how often.
func TestUnionOfLossesIsAsGraveAsTheGravest(t *testing.T) {
	elements := []string{
		chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementKinesisSink, chime.ElementVoiceEnhancementSink, "HologramSink", "OtherSink",
	}
	rapid.Check(t, func(t *rapid.T) {
		var all [][]incident.Loss
		want := incident.Low
		for range rapid.IntRange(1, 6).Draw(t, "failures") {
			var losses []incident.Loss
			for _, e := range rapid.SliceOfN(rapid.SampledFrom(elements), 0, 3).Draw(t, "elements") {
				losses = append(losses, incident.Losses(elementsOf(e))...)
			}
			if severity := incident.SeverityOf(losses); severity.WorseThan(want) {
				want = severity
			}
			all = append(all, losses)
		}
		union := func(lists [][]incident.Loss) []incident.Loss {
			u := incident.UnionOfLosses(lists[0], lists[0])
			for _, l := range lists[1:] {
				u = incident.UnionOfLosses(u, l)
			}
			return u
		}
		got, shuffled := union(all), union(rapid.Permutation(all).Draw(t, "order"))
		if severity := (incident.Incident{Losses: got}).Severity(); severity != want || !slices.Equal(got, shuffled) {
			t.Errorf("got %v, %s; in another order %v; want %s", got, severity, shuffled, want)
		}
	})
}
