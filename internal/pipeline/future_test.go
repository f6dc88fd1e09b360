package pipeline_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The type of an element and the id of a pipeline become parts of keys; whatever the
// service should send there, they fit, and two stay two.
func TestLongIDs(t *testing.T) {
	long := event(1, chime.EventStopped, chime.Element{Type: string(make([]byte, 5000)), Status: "Failed"})
	for range 5000 {
		long.StateChange.PipelineARN += "x"
	}
	st := lift(t, long)
	if len(st.ID) > 100 || st.ID[:5] != "long-" || st.PipelineARN != long.StateChange.PipelineARN ||
		pipeline.IDFromARN(st.PipelineARN) != st.ID {
		t.Errorf("got the id %q, want a short one that its ARN leads to", st.ID)
	}
	if len(st.Elements) != 1 || len(st.Elements[0].Type) > 100 {
		t.Errorf("got %d elements, want one with a short type", len(st.Elements))
	}
	long.StateChange.PipelineARN += "y"
	if lift(t, long).ID == st.ID {
		t.Error("got the same id for another ARN")
	}
	creation := &chime.Event{ID: "e", StateChange: &chime.StateChange{EventType: chime.EventCreateFailed,
		CallFields: chime.CallFields{TransactionID: string(make([]byte, 5000))}}}
	if id := pipeline.IDOf(creation); len(id) > 100 {
		t.Errorf("got %q for a failed creation, want a short id", id)
	}
}
