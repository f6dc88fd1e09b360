package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/store"
)

// incidentsCmd holds what looks up incidents in the table.
type incidentsCmd struct {
	List incidentsListCmd `cmd:"" help:"List incidents, newest first."`
	Show incidentsShowCmd `cmd:"" help:"Show one incident, and what was told of it."`
}

// incidentsListCmd prints one page of incidents.
type incidentsListCmd struct {
	Open   bool   `help:"Only incidents that are not over."`
	Since  string `placeholder:"SPAN" help:"Only incidents opened in this span up to now: 90m, 24h, 7d."`
	Limit  int    `short:"n" default:"50" placeholder:"N" help:"At most this many incidents (${default})."`
	Cursor string `placeholder:"CURSOR" help:"Go on after an earlier list, which gave this cursor on the error stream."`
}

// incidentsShowCmd prints one incident.
type incidentsShowCmd struct {
	ID string `arg:"" help:"Id of the incident."`
}

// incidentReport is an incident as the command prints it. Times are RFC 3339 in UTC.
type incidentReport struct {
	ID    string         `json:"id"`
	Class incident.Class `json:"class"`
	// Scope is what the failed calls share: voice-connector/ID, configuration/ARN
	// or region/ACCOUNT/REGION, in a rehearsal with rehearsal/ before it.
	Scope   string `json:"scope"`
	Element string `json:"element,omitempty"`
	// Rehearsal says that the calls were rehearsed.
	Rehearsal bool              `json:"rehearsal,omitempty"`
	State     string            `json:"state"` // open or closed
	Severity  incident.Severity `json:"severity"`
	Losses    []incident.Loss   `json:"losses"`
	Reason    string            `json:"reason,omitempty"`
	// Calls is how many pipelines failed.
	Calls    int       `json:"calls"`
	OpenedAt time.Time `json:"openedAt"`
	LastAt   time.Time `json:"lastAt,omitzero"`
	ClosedAt time.Time `json:"closedAt,omitzero"`
	Reopened int       `json:"reopened,omitempty"`
	// Examples are the ids of the first pipelines, as calls show takes them.
	Examples      []string       `json:"examples"`
	Notifications []notification `json:"notifications,omitempty"`
}

// notification is one message about an incident.
type notification struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Calls   int       `json:"calls,omitempty"`
	SentAt  time.Time `json:"sentAt,omitzero"`
}

// Run prints the page, and the cursor of the next on the error stream.
func (c *incidentsListCmd) Run(a *app) error {
	query := store.IncidentQuery{Owing: c.Open, Limit: c.Limit, Cursor: c.Cursor}
	if err := checkPage(c.Limit, c.Cursor); err != nil {
		return err
	}
	var err error
	if query.From, err = parseSince(c.Since, a.now()); err != nil {
		return err
	}
	return a.withStore(func(s *store.Store) error {
		list, next, err := s.Incidents(a.ctx, query)
		if err != nil {
			return err
		}
		reports := make([]incidentReport, 0, len(list))
		for _, i := range list {
			if c.Open && !i.Open() {
				continue // over, and only not told yet
			}
			report, err := reportIncident(a.ctx, s, i)
			if err != nil {
				return err
			}
			reports = append(reports, report)
		}
		return a.printPage(reports, next, func() error { return a.printIncidents(reports) })
	})
}

// Run prints the incident.
func (c *incidentsShowCmd) Run(a *app) error {
	return a.withStore(func(s *store.Store) error {
		i, err := s.Incident(a.ctx, c.ID)
		if err != nil {
			return err
		}
		report, err := reportIncident(a.ctx, s, i)
		if err != nil {
			return err
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

// reportIncident counts the incident's calls, and masks phone numbers in what comes
// from their events. The id is made so that none is in it.
func reportIncident(ctx context.Context, s *store.Store, i incident.Incident) (incidentReport, error) {
	r := incidentReport{
		ID: i.ID, Class: i.Class, Scope: redact.Text(i.Scope), Element: redact.Text(i.Element), Rehearsal: i.Rehearsal(),
		State: "open", Severity: incident.SeverityOf(i.Losses),
		Losses: []incident.Loss{}, Reason: redact.Text(i.Reason),
		OpenedAt: i.OpenedAt.UTC(), ClosedAt: i.ClosedAt.UTC(), Reopened: i.Reopened, Examples: []string{},
	}
	for _, loss := range i.Losses {
		r.Losses = append(r.Losses, incident.Loss(redact.Text(string(loss))))
	}
	if !i.Open() {
		r.State = "closed"
	}
	tally, err := s.Tally(ctx, i.ID)
	if err != nil {
		return r, err
	}
	r.Calls, r.LastAt = tally.Calls, tally.LastAt.UTC()
	for _, o := range tally.Examples {
		r.Examples = append(r.Examples, redact.Text(o.PipelineID))
	}
	return r, nil
}

func (a *app) printIncidents(reports []incidentReport) error {
	rows := make([][]string, len(reports))
	for i, r := range reports {
		rows[i] = []string{at(r.OpenedAt), r.State, string(r.Severity), strconv.Itoa(r.Calls), string(r.Class), r.Element, r.ID}
	}
	return a.printTable([]string{"opened", "state", "severity", "calls", "cause", "element", "id"}, rows)
}

func (a *app) printIncident(r incidentReport) error {
	losses := make([]string, len(r.Losses))
	for i, loss := range r.Losses {
		losses[i] = string(loss)
	}
	a.printFields("", [][2]string{
		{"id", r.ID}, {"state", r.State}, {"severity", string(r.Severity)}, {"calls", strconv.Itoa(r.Calls)},
		{"lost", strings.Join(losses, ", ")}, {"scope", r.Scope}, {"element", r.Element},
		{"opened", at(r.OpenedAt)}, {"last", at(r.LastAt)}, {"closed", at(r.ClosedAt)},
	})
	a.printFields("cause", [][2]string{
		{"class", fmt.Sprintf("%s (%s)", r.Class.Title(), r.Class)}, {"reason", spaced(r.Reason)}, {"what to do", r.Class.Remedy()},
	})
	examples := make([][]string, len(r.Examples))
	for i, id := range r.Examples {
		examples[i] = []string{id}
	}
	notes := make([][]string, len(r.Notifications))
	for i, n := range r.Notifications {
		notes[i] = []string{at(n.SentAt), n.Kind, n.Subject}
	}
	for _, part := range []struct {
		title  string
		header []string
		rows   [][]string
	}{{"first calls", []string{"pipeline"}, examples}, {"notifications", []string{"sent", "kind", "subject"}, notes}} {
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
