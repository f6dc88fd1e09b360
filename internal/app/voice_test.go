package app_test

import (
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func TestWrongVoiceTasksAreRefused(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	const arn = "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/d-1"
	for _, tt := range []struct {
		name, tasks, domain string
		wantErr             string
	}{
		{"nothing", "", "", ""},
		{"tone", "voice-tone", "", ""},
		{"both", "speaker-search, voice-tone", arn, ""},
		{"a domain alone", "", arn, ""},
		{"an unknown task", "voice-tone,mood", "", `CHIMEWATCH_VOICE_TASKS: is "voice-tone,mood"`},
		{"no domain", "speaker-search", "", `CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is ""`},
		{"a domain without its id", "voice-tone", "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/",
			"CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is \"arn:aws:chime:us-east-1:111122223333:voice-profile-domain/\""},
		{"a domain by its id", "voice-tone", "d-1", `CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN: is "d-1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := lambdafn.New(t.Context(), "voice", with(map[string]string{
				"CHIMEWATCH_VOICE_TASKS": tt.tasks, "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN": tt.domain,
			}), app.Voice)
			if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("got %v, want %q", err, tt.wantErr)
			}
		})
	}
}
