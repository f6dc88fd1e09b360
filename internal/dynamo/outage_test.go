package dynamo_test

import (
	"context"
	"errors"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at makes a store of the process whose clock stands still.
func at(p *faultinject.Process, now time.Time) *dynamo.Store {
	return p.Store(dynamo.Options{Retention: time.Hour, Now: func() time.Time { return now }})
}

// recording makes a step of each event.
func recording(s *dynamo.Store, events ...*chime.Event) []faultinject.Step {
	var steps []faultinject.Step
	for _, ev := range events {
		steps = append(steps, func(ctx context.Context) error { return pipeline.RecordEvent(ctx, s, ev) })
	}
	return steps
}

func joining(s *dynamo.Store, failures ...incident.Report) []faultinject.Step {
	var steps []faultinject.Step
	for _, f := range failures {
		steps = append(steps, func(ctx context.Context) error {
			_, err := join(ctx, s, f)
			return err
		})
	}
	return steps
}

// ofGroup is a partition of notifications.
var ofGroup = dynamo.PartitionOfMatches(rulematch.Key{Scope: rulematch.Group, ID: "x"})

// publishing sends a notification about the owner's call once.
func publishing(p *faultinject.Process, s *dynamo.Store, owner string) faultinject.Step {
	return func(ctx context.Context) error {
		return once(ctx, s, ofGroup, notify.Notification{ID: "opening", Kind: "incident", Subject: "calls fail", Calls: 1},
			owner, func(context.Context) error {
				return publish(p)
			})
	}
}

// observed makes an observation of the story's pipeline.
func observed(t *testing.T, eventType string, at time.Time) *chime.Event {
	ev := *story(t)[0]
	sc := *ev.StateChange
	sc.EventType = eventType
	ev.ID, ev.Time, ev.StateChange = "observed-"+eventType, at, &sc
	return &ev
}

func TestDisturbedAnywhereEndsTheSame(t *testing.T) {
	db := faultinject.Server(t)
	cases := []struct {
		name  string
		begin func(*testing.T, *faultinject.Process) []faultinject.Step
	}{
		{"state changes in order", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			return recording(at(p, noon), story(t)...)
		}},
		{"state changes out of order", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			events := story(t)
			return recording(at(p, noon), events[3], events[0], events[4], events[0])
		}},
		{"an observation between events", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			events := story(t)
			lost := observed(t, chime.EventObservedLost, events[0].Time.Add(time.Hour))
			return recording(at(p, noon), events[0], lost, events[4])
		}},
		{"rule match", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			ev := example(t, "rule-keyword-utterance")
			return []faultinject.Step{func(ctx context.Context) error {
				return at(p, noon).RecordMatch(ctx, ev,
					"KeywordMatch")
			}}
		}},
		{"notification", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return []faultinject.Step{publishing(p, at(p, noon), "one")}
		}},
		{"failures that open, join and open another", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return joining(at(p, noon), failureOf(0, incident.Quota, noon), failureOf(1, incident.Quota, noon),
				failureOf(2, incident.Permissions, noon))
		}},
		{"failure that explains", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return joining(at(p, noon), failureOf(0, incident.Unknown, noon), failureOf(1, incident.Quota, noon))
		}},
		{"failure that reopens", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			i := mustJoin(t, at(p, noon), failureOf(0, incident.Quota, noon))
			if _, err := closeIncident(t.Context(), at(p, noon.Add(timing.Quiet)), i); err != nil {
				t.Fatal(err)
			}
			late := noon.Add(timing.Quiet + time.Minute)
			return joining(at(p, late), failureOf(1, incident.Quota, late), failureOf(0, incident.Quota, noon))
		}},
		{"condition", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			s := at(p, noon)
			raise := func(ctx context.Context) error { _, err := s.SetCondition(ctx, "quota"); return err }
			return []faultinject.Step{raise, func(ctx context.Context) error { return s.ClearCondition(ctx, "quota", noon) },
				raise}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			faultinject.Check(t, db, tc.begin)
		})
	}
}

