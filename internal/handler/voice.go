package handler

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/voice"
)

// VoiceTable keeps voice-analytics notifications; *store.Store does.
type VoiceTable interface {
	RecordVoice(context.Context, []voice.Note) []error
}

// Voice keeps voice-analytics notifications, all of an invocation together.
func Voice(table VoiceTable, counts Counter) Batch {
	return func(ctx context.Context, messages []intake.Message) []error {
		errs := make([]error, len(messages))
		var notes []voice.Note
		var origin []int // of each note: which message it is
		for i, m := range messages {
			n, err := voice.Read(m)
			if err != nil {
				errs[i] = err
				continue
			}
			notes, origin = append(notes, n), append(origin, i)
			if n.Analytics == voice.Unknown {
				counts.Count("UnknownNotifications", 1)
			}
		}
		kept := 0
		for i, err := range table.RecordVoice(ctx, notes) {
			errs[origin[i]] = err
			if err == nil {
				kept++
			}
		}
		counts.Count("VoiceNotifications", kept)
		return errs
	}
}
