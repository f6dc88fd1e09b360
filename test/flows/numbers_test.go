package flows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// posted is an SNS client that keeps all it is asked to send, as text.
type posted struct{ bytes.Buffer }

func (p *posted) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	fmt.Fprintln(p, aws.ToString(in.Subject))
	fmt.Fprintln(p, aws.ToString(in.Message))
	for _, name := range slices.Sorted(maps.Keys(in.MessageAttributes)) {
		fmt.Fprintln(p, name, aws.ToString(in.MessageAttributes[name].StringValue))
	}
	return &sns.PublishOutput{MessageId: aws.String("m")}, nil
}

// detailed makes an event with these members in its detail.
func detailed(t *testing.T, id, source, detailType string, detail map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": detailType, "source": source, "account": "111122223333",
		"region": "us-east-1",
		"time":   noon.Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// failing makes the detail of a permanent failure with other members.
func failing(id string, members map[string]any) map[string]any {
	detail := map[string]any{"version": "0", "eventType": chime.EventPermanentFailure,
		"mediaInsightsPipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id}
	maps.Copy(detail, members)
	return detail
}

// Whatever form a number has and wherever in an event it stands, it is whole neither
// in a notification nor in a log line: not of the event, not of what goes wrong with it.
func TestPhoneNumbersOfEventsAreMasked(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	const id = "7d3c1a52-5c1e-4d0e-9b7a-0f3f0a6f%04d"
	failed := func(n int, members map[string]any) []byte {
		return detailed(t, fmt.Sprintf("e-%d", n), chime.Source, chime.DetailStateChange, failing(fmt.Sprintf(id, n),
			members))
	}
	matched := func(n int, members map[string]any) []byte {
		detail := map[string]any{"version": "0", "ruleName": "cancel-contract", "utteranceId": "u"}
		maps.Copy(detail, members)
		return detailed(t, fmt.Sprintf("m-%d", n), chime.Source, chime.DetailRulesMatched, detail)
	}
	agreed := func(members map[string]any) []byte {
		detail := map[string]any{"transactionId": "t-1", "scope": "both", "decision": "granted", "by": "agent"}
		maps.Copy(detail, members)
		return detailed(t, "c-1", voicetask.ConsentSource, voicetask.DetailType, detail)
	}
	for _, tt := range []struct {
		name    string
		event   []byte
		digits  []string // of the numbers, the country code left out
		told    bool     // people are sent a notification
		refused bool
	}{
		{"SIP and tel without a plus", failed(1, map[string]any{"voiceConnectorId": "vc-1", "callId": "call-1",
			"failureReason": "Leg sip:14155550171@198.51.100.7 (also tel:4155550172) was rejected"}),
			[]string{"4155550171", "4155550172"}, true, false},
		{"escaped plus", failed(2, map[string]any{"voiceConnectorId": "vc-2",
			"failureReason": "Cannot write recordings/%2B14155550173.wav"}), []string{"4155550173"}, true, false},
		{"brackets", failed(3, map[string]any{"voiceConnectorId": "vc-3",
			"failureReason": "No recording for (415) 555-0174"}), []string{"4155550174"}, true, false},
		{"as an id", failed(4, map[string]any{"voiceConnectorId": "14155550175", "callId": "+14155550176@198.51.100.7",
			"transactionId": "0014155550177", "failureReason": "x"}),
			[]string{"4155550175", "4155550176", "4155550177"}, true, false},
		{"names of the customer's own", failed(5, map[string]any{"voiceConnectorId": "vc-5", "ANI": "14155550178",
			"callerId": "4155550179", "customerNumber": 14155550180, "direction": "from 415.555.0181",
			"fromNumber": 14155550182}),
			[]string{"4155550178", "4155550179", "4155550180", "4155550181", "4155550182"}, true, false},
		{"in an element", failed(6, map[string]any{"voiceConnectorId": "vc-6",
			"mediaInsightsPipelineElementStatuses": []any{map[string]any{"type": "Sink 415 555 0183",
				"status": "Failed", "updatedOn": 1, "statusDetail": "＋1 415‑555‑0184"}}}),
			[]string{"4155550183", "4155550184"}, true, false},
		{"of a rule match", matched(1, map[string]any{"ruleName": "call-4155550185",
			"sourceMetadata": map[string]any{"transactionId": "t-4155550186", "callId": "sip:4155550187@198.51.100.7",
				"fromNumber": "sip:+14155550188@198.51.100.7"}}),
			[]string{"4155550185", "4155550186", "4155550187", "4155550188"}, true, false},
		{"of a rule match without a call", matched(2, map[string]any{"beginTimestamp": "4155550189",
			"endTimestamp": "00 1 415 555 0190"}), []string{"4155550189", "4155550190"}, true, false},
		{"by whom", agreed(map[string]any{"by": "caller sip:14155550191@pbx.example"}), []string{"4155550191"}, false,
			false},
		{"by a number", agreed(map[string]any{"by": 14155550192}), []string{"4155550192"}, false, true},
		{"for a number", agreed(map[string]any{"scope": "tel:4155550193"}), []string{"4155550193"}, false, true},
		{"in a time", detailed(t, "tel:4155550194", chime.Source, chime.DetailStateChange, failing("(415) 555-0195",
			nil)), []string{"4155550194", "4155550195"}, true, false},
		{"of another kind", detailed(t, "4155550196", chime.Source, "call of 4155550197", nil), []string{"4155550196",
			"4155550197"}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines bytes.Buffer
			var sent posted
			logger := telemetry.NewLogger(&lines, "test")
			before := slog.Default()
			slog.SetDefault(logger)
			defer slog.SetDefault(before)

			v := invoked(w.Process(), noon, tt.name)
			incidents := v.incidents()
			matches, sender := v.matchesBy()
			incidents.Notifier = notify.Incidents{
				Outbox: v.store(), Owner: v.name, Topic: notify.NewTopic(&sent, "arn:aws:sns:us-east-1:111122223333:failures"),
			}
			sender.Topic = notify.NewTopic(&sent, "arn:aws:sns:us-east-1:111122223333:alerts")
			handle := all(status(v.store(), quiet{}), func(ctx context.Context, m lambdafn.Message) error {
				return incidents.Handle(ctx, m.Body)
			})
			switch {
			case bytes.Contains(tt.event, []byte(chime.DetailRulesMatched)):
				handle = func(ctx context.Context, m lambdafn.Message) error { return matches.Handle(ctx, m.Body) }
			case bytes.Contains(tt.event, []byte(voicetask.ConsentSource)):
				k := &voicetask.TaskRunner{Table: v.store(), On: voicetask.Settings{}, Now: v.now.Now, Counts: quiet{}}
				handle = consentOf(v.store(), k, quiet{}, v.now.Now)
			}
			err := handle(t.Context(), lambdafn.Message{Body: tt.event})
			if (err != nil) != tt.refused {
				t.Fatalf("got the error %v, want one: %t", err, tt.refused)
			}
			var event any
			if err := json.Unmarshal(tt.event, &event); err != nil {
				t.Fatal(err)
			}
			logger.Error("failed with "+string(tt.event), "error", err, "event", event, "raw",
				json.RawMessage(tt.event), "text", []string{string(tt.event)})
			if told := sent.Len() > 0; told != tt.told {
				t.Errorf("got a notification: %t, want %t", told, tt.told)
			}
			for _, digits := range tt.digits {
				for where, text := range map[string]string{"notification": sent.String(), "log": lines.String()} {
					if strings.Contains(justDigits(text), digits) {
						t.Errorf("got %s whole in the %s:\n%s", digits, where, text)
					}
				}
				if last := digits[len(digits)-4:]; !strings.Contains(lines.String(), "…"+last) {
					t.Errorf("got no …%s in the log, want the number masked there:\n%s", last, lines.String())
				}
			}
		})
	}
}

// justDigits leaves out all else.
func justDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
