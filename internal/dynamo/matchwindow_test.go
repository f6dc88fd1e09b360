package dynamo_test

import (
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// While a window is ended in which a match came twice, another match comes, and
// then the first once more: the window is not over yet.
func TestWindowIsNotEndedOverAMatchThatCameMeanwhile(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	rule := rulematch.Key{Scope: rulematch.Transaction, ID: "t1", Rule: "r1"}
	stored := func() rulematch.Window {
		t.Helper()
		stored, err := s.Window(t.Context(), rule)
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	hold := func() {
		t.Helper()
		if held, err := s.HoldBack(t.Context(), stored(), ""); err != nil || !held {
			t.Fatalf("got held back %v (%v), want it held back", held, err)
		}
	}
	is := stored()
	is.Notifications, is.Matches, is.SentAt = 1, 1, noon
	if err := s.SetSent(t.Context(), stored(), is); err != nil {
		t.Fatal(err)
	}
	hold()
	seen := stored()
	hold() // another
	hold() // the first once more
	if err := s.EndWindow(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	if !stored().Open {
		t.Error("the window is over, and nobody will be notified of the other match")
	}
	if err := s.EndWindow(t.Context(), stored()); err != nil {
		t.Fatal(err)
	}
	if ended, err := s.OpenWindows(t.Context(), noon.Add(time.Hour)); err != nil || len(ended) != 0 {
		t.Errorf("got %d windows (%v), want none", len(ended), err)
	}
}