// Two processes get the same events, each in an order of its own, and run by turns
// in many ways: the table is that of one process that got them in some order.
func TestTwoProcessesEndAsOne(t *testing.T) {
	db := faultinject.Server(t)
	cases := []struct {
		name  string
		steps func(*testing.T, *faultinject.Process) []faultinject.Step
	}{
		{"state changes", func(t *testing.T, p *faultinject.Process) []faultinject.Step {
			return recording(at(p, noon), story(t)...)
		}},
		{"state changes of unknown types, observations, and times that tie",
			func(t *testing.T, p *faultinject.Process) []faultinject.Step {
				events := story(t)
				for n, ev := range events {
					ev.Time = noon.Add(time.Duration(n/2) * time.Second)
				}
				events[1].StateChange.EventType = "chime:MediaInsightsNovel"
				events[4].StateChange.EventType = "chime:MediaInsightsNovel"
				return recording(at(p, noon), append(events[:5:5], observed(t, chime.EventObservedLost, noon.Add(time.Second)),
					observed(t, chime.EventObservedInProgress, noon))...)
			}},
		{"failures of one cause", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return joining(at(p, noon), failureOf(0, incident.Quota, noon), failureOf(1, incident.Quota, noon))
		}},
		{"failures of two causes", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return joining(at(p, noon), failureOf(0, incident.Quota, noon), failureOf(1, incident.Permissions, noon))
		}},
		{"failures that explain", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return joining(at(p, noon), failureOf(0, incident.Unknown, noon), failureOf(1, incident.Quota, noon))
		}},
		{"notification", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
			return []faultinject.Step{publishing(p, at(p, noon), "both")}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var wants []map[string]string
			for _, reverse := range []bool{false, true} {
				alone := faultinject.NewWorld(t, db)
				steps := tc.steps(t, alone.Process())
				if reverse {
					slices.Reverse(steps)
				}
				if err := inTurn(t, steps); err != nil {
					t.Fatal(err)
				}
				wants = append(wants, alone.Dump(t))
			}
			for seed := range int64(30) {
				world := faultinject.NewWorld(t, db)
				var works []faultinject.Work
				for n := range 2 {
					p := world.Process()
					steps := tc.steps(t, p)
					if n == 1 && seed%4 > 0 {
						rand.New(rand.NewSource(seed)).Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
					}
					works = append(works, faultinject.Work{Injector: p.Injector, Do: func() error { return inTurn(t, steps) }})
				}
				if err := errors.Join(faultinject.RunInterleaved(seed, works...)...); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				got := world.Dump(t)
				if diff := cmp.Diff(wants[0], got); diff != "" && !cmp.Equal(wants[1], got) {
					t.Errorf("seed %d: the table differs from that of one process, want (-), got (+):\n%s", seed, diff)
				}
			}
		})
	}
}

// inTurn does steps once.
func inTurn(t *testing.T, steps []faultinject.Step) (err error) {
	for _, step := range steps {
		err = errors.Join(err, step(t.Context()))
	}
	return err
}

// Two processes handle the same failures at times of their own: each counts once.
func TestFailureHandledTwiceAtOnceCountsOnce(t *testing.T) {
	db := faultinject.Server(t)
	for seed := range int64(30) {
		world := faultinject.NewWorld(t, db)
		var works []faultinject.Work
		for n := range 2 {
			p := world.Process()
			steps := joining(at(p, noon.Add(time.Duration(n)*time.Second)), failureOf(0, incident.Quota, noon),
				failureOf(1, incident.Quota, noon))
			works = append(works, faultinject.Work{Injector: p.Injector, Do: func() error { return inTurn(t, steps) }})
		}
		if err := errors.Join(faultinject.RunInterleaved(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		tally, err := at(world.Process(), noon).CountOccurrences(t.Context(), recordingOf.ID()+".1")
		if err != nil || tally.Calls != 2 {
			t.Errorf("seed %d: got %d calls (%v), want 2", seed, tally.Calls, err)
		}
	}
}

// Two processes handle the same failure, and only one knows what the call shares
// with others: it counts once, and no incident waits for a failure that is in
// the other one.
func TestFailureOfTwoScopesAtOnceIsOneIncident(t *testing.T) {
	db := faultinject.Server(t)
	withdrawn := 0
	for seed := range int64(60) {
		world := faultinject.NewWorld(t, db)
		var works []faultinject.Work
		for _, scope := range []string{"voice-connector/abc", "region/111122223333/us-east-1"} {
			p := world.Process()
			f := failureOf(0, incident.Quota, noon)
			f.Group.Scope = scope
			works = append(works, faultinject.Work{
				Injector: p.Injector,
				Do:       func() error { return inTurn(t, joining(at(p, noon), f)) },
			})
		}
		if seed%3 == 0 { // and another call joins one of them
			p := world.Process()
			works = append(works, faultinject.Work{Injector: p.Injector, Do: func() error {
				return inTurn(t,
					joining(at(p, noon), failureOf(1, incident.Quota, noon)))
			}})
		}
		if err := errors.Join(faultinject.RunInterleaved(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s, calls := at(world.Process(), noon.Add(time.Second)), 0
		all, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			tally, err := s.CountOccurrences(t.Context(), i.ID)
			if err != nil {
				t.Fatal(err)
			}
			calls += tally.Calls
			due := incident.Next(i, noon, noon.Add(time.Second), timing) != incident.Nothing
			if due != (tally.Calls > 0) || i.Open() != due {
				t.Errorf("seed %d: incident %s of %d calls: open %v, a notification is due %v",
					seed, i.ID, tally.Calls, i.Open(), due)
			}
			if tally.Calls == 0 {
				withdrawn++
			}
		}
		if want := len(works) - 1; calls != want {
			t.Errorf("seed %d: got %d calls, want %d", seed, calls, want)
		}
		list, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			if !i.Open() {
				t.Errorf("seed %d: incident %s is over, and among those with a due notification", seed, i.ID)
			}
		}
	}
	if withdrawn == 0 {
		t.Error("the processes never opened an incident each: the test proves nothing")
	}
}
