package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
)

// deaf does nothing when it is called.
type deaf struct{}

func (deaf) Count(string, int)                                  {}
func (deaf) Publish(context.Context, notify.Message) error      { return nil }
func (deaf) Reconcile(context.Context, voicetask.Trigger) error { return nil }

// functionsOn returns the functions as they are deployed, on a table.
func functionsOn(s *dynamo.Store) map[string]func(context.Context, []byte) ([]byte, error) {
	owner := func(context.Context) string { return "test" }
	single := func(h func(context.Context, []byte) error) func(context.Context, []byte) ([]byte, error) {
		return func(ctx context.Context, payload []byte) ([]byte, error) {
			return lambdafn.Handle(ctx, payload, lambdafn.Each(h))
		}
	}
	return map[string]func(context.Context, []byte) ([]byte, error){
		"status": single((pipeline.Service{Recorder: s, Counts: deaf{}}.Handle)),
		"failures": func(ctx context.Context, payload []byte) ([]byte, error) {
			return lambdafn.Handle(ctx, payload, lambdafn.Each((&incident.Service{
				Repo: s, Timing: incident.DefaultTiming, Counts: deaf{}, Now: time.Now,
				Notifier: notify.Incidents{Outbox: s, Topic: deaf{}, Owner: owner},
			}).Handle))
		},
		"alerts": single(((&rulematch.Service{
			Repo: s, Window: time.Minute, Counts: deaf{}, Now: time.Now,
			Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			Notifier: notify.Matches{Outbox: s, Topic: deaf{}, Topics: func(string) notify.Publisher { return deaf{} },
				Owner: owner},
		}).Handle)),
		"consent": single(((&voicetask.Service{Ledger: s, Calls: deaf{}, Counts: deaf{}, Now: time.Now}).Handle)),
		"voice": func(ctx context.Context, payload []byte) ([]byte, error) {
			return lambdafn.Handle(ctx, payload, func(ctx context.Context, messages []lambdafn.Message) []error {
				var deliveries []voicetask.Delivery
				for _, m := range messages {
					deliveries = append(deliveries, voicetask.Delivery{Body: m.Body, By: m.Source.Voice()})
				}
				return (&voicetask.Service{Notifications: s, Counts: deaf{}}).HandleNotifications(ctx, deliveries)
			})
		},
	}
}

// sentTo returns the functions that get an event: those of its rules, and voice for a voice notification, which
// matches no rule.
func sentTo(t *rapid.T, rules eventrule.Rules, raw []byte) (names []string) {
	matched, err := rules.Match(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range matched {
		names = append(names, rule.Function)
	}
	var event struct {
		DetailType any `json:"detail-type"`
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	voiceTypes := []any{chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone}
	if slices.Contains(voiceTypes, event.DetailType) && len(names) == 0 {
		names = append(names, "voice")
	}
	return names
}

// malformed returns an example with values that no example has.
func malformed(t *rapid.T) map[string]any {
	examples := schemas.Examples()
	decoded, err := decodeJSON(rapid.SampledFrom(examples).Draw(t, "example").Body)
	if err != nil {
		t.Fatal(err)
	}
	event := decoded.(map[string]any)
	noise := func(n int) string { // does not compress
		b := make([]byte, n*3/4)
		rand.NewChaCha8([32]byte{1}).Read(b)
		return base64.StdEncoding.EncodeToString(b)
	}
	values := []any{nil, "", "x", 7, 14155550160.5, true, []any{}, map[string]any{}, "rehearsal-x", "yesterday",
		"2026-03-09T14:08:30Z", "9999-01-01T00:00:00Z", "1969-01-01T00:00:00Z",
		strings.Repeat("i", 300), strings.Repeat("n", 600), strings.Repeat("k", 3000), strings.Repeat("z", 500_000),
		noise(300_000), noise(520_000),
		[]any{map[string]any{"type": "S3RecordingSink", "status": "Failed"}}, "a \"Failed\" b",
		`[{"type":"S3RecordingSink","status":"Failed"}]`, "chime:MediaInsightsPermanentFailure", "chime:Odd",
		"granted", "denied"}
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		holder := event
		if detail, ok := event["detail"].(map[string]any); ok && rapid.IntRange(0, 3).Draw(t, "where") > 0 {
			holder = detail
		}
		names := append(keysOf(holder), "note", "until", "at", "ruleName", "callId", "transactionId")
		name := rapid.SampledFrom(names).Draw(t, "name")
		switch rapid.IntRange(0, 5).Draw(t, "change") {
		case 0:
			delete(holder, name)
		case 1:
			event["detail-type"] = rapid.SampledFrom([]string{"Media Insights State Change", "Media Insights Rules Matched",
				"Call Insights State Change", "VoiceAnalyticsStatus", "Voice Analytics Consent", "Other"}).Draw(t, "type")
		case 2:
			sources := []string{"aws.chime", "chimewatch.consent", "chimewatch.rehearsal"}
			event["source"] = rapid.SampledFrom(sources).Draw(t, "source")
		default:
			holder[name] = rapid.SampledFrom(values).Draw(t, "value")
		}
	}
	return event
}

func keysOf(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// An event has no problem if and only if every function that gets it handles it, on a real table.
func TestValidateAgreesWithTheFunctions(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	functions := functionsOn(dynamo.New(world.DB, world.Table, dynamo.Options{Retention: time.Hour * 24 * 365}))
	rules := eventrule.Table(eventrule.Options{Rehearsal: true})
	checker := eventChecker{rules, time.Now}
	good, bad := 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 5 {
			raw, err := json.Marshal(malformed(t))
			if err != nil {
				t.Fatal(err)
			}
			names := sentTo(t, rules, raw)
			var refused error
			for _, name := range names {
				if _, err := functions[name](context.Background(), raw); err != nil {
					refused = fmt.Errorf("%s: %w", name, err)
					bad[name]++
				}
			}
			if refused == nil {
				good++
			} else if apperr.ClassOf(refused) != apperr.Invalid {
				t.Fatalf("got %v of %.300s, want none or one of class invalid", refused, raw)
			}
			found := checker.check(context.Background(), lambdafn.Message{Source: lambdafn.Direct, Body: raw})
			for _, name := range names {
				if !slices.Contains(found.Functions, name) {
					t.Fatalf("got the functions %v, want %v of %.300s", found.Functions, names, raw)
				}
			}
			if len(names) > 0 && (len(found.Problems) == 0) != (refused == nil) {
				t.Fatalf("got %v and from the functions %v of %.600s", found.Problems, refused, raw)
			}
		}
	})
	t.Logf("%d events accepted, %v refused", good, bad)
	for name := range functions {
		if bad[name] == 0 {
			t.Errorf("no event was refused by %s", name)
		}
	}
}

