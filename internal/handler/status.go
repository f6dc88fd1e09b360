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

// Status keeps the state and history of the pipelines.
func Status(table Recorder, counts Counter) Handler {
	return func(ctx context.Context, m intake.Message) error {
		ev, st, err := stateChange(m)
		if err != nil {
			return err
		}
		if err := table.RecordStateChange(ctx, ev); err != nil {
			return err
		}
		counts.Count("StateChanges", 1)
		if st.Status == pipeline.Unknown {
			counts.Count("UnknownEventTypes", 1)
		}
		return nil
	}
}
