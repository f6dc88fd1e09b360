package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// incidentsCmd holds what looks up incidents in the table.
type incidentsCmd struct {
	List incidentsListCmd `cmd:"" help:"List incidents, the latest failure first."`
	Show incidentsShowCmd `cmd:"" help:"Show one incident: its reasons, its calls, and what was sent about it."`
}

// incidentsShowCmd prints one incident.
type incidentsShowCmd struct {
	ID    string `arg:"" help:"Id of the incident, or the end of it that a text message shows, such as ae2b8d3fa1d3.7."`
	Calls bool   `help:"Print every call that failed, with its time and reasons, not only the first."`
}

// incidentReport is an incident as the command prints it. Times are RFC 3339 in UTC.
type incidentReport struct {
	ID    string         `json:"id"`
	Class incident.Class `json:"class"`
	// Target is what has to be repaired, where the failures say it.
	Target string `json:"target,omitempty"`
	// Scope is what the failed calls share: voice-connector/ID, configuration/ARN
	// or region/ACCOUNT/REGION, in a rehearsal with rehearsal/ before it.
	Scope   string `json:"scope"`
	Element string `json:"element,omitempty"`
	// Rehearsal says that the calls were rehearsed.
	Rehearsal bool              `json:"rehearsal,omitempty"`
	State     string            `json:"state"` // open or closed
	Severity  incident.Severity `json:"severity"`
	Losses    []incident.Loss   `json:"losses"`
	// Reason is the text that class and target come from, Reasons are all.
	Reason  string        `json:"reason,omitempty"`
	Reasons []givenReason `json:"reasons"`
	// Calls is how many pipelines failed.
	Calls    int       `json:"calls"`
	OpenedAt time.Time `json:"openedAt"`
	LastAt   time.Time `json:"lastAt,omitzero"`
	ClosedAt time.Time `json:"closedAt,omitzero"`
	Reopened int       `json:"reopened,omitempty"`
	// Examples are the ids of the first pipelines, as calls show takes them.
	Examples []string `json:"examples"`
	// FailedCalls are all calls that failed, by time, where they were asked for.
	FailedCalls   []failedCall   `json:"failedCalls,omitzero"`
	Notifications []notification `json:"notifications,omitempty"`
}

// givenReason is a distinct reason of an incident, and the calls that failed for it.
type givenReason struct {
	// Reason is one of the texts; empty where the events gave none.
	Reason string         `json:"reason"`
	Class  incident.Class `json:"class,omitempty"`
	Target string         `json:"target,omitempty"`
	Count  int            `json:"count"`
	First  time.Time      `json:"first,omitzero"`
	Last   time.Time      `json:"last,omitzero"`
	// Others says that it stands for all reasons that are not kept.
	Others bool `json:"others,omitempty"`
}

// failedCall is one call that failed of an incident.
type failedCall struct {
	// PipelineID is empty for a call that was erased.
	PipelineID string    `json:"pipelineId,omitempty"`
	CallID     string    `json:"callId,omitempty"`
	At         time.Time `json:"at"`
	// Reasons are its reasons, as far as they are kept.
	Reasons []string `json:"reasons"`
	Erased  bool     `json:"erased,omitempty"`
}

// notification is one message about an incident.
type notification struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Calls   int       `json:"calls,omitempty"`
	SentAt  time.Time `json:"sentAt,omitzero"`
}

// findIncident returns the incident of an id, or of the end of one, which has a dash
// before it: among those that are open, and the newest of the others.
func findIncident(ctx context.Context, s *dynamo.Store, id string) (incident.Incident, error) {
	const newest = 1000
	i, notFound := s.Incident(ctx, id)
	isEnd := strings.TrimLeft(id, "0123456789abcdef.") == "" && len(id) >= len("0123456789ab.1")
	if apperr.ClassOf(notFound) != apperr.NotFound || !isEnd {
		return i, notFound
	}
	for _, query := range []dynamo.IncidentQuery{{Owing: true, Limit: newest}, {Limit: newest}} {
		list, _, err := s.Incidents(ctx, query)
		if err != nil {
			return incident.Incident{}, errors.Join(notFound, err)
		}
		for _, i := range list {
			if strings.HasSuffix(i.ID, "-"+id) {
				return i, nil
			}
		}
	}
	return incident.Incident{}, notFound
}

// Run prints the incident.
func (c *incidentsShowCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		i, err := findIncident(a.ctx, s, c.ID)
		if err != nil {
			return err
		}
		tally, err := s.CountOccurrences(a.ctx, i.ID)
		if err != nil {
			return err
		}
		report := reportIncident(i, tally)
		if c.Calls {
			report.FailedCalls = failedCalls(i, tally)
		}
		notes, err := s.IncidentNotifications(a.ctx, i)
		if err != nil {
			return err
		}
		for _, n := range notes {
			report.Notifications = append(report.Notifications,
				notification{n.ID, n.Kind, redact.Text(n.Subject), n.Calls, n.SentAt.UTC()})
		}
		if a.asJSON() {
			return a.printJSON(report)
		}
		return a.printIncident(report)
	})
}