// What only a limit of the table or a rule of one function refuses is a problem; a difference from the schema
// that the functions accept is none.
func TestValidateReportsWhatTheFunctionsRefuse(t *testing.T) {
	set := func(name string, sets ...string) string {
		args := []string{"send", name, "--print"}
		for _, s := range sets {
			args = append(args, "--set", s)
		}
		got := execute(nil, "", args...)
		if got.code != exitDone {
			t.Fatal(got.stderr)
		}
		return got.stdout
	}
	noise := make([]byte, 450_000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	large := base64.StdEncoding.EncodeToString(noise)
	for _, test := range []struct{ name, event, want string }{
		{"too large for an item", set("paused", "detail.note="+large), "more than an item has room for"},
		{"a match that is too large", set("rule-sentiment", "detail.note="+large), "more than an item has room for"},
		{"a notification that is too large", set("voice-tone-failure", "detail.note="+large),
			"more than an item has room for"},
		{"a rule with a long name", set("rule-sentiment", "detail.ruleName="+strings.Repeat("n", 501)), "no key has room"},
		{"the id of a rehearsal", set("paused", "id=rehearsal-1"), "/id: got \"rehearsal-1\""},
		{"consent of tomorrow", set("consent-granted", "detail.at="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)),
			"not in the future"},
		{"consent on a rehearsal", set("consent-granted", "detail.transactionId=rehearsal-1"), "no task runs on a rehearsal"},
		{"consent by another type", set("consent-granted", "detail-type=Other"), "/detail-type: got \"Other\""},
		{"a match without a name", set("rule-sentiment", "detail.ruleName=7"), "/detail/ruleName"},
		{"a notification without an id", set("voice-tone-failure", "id="), "/id"},
		{"an unknown version", set("paused", "detail.version=7"), ""},
		{"another number", set("created", "detail.fromNumber=7"), ""},
		{"what nothing documents", set("paused", "detail-type=Call Insights State Change"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := execute(nil, test.event, "events", "validate", "-")
			if problem := strings.Contains(got.stdout, "  problem "); problem != (test.want != "") ||
				!strings.Contains(got.stdout, test.want) || (got.code == exitDone) == problem {
				t.Errorf("got exit code %d and %.2000s, want the problem %q", got.code, got.stdout, test.want)
			}
		})
	}
	got := execute(nil, set("paused", "detail.version=7"), "events", "validate", "-")
	if !strings.Contains(got.stdout, "event 0: valid\n") ||
		!strings.Contains(got.stdout, "  differs    /detail/version: found the number 7") {
		t.Errorf("got %s, want it valid, and the difference from the schema", got.stdout)
	}
}

// The names of the functions are those of the routing table.
func TestCheckByFunctionKnowsEveryFunction(t *testing.T) {
	for _, rule := range eventrule.Table(eventrule.Options{}) {
		err := checkByFunction(t.Context(), rule.Function, lambdafn.Message{Body: []byte("{}")}, time.Now)
		if apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want the refusal of an empty event", rule.Function, err)
		}
	}
}
