package handler

import (
	"context"
	"fmt"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Failures records a permanent failure, a failed creation and each failed element in
// the incident that it belongs to, and sends a notification where that is due. The
// rules send it events because of a failure that they saw: one in which none can be
// read is an error, so that it does not pass in silence. An event without a readable
// time failed when it is handled; the function status refuses it.
func Failures(incidents Incidents, counts Counter) Handler {
	return func(ctx context.Context, m intake.Message) error {
		ev, err := chime.ParseAt(m.Body, incidents.Now())
		if err != nil {
			return err
		}
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			return err
		}
		failures := failuresIn(ev, st)
		if len(failures) == 0 {
			return nothingFailed(ev)
		}
		// What the table knows already helps the words: some events lack the call,
		// and what ran when the pipeline failed.
		event := st
		known, err := incidents.Table.Pipeline(ctx, st.ID)
		if err != nil && apperr.ClassOf(err) != apperr.NotFound {
			return err
		}
		if err == nil {
			known.Failure = nil // the words are about this event's failure
			st = pipeline.Merge(known, st)
		}
		for _, f := range failures {
			f.State, f.At = st, pipeline.Believed(ev.Time, incidents.Now())
			if err := incidents.take(ctx, f, event); err != nil {
				return err
			}
			counts.Count("Failures", 1)
		}
		return nil
	}
}

// nothingFailed is the error for an event that a rule sent because of a failure, and
// in which none can be read.
func nothingFailed(ev *chime.Event) error {
	return apperr.New(apperr.Invalid, "event "+ev.ID,
		fmt.Sprintf("a rule saw a failure in it, and none can be read: it is a %q of the type %q, with %d elements that could be read",
			ev.DetailType, ev.StateChange.EventType, len(ev.StateChange.Elements)),
		"look at its mediaInsightsPipelineElementStatuses; it is kept whole in the dead-letter queue")
}

// failuresIn returns what one event, of which st is the state, says has failed.
func failuresIn(ev *chime.Event, st pipeline.State) []notify.Failure {
	switch st.Status {
	case pipeline.Failed:
		return []notify.Failure{{Kind: notify.PermanentFailure}}
	case pipeline.CreateFailed:
		return []notify.Failure{{Kind: notify.CreateFailed}}
	}
	var failures []notify.Failure
	for _, e := range pipeline.FailingIn(ev) {
		failures = append(failures, notify.Failure{Kind: notify.ElementFailure, Element: e})
	}
	return failures
}
