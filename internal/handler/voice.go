package handler

import (
	"context"
	"errors"
	"log/slog"

	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/timeshare"
	"github.com/chimewatch/chimewatch/internal/voice"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// VoiceTable keeps voice-analytics notifications; *store.Store does.
type VoiceTable interface {
	RecordVoice(context.Context, []voice.Note) []error
}

// Voice keeps voice-analytics notifications, all of an invocation together, and
// does what is due for the calls that they are about. calls is nil where no task
// is turned on.
//
// Records of other kinds (see voice.ErrForeign) are counted and skipped: nothing
// of them is stored or logged, as they hold what people said, and they do not
// fail, so that none of them reaches a dead-letter queue.
func Voice(table VoiceTable, calls Settler, counts Counter) Batch {
	return func(ctx context.Context, messages []intake.Message) []error {
		errs := make([]error, len(messages))
		var notes []voice.Note
		var origin []int // of each note: which message it is
		for i, m := range messages {
			n, err := voice.Read(m)
			if errors.Is(err, voice.ErrForeign) {
				counts.Count("CallAnalyticsRecordsSkipped", 1)
				continue
			}
			if err != nil {
				errs[i] = err
				continue
			}
			notes, origin = append(notes, n), append(origin, i)
		}
		var kept []voice.Note
		var keptOrigin []int
		for i, err := range table.RecordVoice(ctx, notes) {
			if err != nil {
				errs[origin[i]] = err
				continue
			}
			kept, keptOrigin = append(kept, notes[i]), append(keptOrigin, origin[i])
		}
		countNotes(ctx, counts, kept)
		if calls != nil {
			for i, err := range settle(ctx, calls, kept) {
				errs[keptOrigin[i]] = err
			}
		}
		return errs
	}
}

// countNotes counts what was kept, and tells of what will make people wonder.
func countNotes(ctx context.Context, counts Counter, kept []voice.Note) {
	counts.Count("VoiceNotifications", len(kept))
	for _, n := range kept {
		switch {
		case n.Analytics == voice.Unknown:
			counts.Count("UnknownNotifications", 1)
		case n.IsReady() && (n.TransactionID == "" || n.VoiceConnectorID == ""):
			slog.WarnContext(ctx, "a call is ready for tasks, but none can be started without its transaction and Voice Connector", "eventId", n.ID)
			counts.Count("UnusableReadiness", 1)
		}
	}
}

// settle does what is due for each transaction once, and returns an error or nil
// for each note. A transaction that the service hangs on takes no other one's time.
func settle(ctx context.Context, calls Settler, notes []voice.Note) []error {
	errs := make([]error, len(notes))
	triggers := map[string]*voicetask.Trigger{}
	var order []string
	for _, n := range notes {
		task, isTask := taskOf[n.Analytics]
		if n.TransactionID == "" || !isTask && !n.IsReady() && !n.IsPostCall() {
			continue
		}
		t := triggers[n.TransactionID]
		if t == nil {
			t = &voicetask.Trigger{Event: n.ID, TransactionID: n.TransactionID}
			triggers[n.TransactionID], order = t, append(order, n.TransactionID)
		}
		if isTask && n.TaskID != "" {
			t.Seen = append(t.Seen, voicetask.Seen{Task: task, TaskID: n.TaskID})
		}
	}
	settled := timeshare.Each(ctx, len(order), callsAtOnce, func(ctx context.Context, i int) error {
		return calls.Settle(ctx, *triggers[order[i]])
	})
	for t, err := range settled {
		for i, n := range notes {
			if err != nil && n.TransactionID == order[t] {
				errs[i] = err
			}
		}
	}
	return errs
}

var taskOf = map[voice.Analytics]consent.Task{voice.SpeakerSearch: consent.SpeakerSearch, voice.VoiceTone: consent.VoiceTone}
