package incident_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// The repository in memory, which tests of the policy use, and the table do the same,
// whatever is called in whichever order and however old the incident is that it is
// called with.
func TestMemoryBehavesAsTheTable(t *testing.T) {
	db := faultinject.Server(t)
	changed, done := map[string]int{}, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		table := faultinject.NewWorld(t, db).Process().Store(dynamo.Options{Now: func() time.Time { return noon }})
		both := []incident.Repository{newMemory(), table}
		i := openedAt(noon)
		versions := []incident.Incident{i}
		for n := range rapid.IntRange(1, 15).Draw(rt, "calls") {
			if rapid.IntRange(0, 2).Draw(rt, "reads") > 0 {
				i = versions[len(versions)-1]
			}
			calls := append([]string{"Close", "Close", "SetCause", "SetCause"}, repositoryCalls...)
			name := rapid.SampledFrom(calls).Draw(rt, "call")
			if n == 0 {
				name = "PutIncident"
			}
			announced := i.Announced.Closings > i.Reopened
			if name == "Discard" && i.Reopened > 0 || name == "CancelClosing" && announced {
				continue // which the service does not call then
			}
			call := drawRepositoryCall(rt, name, i, noon.Add(time.Duration(n)*time.Second))
			var lost [2]bool
			var is [2]incident.Incident
			for k, repo := range both {
				err := call(ctx, repo)
				if lost[k] = errors.Is(err, retry.ErrChanged); lost[k] {
					err = nil
				}
				i, none := repo.Incident(ctx, i.ID)
				if is[k] = i; errors.Join(err, none) != nil {
					rt.Fatalf("%T: %s: %v, %v", repo, name, err, none)
				}
			}
			if diff := cmp.Diff([]any{lost[1], is[1]}, []any{lost[0], is[0]}); diff != "" {
				rt.Fatalf("after %s (-table +memory):\n%s", name, diff)
			}
			if done[name]++; lost[0] {
				changed[name]++
			}
			versions = append(versions, is[0])
		}
		if diff := cmp.Diff(readAll(rt, table, i), readAll(rt, both[0], i)); diff != "" {
			rt.Fatalf("in the end (-table +memory):\n%s", diff)
		}
	})
	for _, name := range repositoryCalls {
		refuses := name != "PutOccurrence" && name != "AddLosses"
		if done[name] == changed[name] || refuses && changed[name] == 0 {
			t.Errorf("%s: %d of %d calls found the incident changed: they prove little", name, changed[name], done[name])
		}
	}
}

// readAll returns all that is stored about an incident and its group.
func readAll(t *rapid.T, repo incident.Repository, i incident.Incident) []any {
	ctx := context.Background()
	newest, err := repo.NewestOccurrence(ctx, i.ID)
	counts, err1 := repo.CountOccurrences(ctx, i.ID)
	member, err2 := repo.Membership(ctx, "p1", i.Element)
	group, err3 := repo.GroupIncidents(ctx, i.Group, func([]incident.Incident) bool { return false })
	var due []incident.Incident
	err4 := repo.DueIncidents(ctx, func(i incident.Incident) error { due = append(due, i); return nil })
	if err := errors.Join(err, err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return []any{newest, counts, member, group, due}
}

var repositoryCalls = []string{
	"PutIncident", "PutMembership", "PutOccurrence", "SetCause", "AddReason", "AddLosses", "Close", "Discard",
	"CancelClosing", "Reopen", "SetActive", "SetAnnounced",
}

// openedAt returns an incident that a failure has opened.
func openedAt(at time.Time) incident.Incident {
	group := incident.Group{Scope: "voice-connector/abc", Element: "S3RecordingSink"}
	return incident.Incident{
		ID: group.ID() + ".1", Group: group, Class: incident.Unknown, Reason: "It broke",
		Reasons: []incident.Reason{incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "It broke")},
		Losses:  []incident.Loss{incident.Insights}, OpenedAt: at, Seen: at, ActiveAt: at,
	}
}

// drawRepositoryCall draws a call of a method, for an incident as somebody read it.
func drawRepositoryCall(
	t *rapid.T, name string, i incident.Incident, at time.Time,
) func(context.Context, incident.Repository) error {
	pipelineID := rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "pipeline")
	seen := noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "seen")) * time.Second)
	cause := rapid.SampledFrom([]incident.Cause{
		{Class: incident.Permissions}, {Class: incident.Permissions, Target: "kms"}, {Class: incident.Unknown},
	}).Draw(t, "cause")
	text := rapid.SampledFrom([]string{"", "It broke", "It fell over"}).Draw(t, "text")
	losses := rapid.SampledFrom([][]incident.Loss{
		nil, {incident.Recording}, {"Hologram|Sink"}, {incident.Transcript, incident.Insights},
	}).Draw(t, "losses")
	announced := i.Announced
	announced.At, announced.Severity, announced.Reasons = at, incident.High, []string{i.Reasons[0].ID}
	switch rapid.IntRange(0, 3).Draw(t, "announced") {
	case 0:
		announced.Openings = i.Reopened + 1
	case 1:
		announced.Summaries++
	case 2:
		announced.Additions++
	case 3:
		announced.Closings = i.Reopened + 1
	}
	room := rapid.IntRange(1, 4).Draw(t, "room")
	was := incident.Membership{}
	if rapid.Bool().Draw(t, "was a member") {
		was = incident.Membership{IncidentID: i.ID, Seen: noon}
	}
	return func(ctx context.Context, repo incident.Repository) error {
		switch name {
		case "PutIncident":
			return repo.PutIncident(ctx, i)
		case "PutMembership":
			return repo.PutMembership(ctx, incident.Membership{
				PipelineID: "p1", Element: i.Element, IncidentID: i.ID, At: seen, Seen: seen,
			}, was)
		case "PutOccurrence":
			return repo.PutOccurrence(ctx, i.ID, incident.Occurrence{
				PipelineID: pipelineID, CallID: "call", At: seen, Seen: seen, Reasons: []string{fmt.Sprint("r", len(text))},
			})
		case "SetCause":
			return repo.SetCause(ctx, i, cause, text)
		case "AddReason":
			return repo.AddReason(ctx, i, incident.ReasonOf(cause, text), room)
		case "AddLosses":
			return repo.AddLosses(ctx, i, losses)
		case "Close":
			return repo.Close(ctx, i, at)
		case "Discard":
			return repo.Discard(ctx, i, at)
		case "CancelClosing":
			return repo.CancelClosing(ctx, i)
		case "Reopen":
			return repo.Reopen(ctx, i, at)
		case "SetActive":
			return repo.SetActive(ctx, i, at)
		case "SetAnnounced":
			return repo.SetAnnounced(ctx, i, announced)
		}
		panic(name)
	}
}
