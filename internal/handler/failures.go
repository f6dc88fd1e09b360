package handler

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Failures takes a permanent failure, a failed creation and a failed element
// into the incident that it belongs to.
func Failures(incidents Incidents, counts Counter) Handler {
	return func(ctx context.Context, m intake.Message) error {
		ev, st, err := stateChange(m)
		if err != nil {
			return err
		}
		failures := failuresIn(st)
		if len(failures) == 0 {
			return nil // a retry of what another rule matches; nothing here failed
		}
		// What the table knows already helps the words: some events lack the call,
		// and what ran when the pipeline failed.
		event := st
		known, err := incidents.Table.Pipeline(ctx, st.ID)
		if err != nil && fault.ClassOf(err) != fault.NotFound {
			return err
		}
		if err == nil {
			known.Failure = nil // the words are about this event's failure
			st = pipeline.Merge(known, st)
		}
		for _, f := range failures {
			f.State, f.At = st, ev.Time
			if err := incidents.take(ctx, f, event); err != nil {
				return err
			}
			counts.Count("Failures", 1)
		}
		return nil
	}
}

// failuresIn gives what one event says has failed.
func failuresIn(st pipeline.State) []alert.Failure {
	switch st.Status {
	case pipeline.Failed:
		return []alert.Failure{{Kind: alert.PermanentFailure}}
	case pipeline.CreateFailed:
		return []alert.Failure{{Kind: alert.CreateFailed}}
	}
	var failures []alert.Failure
	for _, e := range st.FailingElements() {
		failures = append(failures, alert.Failure{Kind: alert.ElementFailure, Element: e})
	}
	return failures
}
