package voicetask_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

var now = time.Date(2026, 3, 11, 8, 30, 0, 0, time.UTC)

func example(t *testing.T, name string) string {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Body)
}

func TestParseReadsTheExamples(t *testing.T) {
	const tx, call = "af713cb5-c6aa-416a-97e1-5636109ac0d8", "264a8549-f556-4460-94a2-f6c09f7692ed"
	for name, want := range map[string]voicetask.Entry{
		"consent-granted": {Kind: voicetask.Granted, At: time.Date(2026, 3, 11, 8, 15, 9, 0, time.UTC),
			Event: "0f1c3c52-2b6e-4f0b-9d52-6f6a1f3a7f11",
			By:    "caller, asked by the IVR", TransactionID: tx, Scope: voicetask.ScopeBoth},
		"consent-granted-until": {Kind: voicetask.Granted, At: time.Date(2026, 3, 11, 8, 15, 10, 0, time.UTC),
			Event: "5a8d2f64-90d7-4c61-8b0f-2f2b5b3d6a02",
			By:    "agent-2317", CallID: call, Scope: voicetask.ScopeVoiceTone,
			Until: time.Date(2036, 3, 11, 9, 0, 0, 0, time.UTC)},
		"consent-denied": {Kind: voicetask.Denied, At: time.Date(2026, 3, 11, 8, 15, 11, 0, time.UTC),
			Event: "c07be9d8-41e5-4a39-a1f9-7d0c5b9e4e03",
			By:    "caller, asked by the IVR", TransactionID: tx, CallID: call, Scope: voicetask.ScopeSpeakerSearch},
		"consent-withdrawn": {Kind: voicetask.Withdrawn, At: time.Date(2026, 3, 11, 8, 16, 40, 250_000_000, time.UTC),
			Event: "e2d4f7a6-7c18-4b53-8f3e-1a9b6c0d2f04",
			By:    "agent-2317", TransactionID: tx, Scope: voicetask.ScopeBoth},
	} {
		got, err := voicetask.ParseConsent([]byte(example(t, name)), now)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestParseNamesTheField(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		pointer        string
		// open is set where the schema accepts it, because it compares no fields.
		open bool
	}{
		{"another source", `"chimewatch.consent"`, `"aws.chime"`, "/source", false},
		{"another detail type", `"Voice Analytics Consent"`, `"Voice Consent"`, "/detail-type", false},
		{"no id", `"id": "5a8d2f64-90d7-4c61-8b0f-2f2b5b3d6a02",`, ``, "/id", false},
		{"no call", `"callId"`, `"call"`, "/detail/transactionId", false},
		{"empty call", `"264a8549-f556-4460-94a2-f6c09f7692ed"`, `""`, "/detail/callId", false},
		{"call is a number", `"264a8549-f556-4460-94a2-f6c09f7692ed"`, `17`, "/detail/callId", false},
		{"call is null", `"264a8549-f556-4460-94a2-f6c09f7692ed"`, `null`, "/detail/callId", false},
		{"a rehearsed call", `"264a8549-f556-4460-94a2-f6c09f7692ed"`, `"rehearsal-c"`, "/detail/callId", true},
		{"a rehearsed transaction", `"callId"`, `"transactionId": "rehearsal-t", "callId"`, "/detail/transactionId", true},
		{"long call", `264a8549-f556-4460-94a2-f6c09f7692ed`, strings.Repeat("x", 257), "/detail/callId", false},
		{"no scope", `"scope"`, `"extent"`, "/detail/scope", false},
		{"unknown scope", `"voice-tone"`, `"recording"`, "/detail/scope", false},
		{"scope in capitals", `"voice-tone"`, `"Voice-Tone"`, "/detail/scope", false},
		{"scope is a list", `"voice-tone"`, `["voice-tone"]`, "/detail/scope", false},
		{"no decision", `"decision"`, `"verdict"`, "/detail/decision", false},
		{"decision in another case", `"decision"`, `"Decision"`, "/detail/decision", false},
		{"unknown decision", `"granted"`, `"held"`, "/detail/decision", false},
		{"nobody", `"by"`, `"from"`, "/detail/by", false},
		{"an end that is no time", `"2036-03-11T09:00:00Z"`, `"tonight"`, "/detail/until", false},
		{"an end in the past", `"2036-03-11T09:00:00Z"`, `"2026-03-11T08:15:09Z"`, "/detail/until", true},
		{"an end at the decision", `"2036-03-11T09:00:00Z"`, `"2026-03-11T08:15:10Z"`, "/detail/until", true},
		{"an end of a refusal", `"granted"`, `"denied"`, "/detail/until", true},
		{"an end before the exact moment", `"until"`, `"at": "2026-03-11T08:16:00Z", "until": "2026-03-11T08:15:30Z", "was"`,
			"/detail/until", true},
		{"a moment that is no time", `"until"`, `"at": "now", "until"`, "/detail/at", false},
		{"a moment in the future", `"until"`, `"at": "2026-03-11T08:35:01Z", "until"`, "/detail/at", true},
		{"an envelope in the future", `"2026-03-11T08:15:10Z"`, `"2026-03-11T08:35:01Z"`, "/time", true},
		{"a key twice", `"scope"`, `"scope": "both", "scope"`, "/detail/scope", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := example(t, "consent-granted-until")
			raw := []byte(strings.Replace(before, tt.old, tt.new, 1))
			if string(raw) == before {
				t.Fatal("the case changes nothing")
			}
			_, err := voicetask.ParseConsent(raw, now)
			var field *chime.FieldError
			var known *apperr.Error
			pointer := ""
			switch {
			case errors.As(err, &field):
				pointer = field.Pointer
			case errors.As(err, &known):
				pointer = known.Where
			}
			if pointer != tt.pointer || apperr.ClassOf(err) != apperr.Invalid {
				t.Errorf("got %v, want an invalid %s", err, tt.pointer)
			}
			_, problems, err := schemas.Validate(raw)
			if refused := len(problems) > 0 || err != nil; refused == tt.open {
				t.Errorf("schema: got problems %v and %v, want some: %t", problems, err, !tt.open)
			}
		})
	}
	if _, err := voicetask.ParseConsent([]byte(`{"id":"x"`), now); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("broken JSON: got %v, want it invalid", err)
	}
}

