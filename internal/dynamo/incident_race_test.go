package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// due returns the ids of the incidents of which a notification may be due, by the index.
func due(t *testing.T, s *dynamo.Store) (ids []string) {
	t.Helper()
	list, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	return ids
}

// Whatever somebody records about an incident as it was read: if it was closed,
// reopened or notified meanwhile, that stands, and an incident that is open stays
// where the watch finds it.
func TestWhatIsRecordedLateChangesNothingThatCameSince(t *testing.T) {
	db := table(t)
	opened := incident.Announced{At: noon, Calls: 1, Openings: 1, Severity: incident.Critical}
	announce := func(t *testing.T, s *dynamo.Store, i incident.Incident, announced incident.Announced) incident.Incident {
		t.Helper()
		if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced)); err != nil {
			t.Fatal(err)
		}
		return reread(t, s, i)
	}
	for n, tt := range []struct {
		name string
		// meanwhile happens between reading the incident, which is open or closed,
		// and writing it.
		closed    bool
		meanwhile func(*testing.T, *dynamo.Store, *clock, incident.Incident)
		write     func(*testing.T, *dynamo.Store, incident.Incident) error
		wantErr   apperr.Class
	}{
		{"the end is notified, and it was reopened", true, func(t *testing.T, s *dynamo.Store, c *clock,
			_ incident.Incident) {
			mustJoin(t, s, failureOf(1, incident.Quota, c.Now()))
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			announced := i.Announced
			announced.Closings = 1
			return retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced))
		}, ""},
		{"it is closed, and was closed and reopened", false, func(t *testing.T, s *dynamo.Store, c *clock,
			i incident.Incident) {
			closeNow(t, s, c, i)
			mustJoin(t, s, failureOf(1, incident.Quota, c.Now()))
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			_, err := closeIncident(t.Context(), s, i)
			return err
		}, apperr.Conflict},
		{"it is closed, and was closed", false, func(t *testing.T, s *dynamo.Store, c *clock, i incident.Incident) {
			closeNow(t, s, c, i)
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			_, err := closeIncident(t.Context(), s, i)
			return err
		}, apperr.Conflict},
		{"it goes on, and was reopened and closed", true, func(t *testing.T, s *dynamo.Store, c *clock, _ incident.Incident) {
			closeNow(t, s, c, mustJoin(t, s, failureOf(1, incident.Quota, c.Now())))
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			return retry.IgnoreChanged(s.CancelClosing(t.Context(), i))
		}, ""},
		{"it goes on, and its end was notified", true, func(t *testing.T, s *dynamo.Store, _ *clock, i incident.Incident) {
			announced := i.Announced
			announced.Closings = 1
			announce(t, s, i, announced)
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			return retry.IgnoreChanged(s.CancelClosing(t.Context(), i))
		}, ""},
		{"a summary is recorded, and another was", false, func(t *testing.T, s *dynamo.Store, _ *clock, i incident.Incident) {
			announced := i.Announced
			announced.Summaries, announced.Calls = 1, 7
			announce(t, s, i, announced)
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			announced := i.Announced
			announced.Summaries, announced.Calls = 1, 3
			return retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced))
		}, ""},
		{"a new reason is recorded, and a graver loss was", false, func(t *testing.T, s *dynamo.Store, _ *clock,
			i incident.Incident) {
			announced := i.Announced
			announced.Additions, announced.Severity = 1, incident.Critical
			announce(t, s, i, announced)
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			announced := i.Announced
			announced.Additions, announced.Severity = 1, incident.High
			return retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced))
		}, ""},
		{"it is active, and was later", false, func(t *testing.T, s *dynamo.Store, _ *clock, i incident.Incident) {
			if err := retry.IgnoreChanged(s.SetActive(t.Context(), i, noon.Add(2*time.Hour))); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, s *dynamo.Store, i incident.Incident) error {
			return retry.IgnoreChanged(s.SetActive(t.Context(), i, noon.Add(time.Hour)))
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := incidents(t, fmt.Sprintf("late%d", n), db, db)
			i := announce(t, s, mustJoin(t, s, failureOf(0, incident.Quota, c.Now())), opened)
			if tt.closed {
				closeNow(t, s, c, i)
				i = reread(t, s, i)
			}
			tt.meanwhile(t, s, c, i)
			want, wantDue := reread(t, s, i), due(t, s)
			if err := tt.write(t, s, i); apperr.ClassOf(err) != tt.wantErr && (err != nil || tt.wantErr != "") {
				t.Errorf("got %v, want an error of class %q", err, tt.wantErr)
			}
			got := reread(t, s, i)
			if diff := incidentDiff(want, got); diff != "" {
				t.Errorf("the incident changed (-want +got):\n%s", diff)
			}
			if gotDue := due(t, s); !slices.Equal(gotDue, wantDue) || got.Open() && len(gotDue) != 1 {
				t.Errorf("the watch finds %v, want %v", gotDue, wantDue)
			}
		})
	}
}

