package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
)

const domain = "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/8b0c1d2e-0f3a-4c5b-9d6e-7f8091a2b3c4"

func TestVoiceChoices(t *testing.T) {
	want := config.Default()
	want.VoiceSources, want.VoiceTasks = []string{"lambda", "sqs", "sns", "kinesis"},
		[]string{"speaker-search", "voice-tone"}
	want.VoiceProfileDomainARN, want.VoiceAccessRole = domain, true
	got, err := config.FromContext(object(map[string]any{
		"voiceSources": []any{"kinesis", "lambda", "sns", "sqs"}, "voiceTasks": "voice-tone, speaker-search",
		"voiceProfileDomainArn": domain, "voiceAccessRole": true,
	}))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, test := range []struct {
		name   string
		values map[string]any
		want   []string
	}{
		{"an unknown source", map[string]any{"voiceSources": "sqs,fax"},
			[]string{"chimewatch.voiceSources", `"sqs,fax"`, "any of lambda, sqs, sns, kinesis"}},
		{"a source twice", map[string]any{"voiceSources": "sqs,sqs"}, []string{"chimewatch.voiceSources"}},
		{"an unknown task", map[string]any{"voiceTasks": "mood"},
			[]string{"chimewatch.voiceTasks", `"mood"`, "speaker-search, voice-tone"}},
		{"a domain by its id", map[string]any{"voiceProfileDomainArn": "8b0c1d2e"},
			[]string{"chimewatch.voiceProfileDomainArn", "8b0c1d2e", "arn:aws:chime"}},
		{"no domain", map[string]any{"voiceTasks": "speaker-search", "voiceSources": "sqs"},
			[]string{"chimewatch.voiceProfileDomainArn", `""`, "domain to search in"}},
		{"no source", map[string]any{"voiceTasks": "voice-tone"},
			[]string{"chimewatch.voiceSources", "is empty", "lambda, sqs, sns, kinesis"}},
		{"a role for nothing", map[string]any{"voiceAccessRole": true},
			[]string{"chimewatch.voiceSources", "voiceAccessRole"}},
		{"a role that is neither", map[string]any{"voiceAccessRole": "maybe"},
			[]string{"chimewatch.voiceAccessRole", "true or false"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.FromContext(object(test.values))
			if err == nil || apperr.ClassOf(err) != apperr.Invalid {
				t.Fatalf("got %v, want it refused as invalid", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to say %q", err, part)
				}
			}
		})
	}
}
