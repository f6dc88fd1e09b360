package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// PipelineAPI tells of pipelines; *chimeapi.Client does.
type PipelineAPI interface {
	GetPipeline(ctx context.Context, id string) (chimeapi.Pipeline, error)
}

// The pace of questions to the API, whose limit is shared with the calls
// themselves.
const (
	askMost  = 50                     // in one run
	askPause = 200 * time.Millisecond // between two
	askAgain = 15 * time.Minute       // about the same pipeline
	// askReserve is what a run keeps of its time for what comes after.
	askReserve = 10 * time.Second
	askFailed  = 3 // questions in one run that may come to nothing
	// askTime is how long one question may take, with all tries: so long that one
	// that hangs is tried again, and so short that a run has time for others.
	askTime = 12 * time.Second
)

// doubts asks the API about open pipelines whose state is to be doubted, those
// first that were not asked about for the longest. It stops when the API is
// pressed, when several questions came to nothing or when time runs short; the
// next run goes on with the others.
func (w Watch) doubts(ctx context.Context, open []dynamo.OpenPipeline) error {
	asked, left := 0, 0
	var failed []error
	pressed := false
	for _, p := range open {
		why := watchdog.Doubt(p.State, w.now(), w.Limits)
		if why == "" || w.now().Sub(p.AskedAt) < askAgain {
			continue
		}
		if pressed || len(failed) == askFailed || asked == askMost || !enoughTime(ctx) {
			left++
			continue
		}
		if asked > 0 {
			if err := w.Wait(ctx, askPause); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
		asked++
		if err := w.ask(ctx, p.State, why); err != nil {
			pressed = apperr.ClassOf(err) == apperr.Throttled
			// The next run asks again, but all others first: what fails here, and may go
			// on failing, must not keep them from their turn.
			again := w.Table.MarkAsked(ctx, p.State.ID, w.now().Add(-askAgain))
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

// question asks the API, and waits for the answer neither longer than a question
// may take nor longer than the run has time.
func (w Watch) question(ctx context.Context, id string) (chimeapi.Pipeline, error) {
	until := time.Now().Add(askTime)
	if deadline, has := ctx.Deadline(); has && deadline.Add(-askReserve).Before(until) {
		until = deadline.Add(-askReserve)
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return w.API.GetPipeline(ctx, id)
}

// ask asks the API about one pipeline, and keeps what it tells that is news.
// What it tells of failures is taken in first: once it is kept, nobody asks again.
func (w Watch) ask(ctx context.Context, st pipeline.State, why string) error {
	p, err := w.question(ctx, st.ID)
	answer := watchdog.Answer{Gone: apperr.ClassOf(err) == apperr.NotFound, Status: p.Status, ConfigurationARN: p.ConfigurationARN, Metadata: p.Metadata}
	if err != nil && !answer.Gone {
		return err
	}
	for _, e := range p.Elements {
		answer.Elements = append(answer.Elements, watchdog.AnswerElement(e))
	}
	ev, err := watchdog.Observation(st, answer, why, w.now())
	if err != nil {
		return err
	}
	observed, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	if watchdog.News(st, observed) {
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
		if err := w.Table.RecordStateChange(ctx, ev, observed); err != nil {
			return err
		}
		w.Counts.Count("Observations", 1)
		slog.InfoContext(ctx, "a pipeline was not as its events told", "pipeline", st.ID, "was", string(st.Status), "observed", ev.StateChange.EventType, "because", why)
	}
	if observed.Status.Ended() {
		return nil // nobody asks about it any more
	}
	return w.Table.MarkAsked(ctx, st.ID, w.now())
}
