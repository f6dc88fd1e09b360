package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Pipelines is the stand-in for the media pipelines API, to be told of calls.
func (s *Stack) Pipelines() *chimesdk.Pipelines { return s.pipelines }

// learn tells the stand-in what an event that somebody sent says of a pipeline:
// there is no service behind it that would know the pipeline otherwise.
func (s *Stack) learn(event []byte) {
	ev, err := chime.Parse(event)
	if err != nil || ev.StateChange == nil {
		return // the functions say what is wrong with it
	}
	if st, err := pipeline.FromEvent(ev); err == nil && !st.Rehearsal() { // the service knows no rehearsal
		s.pipelines.Learn(st)
	}
}

// StartSchedules runs every schedule in its time from now on, until Close. It
// is not for concurrent use, and starts nothing the second time.
func (s *Stack) StartSchedules() {
	if s.stopSchedules != nil {
		return
	}
	var ctx context.Context
	ctx, s.stopSchedules = context.WithCancel(context.Background())
	for _, schedule := range s.options.Schedules {
		s.schedules.Go(func() {
			tick := time.NewTicker(schedule.Every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if err := s.run(schedule); err != nil {
						slog.Error("schedule", "name", schedule.Name, "error", err)
					}
				}
			}
		})
	}
}

// RunSchedules runs every schedule once, now, as if its time had come.
func (s *Stack) RunSchedules() error {
	var errs []error
	for _, schedule := range s.options.Schedules {
		errs = append(errs, s.run(schedule))
	}
	return errors.Join(errs...)
}

// run gives the function what a scheduled rule gives it.
func (s *Stack) run(schedule eventrule.Schedule) error {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": awsprotocol.NewID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": Account, "region": Region, "time": time.Now().UTC().Format(time.RFC3339),
		"resources": []string{"arn:aws:events:" + Region + ":" + Account + ":rule/" + schedule.Name}, "detail": map[string]any{},
	})
	if err != nil {
		return err
	}
	return s.host.Enqueue(schedule.Function, event)
}
