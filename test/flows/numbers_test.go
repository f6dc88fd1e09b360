package flows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// posted is an SNS client that stores everything it is asked to send, as text.
type posted struct{ bytes.Buffer }

func (p *posted) Publish(
	_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options),
) (*sns.PublishOutput, error) {
	fmt.Fprintln(p, aws.ToString(in.Subject))
	fmt.Fprintln(p, aws.ToString(in.Message))
	for _, name := range slices.Sorted(maps.Keys(in.MessageAttributes)) {
		fmt.Fprintln(p, name, aws.ToString(in.MessageAttributes[name].StringValue))
	}
	return &sns.PublishOutput{MessageId: aws.String("m")}, nil
}

// failing returns the detail of a permanent failure with other members.
func failing(id string, members map[string]any) map[string]any {
	detail := map[string]any{
		"version": "0", "eventType": chime.EventPermanentFailure, "mediaInsightsPipelineArn": pipelineARN + id,
	}
	maps.Copy(detail, members)
	return detail
}

// Whatever form a phone number has, and wherever in an event it is, it is masked in
// notifications and in log lines, both those about the event and those about an error.
func TestPhoneNumbersOfEventsAreMasked(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	const id = "7d3c1a52-5c1e-4d0e-9b7a-0f3f0a6f%04d"
	type members = map[string]any
	failed := func(n int, with members) []byte {
		detail := failing(fmt.Sprintf(id, n), with)
		return envelope(fmt.Sprintf("e-%d", n), chime.Source, chime.DetailStateChange, noon, detail)
	}
	matched := func(n int, with members) []byte {
		detail := members{"version": "0", "ruleName": "cancel-contract", "utteranceId": "u"}
		maps.Copy(detail, with)
		return envelope(fmt.Sprintf("m-%d", n), chime.Source, chime.DetailRulesMatched, noon, detail)
	}
	agreed := func(with members) []byte {
		detail := members{"transactionId": "t-1", "scope": "both", "decision": "granted", "by": "agent"}
		maps.Copy(detail, with)
		return envelope("c-1", voicetask.ConsentSource, voicetask.DetailType, noon, detail)
	}
	for _, tt := range []struct {
		name     string
		event    []byte
		digits   []string // of the numbers, without the country code
		notified bool
		refused  bool
	}{
		{
			name: "SIP and tel without a plus", notified: true,
			event: failed(1, members{
				"voiceConnectorId": "vc-1", "callId": "call-1",
				"failureReason": "Leg sip:14155550171@198.51.100.7 (also tel:4155550172) was rejected",
			}),
			digits: []string{"4155550171", "4155550172"},
		},
		{
			name: "escaped plus", notified: true,
			event: failed(2, members{
				"voiceConnectorId": "vc-2", "failureReason": "Cannot write recordings/%2B14155550173.wav",
			}),
			digits: []string{"4155550173"},
		},
		{
			name: "brackets", notified: true,
			event: failed(3, members{
				"voiceConnectorId": "vc-3", "failureReason": "No recording for (415) 555-0174",
			}),
			digits: []string{"4155550174"},
		},
		{
			name: "as an id", notified: true,
			event: failed(4, members{
				"voiceConnectorId": "14155550175", "callId": "+14155550176@198.51.100.7",
				"transactionId": "0014155550177", "failureReason": "x",
			}),
			digits: []string{"4155550175", "4155550176", "4155550177"},
		},
		{
			name: "in fields of the customer's own", notified: true,
			event: failed(5, members{
				"voiceConnectorId": "vc-5", "ANI": "14155550178", "callerId": "4155550179",
				"customerNumber": 14155550180, "direction": "from 415.555.0181", "fromNumber": 14155550182,
			}),
			digits: []string{"4155550178", "4155550179", "4155550180", "4155550181", "4155550182"},
		},
		{
			name: "in an element", notified: true,
			event: failed(6, members{
				"voiceConnectorId": "vc-6", "mediaInsightsPipelineElementStatuses": []any{members{
					"type": "Sink 415 555 0183", "status": "Failed", "updatedOn": 1, "statusDetail": "＋1 415‑555‑0184",
				}},
			}),
			digits: []string{"4155550183", "4155550184"},
		},
		{
			name: "in a rule match", notified: true,
			event: matched(1, members{"ruleName": "call-4155550185", "sourceMetadata": members{
				"transactionId": "t-4155550186", "callId": "sip:4155550187@198.51.100.7",
				"fromNumber": "sip:+14155550188@198.51.100.7",
			}}),
			digits: []string{"4155550185", "4155550186", "4155550187", "4155550188"},
		},
		{
			name: "in a rule match without a call", notified: true,
			event:  matched(2, members{"beginTimestamp": "4155550189", "endTimestamp": "00 1 415 555 0190"}),
			digits: []string{"4155550189", "4155550190"},
		},
		{
			name:   "consent by a SIP address",
			event:  agreed(members{"by": "caller sip:14155550191@pbx.example"}),
			digits: []string{"4155550191"},
		},
		{
			name: "consent by a number", refused: true,
			event:  agreed(members{"by": 14155550192}),
			digits: []string{"4155550192"},
		},
		{
			name: "consent with a number as the scope", refused: true,
			event:  agreed(members{"scope": "tel:4155550193"}),
			digits: []string{"4155550193"},
		},
		{
			name: "as the ids of the event and the pipeline", notified: true,
			event: envelope("tel:4155550194", chime.Source, chime.DetailStateChange, noon,
				failing("(415) 555-0195", nil)),
			digits: []string{"4155550194", "4155550195"},
		},
		{
			name: "in an event of an unknown type", refused: true,
			event:  envelope("4155550196", chime.Source, "call of 4155550197", noon, nil),
			digits: []string{"4155550196", "4155550197"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines bytes.Buffer
			var sent posted
			logger := telemetry.NewLogger(&lines, "test")
			before := slog.Default()
			slog.SetDefault(logger)
			defer slog.SetDefault(before)

			v := newInvocation(w.Process(), noon, tt.name)
			err := handlerOf(v, &sent, tt.event)(t.Context(), tt.event)
			if (err != nil) != tt.refused {
				t.Fatalf("got the error %v, want one: %t", err, tt.refused)
			}
			var event any
			if err := json.Unmarshal(tt.event, &event); err != nil {
				t.Fatal(err)
			}
			logger.Error("failed with "+string(tt.event), "error", err, "event", event,
				"raw", json.RawMessage(tt.event), "text", []string{string(tt.event)})
			if notified := sent.Len() > 0; notified != tt.notified {
				t.Errorf("got a notification: %t, want %t", notified, tt.notified)
			}
			for _, digits := range tt.digits {
				for where, text := range map[string]string{"notification": sent.String(), "log": lines.String()} {
					if strings.Contains(justDigits(text), digits) {
						t.Errorf("got %s unmasked in the %s:\n%s", digits, where, text)
					}
				}
				if last := digits[len(digits)-4:]; !strings.Contains(lines.String(), "…"+last) {
					t.Errorf("got no …%s in the log, want the number masked there:\n%s", last, lines.String())
				}
			}
		})
	}
}

// handlerOf returns the handler of an event, by a rule match, consent or state change. It
// sends to a topic of the test.
func handlerOf(v *invocation, to *posted, event []byte) handler {
	switch {
	case bytes.Contains(event, []byte(chime.DetailRulesMatched)):
		service := v.matches()
		service.Notifier.(*notify.Matches).Topic = notify.NewTopic(to, "arn:aws:sns:us-east-1:111122223333:alerts")
		return service.Handle
	case bytes.Contains(event, []byte(voicetask.ConsentSource)):
		runner := &voicetask.TaskRunner{Table: v.store(), On: voicetask.Settings{}, Now: v.clock.Now, Counts: quiet{}}
		service := voicetask.Service{Ledger: v.store(), Calls: runner, Counts: quiet{}, Now: v.clock.Now}
		return service.Handle
	}
	incidents := v.incidents()
	incidents.Notifier = notify.Incidents{Outbox: v.store(), Owner: v.ownerName, Topic: notify.NewTopic(to, failureTopic)}
	return func(ctx context.Context, event []byte) error {
		return errors.Join(v.pipelines().Handle(ctx, event), incidents.Handle(ctx, event))
	}
}

// justDigits returns the digits of a text and nothing else.
func justDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
