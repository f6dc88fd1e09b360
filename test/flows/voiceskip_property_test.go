package flows_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// stored is a table that stores the ids of notifications.
type stored struct{ ids []string }

func (s *stored) RecordVoice(_ context.Context, notes []chime.VoiceNotification) []error {
	for _, n := range notes {
		s.ids = append(s.ids, n.ID)
	}
	return make([]error, len(notes))
}

// foreign draws a record that is not a voice notification.
func foreign(t *rapid.T, documented [][]byte) []byte {
	known := []string{
		"CallAnalyticsMetadata", "Recording", "Transcribe", "TranscribeCallAnalytics",
		"TranscribeCallAnalyticsCategoryEvent",
	}
	kind := rapid.SampledFrom(known).Draw(t, "detail type")
	switch rapid.IntRange(0, 3).Draw(t, "kind of record") {
	case 0:
		return rapid.SampledFrom(documented).Draw(t, "documented record")
	case 1: // of a service type that is not ours, whatever its detail type
		kind = rapid.SampledFrom(append(known, "MeetingSummary", "")).Draw(t, "any detail type")
		services := []string{"CallAnalytics", "MeetingAnalytics", "voice-analytics"}
		return fmt.Appendf(nil, `{"id":"f","service-type":%q,"time":"2026-03-11T08:15:04Z","detail-type":%q}`,
			rapid.SampledFrom(services).Draw(t, "service type"), kind)
	case 2: // without a service type
		return fmt.Appendf(nil, `{"detail-type":%q,"time":"2026-03-11T08:15:04Z","metadata":"{}"}`, kind)
	}
	kind += rapid.SampledFrom([]string{"", "V2", "Update"}).Draw(t, "suffix")
	return fmt.Appendf(nil, `{"detail-type":%q,"metadata":{}}`, kind)
}

// Of any mix of records, in any order, in any batches and from any source, all voice
// notifications are stored, nothing else is, and no record fails.
func TestVoiceNotificationsInAMixedStreamAreStored(t *testing.T) {
	silenceLog(t)
	documented := callAnalytics(t)
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(voiceSources).Draw(t, "source")
		var records [][]byte
		var want []string
		skipped := 0
		for i := range rapid.IntRange(1, 30).Draw(t, "records") {
			if rapid.Bool().Draw(t, "foreign") {
				records = append(records, foreign(t, documented))
				skipped++
				continue
			}
			id := fmt.Sprint("n-", i)
			service := rapid.SampledFrom([]string{`"service-type":"VoiceAnalytics",`, ""}).Draw(t, "service type")
			kinds := []string{"SpeakerSearchStatus", "VoiceToneAnalysisStatus", "VoiceAnalyticsStatus", "VoiceMoodStatus"}
			records = append(records, fmt.Appendf(nil,
				`{"id":%q,%s"detail-type":%q,"time":"2026-03-11T08:15:04Z","detail":{"taskId":"k"}}`,
				id, service, rapid.SampledFrom(kinds).Draw(t, "notification")))
			want = append(want, id)
		}
		records = rapid.Permutation(records).Draw(t, "order")
		var got stored
		counted := counts{}
		handle := voiceHandler(&got, nil, counted)
		for batch := range slices.Chunk(records, rapid.IntRange(1, 30).Draw(t, "batch size")) {
			bodies := map[int][]byte{}
			for i, r := range batch {
				bodies[i] = r
			}
			reply, err := lambdafn.Handle(context.Background(), o.payload(bodies), handle)
			if err != nil || !o.whole && string(reply) != `{"batchItemFailures":[]}` {
				t.Fatalf("got %s and %v, want no failure of %q", reply, err, batch)
			}
		}
		slices.Sort(got.ids)
		slices.Sort(want)
		if diff := cmp.Diff(want, got.ids); diff != "" {
			t.Fatalf("stored (-want +got):\n%s", diff)
		}
		if counted["CallAnalyticsRecordsSkipped"] != skipped || counted["VoiceNotifications"] != len(want) {
			t.Fatalf("got the counts %v, want %d skipped and %d stored", counted, skipped, len(want))
		}
	})
}
