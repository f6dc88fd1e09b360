package dynamo_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// clock is a time that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var timing = incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}

var recordingOf = incident.Group{Scope: "voice-connector/abc", Element: "S3RecordingSink"}

func failureOf(n int, class incident.Class, at time.Time) incident.Report {
	return incident.Report{Group: recordingOf, Class: class, Reason: "reason of " + string(class),
		Losses: []incident.Loss{incident.Recording},
		Occurrence: incident.Occurrence{PipelineID: fmt.Sprintf("pipeline-%04d", n), CallID: fmt.Sprintf("call-%04d", n),
			At: at}}
}

// incidents makes a table, a clock, and a store on them.
func incidents(t *testing.T, name string, db dynamo.Client, client *dynamodb.Client) (*dynamo.Store, *clock) {
	t.Helper()
	if err := dynalite.EnsureTable(t.Context(), client, name, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return dynamo.New(db, name, dynamo.Options{Retention: time.Hour, Now: c.Now}), c
}

func mustJoin(t *testing.T, s *dynamo.Store, f incident.Report) incident.Incident {
	t.Helper()
	i, err := join(t.Context(), s, f)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func incidentDiff(want, got incident.Incident) string { return gocmp.Diff(want, got) }

func TestStormIsOneIncidentWithItsExactCount(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "storm", db, db)
	const calls = 120
	group := errgroup.Group{}
	group.SetLimit(16)
	for n := range 2 * calls { // each failure twice
		group.Go(func() error {
			_, err := join(t.Context(), s, failureOf(n%calls, incident.Permissions, c.Now()))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	list, next, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true})
	if err != nil || len(list) != 1 || next != "" {
		t.Fatalf("got %d incidents, next %q, error %v, want one incident", len(list), next, err)
	}
	tally, err := s.CountOccurrences(t.Context(), list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if tally.Calls != calls || len(tally.Examples) != 3 || tally.Examples[0].CallID != "call-0000" {
		t.Errorf("got %d calls with the examples %v, want %d", tally.Calls, tally.Examples, calls)
	}
}

func TestWhatJoinsWhat(t *testing.T) {
	db := table(t)
	cases := []struct {
		name string
		// play does what came before, with the calls 0 to 8.
		play func(*testing.T, *dynamo.Store, *clock)
		// last is the failure of call 9.
		last      incident.Class
		wantID    string
		wantClass incident.Class
		// wantReopened is how often the incident was reopened then.
		wantReopened int
	}{
		{"the first opens", func(*testing.T, *dynamo.Store, *clock) {}, incident.Quota, ".1", incident.Quota, 0},
		{"the same cause joins", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
		}, incident.Quota, ".1", incident.Quota, 0},
		{"another cause opens another", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
		}, incident.Permissions, ".2", incident.Permissions, 0},
		{"an unknown cause joins a known one", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
		}, incident.Unknown, ".1", incident.Quota, 0},
		{"a known cause explains an unknown one", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Unknown, c.Now()))
		}, incident.Permissions, ".1", incident.Permissions, 0},
		{"a cause that comes back reopens", func(t *testing.T, s *dynamo.Store, c *clock) {
			closeNow(t, s, c, mustJoin(t, s, failureOf(0, incident.Quota, c.Now())))
			c.pass(timing.Reopen)
		}, incident.Quota, ".1", incident.Quota, 1},
		{"a cause that comes back late opens another", func(t *testing.T, s *dynamo.Store, c *clock) {
			closeNow(t, s, c, mustJoin(t, s, failureOf(0, incident.Quota, c.Now())))
			c.pass(timing.Reopen + time.Second)
		}, incident.Quota, ".2", incident.Quota, 0},
		{"an open one is found behind many that are over", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
			for n := range 9 {
				closeNow(t, s, c, mustJoin(t, s, failureOf(10+n, incident.Permissions, c.Now())))
				c.pass(timing.Reopen + time.Second)
			}
		}, incident.Quota, ".1", incident.Quota, 0},
		{"its own cause is found behind one that may be it", func(t *testing.T, s *dynamo.Store, c *clock) {
			mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
			for n := range 9 {
				closeNow(t, s, c, mustJoin(t, s, failureOf(10+n, incident.Permissions, c.Now())))
				c.pass(timing.Reopen + time.Second)
			}
			ofUnknownCause(t, s, c, 30)
		}, incident.Quota, ".1", incident.Quota, 0},
	}
	for n, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			s, c := incidents(t, fmt.Sprintf("joins%d", n), db, db)
			test.play(t, s, c)
			got := mustJoin(t, s, failureOf(9, test.last, c.Now()))
			if want := recordingOf.ID() + test.wantID; got.ID != want || got.Class != test.wantClass ||
				got.Reopened != test.wantReopened || !got.Open() {
				t.Errorf("got %s of class %s, reopened %d times, open %v; want %s, %s, %d, open", got.ID, got.Class, got.Reopened,
					got.Open(), want, test.wantClass, test.wantReopened)
			}
		})
	}
}

