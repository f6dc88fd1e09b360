package main

import (
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// alertsCmd holds the commands that look up rule matches.
type alertsCmd struct {
	List alertsListCmd `cmd:"" help:"List rule matches, newest first."`
}

type alertsListCmd struct {
	paging

	Since spanFlag `placeholder:"SPAN" help:"Only matches in this span up to now: 90m, 24h, 7d."`

	fullNumbersFlag
}

// alertReport is the JSON form of a rule match.
type alertReport struct {
	callview.Alert
	CallID        string `json:"callId,omitempty"`
	TransactionID string `json:"transactionId,omitempty"`
}

// Run prints one page, or all pages.
func (c *alertsListCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		return printPages(a, c.paging, func(cursor string, limit int) ([]alertReport, string, error) {
			query := dynamo.MatchQuery{From: c.Since.start(a.now()), Limit: limit, Cursor: cursor}
			matches, next, err := s.ListMatches(a.ctx, query)
			return mapped(matches, c.report), next, err
		}, alertColumns)
	})
}

func (c *alertsListCmd) report(m dynamo.Match) alertReport {
	var state pipeline.State
	state.CallID, state.TransactionID = m.CallID, m.TransactionID
	call := callview.New(state, nil, []dynamo.Match{m}, nil, callview.Options{FullNumbers: c.FullNumbers})
	return alertReport{call.Alerts[0], call.CallID, call.TransactionID}
}

var alertColumns = columns[alertReport]{
	[]string{"time", "rule", "type", "call", "id"},
	func(r alertReport) []string {
		kind := r.Type
		if kind == rulematch.TypeNegatedOrIssue {
			kind = "negated or issue"
		}
		return []string{at(r.Time), r.RuleName, kind, r.CallID, r.ID}
	},
}
