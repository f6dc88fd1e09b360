package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// As many texts as calls come at once: some are kept, all calls are counted, a cause
// of its own is kept whatever came before, and the incident's item stays small.
func TestStormOfReasonsStaysSmall(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "texts", db, db)
	mustJoin(t, s, failureOf(0, incident.Permissions, c.Now()))
	group := errgroup.Group{}
	group.SetLimit(16)
	const calls = 120
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo",
		"lima"}
	for n := 1; n <= calls; n++ {
		f := failureOf(n, incident.Permissions, c.Now())
		f.Reason = words[n%12] + " " + words[n/12%12] + " " + strings.Repeat("ü very long text ", 200)
		f.Losses = []incident.Loss{incident.Loss(words[n%12] + words[n/12%12] + strings.Repeat("x", 800)), incident.Recording}
		group.Go(func() error {
			_, err := join(t.Context(), s, f)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	i := mustJoin(t, s, failureOf(calls+1, incident.Unknown, c.Now()))
	tally, err := s.CountOccurrences(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	reasons, rest := i.CountReasons(tally)
	known, unknown := 0, 0
	for _, g := range reasons {
		if g.Class == incident.Unknown {
			unknown += g.Calls
		} else {
			known += g.Calls
		}
	}
	if len(reasons) != incident.MaxReasons+1 || known != incident.MaxReasons || unknown != 1 ||
		rest.Calls != calls+1-known {
		t.Errorf("got %d reasons, %d calls of known and %d of unknown causes, and %d of others; want %d, %d, 1 and %d",
			len(reasons), known, unknown, rest.Calls, incident.MaxReasons+1, incident.MaxReasons, calls+1-incident.MaxReasons)
	}
	if len(i.Losses) > 40 || i.Severity() != incident.Critical {
		t.Errorf("got %d losses, %s, want a few, and critical", len(i.Losses), i.Severity())
	}
	size := 0
	for key, attributes := range scan(t, db, "texts") {
		if tabletest.ParseKey(key).Type() == tabletest.Incident {
			for name, value := range attributes {
				size += len(name) + len(value)
			}
		}
	}
	if size > 32*1024 {
		t.Errorf("got an item of %d bytes, want it far below the limit of DynamoDB", size)
	}
}

// An incident of a version that kept the first reason and loss only is read, joined
// and extended, and what that version sent is not sent again.
func TestIncidentOfAnEarlierVersionGoesOn(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "earlier", db, db)
	i := mustJoin(t, s, failureOf(0, incident.Permissions, c.Now()))
	if err := s.SetAnnounced(t.Context(), i, incident.Announced{At: noon, Calls: 1, Openings: 1}); err != nil {
		t.Fatal(err)
	}
	stripped(t, db, "earlier", i)
	old := reread(t, s, i)
	if old.Severity() != incident.Critical || len(old.Reasons) != 1 || old.OpenedAt != i.OpenedAt ||
		incident.AtOnce(old) != incident.Nothing {
		t.Errorf("got %+v, want it as that version knew it, and nothing to notify", old)
	}
	if err := s.SetActive(t.Context(), old, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if is := reread(t, s, i); !is.OpenedAt.Equal(i.OpenedAt) || !is.ActiveAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("got opened at %s, active at %s, want it opened as it was", is.OpenedAt, is.ActiveAt)
	}
	known := failureOf(1, incident.Permissions, c.Now())
	known.Target, known.Reason = "kms", "another reason"
	got := mustJoin(t, s, known)
	if got.ID != i.ID || got.Target != "kms" || len(got.Reasons) != 2 || incident.AtOnce(got) != incident.NewReason {
		t.Errorf("got %+v, want it joined, with the target, and the other reason to notify", got)
	}
	if is := reread(t, s, i); incidentDiff(got, is) != "" {
		t.Errorf("the table has something else: %s", incidentDiff(got, is))
	}
}

// stripped makes an incident's item one of a version without reasons.
func stripped(t *testing.T, db *dynamodb.Client, name string, i incident.Incident) {
	t.Helper()
	key := tabletest.IncidentOf(i.ID).Item()
	remove := "REMOVE rs, oa, tv, tr, n3, ls, tg"
	if _, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &name, Key: key,
		UpdateExpression: &remove}); err != nil {
		t.Fatal(err)
	}
}