// ofUnknownCause opens an incident of an unknown cause next to what is open: it is
// closed when the failure comes, and goes on afterwards.
func ofUnknownCause(t *testing.T, s *dynamo.Store, c *clock, n int) {
	t.Helper()
	open, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true})
	if err != nil {
		t.Fatal(err)
	}
	var closed []incident.Incident
	for _, i := range open {
		if i.Open() {
			closed = append(closed, closeNow(t, s, c, i))
		}
	}
	if i := mustJoin(t, s, failureOf(n, incident.Unknown, c.Now())); i.Class != incident.Unknown {
		t.Fatalf("got %s of %v, want one of an unknown cause", i.ID, i.Cause())
	}
	for _, i := range closed {
		if err := retry.IgnoreChanged(s.CancelClosing(t.Context(), i)); err != nil {
			t.Fatal(err)
		}
	}
}

// closeNow closes an incident after the quiet time.
func closeNow(t *testing.T, s *dynamo.Store, c *clock, i incident.Incident) incident.Incident {
	t.Helper()
	c.pass(timing.Quiet)
	closed, err := closeIncident(t.Context(), s, i)
	if err != nil {
		t.Fatal(err)
	}
	return closed
}

func TestLateDuplicateReopensNothing(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "duplicate", db, db)
	f := failureOf(0, incident.Quota, c.Now())
	closed := closeNow(t, s, c, mustJoin(t, s, f))
	if _, err := closeIncident(t.Context(), s, closed); apperr.ClassOf(err) != apperr.Conflict {
		t.Errorf("closing twice: got %v, want a conflict", err)
	}
	for range 2 {
		c.pass(time.Second)
		if got := mustJoin(t, s, f); got.ID != closed.ID || got.Open() {
			t.Errorf("got %s, open %v, want %s as it was", got.ID, got.Open(), closed.ID)
		}
	}
	tally, err := s.CountOccurrences(t.Context(), closed.ID)
	if err != nil || tally.Calls != 1 {
		t.Errorf("got %d calls (%v), want 1", tally.Calls, err)
	}
}

// intruding does something just before an item is written whose key begins with
// prefix; an occurrence when that is empty.
type intruding struct {
	*dynamodb.Client
	of     string // type of the items
	before func()
}

func (c *intruding) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if tabletest.KeyIn(in.Key).Type() == cmp.Or(c.of, tabletest.Occurrence) && c.before != nil {
		before := c.before
		c.before = nil
		before()
	}
	return c.Client.UpdateItem(ctx, in, opts...)
}

func TestFailureThatAnEndOverlookedReopens(t *testing.T) {
	client := table(t)
	db := &intruding{Client: client}
	s, c := incidents(t, "overlooked", db, client)
	first := mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
	c.pass(timing.Quiet)
	db.before = func() {
		if _, err := closeIncident(t.Context(), s, first); err != nil {
			t.Fatal(err)
		}
	}
	got := mustJoin(t, s, failureOf(1, incident.Quota, c.Now()))
	if got.ID != first.ID || !got.Open() || got.Reopened != 1 {
		t.Errorf("got %s, open %v, reopened %d times, want %s open, reopened once", got.ID, got.Open(), got.Reopened,
			first.ID)
	}
}