// reportIncident masks phone numbers in what comes from events. The id is made so
// that none is in it.
func reportIncident(i incident.Incident, tally incident.OccurrenceCounts) incidentReport {
	r := incidentReport{
		ID: i.ID, Class: i.Class, Target: redact.Text(i.Target), Scope: redact.Text(i.Scope), Element: redact.Text(i.Element),
		Rehearsal: i.Rehearsal(), State: stateOpen, Severity: i.Severity(),
		Losses: []incident.Loss{}, Reason: redact.Text(i.Reason), Reasons: []givenReason{},
		Calls: tally.Calls, LastAt: tally.LastAt.UTC(),
		OpenedAt: i.OpenedAt.UTC(), ClosedAt: i.ClosedAt.UTC(), Reopened: i.Reopened, Examples: []string{},
	}
	for _, loss := range i.Losses {
		r.Losses = append(r.Losses, incident.Loss(redact.Text(string(loss))))
	}
	if !i.Open() {
		r.State = stateClosed
	}
	for _, o := range tally.Examples {
		r.Examples = append(r.Examples, redact.Text(o.PipelineID))
	}
	given, rest := i.CountReasons(tally)
	for _, g := range given {
		r.Reasons = append(r.Reasons, givenReason{
			Reason: redact.Text(g.Text), Class: g.Class, Target: redact.Text(g.Target),
			Count: g.Calls, First: g.First.UTC(), Last: g.Last.UTC(),
		})
	}
	if rest.Calls > 0 {
		r.Reasons = append(r.Reasons,
			givenReason{Count: rest.Calls, First: rest.First.UTC(), Last: rest.Last.UTC(), Others: true})
	}
	return r
}

// failedCalls returns the calls of an incident, each once, by when they failed first.
func failedCalls(i incident.Incident, tally incident.OccurrenceCounts) []failedCall {
	texts := map[string]string{}
	for _, r := range i.Reasons {
		texts[r.ID] = cmp.Or(redact.Text(r.Text), noReason)
	}
	list, at := []failedCall{}, map[string]int{}
	for _, o := range tally.Occurrences {
		n, again := at[o.PipelineID]
		if !again || o.PipelineID == "" {
			n, at[o.PipelineID] = len(list), len(list)
			list = append(list, failedCall{
				PipelineID: redact.Text(o.PipelineID), CallID: redact.Text(o.CallID), At: o.At.UTC(),
				Reasons: []string{}, Erased: o.PipelineID == "",
			})
		}
		for _, id := range o.Reasons {
			if text := cmp.Or(texts[id], otherReason); !slices.Contains(list[n].Reasons, text) {
				list[n].Reasons = append(list[n].Reasons, text)
			}
		}
	}
	return list
}

const (
	noReason    = "none given"
	otherReason = "another"
)

// causeText is a class with what has to be repaired, where that is known.
func causeText(class incident.Class, target string) string {
	if target == "" {
		return string(class)
	}
	return string(class) + ": " + target
}

func (a *app) printIncident(r incidentReport) error {
	losses := make([]string, len(r.Losses))
	for i, loss := range r.Losses {
		losses[i] = string(loss)
	}
	reopened := ""
	if r.Reopened > 0 {
		reopened = count(r.Reopened, "time")
	}
	a.printFields("", [][2]string{
		{"id", r.ID}, {stateColumn, r.State}, {severityColumn, string(r.Severity)}, {"calls", strconv.Itoa(r.Calls)},
		{"lost", cmp.Or(strings.Join(losses, ", "), "everything, or not known")}, {"scope", r.Scope}, {"element", r.Element},
		{"opened", at(r.OpenedAt)}, {"last", at(r.LastAt)}, {"closed", at(r.ClosedAt)}, {"reopened", reopened},
	})
	a.printFields("cause", [][2]string{
		{"class", fmt.Sprintf("%s (%s)", r.Class.Title(), causeText(r.Class, r.Target))}, {"reason", spaced(r.Reason)},
		{"what to do", r.Class.Remedy()},
	})
	var reasons, examples, calls, notes [][]string
	for _, g := range r.Reasons {
		text, cause := cmp.Or(spaced(g.Reason), noReason), causeText(g.Class, g.Target)
		if g.Others {
			text, cause = "all others", ""
		}
		reasons = append(reasons, []string{strconv.Itoa(g.Count), at(g.First), at(g.Last), cause, text})
	}
	if r.FailedCalls == nil {
		for _, id := range r.Examples {
			examples = append(examples, []string{id})
		}
	}
	for _, c := range r.FailedCalls {
		id := c.PipelineID
		if c.Erased {
			id = "erased"
		}
		calls = append(calls, []string{at(c.At), id, c.CallID, spaced(strings.Join(c.Reasons, "; "))})
	}
	for _, n := range r.Notifications {
		notes = append(notes, []string{at(n.SentAt), n.Kind, n.Subject})
	}
	for _, part := range []struct {
		title  string
		header []string
		rows   [][]string
	}{
		{"reasons", []string{"calls", "first", "last", "cause", "reason"}, reasons},
		{"first calls", []string{"pipeline"}, examples},
		{"calls", []string{"failed", "pipeline", "call", "reason"}, calls},
		{"notifications", []string{"sent", "kind", "subject"}, notes},
	} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "\n%s\n", part.title)
		if err := a.printIndented("  ", part.header, part.rows); err != nil {
			return err
		}
	}
	return nil
}
