package handler

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Recorder keeps state changes; *store.Store does.
type Recorder interface {
	RecordStateChange(context.Context, *chime.Event) error
}

// Status keeps the state and history of the pipelines. An event of a detail type that
// is not known is kept beside them, as an event of unknown type; one that another
// function handles is an error.
func Status(table Recorder, counts Counter) Handler {
	return func(ctx context.Context, m intake.Message) error {
		ev, err := chime.Parse(m.Body)
		if err != nil {
			return err
		}
		unknown, isUnknown := chime.AsUnknown(ev)
		if isUnknown {
			ev = unknown
		}
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			return err
		}
		if err := table.RecordStateChange(ctx, ev); err != nil {
			return err
		}
		if !isUnknown {
			counts.Count("StateChanges", 1)
			if n := ev.StateChange.Unread(); n > 0 {
				counts.Count("UnreadFields", n)
			}
		}
		if st.Status == pipeline.Unknown {
			counts.Count("UnknownEventTypes", 1)
		}
		return nil
	}
}
