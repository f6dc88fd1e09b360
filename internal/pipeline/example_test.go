package pipeline_test

import (
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Events may come in any order, and again: the merged state is the same.
func ExampleMerge() {
	noon := time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)
	state := func(id, eventType string, at time.Time) pipeline.State {
		st, err := pipeline.FromEvent(&chime.Event{ID: id, Time: at, StateChange: &chime.StateChange{
			PipelineARN: "arn:aws:chime:us-east-1:111122223333:media-pipeline/p-1", EventType: eventType,
		}})
		if err != nil {
			panic(err)
		}
		return st
	}
	started := state("e-1", chime.EventInProgress, noon)
	stopped := state("e-2", chime.EventStopped, noon.Add(time.Minute))

	inOrder := pipeline.Merge(started, stopped)
	late := pipeline.Merge(pipeline.Merge(stopped, started), stopped)
	for _, st := range []pipeline.State{inOrder, late} {
		fmt.Println(st.ID, st.Status, "from", st.StartedAt.Format(time.TimeOnly), "to", st.EndedAt().Format(time.TimeOnly))
	}
	// Output:
	// p-1 Stopped from 12:00:00 to 12:01:00
	// p-1 Stopped from 12:00:00 to 12:01:00
}
