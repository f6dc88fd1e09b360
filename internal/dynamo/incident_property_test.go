package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// explained is a failure of a drawn history, and what a plain model knows of it.
type explained struct {
	incident.Report
	reason string // the id of its reason
}

// drawFailures draws the failures of some calls. A call has one, or a second one a
// second later that says something else.
func drawFailures(t *rapid.T, start time.Time) (list []explained) {
	texts := []string{"", "denied for arn:aws:iam::111122223333:role/r%d", "call-%04d timed out", "The key is disabled"}
	losses := [][]incident.Loss{nil, {incident.Recording}, {incident.Transcript, incident.Insights}, {incident.VoiceEnhancement}, {"Hologram|Sink"}}
	for call := range rapid.IntRange(1, 7).Draw(t, "calls") {
		for event := range rapid.IntRange(1, 2).Draw(t, "events") {
			f := failureOf(call, rapid.SampledFrom([]incident.Class{incident.Unknown, incident.Permissions, incident.Quota}).Draw(t, "class"),
				start.Add(time.Duration(event)*time.Second))
			if f.Class == incident.Permissions {
				f.Target = rapid.SampledFrom([]string{"", "kms", "s3"}).Draw(t, "target")
			}
			if f.Reason = rapid.SampledFrom(texts).Draw(t, "text"); strings.Contains(f.Reason, "%") {
				f.Reason = fmt.Sprintf(f.Reason, rapid.IntRange(0, 9999).Draw(t, "n"))
			}
			f.Losses, f.Began = rapid.SampledFrom(losses).Draw(t, "losses"), f.Occurrence.At
			list = append(list, explained{f, incident.ReasonOf(incident.Cause{Class: f.Class, Target: f.Target}, f.Reason).ID})
		}
	}
	return list
}

// Failures of any causes, reasons and losses come in any order, more than once, and to
// processes that die between any two calls and are tried again, while incidents are
// closed: what incidents say of reasons, calls and severity is what a plain count of
// the failures says.
func TestIncidentsAgreeWithAPlainCount(t *testing.T) {
	db := faultinject.Server(t)
	rapidseed.Fewer(t, 3)
	died := 0
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		world, c := faultinject.NewWorld(t, db), &clock{now: noon}
		p := world.Process()
		s := p.Store(dynamo.Options{Retention: 100 * time.Hour, Now: c.Now})
		failures := drawFailures(rt, noon)
		deliveries := slices.Concat(failures, rapid.SliceOfN(rapid.SampledFrom(failures), 0, 5).Draw(rt, "again"))
		for _, f := range rapid.Permutation(deliveries).Draw(rt, "order") {
			if rapid.IntRange(0, 4).Draw(rt, "closes") == 0 {
				c.pass(timing.Quiet)
				list, _, err := s.Incidents(ctx, dynamo.IncidentQuery{Owing: true})
				if err != nil {
					rt.Fatal(err)
				}
				for _, i := range list {
					if i.Open() {
						if _, err := closeIncident(ctx, s, i); err != nil {
							rt.Fatal(err)
						}
					}
				}
			}
			c.pass(time.Second)
			how := rapid.SampledFrom([]faultinject.How{faultinject.Before, faultinject.After}).Draw(rt, "how")
			p.Line.Disturb(rapid.IntRange(1, 12).Draw(rt, "dies at"), how)
			for {
				_, err := join(ctx, s, f.Report)
				if err == nil {
					break
				}
				if !errors.Is(err, faultinject.ErrKilled) {
					rt.Fatal(err)
				}
				died++
				p.Line.Revive()
				c.pass(time.Second)
			}
			p.Line.Disturb(1<<20, faultinject.Before)
		}
		checkIncidents(rt, s, failures)
	})
	if died == 0 {
		t.Error("no process died: the test proves less than it says")
	}
}

