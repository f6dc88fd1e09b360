package flows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// writtenAs are the ways in which a number of ten digits is written; %[1]s to %[3]s are its
// area, exchange and line.
var writtenAs = []string{
	"sip:1%[1]s%[2]s%[3]s@pbx.example", "sip:%[1]s%[2]s%[3]s@198.51.100.7",
	"sips:+1%[1]s%[2]s%[3]s@pbx.example:5061;transport=tls",
	`"Jane Doe" <sip:%%2B1%[1]s%[2]s%[3]s@pbx.example>`, "tel:%[1]s%[2]s%[3]s",
	"tel:+1-%[1]s-%[2]s-%[3]s;ext=12", "+1%[1]s%[2]s%[3]s",
	"%%2B1%[1]s%[2]s%[3]s", "(%[1]s) %[2]s-%[3]s", "+1 (%[1]s) %[2]s-%[3]s", "%[1]s/%[2]s-%[3]s", "%[1]s.%[2]s.%[3]s",
	"%[1]s\u00a0%[2]s\u00a0%[3]s", "%[1]s\u200b%[2]s\u200b%[3]s", "%[1]s\u2011%[2]s\u2011%[3]s", "＋1%[1]s%[2]s%[3]s",
	"001%[1]s%[2]s%[3]s", "0111%[1]s%[2]s%[3]s", "1%[1]s%[2]s%[3]s", "%[1]s%[2]s%[3]s",
}

// drawNumber draws a number in one of its forms, and returns also its digits.
func drawNumber(t *rapid.T) (text, digits string) {
	of := func(label string, from, to int) string { return fmt.Sprint(rapid.IntRange(from, to).Draw(t, label)) }
	area, exchange, line := of("area", 201, 989), of("exchange", 200, 999), of("line", 1000, 9999)
	return fmt.Sprintf(rapid.SampledFrom(writtenAs).Draw(t, "form"), area, exchange, line), area + exchange + line
}

// talkative is a ledger that logs each entry, and may fail with an error that has all of it.
type talkative struct{ fails bool }

func (l talkative) Enter(_ context.Context, e voicetask.Entry) error {
	slog.Info("stored", "entry", e, "by", e.By)
	if !l.fails {
		return nil
	}
	return apperr.New(apperr.Unavailable, "entry "+e.ID(), fmt.Sprintf("%+v cannot be written", e), "")
}

type talkativeCalls struct{ fails bool }

func (c talkativeCalls) Reconcile(_ context.Context, t voicetask.Trigger) error {
	slog.Warn("reconciling", "trigger", t)
	if !c.fails {
		return nil
	}
	return apperr.New(apperr.Unavailable, "transaction "+t.TransactionID, "of call "+t.CallID+" hangs", "")
}

// Whichever field of an event of consent has a number, in whatever form, and whichever
// error comes of it: the number is masked in the log and in the error, which is the reason
// of the dead letter.
func TestPhoneNumbersInConsentAreMasked(t *testing.T) {
	var lines bytes.Buffer
	before := slog.Default()
	slog.SetDefault(telemetry.NewLogger(&lines, "consent"))
	t.Cleanup(func() { slog.SetDefault(before) })
	fields := []string{
		"by", "transactionId", "callId", "scope", "decision", "until", "at", "note", "reason", "caller", "x", "in a list",
		"as a number", "as a name", "id", "time", "source", "detail-type", "replay-name", "resources",
	}
	refused, accepted := 0, 0
	one := func(t *rapid.T, field string) {
		lines.Reset()
		text, digits := drawNumber(t)
		detail := map[string]any{
			"transactionId": "t-1", "callId": "c-1", "scope": "both", "decision": "granted", "by": "agent",
		}
		event := map[string]any{
			"version": "0", "id": "e-1", "source": voicetask.ConsentSource, "detail-type": voicetask.DetailType,
			"account": account, "region": region, "time": noon.Format(time.RFC3339), "resources": []any{}, "detail": detail,
		}
		switch field {
		case "id": // the bus makes it; digits alone may be an id
			event[field] = "sip:1" + digits + "@pbx.example"
		case "time", "source", "detail-type", "replay-name":
			event[field] = text
		case "resources":
			event[field] = []string{text}
		case "in a list":
			detail["by"] = []string{text}
		case "as a number":
			detail["callId"] = json.Number("1" + digits)
		case "as a name":
			detail[text] = text
		default:
			detail[field] = rapid.SampledFrom([]string{"%s", "caller %s", "agent for %s, at noon"}).Draw(t, "words")
			detail[field] = strings.Replace(detail[field].(string), "%s", text, 1)
		}
		body, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		service := voicetask.Service{
			Ledger: talkative{rapid.Bool().Draw(t, "table fails")},
			Calls:  talkativeCalls{rapid.Bool().Draw(t, "service fails")},
			Counts: quiet{}, Now: func() time.Time { return noon },
		}
		err = service.Handle(context.Background(), body)
		reason := ""
		if accepted++; err != nil {
			refused++
			accepted--
			slog.Error("invocation failed", "error", err)
			reason = redact.Text(err.Error()) // as package lambdafn reports it
		}
		for where, got := range map[string]string{"log": lines.String(), "dead letter": reason} {
			if strings.Contains(justDigits(got), digits) {
				t.Errorf("got %s unmasked in the %s, from %s:\n%s", digits, where, text, got)
			}
		}
	}
	for _, field := range fields {
		t.Run(field, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { one(t, field) }) })
	}
	if tenth := (refused + accepted) / 10; refused < tenth || accepted < tenth {
		t.Errorf("got %d refused and %d accepted, want a tenth of each kind", refused, accepted)
	}
}
