package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The pace of questions to the API, whose limit is shared with the calls
// themselves.
const (
	maxAsked = 50                     // in one run
	askPause = 200 * time.Millisecond // between two
	askAgain = 15 * time.Minute       // about the same pipeline
	// askReserve is what a run keeps of its time for what comes after.
	askReserve   = 10 * time.Second
	maxAskFailed = 3 // questions in one run that may come to nothing
	// askTime is how long one question may take, with all tries: so long that one
	// that hangs is tried again, and so short that a run has time for others.
	askTime = 12 * time.Second
)

// stalePipelines asks the API about open pipelines whose state is to be doubted, those
// first that were not asked about for the longest. It stops when the API is
// pressed, when several questions came to nothing or when time runs short; the
// next run goes on with the others.
func (w Service) stalePipelines(ctx context.Context, open []pipeline.OpenPipeline) error {
	asked, left := 0, 0
	var failed []error
	pressed := false
	for _, p := range open {
		why := Doubt(p.State, w.Now(), w.Limits)
		if why == "" || w.Now().Sub(p.AskedAt) < askAgain {
			continue
		}
		if pressed || len(failed) == maxAskFailed || asked == maxAsked || !enoughTime(ctx) {
			left++
			continue
		}
		if asked > 0 {
			if err := w.Wait(ctx, askPause); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
		asked++
		if err := w.checkPipeline(ctx, p.State, why); err != nil {
			pressed = apperr.ClassOf(err) == apperr.Throttled
			// The next run asks again, but all others first: what fails here, and may go
			// on failing, must not keep them from their turn.
			again := w.Pipelines.MarkAsked(ctx, p.State.ID, w.Now().Add(-askAgain))
			failed = append(failed, errors.Join(fmt.Errorf("pipeline %s: %w", p.State.ID, err), again))
		}
	}
	w.Counts.Count("PipelinesAsked", asked)
	w.Counts.Count("PipelinesNotYetAsked", left)
	return errors.Join(failed...)
}

func enoughTime(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return !has || time.Until(deadline) > askReserve
}

// ask asks the API, for at most askTime and as long as the run has time.
func (w Service) ask(ctx context.Context, id string) (Answer, error) {
	until := time.Now().Add(askTime)
	if deadline, has := ctx.Deadline(); has && deadline.Add(-askReserve).Before(until) {
		until = deadline.Add(-askReserve)
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return w.API.Ask(ctx, id)
}

// checkPipeline asks the API about one pipeline, and stores what is new in the answer.
// Failures are recorded first: once the answer is stored, nobody asks again.
func (w Service) checkPipeline(ctx context.Context, st pipeline.State, why string) error {
	answer, err := w.ask(ctx, st.ID)
	if err != nil {
		return err
	}
	ev, err := Observation(st, answer, why, w.Now())
	if err != nil {
		return err
	}
	observed, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	if News(st, observed) {
		for _, f := range incident.FailuresIn(ev, observed) {
			for _, known := range st.FailingElements() {
				if known.Type == f.Element.Type {
					f.Element = known // which says since when
				}
			}
			f.State, f.Event, f.At = pipeline.Merge(st, observed), observed, ev.Time
			if err := w.Incidents.RecordFailure(ctx, f); err != nil {
				return err
			}
		}
		if err := w.Pipelines.RecordStateChange(ctx, ev, observed); err != nil {
			return err
		}
		w.Counts.Count("Observations", 1)
		slog.InfoContext(ctx, "a pipeline was not as its events said", "pipeline", st.ID, "was", string(st.Status), "observed", ev.StateChange.EventType, "because", why)
	}
	if observed.Status.Ended() {
		return nil // nobody asks about it any more
	}
	return w.Pipelines.MarkAsked(ctx, st.ID, w.Now())
}
