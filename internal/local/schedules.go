package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Pipelines returns the stand-in for the media pipelines API.
func (s *Stack) Pipelines() *chimesdk.Pipelines { return s.pipelines }

// learn makes the Chime API know what an event from a client says of a pipeline: there is
// no service behind it that would know the pipeline otherwise.
func (s *Stack) learn(event []byte) {
	ev, err := chime.Parse(event)
	if err != nil || ev.StateChange == nil {
		return // the functions report what is wrong with it
	}
	if st, err := pipeline.FromEvent(ev); err == nil && !st.Rehearsal() { // the service knows no rehearsals
		s.pipelines.Learn(st)
	}
}

// StartSchedules runs every schedule in its time from now on, until Close. It is not for
// concurrent use, and starts nothing the second time.
func (s *Stack) StartSchedules() {
	if s.schedules {
		return
	}
	s.schedules = true
	ctx, cancel := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	for _, schedule := range eventrule.Schedules() {
		runs.Go(func() {
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
	s.onClose(func() error { cancel(); runs.Wait(); return nil })
}

// RunSchedules runs every schedule once, now.
func (s *Stack) RunSchedules() error {
	var errs []error
	for _, schedule := range eventrule.Schedules() {
		errs = append(errs, s.run(schedule))
	}
	return errors.Join(errs...)
}

// run invokes the function as a scheduled rule does.
func (s *Stack) run(schedule eventrule.Schedule) error {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": awsprotocol.NewID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": Account, "region": Region, "time": time.Now().UTC().Format(time.RFC3339),
		"resources": []string{"arn:aws:events:" + Region + ":" + Account + ":rule/" + schedule.Name},
		"detail":    map[string]any{},
	})
	if err != nil {
		return err
	}
	return s.host.Enqueue(schedule.Function, event)
}
