package incident_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// reported is a failure of a drawn history, and what a plain model knows of it.
type reported struct {
	incident.Report
	reason string // the id of its reason
}

// drawReports draws the failures of some calls. A call has one, or a second one a
// second later that says something else.
func drawReports(t *rapid.T) (list []reported) {
	texts := []string{"", "denied for arn:aws:iam::111122223333:role/r%d", "call-%04d timed out", "The key is disabled"}
	losses := [][]incident.Loss{
		nil, {incident.Recording}, {incident.Transcript, incident.Insights}, {incident.VoiceEnhancement}, {"Hologram|Sink"},
	}
	for call := range rapid.IntRange(1, 12).Draw(t, "calls") {
		for event := range rapid.IntRange(1, 2).Draw(t, "events") {
			r := reportOf(call, rapid.SampledFrom(
				[]incident.Class{incident.Unknown, incident.Permissions, incident.Quota}).Draw(t, "class"))
			r.Occurrence.At = noon.Add(time.Duration(event) * time.Second)
			if r.Class == incident.Permissions {
				r.Target = rapid.SampledFrom([]string{"", "kms", "s3"}).Draw(t, "target")
			}
			if r.Reason = rapid.SampledFrom(texts).Draw(t, "text"); strings.Contains(r.Reason, "%") {
				r.Reason = fmt.Sprintf(r.Reason, rapid.IntRange(0, 9999).Draw(t, "n"))
			}
			r.Losses, r.Began = rapid.SampledFrom(losses).Draw(t, "losses"), r.Occurrence.At
			cause := incident.Cause{Class: r.Class, Target: r.Target}
			list = append(list, reported{r, incident.ReasonOf(cause, r.Reason).ID})
		}
	}
	return list
}

// Failures of any causes, reasons and losses come in any order, more than once, and to
// processes that die between any two calls and are tried again, while incidents are
// closed: what incidents say of reasons, calls and severity is what a plain count of
// the failures says.
func TestIncidentsAgreeWithAPlainCount(t *testing.T) {
	died := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx, w := context.Background(), newWorld()
		reports := drawReports(t)
		deliveries := slices.Concat(reports, rapid.SliceOfN(rapid.SampledFrom(reports), 0, 8).Draw(t, "again"))
		for _, r := range rapid.Permutation(deliveries).Draw(t, "order") {
			if rapid.IntRange(0, 4).Draw(t, "closes") == 0 {
				w.now = w.now.Add(timing.Quiet)
				if err := w.repo.DueIncidents(ctx, func(i incident.Incident) error {
					if !i.Open() {
						return nil
					}
					return w.repo.Close(ctx, i, w.now)
				}); err != nil {
					t.Fatal(err)
				}
			}
			w.now = w.now.Add(time.Second)
			faults := []faultinject.Fault{faultinject.Before, faultinject.After, faultinject.Twice}
			fault := rapid.SampledFrom(faults).Draw(t, "fault")
			w.repo.InjectAt(rapid.IntRange(1, 12).Draw(t, "dies at"), fault)
			for {
				i, err := w.service().Record(ctx, r.Report)
				if err == nil {
					if diff := cmp.Diff(w.repo.incidents[i.ID], i); diff != "" {
						t.Errorf("the incident is returned as it is not (-stored +returned):\n%s", diff)
					}
					break
				}
				if !errors.Is(err, faultinject.ErrKilled) {
					t.Fatal(err)
				}
				died++
				w.repo.Revive()
				w.now = w.now.Add(time.Second)
			}
			w.repo.InjectAt(1<<20, faultinject.Before)
		}
		compareWithPlainCount(t, w.repo, reports)
	})
	if died == 0 {
		t.Error("no process died: the test proves less than it says")
	}
}

// compareWithPlainCount compares the stored incidents with the failures.
func compareWithPlainCount(t *rapid.T, repo *memory, reports []reported) {
	type count struct {
		Calls    int
		Severity incident.Severity
		Reasons  map[string]int
	}
	calls, reasons := map[string]map[string]bool{}, map[string]map[string]map[string]bool{}
	want, got := map[string]count{}, map[string]count{}
	for _, r := range reports {
		member := repo.memberships[[2]string{r.Occurrence.PipelineID, r.Group.Element}]
		id := member.IncidentID
		if calls[id] == nil {
			calls[id], reasons[id] = map[string]bool{}, map[string]map[string]bool{}
			want[id] = count{Severity: incident.Low, Reasons: map[string]int{}}
		}
		if reasons[id][r.reason] == nil {
			reasons[id][r.reason] = map[string]bool{}
		}
		calls[id][r.Occurrence.PipelineID], reasons[id][r.reason][r.Occurrence.PipelineID] = true, true
		w := want[id]
		w.Calls, w.Reasons[r.reason] = len(calls[id]), len(reasons[id][r.reason])
		if severity := incident.SeverityOf(r.Losses); severity.WorseThan(w.Severity) {
			w.Severity = severity
		}
		want[id] = w
	}
	for _, i := range repo.incidents {
		counts, err := repo.CountOccurrences(context.Background(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if counts.Calls == 0 {
			continue // it was discarded
		}
		list, rest := i.CountReasons(counts)
		g := count{counts.Calls, i.Severity(), map[string]int{}}
		for _, r := range list {
			if r.Calls > 0 { // not that of a failure which opened i, and belongs to another one
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
