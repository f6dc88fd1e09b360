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

// API is the Chime API.
type API interface {
	// GetPipeline returns what the API says about a pipeline; an error of class NotFound
	// when it knows none of that id, and of class Throttled when it gets too many requests.
	GetPipeline(ctx context.Context, id string) (Answer, error)
}

// AnswerStore stores what the API answered.
type AnswerStore interface {
	pipeline.Recorder
	// MarkAsked records that the API was asked about a pipeline at a time.
	MarkAsked(ctx context.Context, id string, at time.Time) error
}

// The pace of requests to the API, whose limit is shared with the calls themselves.
const (
	maxRequests  = 50                     // in one run
	requestPause = 200 * time.Millisecond // between two
	askInterval  = 15 * time.Minute       // about the same pipeline
	maxFailed    = 3                      // requests in one run
	// reservedTime is what a run keeps of its time for what comes after.
	reservedTime = 10 * time.Second
	// requestTime is for one request with all retries: long enough to retry one that hangs,
	// and short enough to leave time for others.
	requestTime = 12 * time.Second
)

// checkStalePipelines asks the API about open pipelines whose state is doubtful: first
// those about which it was not asked for the longest. It stops when the API throttles,
// when several requests failed or when time runs short; the next run continues.
func (s Service) checkStalePipelines(ctx context.Context, open []pipeline.OpenPipeline) error {
	asked, left := 0, 0
	var failed []error
	throttled := false
	for _, p := range open {
		reason := StaleReason(p.State, s.Now(), s.Limits)
		if reason == "" || s.Now().Sub(p.AskedAt) < askInterval {
			continue
		}
		if throttled || len(failed) == maxFailed || asked == maxRequests || timeLeft(ctx) <= 0 {
			left++
			continue
		}
		if asked > 0 {
			if err := s.Wait(ctx, requestPause); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
		asked++
		if err := s.checkPipeline(ctx, p.State, reason); err != nil {
			throttled = apperr.ClassOf(err) == apperr.Throttled
			// The next run asks again, but after all others: a pipeline for which this fails
			// again and again must not keep the others from their turn.
			marked := s.Repo.MarkAsked(ctx, p.State.ID, s.Now().Add(-askInterval))
			failed = append(failed, errors.Join(fmt.Errorf("pipeline %s: %w", p.State.ID, err), marked))
		}
	}
	s.Counts.Count("PipelinesAsked", asked)
	s.Counts.Count("PipelinesNotYetAsked", left)
	return errors.Join(failed...)
}

// StaleReason returns why the state of an open pipeline in the table is doubtful; empty
// when it is not.
func StaleReason(st pipeline.State, now time.Time, l Limits) string {
	switch {
	case !st.Status.Open():
		return ""
	case now.Sub(st.CreatedAt) > maxAge+margin:
		return "open for longer than the 8 hours that the service allows"
	case st.Status == pipeline.Paused && now.Sub(st.StatusOrder.Time()) > maxPaused+margin:
		return "paused for longer than the 2 hours that the service allows"
	case now.Sub(st.UpdatedAt()) > l.Silent:
		return fmt.Sprintf("without an event for over %s", l.Silent)
	}
	return ""
}

// timeLeft returns how much of its time a run has left for one request.
func timeLeft(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(requestTime, time.Until(deadline)-reservedTime)
	}
	return requestTime
}

// checkPipeline asks the API about one pipeline, and stores what the answer changes.
// Failures are recorded first: once the answer is stored, nobody asks again.
func (s Service) checkPipeline(ctx context.Context, st pipeline.State, reason string) error {
	asking, cancel := context.WithTimeout(ctx, timeLeft(ctx))
	answer, err := s.API.GetPipeline(asking, st.ID)
	cancel()
	if apperr.ClassOf(err) == apperr.NotFound {
		answer, err = Answer{Gone: true}, nil
	}
	if err != nil {
		return err
	}
	ev, err := Observation(st, answer, reason, s.Now())
	if err != nil {
		return err
	}
	observed, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	if Changes(st, observed) {
		for _, f := range incident.FailuresIn(ev, observed) {
			for _, known := range st.FailingElements() {
				if known.Type == f.Element.Type {
					f.Element = known // which says since when
				}
			}
			f.State, f.Event, f.At = pipeline.Merge(st, observed), observed, ev.Time
			if err := s.Incidents.RecordFailure(ctx, f); err != nil {
				return err
			}
		}
		if err := s.Repo.RecordStateChange(ctx, ev, observed); err != nil {
			return err
		}
		s.Counts.Count("Observations", 1)
		slog.InfoContext(ctx, "a pipeline was not as its events said", "pipeline", st.ID,
			"was", string(st.Status), "observed", ev.StateChange.EventType, "because", reason)
	}
	if observed.Status.Ended() {
		return nil // it is not open any more
	}
	return s.Repo.MarkAsked(ctx, st.ID, s.Now())
}