// The schema counts characters, and so does Parse.
func TestNamesInAnyAlphabetMayBeAsLong(t *testing.T) {
	for n, fits := range map[int]bool{256: true, 257: false} {
		raw := []byte(strings.Replace(example(t, "consent-denied"), "caller, asked by the IVR", strings.Repeat("ж", n), 1))
		_, problems, err := schemas.Validate(raw)
		if err != nil || (len(problems) == 0) != fits {
			t.Errorf("schema on %d letters: got %v and %v, want them accepted: %t", n, problems, err, fits)
		}
		if _, err := voicetask.ParseConsent(raw, now); (err == nil) != fits {
			t.Errorf("Parse on %d letters: got %v, want them accepted: %t", n, err, fits)
		}
	}
}

// A clock that is ahead makes no grant later than the denial that follows it.
func TestGrantsFromTheFutureAreAsOfNow(t *testing.T) {
	ahead := now.Add(4 * time.Minute)
	for _, tt := range []struct {
		decision voicetask.Kind
		at, want time.Time
	}{
		{voicetask.Granted, ahead, now},
		{voicetask.Granted, now, now},
		{voicetask.Granted, now.Add(-time.Minute), now.Add(-time.Minute)},
		{voicetask.Denied, ahead, ahead},
		{voicetask.Withdrawn, ahead, ahead},
	} {
		body, err := json.Marshal(map[string]any{"id": "e", "source": voicetask.ConsentSource,
			"detail-type": voicetask.DetailType, "time": tt.at,
			"detail": voicetask.ConsentDetail{CallID: "c", Scope: voicetask.ScopeBoth, Decision: tt.decision, By: "me"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := voicetask.ParseConsent(body, now); err != nil || !got.At.Equal(tt.want) {
			t.Errorf("%s of %s: got one of %s and %v, want one of %s", tt.decision, tt.at.Format(time.TimeOnly),
				got.At.Format(time.TimeOnly), err, tt.want.Format(time.TimeOnly))
		}
	}
}

// What ConsentDetail writes is what ParseConsent reads.
func TestDetailIsReadBack(t *testing.T) {
	detail := voicetask.ConsentDetail{TransactionID: "t", Scope: voicetask.ScopeBoth, Decision: voicetask.Granted,
		By: "me", Until: now.Add(time.Hour), At: now.Add(-time.Nanosecond)}
	body, err := json.Marshal(map[string]any{"id": "e", "source": voicetask.ConsentSource,
		"detail-type": voicetask.DetailType, "time": "2026-03-11T08:29:59Z", "detail": detail})
	if err != nil {
		t.Fatal(err)
	}
	got, err := voicetask.ParseConsent(body, now)
	want := voicetask.Entry{Kind: voicetask.Granted, At: detail.At, Event: "e", By: "me", TransactionID: "t",
		Scope: voicetask.ScopeBoth, Until: detail.Until}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
