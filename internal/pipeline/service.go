package pipeline

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Recorder stores state changes.
type Recorder interface {
	// RecordStateChange merges st, what the event ev proves, into the state of its
	// pipeline, and stores the event in the history. It is idempotent.
	RecordStateChange(ctx context.Context, ev *chime.Event, st State) error
}

// Counter counts by name, for metrics. It must be safe for concurrent use.
type Counter interface {
	Count(name string, n int)
}

// Service stores the state and history of pipelines.
type Service struct {
	Recorder Recorder
	Counts   Counter
}

// Handle stores one state change. An event of an unknown detail type is stored too, as
// an event of unknown type; one that another function handles is an error.
func (s Service) Handle(ctx context.Context, event []byte) error {
	ev, st, unknown, err := Read(event)
	if err != nil {
		return err
	}
	if err := s.Recorder.RecordStateChange(ctx, ev, st); err != nil {
		return err
	}
	if !unknown {
		s.Counts.Count("StateChanges", 1)
		if n := ev.StateChange.Unread(); n > 0 {
			s.Counts.Count("UnreadFields", n)
		}
	}
	if st.Status == Unknown {
		s.Counts.Count("UnknownEventTypes", 1)
	}
	return nil
}

// RecordEvent stores a state change, and counts nothing.
func RecordEvent(ctx context.Context, r Recorder, ev *chime.Event) error {
	st, err := FromEvent(ev)
	if err != nil {
		return err
	}
	return r.RecordStateChange(ctx, ev, st)
}
