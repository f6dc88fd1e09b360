package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// incidentsListCmd prints one page of incidents.
type incidentsListCmd struct {
	State    string `placeholder:"STATE" help:"Only incidents in this state: open, closed."`
	Open     bool   `help:"Only incidents that are not over, as --state open."`
	Severity string `placeholder:"SEVERITY" help:"Only incidents of this severity: ${severities}."`
	Class    string `placeholder:"CLASS" help:"Only incidents of this class of cause: ${classes}."`
	Scope    string `placeholder:"TEXT" help:"Only incidents whose scope has this text: a Voice Connector, a configuration, a Region."`
	Since    string `placeholder:"SPAN" help:"Only incidents of which a call failed in this span up to now: 90m, 24h, 7d."`
	Limit    int    `short:"n" default:"50" placeholder:"N" help:"At most this many incidents (${default})."`
	Cursor   string `placeholder:"CURSOR" help:"Go on after an earlier list, which gave this cursor on the error stream."`
}

// The states of an incident.
const (
	stateOpen   = "open"
	stateClosed = "closed"
)

// severityNames and classNames are what the flags accept.
func severityNames() string {
	var names []string
	for _, s := range incident.Severities() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func classNames() string {
	var names []string
	for _, c := range incident.Classes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// Run prints the page, and the cursor of the next on the error stream.
func (c *incidentsListCmd) Run(a *app) error {
	since, err := c.check(a.now())
	if err != nil {
		return err
	}
	return a.withStore(func(s *dynamo.Store) error {
		query := dynamo.IncidentQuery{Owing: c.State == stateOpen, Cursor: c.Cursor}
		if !since.IsZero() {
			query.From = since.Add(-activityMargin)
		}
		reports := []incidentReport{}
		for {
			query.Limit = c.Limit - len(reports)
			list, next, err := s.Incidents(a.ctx, query)
			if err != nil {
				return err
			}
			for _, i := range list {
				if !c.wants(i) {
					continue
				}
				tally, err := s.CountOccurrences(a.ctx, i.ID)
				if err != nil {
					return err
				}
				if report := reportIncident(i, tally); !report.active().Before(since) {
					reports = append(reports, report)
				}
			}
			if query.Cursor = next; next == "" || len(reports) >= c.Limit {
				break
			}
		}
		slices.SortStableFunc(reports, func(a, b incidentReport) int { return b.active().Compare(a.active()) })
		return a.printPage(reports, query.Cursor, func() error { return a.printIncidents(reports) })
	})
}

// activityMargin is how much older the time may be by which the table lists an
// incident than that of its last failure: the watch keeps up within minutes. Those of
// an earlier version are listed by when they opened.
const activityMargin = 24 * time.Hour

// active is when a call failed last.
func (r incidentReport) active() time.Time {
	if r.LastAt.IsZero() {
		return r.OpenedAt
	}
	return r.LastAt
}

// check reads the flags.
func (c *incidentsListCmd) check(now time.Time) (since time.Time, err error) {
	if err := checkPage(c.Limit, c.Cursor); err != nil {
		return since, err
	}
	if c.Open {
		if c.State == stateClosed {
			return since, usage("--open", "it contradicts --state closed", "leave out one of them")
		}
		c.State = stateOpen
	}
	for _, flag := range []struct{ name, value, allowed string }{
		{"--state", c.State, stateOpen + ", " + stateClosed},
		{"--severity", c.Severity, severityNames()},
		{"--class", c.Class, classNames()},
	} {
		if flag.value != "" && !slices.Contains(strings.Split(flag.allowed, ", "), flag.value) {
			return since, usage(flag.name, "it is "+strconv.Quote(flag.value), "use one of: "+flag.allowed)
		}
	}
	return parseSince(c.Since, now)
}

// wants reports whether the filters let an incident pass.
func (c *incidentsListCmd) wants(i incident.Incident) bool {
	return (c.State == "" || i.Open() == (c.State == stateOpen)) &&
		(c.Severity == "" || string(i.Severity()) == c.Severity) &&
		(c.Class == "" || string(i.Class) == c.Class) &&
		strings.Contains(strings.ToLower(i.Scope), strings.ToLower(c.Scope))
}

func (a *app) printIncidents(reports []incidentReport) error {
	rows := make([][]string, len(reports))
	for i, r := range reports {
		reopened := ""
		if r.Reopened > 0 {
			reopened = strconv.Itoa(r.Reopened)
		}
		rows[i] = []string{
			at(r.active()), r.State, string(r.Severity), strconv.Itoa(r.Calls), causeText(r.Class, r.Target), r.Scope,
			r.Element, reopened, at(r.OpenedAt), r.ID,
		}
	}
	return a.printTable([]string{
		"last", stateColumn, severityColumn, "calls", "cause", "scope", "element", "reopened", "opened", "id",
	}, rows)
}
