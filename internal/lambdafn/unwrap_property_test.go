package lambdafn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chimewatch/chimewatch/internal/lambdafn"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"pgregory.net/rapid"
)

// wrappings are all that can be around an event, by name.
var wrappings = map[string]func(string) string{
	"queue":             func(s string) string { return records(sqsRecord("a", s)) },
	"queue record":      func(s string) string { return sqsRecord("a", s) },
	"topic":             func(s string) string { return records(snsRecord("a", s)) },
	"topic record":      func(s string) string { return snsRecord("a", s) },
	"topic envelope":    snsEnvelope,
	"stream":            func(s string) string { return records(kinesisRecord("1", s)) },
	"failed invocation": failedInvocation,
	"array":             func(s string) string { return "[" + s + "]" },
	"text":              quote,
}

var wrappingNames = []string{"queue", "queue record", "topic", "topic record", "topic envelope", "stream",
	"failed invocation", "array", "text"}

// genEvent makes an event with keys and values that could be taken for wrappings.
func genEvent(t *rapid.T) string {
	detail, err := json.Marshal(rapid.MapOfN(
		rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"Records", "requestPayload", "Message", "detail-type"})),
		rapid.String(), 0, 4).Draw(t, "detail"))
	if err != nil {
		t.Fatal(err)
	}
	detailType := rapid.SampledFrom([]string{"Media Insights State Change", "VoiceAnalyticsStatus",
		"something new"}).Draw(t, "detail type")
	if rapid.Bool().Draw(t, "detail first") {
		return fmt.Sprintf(`{"detail":%s,"id":"x","detail-type":%q}`, detail, detailType)
	}
	return fmt.Sprintf(`{"id":"x", "detail-type":%q, "detail":%s}`, detailType, detail)
}

func TestAnyNestingReturnsTheBytesOfTheEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genEvent(t)
		payload, redriven := want, false
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(wrappingNames), 0, 5).Draw(t, "wrappings, inside first") {
			payload = wrappings[name](payload)
			redriven = redriven || name == "failed invocation"
		}
		got, err := lambdafn.Unwrap([]byte(payload))
		if err != nil || len(got.Failures) > 0 || len(got.Messages) != 1 {
			t.Fatalf("got %d messages, failures %v, error %v of %s", len(got.Messages), got.Failures, err, payload)
		}
		if m := got.Messages[0]; string(m.Body) != want || m.Redriven != redriven || m.Source == "" {
			t.Errorf("got %s from %q, redriven %v; want %s, redriven %v", m.Body, m.Source, m.Redriven, want, redriven)
		}
	})
}

// A cut or changed payload ends as messages or as errors, never as silence.
func TestDamageIsNeverSilent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := genEvent(t)
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(wrappingNames), 0, 4).Draw(t, "wrappings, inside first") {
			payload = wrappings[name](payload)
		}
		damaged := []byte(payload)
		if at := rapid.IntRange(0, len(damaged)).Draw(t, "at"); at < len(damaged) {
			damaged[at] = rapid.Byte().Draw(t, "byte")
		}
		damaged = damaged[:rapid.IntRange(0, len(damaged)).Draw(t, "length")]
		checkNotSilent(t, damaged)
	})
}

func FuzzHandle(f *testing.F) {
	for _, name := range wrappingNames {
		f.Add([]byte(wrappings[name](event)))
		f.Add([]byte(wrappings[name](voice)))
	}
	f.Fuzz(func(t *testing.T, payload []byte) { checkNotSilent(t, payload) })
}

func checkNotSilent(t interface{ Fatalf(string, ...any) }, payload []byte) {
	batch, err := lambdafn.Unwrap(payload)
	if err == nil && len(batch.Messages)+len(batch.Failures) == 0 {
		t.Fatalf("got neither a message nor an error of %q", payload)
	}
	calls := 0
	reply, handleErr := lambdafn.Handle(context.Background(), payload,
		perMessage(func(_ context.Context, m lambdafn.Message) error {
			if m.Source == "" || len(m.Body) == 0 {
				t.Fatalf("got a message without source or body of %q", payload)
			}
			calls++
			return nil
		}))
	if calls != len(batch.Messages) {
		t.Fatalf("got %d calls for %d messages of %q", calls, len(batch.Messages), payload)
	}
	if handleErr == nil && len(batch.Failures) > 0 && len(reply) <= len(`{"batchItemFailures":[]}`) {
		t.Fatalf("got reply %s that reports none of %v of %q", reply, batch.Failures, payload)
	}
}
