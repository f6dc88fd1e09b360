package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestConsentIsSent(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want voicetask.ConsentDetail // without the moment
	}{
		{"grant", []string{"grant", "--transaction", "t-1", "--scope", "both", "--by", "me"},
			voicetask.ConsentDetail{TransactionID: "t-1", Scope: voicetask.ScopeBoth, Decision: voicetask.Granted, By: "me"}},
		{"grant until", []string{"grant", "--call", "c-1", "--scope", "voice-tone", "--by", "me", "--until", "2999-01-01"},
			voicetask.ConsentDetail{CallID: "c-1", Scope: voicetask.ScopeVoiceTone, Decision: voicetask.Granted, By: "me",
				Until: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"deny", []string{"deny", "--transaction", "t-1", "--call", "c-1", "--scope", "speaker-search", "--by", "me"},
			voicetask.ConsentDetail{TransactionID: "t-1", CallID: "c-1", Scope: voicetask.ScopeSpeakerSearch,
				Decision: voicetask.Denied, By: "me"}},
		{"withdraw", []string{"withdraw", "--transaction", "t-1", "--scope", "both", "--by", "me"},
			voicetask.ConsentDetail{TransactionID: "t-1", Scope: voicetask.ScopeBoth, Decision: voicetask.Withdrawn, By: "me"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			before := time.Now()
			args := append([]string{"consent", "--region", "us-east-1", "--endpoint-url", f.URL, "-o", "json"}, test.args...)
			got := execute(nil, "", args...)
			if got.code != exitDone || len(f.entries) != 1 || got.stderr != "" {
				t.Fatalf("got exit code %d, %d events and %q, want 0 and one event", got.code, len(f.entries), got.stderr)
			}
			entry := f.entries[0]
			if entry["Source"] != "chimewatch.consent" || entry["DetailType"] != "Voice Analytics Consent" {
				t.Errorf("got %v, want an event of consent", entry)
			}
			var sent voicetask.ConsentDetail
			var printed consentSent
			if err := json.Unmarshal([]byte(entry["Detail"].(string)), &sent); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(got.stdout), &printed); err != nil || printed.EventID != "evt-1" ||
				printed.Bus != "default" {
				t.Errorf("got %s (%v), want the event's id and the bus", got.stdout, err)
			}
			if diff := cmp.Diff(sent, printed.ConsentDetail); diff != "" {
				t.Errorf("what is printed is not what was sent (-sent +printed):\n%s", diff)
			}
			if sent.At.Before(before) || sent.At.After(time.Now()) {
				t.Errorf("got the moment %s, want that of the command", sent.At)
			}
			sent.At = time.Time{}
			if diff := cmp.Diff(test.want, sent); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
	f := newFakeAWS(t)
	got := execute(nil, "", "consent", "grant", "--call", "c", "--scope", "both", "--by", "me", "--for", "30m",
		"--region", "us-east-1", "--endpoint-url", f.URL)
	if want := "sent to bus default as event evt-1: both granted on call c\n"; got.stdout != want {
		t.Errorf("got %q and %q, want %q", got.stdout, got.stderr, want)
	}
}

func TestConsentRefuses(t *testing.T) {
	base := []string{"--transaction", "t", "--scope", "both", "--by", "me"}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no call", []string{"grant", "--scope", "both", "--by", "me"},
			"--transaction: got nothing, and no callId, want the call"},
		{"no scope", []string{"grant", "--transaction", "t", "--by", "me"}, "--scope"},
		{"unknown scope", []string{"grant", "--transaction", "t", "--by", "me", "--scope", "recording"},
			`--scope must be one of "speaker-search","voice-tone","both"`},
		{"no name", []string{"deny", "--transaction", "t", "--scope", "both"}, "--by"},
		{"an empty name", []string{"deny", "--transaction", "t", "--scope", "both", "--by", ""},
			"--by: got a text of 0 characters"},
		{"a rehearsal", []string{"grant", "--transaction", "rehearsal-t", "--scope", "both", "--by", "me"},
			"--transaction: got \"rehearsal-t\", want the id of a real call"},
		{"an end in the past", append([]string{"grant", "--until", "2020-01-01"}, base...), "--until, --for: got"},
		{"no span at all", append([]string{"grant", "--for=-5m"}, base...), "--until, --for: got"},
		{"two ends", append([]string{"grant", "--for", "5m", "--until", "2999-01-01"}, base...), "can't be used together"},
		{"an end that is no time", append([]string{"grant", "--until", "soon"}, base...), `--until: "soon" is no time`},
		{"an end of a refusal", append([]string{"deny", "--until", "2999-01-01"}, base...), "unknown flag --until"},
		{"a limit that is none", []string{"list", "--limit", "0"}, "--limit: 0 is out of range"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			args := append([]string{"consent", "--region", "us-east-1", "--endpoint-url", f.URL}, test.args...)
			got := execute(nil, "", args...)
			if got.code != exitUsage || !strings.Contains(got.stderr, test.want) || len(f.entries) != 0 {
				t.Errorf("got exit code %d, %q and %d events, want 2, %q and none", got.code, got.stderr, len(f.entries), test.want)
			}
		})
	}
}