func TestAnnouncementIsStored(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "announced", db, db)
	i := mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
	opening := incident.Announced{At: c.Now(), Calls: 1, Openings: 1, Severity: incident.Critical,
		Reasons: []string{i.Reasons[0].ID}}
	for range 2 { // the second loses against the first, and that is well
		if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, opening)); err != nil {
			t.Fatal(err)
		}
	}
	i, err := s.Incident(t.Context(), i.ID)
	if err != nil || !gocmp.Equal(i.Announced, opening) {
		t.Fatalf("got %+v (%v), want %+v", i.Announced, err, opening)
	}
	i = closeNow(t, s, c, i)
	due := func() int {
		list, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := due(); n != 1 {
		t.Errorf("closed and not announced: got %d with a due notification, want 1", n)
	}
	announced := i.Announced
	announced.Closings = 1
	if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced)); err != nil {
		t.Fatal(err)
	}
	if n := due(); n != 0 {
		t.Errorf("closed and announced: got %d with a due notification, want none", n)
	}
	again := mustJoin(t, s, failureOf(1, incident.Quota, c.Now()))
	if n := due(); n != 1 || again.Reopened != 1 {
		t.Errorf("reopened %d times: got %d with a due notification, want 1", again.Reopened, n)
	}
	all, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{})
	if err != nil || len(all) != 1 {
		t.Errorf("got %d incidents in all (%v), want 1", len(all), err)
	}
	ids, err := s.IncidentsOf(t.Context(), "pipeline-0001")
	if err != nil || len(ids) != 1 || ids[0] != again.ID {
		t.Errorf("incidents of the pipeline: got %v (%v), want %s", ids, err, again.ID)
	}
}

// Two runs announce an incident at once, and the slower one records last: what
// the faster one recorded stands, whichever count it was.
func TestLaterAnnouncementIsNotOverwritten(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "meanwhile", db, db)
	i := mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
	mark := func(i incident.Incident, announced incident.Announced) incident.Incident {
		t.Helper()
		if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced)); err != nil {
			t.Fatal(err)
		}
		is, err := s.Incident(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	opened := mark(i, incident.Announced{At: c.Now(), Calls: 1, Openings: 1})
	closed := closeNow(t, s, c, opened)
	over := opened.Announced
	over.At, over.Calls, over.LastCalls, over.Closings = c.Now(), 9, 8, 1
	mark(closed, over)
	if got := mark(opened, incident.Announced{At: opened.Announced.At, Calls: 5, LastCalls: 4, Openings: 1,
		Summaries: 1}); !gocmp.Equal(got.Announced, over) {
		t.Errorf("after a late summary: got %+v, want %+v", got.Announced, over)
	}
}

// The next incident of a group must not get the id of one of which notifications
// or calls are still there.
func TestIncidentSurvivesItsCallsAndNotifications(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	clock := &clock{now: noon}
	s := world.Process().Store(dynamo.Options{Retention: time.Hour, Now: clock.Now})
	i := mustJoin(t, s, failureOf(0, incident.Quota, noon))
	for n := range 3 {
		clock.pass(10 * 24 * time.Hour)
		mustJoin(t, s, failureOf(1+n, incident.Quota, clock.Now()))
		announced := i.Announced
		announced.At, announced.Calls = clock.Now(), 2+n
		if announced.Summaries++; n == 0 {
			announced.Openings = 1
		}
		if _, err := s.TryOnce(t.Context(), dynamo.PartitionOfIncident(i.Group),
			notify.Notification{ID: fmt.Sprint("incident/", i.ID, "/",
				n)}, "one", func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced)); err != nil {
			t.Fatal(err)
		}
		i.Announced = announced
	}
	expiry := world.Expiry(t)
	itself := expiry[tabletest.IncidentOf(i.ID).String()]
	for k, at := range expiry {
		kind := tabletest.ParseKey(k).Type()
		if (kind == tabletest.Occurrence || kind == tabletest.Notification) && itself < at+7*24*3600 {
			t.Errorf("%s expires at %d, the incident at %d: want it a week later", k, at, itself)
		}
	}
}

func TestIncidentThatIsNotThere(t *testing.T) {
	db := table(t)
	s, _ := incidents(t, "none", db, db)
	for _, id := range []string{"", "x", "x.y", "x.0", recordingOf.ID() + ".1"} {
		if _, err := s.Incident(t.Context(), id); apperr.ClassOf(err) != apperr.NotFound {
			t.Errorf("incident %q: got %v, want not found", id, err)
		}
	}
}
