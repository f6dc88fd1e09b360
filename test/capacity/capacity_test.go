package capacity_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/capacity"
)

func TestStateChangeInOrderReadsNothingAndWritesThreeUnits(t *testing.T) {
	got, err := capacity.OfCall(t.Context(), need.Dynalite(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got.Read != 0 || got.Written > 3 || got.Index == 0 {
		t.Errorf("got %+v, want no reads and at most 3 units written, indexes included", got)
	}
}

func TestEventTakesFewAllocations(t *testing.T) {
	example, err := schemas.Lookup("two-elements-recording")
	if err != nil {
		t.Fatal(err)
	}
	var known pipeline.State
	got := testing.AllocsPerRun(100, func() {
		ev, err := chime.Parse(example.Body)
		if err != nil {
			t.Fatal(err)
		}
		delta, err := pipeline.FromEvent(ev)
		if err != nil {
			t.Fatal(err)
		}
		known = pipeline.Merge(known, delta)
	})
	if got >= 60 {
		t.Errorf("got %.0f allocations to parse and merge %d bytes, want fewer than 60", got, len(example.Body))
	}
}
