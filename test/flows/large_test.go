package flows_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// maxNotification is how many bytes SNS accepts of a message (its API reference, Publish).
const maxNotification = 256 * 1024

// A failure of the largest size that EventBridge delivers is notified, whichever field
// makes it so large, although its event may be too large for the table.
func TestFailureOfAnySizeIsNotified(t *testing.T) {
	random := make([]byte, 700_000)
	rand.New(rand.NewSource(1)).Read(random)
	noise := base64.RawURLEncoding.EncodeToString(random) // which hardly gets smaller when compressed
	for _, field := range []string{
		"extra", "failureReason", "failureOrigin", "callId", "transactionId", "voiceConnectorId",
		"mediaInsightsPipelineConfigurationArn", "mediaInsightsPipelineArn", "fromNumber", "direction", "type",
		"statusDetail",
	} {
		for _, eventType := range []string{chime.EventPermanentFailure, chime.EventCreateFailed, chime.EventInProgress} {
			t.Run(eventType+" "+field, func(t *testing.T) {
				v := inNewWorld(t)
				call := testCall{
					id: "p", connector: "abc", reason: denied, elements: element(chime.ElementRecordingSink, "Failed"),
				}
				var event map[string]any
				if err := json.Unmarshal(call.event(eventType, noon), &event); err != nil {
					t.Fatal(err)
				}
				detail := event["detail"].(map[string]any)
				if field == "type" || field == "statusDetail" {
					detail["mediaInsightsPipelineElementStatuses"].([]any)[0].(map[string]any)[field] = noise
				} else {
					detail[field] = noise
				}
				raw, err := json.Marshal(event)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := v.incidents().Handle(t.Context(), raw); err != nil {
						t.Fatalf("%.300s", err)
					}
				}
				v.wantSent(t, "at once", sent{"opening": 1})
				for _, m := range v.World.Topic.Published() {
					if size := len(m.Body) + len(m.Subject); size > maxNotification {
						t.Errorf("got a notification of %d bytes", size)
					}
				}
			})
		}
	}
}
