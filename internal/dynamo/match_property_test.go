package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// Of two processes that read what was stored, and then record a message, hold a match back
// or end the window by turns, what is recorded is what the first could record: a message
// is never replaced by an older one, and nothing is held back in a window that is over.
func TestWindowsKeepToWhatWasRead(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		rule := rulematch.Key{Scope: rulematch.Transaction, ID: fmt.Sprint("t", n), Rule: "r1"}
		read := func() rulematch.Window {
			stored, err := s.Window(t.Context(), rule)
			if err != nil {
				rt.Fatal(err)
			}
			return stored
		}
		seen := [2]rulematch.Window{read(), read()}
		held := 0            // how often something was held back since the last end
		heldSeen := [2]int{} // that, when each process read
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			who := rapid.IntRange(0, 1).Draw(rt, "who")
			stored, now := seen[who], read()
			current := stored.Notifications == now.Notifications
			switch rapid.SampledFrom([]string{"read", "read", "record", "hold", "end"}).Draw(rt, "step") {
			case "read":
				seen[who], heldSeen[who] = now, held
			case "record":
				is := stored
				is.Notifications, is.Matches = stored.Notifications+1, stored.Matches+1+who
				is.SentAt = noon.Add(time.Duration(n) * time.Second)
				if err := s.SetSent(t.Context(), stored, is); err != nil {
					rt.Fatal(err)
				}
				if after := read(); current != (after.Notifications == now.Notifications+1) ||
					!current && after.Matches != now.Matches {
					rt.Fatalf("got %+v after %+v, recorded by who had read %+v", after, now, stored)
				}
			case "hold":
				was, err := s.HoldBack(t.Context(), stored, "")
				if err != nil || was != (current && now.Open) {
					rt.Fatalf("got it held back %v (%v) in %+v, by who had read %+v", was, err, now, stored)
				}
				if was {
					held++
				}
			case "end":
				if err := s.EndWindow(t.Context(), stored); err != nil {
					rt.Fatal(err)
				}
				ends := current && held == heldSeen[who] && now.Notifications > 0
				if after := read(); after.Open != (now.Open && !ends) {
					rt.Fatalf("got it open %v after %+v, ended by who had read %+v", after.Open, now, stored)
				}
				if ends {
					held = 0
				}
			}
		}
	})
}

// The words of a match are about the newest pipeline of its call, by whichever id the
// match names it, and in whatever order the events of the pipelines came.
func TestMatchIsOfTheNewestPipelineOfItsCall(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		call := chime.CallFields{TransactionID: fmt.Sprint("t", n), CallID: fmt.Sprint("c", n)}
		newest, last := "", -1
		for _, minute := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 1, 3, rapid.ID[int]).Draw(rt, "begun at") {
			id := fmt.Sprintf("p%d-%d", n, minute)
			ev := &chime.Event{ID: id, DetailType: chime.DetailStateChange, Time: noon.Add(time.Duration(minute) * time.Minute),
				Raw: []byte("{}"),
				StateChange: &chime.StateChange{EventType: chime.EventInProgress, CallFields: call,
					PipelineARN: "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id}}
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				rt.Fatal(err)
			}
			if minute > last {
				newest, last = id, minute
			}
		}
		byTransaction, byCall := call, call
		byTransaction.CallID, byCall.TransactionID = "", ""
		for _, named := range []chime.CallFields{call, byTransaction, byCall} {
			st, err := s.CallOf(t.Context(), named)
			if err != nil || st.ID != newest {
				rt.Fatalf("%+v: got pipeline %s (%v), want %s", named, st.ID, err, newest)
			}
		}
	})
}