func reread(t *testing.T, s *dynamo.Store, i incident.Incident) incident.Incident {
	t.Helper()
	is, err := s.Incident(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// An incident that has expired is not written again: what is left would be an
// incident without a group, which nobody closes.
func TestWhatHasExpiredIsNotWrittenAgain(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "expired", db, db)
	i := mustJoin(t, s, failureOf(0, incident.Quota, c.Now()))
	remove(t, db, "expired", i)
	announced := incident.Announced{At: noon, Openings: 1}
	for name, write := range map[string]func() error{
		"close":    func() error { _, err := closeIncident(t.Context(), s, i); return err },
		"active":   func() error { return retry.IgnoreChanged(s.SetActive(t.Context(), i, noon.Add(time.Hour))) },
		"announce": func() error { return retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, announced)) },
	} {
		if err := write(); err != nil && apperr.ClassOf(err) != apperr.Conflict {
			t.Errorf("%s: got %v, want nothing or a conflict", name, err)
		}
		if _, err := s.Incident(t.Context(), i.ID); apperr.ClassOf(err) != apperr.NotFound {
			t.Errorf("%s: got %v, want it not found", name, err)
		}
	}
}

// remove deletes an incident's item, as DynamoDB does when it has expired.
func remove(t *testing.T, db *dynamodb.Client, name string, i incident.Incident) {
	t.Helper()
	if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &name,
		Key: tabletest.IncidentOf(i.ID).Item()}); err != nil {
		t.Fatal(err)
	}
}

// The next incident of a group has the number after the newest, also when older ones
// have expired.
func TestIncidentsAreNumberedAfterTheNewest(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "numbers", db, db)
	var all []incident.Incident
	for n := range 4 {
		i := closeNow(t, s, c, mustJoin(t, s, failureOf(n, incident.Quota, c.Now())))
		if want := fmt.Sprint(recordingOf.ID(), ".", n+1); i.ID != want {
			t.Fatalf("got %s, want %s", i.ID, want)
		}
		if all = append(all, i); n == 1 || n == 2 {
			remove(t, db, "numbers", all[n-1])
		}
		c.pass(timing.Reopen + time.Second)
	}
}

// binding binds a pipeline to another incident just before it is bound.
type bindingFirst struct {
	*intruding
	first func()
}

func (c *bindingFirst) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if tabletest.KeyIn(in.Item).Type() == tabletest.Membership && c.first != nil {
		first := c.first
		c.first = nil
		first()
	}
	return c.Client.PutItem(ctx, in, opts...)
}

