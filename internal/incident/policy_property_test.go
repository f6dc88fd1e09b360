package incident_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// A storm of texts is few messages: however many reasons come, as many are notified
// at once as there are causes.
func TestStormOfReasonsIsFewMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		causes := []incident.Cause{
			causeOf(incident.Unknown, ""), causeOf(incident.Quota, ""), causeOf(incident.Quota, "pipelines"),
		}
		i := incident.Incident{Class: incident.Quota, Losses: []incident.Loss{incident.Insights}}
		i.Announced = incident.Announced{At: time.Now(), Openings: 1, Severity: incident.Medium}
		messages := 0
		for n := range rapid.IntRange(1, 200).Draw(t, "failures") {
			text := string(rune('a'+n%26)) + string(rune('a'+n/26))
			r := incident.ReasonOf(rapid.SampledFrom(causes).Draw(t, "cause"), text)
			if len(i.Reasons) < i.Room(r) {
				i.Reasons = append(i.Reasons, r)
			}
			for incident.AtOnce(i) != incident.Nothing {
				messages++
				i.Announced.Reasons = append(i.Announced.Reasons, i.UrgentReason().ID)
			}
		}
		const maxReasons = incident.MaxReasons + incident.MaxCauses
		if messages > len(causes) || len(i.Reasons) > maxReasons {
			t.Errorf("got %d messages and %d reasons kept, want at most %d and %d",
				messages, len(i.Reasons), len(causes), maxReasons)
		}
	})
}

// The severity of an incident is the gravest of its failures', in whichever order
// they come, and how often.
func TestUnionOfLossesIsAsGraveAsTheGravest(t *testing.T) {
	elements := []string{
		chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementKinesisSink, chime.ElementVoiceEnhancementSink,
		"HologramSink", "OtherSink",
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
