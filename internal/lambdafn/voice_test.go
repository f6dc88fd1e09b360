package lambdafn_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestVoiceTasksAreTurnedOnByTheEnvironment(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	const arn = "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/d-1"
	for _, tt := range []struct {
		name, tasks, domain string
		speaker, tone       bool
		wantDomain, wantErr string
	}{
		{"nothing", "", "", false, false, "", ""},
		{"tone", "voice-tone", "", false, true, "", ""},
		{"both", "speaker-search, voice-tone", arn, true, true, "d-1", ""},
		{"a domain alone", "", arn, false, false, "d-1", ""},
		{"an unknown task", "voice-tone,mood", "", false, false, "", `CHIMEWATCH_VOICE_TASKS: names the unknown task "mood"`},
		{"no domain", "speaker-search", "", false, false, "", `CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is ""`},
		{"a domain without its id", "voice-tone", "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/", false,
			false, "",
			"CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is \"arn:aws:chime:us-east-1:111122223333:voice-profile-domain/\""},
		{"a domain by its id", "voice-tone", "d-1", false, false, "", `CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is "d-1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"CHIMEWATCH_TABLE": "calls", "CHIMEWATCH_RETENTION_DAYS": "1", "CHIMEWATCH_VOICE_TASKS": tt.tasks, "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN": tt.domain}
			var k *voicetask.Keeper
			_, err := lambdafn.NewBatch(t.Context(), "voice", func(name string) string { return env[name] }, func(p lambdafn.Parts) handler.Batch {
				k = p.Keeper()
				return nil
			})
			if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("got %v, want %q", err, tt.wantErr)
			}
			if err != nil {
				return
			}
			if k.On[consent.SpeakerSearch] != tt.speaker || k.On[consent.VoiceTone] != tt.tone || k.On.Any() != (tt.speaker || tt.tone) {
				t.Errorf("got %v turned on, want speaker search %t and tone %t", k.On, tt.speaker, tt.tone)
			}
			if got := k.Service.(voicetask.Chime).DomainID; got != tt.wantDomain {
				t.Errorf("got the domain %q, want %q", got, tt.wantDomain)
			}
		})
	}
}

// A batch that takes too long is answered in time, so that Lambda offers only
// those records again that were not done.
func TestBatchIsAnsweredInTime(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	env := map[string]string{"CHIMEWATCH_TABLE": "calls", "CHIMEWATCH_RETENTION_DAYS": "1"}
	var left time.Time
	f, err := lambdafn.NewBatch(t.Context(), "voice", func(name string) string { return env[name] }, func(lambdafn.Parts) handler.Batch {
		return func(ctx context.Context, m []intake.Message) []error {
			left, _ = ctx.Deadline()
			errs := make([]error, len(m))
			errs[1] = ctx.Err()
			return errs
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	const payload = `{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"{}"},{"messageId":"2","eventSource":"aws:sqs","body":"{}"}]}`
	for _, tt := range []struct {
		name, want string
		time       time.Duration
	}{
		{"enough time", `{"batchItemFailures":[]}`, time.Hour},
		{"no time but for the answer", `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deadline := time.Now().Add(tt.time)
			ctx, cancel := context.WithDeadline(t.Context(), deadline)
			defer cancel()
			got, err := f.Invoke(ctx, []byte(payload))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s and %v, want %s", got, err, tt.want)
			}
			if reserve := deadline.Sub(left); reserve < time.Second {
				t.Errorf("got %s to answer in, want a second at least", reserve)
			}
		})
	}
}
