package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// incidentsCmd holds the commands that look up incidents.
type incidentsCmd struct {
	List incidentsListCmd `cmd:"" help:"List incidents, the latest failure first."`
	Show incidentsShowCmd `cmd:"" help:"Show one incident: its reasons, its calls, and the notifications about it."`
}

type incidentsListCmd struct {
	paging

	State    string   `placeholder:"STATE" help:"Only incidents in this state: open, closed."`
	Open     bool     `help:"Only open incidents, as --state open."`
	Severity string   `placeholder:"SEVERITY" help:"Only incidents of this severity: ${severities}."`
	Class    string   `placeholder:"CLASS" help:"Only incidents of this class of cause: ${classes}."`
	Scope    string   `placeholder:"TEXT" help:"${scope_help}"`
	Since    spanFlag `placeholder:"SPAN" help:"Only incidents with a failure in this span up to now: 90m, 24h, 7d."`
}

// The states of an incident.
const (
	stateOpen   = "open"
	stateClosed = "closed"
)

// activityMargin is the maximum time between the last failure of an incident and the time by which
// the table lists it: the watchdog updates that within minutes, but incidents of an earlier version
// are listed by the time they opened.
const activityMargin = 24 * time.Hour

// Run prints one page, or all pages. A page holds the incidents that match the filters.
func (c *incidentsListCmd) Run(a *app) error {
	if c.Open {
		c.State = stateOpen
	}
	since := c.Since.start(a.now())
	return a.withStore(func(s *dynamo.Store) error {
		return printPages(a, c.paging, func(cursor string, limit int) ([]incidentReport, string, error) {
			return c.page(a, s, since, cursor, limit)
		}, incidentColumns)
	})
}

func (c *incidentsListCmd) page(
	a *app, s *dynamo.Store, since time.Time, cursor string, limit int,
) (reports []incidentReport, next string, err error) {
	query := dynamo.IncidentQuery{Due: c.State == stateOpen, Cursor: cursor}
	if !since.IsZero() {
		query.From = since.Add(-activityMargin)
	}
	for {
		query.Limit = limit - len(reports)
		list, next, err := s.Incidents(a.ctx, query)
		if err != nil {
			return nil, "", err
		}
		for _, i := range list {
			if !c.matches(i) {
				continue
			}
			tally, err := s.CountOccurrences(a.ctx, i.ID)
			if err != nil {
				return nil, "", err
			}
			if report := reportIncident(i, tally); !report.lastActive().Before(since) {
				reports = append(reports, report)
			}
		}
		if query.Cursor = next; next == "" || len(reports) >= limit {
			break
		}
	}
	slices.SortStableFunc(reports, func(a, b incidentReport) int { return b.lastActive().Compare(a.lastActive()) })
	return reports, query.Cursor, nil
}

// lastActive is the time of the last failure.
func (r incidentReport) lastActive() time.Time { return cmp.Or(r.LastAt, r.OpenedAt) }

// Validate is called by kong.
func (c *incidentsListCmd) Validate() error {
	if err := c.paging.Validate(); err != nil {
		return err
	}
	if c.Open && c.State == stateClosed {
		return usage("--open", "it contradicts --state closed", "leave out one of them")
	}
	for _, flag := range []struct{ name, value, allowed string }{
		{"--state", c.State, stateOpen + ", " + stateClosed},
		{"--severity", c.Severity, severityNames},
		{"--class", c.Class, classNames},
	} {
		if flag.value != "" && !slices.Contains(strings.Split(flag.allowed, ", "), flag.value) {
			return usage(flag.name, "it is "+strconv.Quote(flag.value), "use one of: "+flag.allowed)
		}
	}
	return nil
}

// matches reports whether the filters accept an incident.
func (c *incidentsListCmd) matches(i incident.Incident) bool {
	return (c.State == "" || i.Open() == (c.State == stateOpen)) &&
		(c.Severity == "" || string(i.Severity()) == c.Severity) &&
		(c.Class == "" || string(i.Class) == c.Class) &&
		strings.Contains(strings.ToLower(i.Scope), strings.ToLower(c.Scope))
}

var incidentColumns = columns[incidentReport]{
	[]string{"last", stateColumn, severityColumn, "calls", "cause", "scope", "element", "reopened", "opened", "id"},
	func(r incidentReport) []string {
		reopened := ""
		if r.Reopened > 0 {
			reopened = strconv.Itoa(r.Reopened)
		}
		return []string{
			at(r.lastActive()), r.State, string(r.Severity), strconv.Itoa(r.Calls), causeText(r.Class, r.Target), r.Scope,
			r.Element, reopened, at(r.OpenedAt), r.ID,
		}
	},
}