// consentTable returns a table with one call that has every kind of entry, and one that has only a decision.
func consentTable(t *testing.T) *dynalite.Server {
	t.Helper()
	server := startTable(t, t.TempDir())
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName, dynamo.Options{})
	for _, name := range []string{"voice-analytics-ready", "speaker-identification-no-matches", "voice-tone-failure"} {
		ofEndedCall := strings.NewReplacer(voiceTransaction, endedTransaction, voiceCall, endedCall)
		n, err := chime.ParseVoice([]byte(ofEndedCall.Replace(example(t, name))), chime.BySQS)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RecordVoice(t.Context(), []chime.VoiceNotification{n})[0]; err != nil {
			t.Fatal(err)
		}
	}
	// The call was transferred: it is over only when its second pipeline has stopped.
	ofTransferred := strings.NewReplacer(ended, transferred, "14:16:58", "14:26:00", `"id": "`, `"id": "moved-`)
	stopped, err := chime.Parse([]byte(ofTransferred.Replace(example(t, "stopped"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := pipeline.RecordEvent(t.Context(), s, stopped); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 11, 8, 15, 10, 0, time.UTC)
	for _, e := range []voicetask.Entry{
		{Kind: voicetask.Granted, At: at, Event: "g-1", By: "the caller, +12065550178", Scope: voicetask.ScopeBoth,
			CallID: endedCall, Until: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Kind: voicetask.Starting, At: at.Add(time.Second), Event: "g-1", By: voicetask.System,
			TransactionID: endedTransaction, VoiceConnectorID: "v", Task: voicetask.VoiceTone, Number: 1, Consent: "g-1",
			Code: "granted", Token: "k"},
		{Kind: voicetask.Started, At: at.Add(2 * time.Second), Event: "g-1", By: voicetask.System,
			TransactionID: endedTransaction, VoiceConnectorID: "v", Task: voicetask.VoiceTone, Number: 1, Consent: "g-1",
			Token: "k", TaskID: "4ac3799b-e2d6-4805-a28c-4fababb1b60c"},
		{Kind: voicetask.Denied, At: at.Add(-time.Hour), Event: "d-1", By: "agent-2317", Scope: voicetask.ScopeVoiceTone,
			CallID: "unknown-call"},
	} {
		if err := s.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// Ids of the examples of voice notifications, and of the call that the table has.
const (
	voiceTransaction = "af713cb5-c6aa-416a-97e1-5636109ac0d8"
	voiceCall        = "264a8549-f556-4460-94a2-f6c09f7692ed"
	endedTransaction = "7000e34a-8af3-4cdc-9efe-a55b725ded40"
)

func TestConsentShowAndList(t *testing.T) {
	server := consentTable(t)
	run := func(args ...string) result {
		return executeOn(server.URL(), args...)
	}
	for name, args := range map[string][]string{
		"consent/show.txt":       {"consent", "show", endedTransaction},
		"consent/show.json":      {"consent", "show", endedCall, "-o", "json", "--full-numbers"},
		"consent/show-early.txt": {"consent", "show", "unknown-call"},
		"consent/list.txt":       {"consent", "list"},
		"consent/list.json":      {"consent", "list", "-o", "json"},
	} {
		got := run(args...)
		if got.code != exitDone || got.stderr != "" {
			t.Errorf("%v: got exit code %d and %q, want 0 and nothing on the error stream", args, got.code, got.stderr)
		}
		golden(t, name, got.stdout)
	}
	if got := run("consent", "list", "-n", "1"); got.code != exitDone || strings.Count(got.stdout, "\n") != 2 ||
		!strings.Contains(got.stderr, "there are more") {
		t.Errorf("one of two: got exit code %d, %q and %q, want one call, and that there are more", got.code, got.stdout,
			got.stderr)
	}
	_, card, _ := strings.Cut(run("calls", "show", ended).stdout, "\nvoice tasks\n")
	golden(t, "consent/calls-show.txt", card)
	var shown struct{ Voice json.RawMessage }
	if err := json.Unmarshal([]byte(run("calls", "show", ended, "-o", "json").stdout), &shown); err != nil {
		t.Fatal(err)
	}
	golden(t, "consent/calls-show-voice.json", string(shown.Voice)+"\n")
	if got := run("consent", "show", "nobody"); got.code != exitFailed ||
		!strings.Contains(got.stderr, "no transaction or call has the id nobody") {
		t.Errorf("got exit code %d and %q, want 1 and that it is not known", got.code, got.stderr)
	}
}
