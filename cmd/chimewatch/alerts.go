package main

import (
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// alertsCmd holds what looks up rule matches in the table.
type alertsCmd struct {
	List alertsListCmd `cmd:"" help:"List rule matches, newest first."`
}

// alertsListCmd prints one page of rule matches.
type alertsListCmd struct {
	Since       string `placeholder:"SPAN" help:"Only matches in this span up to now: 90m, 24h, 7d."`
	Limit       int    `short:"n" default:"50" placeholder:"N" help:"At most this many matches (${default})."`
	Cursor      string `placeholder:"CURSOR" help:"Go on after an earlier list, which gave this cursor on the error stream."`
	FullNumbers bool   `help:"Print phone numbers whole, not their last four digits."`
}

// alertReport is a rule match as the command prints it.
type alertReport struct {
	callview.Alert
	CallID        string `json:"callId,omitempty"`
	TransactionID string `json:"transactionId,omitempty"`
}

// Run prints the page, and the cursor of the next on the error stream.
func (c *alertsListCmd) Run(a *app) error {
	query := dynamo.MatchQuery{Limit: c.Limit, Cursor: c.Cursor}
	if err := checkPage(c.Limit, c.Cursor); err != nil {
		return err
	}
	var err error
	if query.From, err = parseSince(c.Since, a.now()); err != nil {
		return err
	}
	return a.withStore(func(s *dynamo.Store) error {
		matches, next, err := s.ListMatches(a.ctx, query)
		if err != nil {
			return err
		}
		reports := make([]alertReport, len(matches))
		for i, m := range matches {
			var of pipeline.State
			of.CallID, of.TransactionID = m.CallID, m.TransactionID
			shown := callview.New(of, nil, []dynamo.Match{m}, nil, callview.Options{FullNumbers: c.FullNumbers})
			reports[i] = alertReport{shown.Alerts[0], shown.CallID, shown.TransactionID}
		}
		return a.printPage(reports, next, func() error { return a.printAlerts(reports) })
	})
}

func (a *app) printAlerts(reports []alertReport) error {
	rows := make([][]string, len(reports))
	for i, r := range reports {
		kind := r.Type
		if kind == rulematch.TypeNegatedOrIssue {
			kind = "negated or issue"
		}
		rows[i] = []string{at(r.Time), r.RuleName, kind, r.CallID, r.ID}
	}
	return a.printTable([]string{"time", "rule", "type", "call", "id"}, rows)
}