// An incident was opened for a failure that turns out to be in another one: it is
// discarded, but not if it was announced, and not if it was closed.
func TestIncidentIsNotDiscardedOnceItIsAnnounced(t *testing.T) {
	client := table(t)
	for n, tt := range []struct {
		name      string
		meanwhile func(*testing.T, *dynamo.Store, *clock, incident.Incident)
		wantOpen  bool
	}{
		{"it was announced", func(t *testing.T, s *dynamo.Store, _ *clock, i incident.Incident) {
			if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), i, incident.Announced{At: noon, Calls: 1,
				Openings: 1})); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"it was closed", func(t *testing.T, s *dynamo.Store, c *clock, i incident.Incident) { closeNow(t, s, c, i) }, false},
		{"nothing", func(*testing.T, *dynamo.Store, *clock, incident.Incident) {}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := &bindingFirst{intruding: &intruding{Client: client, of: tabletest.Incident}}
			name := fmt.Sprintf("withdrawn%d", n)
			s, c := incidents(t, name, db, client)
			other := dynamo.New(client, name, dynamo.Options{Retention: time.Hour, Now: c.Now})
			f := failureOf(0, incident.Quota, c.Now())
			elsewhere := f
			elsewhere.Group.Scope = "region/111122223333/us-east-1"
			id := f.Group.ID() + ".1"
			var want incident.Incident
			db.first = func() { mustJoin(t, other, elsewhere) }
			db.before = func() {
				i := reread(t, other, incident.Incident{ID: id})
				tt.meanwhile(t, other, c, i)
				want = reread(t, other, i)
			}
			mustJoin(t, s, f)
			got := reread(t, other, incident.Incident{ID: id})
			if got.Open() != tt.wantOpen {
				t.Errorf("got it open %v, want %v", got.Open(), tt.wantOpen)
			}
			if tt.name != "nothing" {
				if diff := incidentDiff(want, got); diff != "" {
					t.Errorf("the incident changed (-want +got):\n%s", diff)
				}
			}
			if tally, err := other.CountOccurrences(t.Context(), elsewhere.Group.ID()+".1"); err != nil || tally.Calls != 1 {
				t.Errorf("the other incident: got %d calls (%v), want the one", tally.Calls, err)
			}
			if slices.Contains(due(t, other), id) != (tt.name != "nothing") {
				t.Errorf("the watch finds %v, want it there only where a notification is due", due(t, other))
			}
		})
	}
}

// A call that fails again after its incident is over is one call, and one example.
func TestCallThatFailsAgainIsOneExample(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "again", db, db)
	var last incident.Incident
	for n := range 3 {
		f := failureOf(0, incident.Quota, c.Now())
		f.Began, f.Reason = c.Now(), []string{"one", "two", "one"}[n]
		last = closeNow(t, s, c, mustJoin(t, s, f))
		c.pass(time.Minute)
	}
	tally, err := s.CountOccurrences(t.Context(), last.ID)
	if err != nil || tally.Calls != 1 || len(tally.Examples) != 1 || len(tally.Occurrences) != 3 {
		t.Errorf("got %d calls, examples %v, %d failures (%v), want one call that failed three times", tally.Calls,
			tally.Examples,
			len(tally.Occurrences), err)
	}
	reasons, rest := last.CountReasons(tally)
	if len(reasons) != 2 || reasons[0].Calls != 1 || reasons[1].Calls != 1 || rest.Calls != 0 {
		t.Errorf("got %+v and %+v, want one call for each of two reasons", reasons, rest)
	}
}

// Two failures that need two remedies come at once where an incident does not know its
// cause yet: one names it, and the other is an incident of its own.
func TestCausesThatComeAtOnceStayApart(t *testing.T) {
	client := table(t)
	for n, tt := range []struct{ is, first, second incident.Cause }{
		{incident.Cause{Class: incident.Permissions}, incident.Cause{Class: incident.Permissions, Target: "kms"},
			incident.Cause{Class: incident.Permissions, Target: "s3"}},
		{incident.Cause{Class: incident.Unknown}, incident.Cause{Class: incident.Permissions, Target: "kms"},
			incident.Cause{Class: incident.Permissions, Target: "s3"}},
		{incident.Cause{Class: incident.Unknown}, incident.Cause{Class: incident.Quota},
			incident.Cause{Class: incident.Permissions}},
	} {
		db := &intruding{Client: client, of: tabletest.Incident}
		name := fmt.Sprintf("targets%d", n)
		s, c := incidents(t, name, db, client)
		other := dynamo.New(client, name, dynamo.Options{Retention: time.Hour, Now: c.Now})
		of := func(n int, cause incident.Cause) incident.Report {
			f := failureOf(n, cause.Class, c.Now())
			f.Target = cause.Target
			return f
		}
		first := mustJoin(t, s, of(0, tt.is))
		db.before = func() {
			if i := mustJoin(t, other, of(1, tt.first)); i.ID != first.ID || i.Cause() != tt.first {
				t.Errorf("%v: got %s of %v, want %s to learn %v", tt.is, i.ID, i.Cause(), first.ID, tt.first)
			}
		}
		if i := mustJoin(t, s, of(2, tt.second)); i.ID == first.ID || i.Cause() != tt.second {
			t.Errorf("%v: got %s of %v, want an incident of its own", tt.is, i.ID, i.Cause())
		}
	}
}