// checkIncidents compares the table's incidents with the failures.
func checkIncidents(t *rapid.T, s *dynamo.Store, failures []explained) {
	ctx := context.Background()
	type count struct {
		Calls, Severity string
		Reasons         map[string]int
	}
	calls, reasons, losses := map[string]map[string]bool{}, map[string]map[string]map[string]bool{}, map[string][][]incident.Loss{}
	for _, f := range failures {
		ids, err := s.IncidentsOf(ctx, f.Occurrence.PipelineID)
		if err != nil || len(ids) != 1 {
			t.Fatalf("%s: got the incidents %v (%v), want one", f.Occurrence.PipelineID, ids, err)
		}
		id := ids[0]
		if calls[id] == nil {
			calls[id], reasons[id] = map[string]bool{}, map[string]map[string]bool{}
		}
		if reasons[id][f.reason] == nil {
			reasons[id][f.reason] = map[string]bool{}
		}
		calls[id][f.Occurrence.PipelineID], reasons[id][f.reason][f.Occurrence.PipelineID] = true, true
		losses[id] = append(losses[id], f.Losses)
	}
	want, got := map[string]count{}, map[string]count{}
	for id := range calls {
		severity := incident.Low
		for _, l := range losses[id] {
			if s := incident.SeverityOf(l); s.Graver(severity) {
				severity = s
			}
		}
		w := count{fmt.Sprint(len(calls[id])), string(severity), map[string]int{}}
		for reason, of := range reasons[id] {
			w.Reasons[reason] = len(of)
		}
		want[id] = w
	}
	list, _, err := s.Incidents(ctx, dynamo.IncidentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		tally, err := s.Tally(ctx, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if tally.Calls == 0 {
			continue // it was taken back
		}
		given, rest := i.Given(tally)
		g := count{fmt.Sprint(tally.Calls), string(i.Severity()), map[string]int{}}
		for _, r := range given {
			if r.Calls > 0 { // not what a failure that is in another one by now opened it with
				g.Reasons[r.ID] = r.Calls
			}
		}
		if rest.Calls != 0 {
			g.Reasons["others"] = rest.Calls
		}
		got[i.ID] = g
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("incidents (-want by a plain count +got):\n%s", diff)
	}
}

// As many texts as calls come at once: some are kept, all calls are counted, a cause
// of its own is kept whatever came before, and the incident's item stays small.
func TestStormOfReasonsStaysSmall(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "texts", db, db)
	mustJoin(t, s, failureOf(0, incident.Permissions, c.Now()))
	group := errgroup.Group{}
	group.SetLimit(16)
	const calls = 120
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima"}
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
	tally, err := s.Tally(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	given, rest := i.Given(tally)
	known, unknown := 0, 0
	for _, g := range given {
		if g.Class == incident.Unknown {
			unknown += g.Calls
		} else {
			known += g.Calls
		}
	}
	if len(given) != incident.MaxReasons+1 || known != incident.MaxReasons || unknown != 1 || rest.Calls != calls+1-known {
		t.Errorf("got %d reasons, %d calls of known and %d of unknown causes, and %d of others; want %d, %d, 1 and %d",
			len(given), known, unknown, rest.Calls, incident.MaxReasons+1, incident.MaxReasons, calls+1-incident.MaxReasons)
	}
	if len(i.Losses) > 40 || i.Severity() != incident.Critical {
		t.Errorf("got %d losses, %s, want a few, and critical", len(i.Losses), i.Severity())
	}
	size := 0
	for key, attributes := range scan(t, db, "texts") {
		if strings.HasPrefix(key, "K#") {
			for name, value := range attributes {
				size += len(name) + len(value)
			}
		}
	}
	if size > 32*1024 {
		t.Errorf("got an item of %d bytes, want it far below what DynamoDB takes", size)
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
	if old.Severity() != incident.Critical || len(old.Reasons) != 1 || old.OpenedAt != i.OpenedAt || incident.AtOnce(old) != incident.Nothing {
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
	if got.ID != i.ID || got.Target != "kms" || len(got.Reasons) != 2 || incident.AtOnce(got) != incident.NotifyReason {
		t.Errorf("got %+v, want it joined, with the target, and the other reason to notify", got)
	}
	if is := reread(t, s, i); incidentDiff(got, is) != "" {
		t.Errorf("the table has something else: %s", incidentDiff(got, is))
	}
}

// stripped makes an incident's item one of a version without reasons.
func stripped(t *testing.T, db *dynamodb.Client, name string, i incident.Incident) {
	t.Helper()
	key := incidentKeyOf(i)
	remove := "REMOVE rs, oa, tv, tr, n3, ls, tg"
	if _, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &name, Key: key, UpdateExpression: &remove}); err != nil {
		t.Fatal(err)
	}
}
