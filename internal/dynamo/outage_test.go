package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
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
		{"latch", func(_ *testing.T, p *faultinject.Process) []faultinject.Step {
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

// Two processes get the same events, each in an order of its own, and take turns
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
					works = append(works, faultinject.Work{Line: p.Line, Do: func() error { return inTurn(t, steps) }})
				}
				if err := errors.Join(faultinject.Interleave(seed, works...)...); err != nil {
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
			works = append(works, faultinject.Work{Line: p.Line, Do: func() error { return inTurn(t, steps) }})
		}
		if err := errors.Join(faultinject.Interleave(seed, works...)...); err != nil {
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
			works = append(works, faultinject.Work{Line: p.Line, Do: func() error { return inTurn(t, joining(at(p, noon), f)) }})
		}
		if seed%3 == 0 { // and another call joins one of them
			p := world.Process()
			works = append(works, faultinject.Work{Line: p.Line, Do: func() error {
				return inTurn(t,
					joining(at(p, noon), failureOf(1, incident.Quota, noon)))
			}})
		}
		if err := errors.Join(faultinject.Interleave(seed, works...)...); err != nil {
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
			owes := incident.Next(i, noon, noon.Add(time.Second), timing) != incident.Nothing
			if owes != (tally.Calls > 0) || i.Open() != owes {
				t.Errorf("seed %d: incident %s of %d calls: open %v, owes news %v", seed, i.ID, tally.Calls, i.Open(), owes)
			}
			if tally.Calls == 0 {
				withdrawn++
			}
		}
		if want := len(works) - 1; calls != want {
			t.Errorf("seed %d: got %d calls, want %d", seed, calls, want)
		}
		owing, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Owing: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range owing {
			if !i.Open() {
				t.Errorf("seed %d: incident %s is over, and among those that owe something", seed, i.ID)
			}
		}
	}
	if withdrawn == 0 {
		t.Error("the processes never opened an incident each: the test proves nothing")
	}
}

// A claim keeps others from sending until it has run out.
func TestLease(t *testing.T) {
	db := faultinject.Server(t)
	w := faultinject.NewWorld(t, db)
	c := &clock{now: noon}
	n := notify.Notification{ID: "opening", Kind: "incident", Subject: "calls fail", Calls: 3}
	try := func(owner string, send func() error) (notify.Notification, error) {
		s := w.Process().Store(dynamo.Options{Now: c.Now})
		return s.TryOnce(t.Context(), ofGroup, n, owner, func(context.Context) error { return send() })
	}
	sends := 0
	send := func() error { sends++; return nil }
	if _, err := try("first", func() error { return faultinject.ErrKilled }); !errors.Is(err, faultinject.ErrKilled) {
		t.Fatalf("got %v, want the error of sending", err)
	}
	steps := []struct {
		name      string
		pass      time.Duration
		owner     string
		wantSends int
		wantSent  time.Duration // since noon; 0: not sent
	}{
		{"another waits", 0, "second", 0, 0},
		{"another waits for as long as the lease runs", 15 * time.Second, "second", 0, 0},
		{"then another sends", time.Millisecond, "second", 1, 15*time.Second + time.Millisecond},
		{"once it is sent, nobody does", time.Hour, "third", 1, 15*time.Second + time.Millisecond},
		{"nor does the one who tried first", 0, "first", 1, 15*time.Second + time.Millisecond},
	}
	for _, step := range steps {
		c.pass(step.pass)
		got, err := try(step.owner, send)
		if err != nil || sends != step.wantSends {
			t.Errorf("%s: got %d messages (%v), want %d", step.name, sends, err, step.wantSends)
		}
		if sent := !got.SentAt.IsZero(); sent != (step.wantSent > 0) || sent && !got.SentAt.Equal(noon.Add(step.wantSent)) {
			t.Errorf("%s: got sent at %v, want %s after noon", step.name, got.SentAt, step.wantSent)
		}
		if got.ID != n.ID || got.Calls != n.Calls {
			t.Errorf("%s: got %+v, want it to tell of %+v", step.name, got, n)
		}
	}
}

// A process takes so long to send that another claims the notification, and dies:
// what is kept is what was sent, not what was to be.
func TestWhatWasSentIsKept(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	c := &clock{now: noon}
	s := w.Process().Store(dynamo.Options{Now: c.Now})
	try := func(owner string, calls int, send func(context.Context) error) (notify.Notification, error) {
		return s.TryOnce(t.Context(), ofGroup, notify.Notification{ID: "opening", Kind: "incident",
			Subject: fmt.Sprint(calls, " calls fail"), Calls: calls}, owner, send)
	}
	if _, err := try("slow", 2, func(context.Context) error {
		c.pass(time.Minute)
		if _, err := try("dies", 3, func(context.Context) error { return faultinject.ErrKilled }); !errors.Is(err,
			faultinject.ErrKilled) {
			t.Errorf("got %v, want it killed", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got, err := try("later", 4, func(context.Context) error { t.Error("it is sent again"); return nil })
	if err != nil || got.Calls != 2 || got.Subject != "2 calls fail" {
		t.Errorf("got %+v (%v), want what was sent", got, err)
	}
}

// A call is erased while people are told of it: what is kept of that afterwards
// expires like all else.
func TestWhatWasSentExpiresAlthoughItsClaimIsGone(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(w.Process(), noon)
	n := notify.Notification{ID: "opening", Kind: "incident", Subject: "calls fail"}
	if _, err := s.TryOnce(t.Context(), ofGroup, n, "one", func(ctx context.Context) error {
		key := tabletest.NotificationOf(string(ofGroup), "opening").Item()
		_, err := w.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &w.Table, Key: key})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Expiry(t)[tabletest.NotificationOf(string(ofGroup), "opening").String()], noon.Add(time.Hour).Unix(); got != want {
		t.Errorf("got expiry %d, want %d", got, want)
	}
}

func TestOwnerNeedNotWaitForItsOwnClaim(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	p := w.Process()
	s := at(p, noon)
	p.Line.Disturb(2, faultinject.After) // the message is out, and nobody knows
	step := publishing(p, s, "one")
	if err := step(t.Context()); !errors.Is(err, faultinject.ErrKilled) {
		t.Fatalf("got %v, want it killed", err)
	}
	p.Line.Revive()
	if err := step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.Topic.Times(); len(got) != 1 || got["opening"] != 2 {
		t.Errorf("got %v, want the same message twice", got)
	}
}

func example(t testing.TB, name string) *chime.Event {
	t.Helper()
	ev, err := chime.Parse(exampleBody(t, name))
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return ev
}
