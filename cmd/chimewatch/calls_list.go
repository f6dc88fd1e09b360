package main

import (
	"cmp"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// callsCmd holds the commands that look up calls and erase them.
type callsCmd struct {
	List     callsListCmd     `cmd:"" help:"List calls, newest first."`
	Show     callsShowCmd     `cmd:"" help:"Show the state and the history of one call."`
	Erase    callsEraseCmd    `cmd:"" help:"Erase everything in the table about one call, permanently."`
	Erasures callsErasuresCmd `cmd:"" help:"List erasures, newest first: when, by whom, how many items."`
}

type callsListCmd struct {
	paging

	Status []statusFlag `placeholder:"STATUS" complete:"status" help:"${status_help}"`
	From   timeFlag     `xor:"from" placeholder:"TIME" help:"${from_help}"`
	To     timeFlag     `placeholder:"TIME" help:"${to_help}"`
	Since  spanFlag     `xor:"from" placeholder:"SPAN" help:"Only calls first seen in this span up to now: 90m, 24h, 7d."`

	fullNumbersFlag
}

// Run prints one page, or all pages.
func (c *callsListCmd) Run(a *app) error {
	query := pipeline.Query{
		Statuses: mapped(c.Status, func(s statusFlag) pipeline.Status { return pipeline.Status(s) }),
		From:     cmp.Or(c.From.Time, c.Since.start(a.now())), To: c.To.Time,
	}
	if !query.To.IsZero() && query.To.Before(query.From) {
		return usage("--to", "it is before the beginning of the span", "make it later than --from or --since")
	}
	columns := callColumns
	if a.Output == outputCSV {
		columns = callCSVColumns
	}
	return a.withStore(func(s *dynamo.Store) error {
		return printPages(a, c.paging, func(cursor string, limit int) ([]callview.Call, string, error) {
			query.Cursor, query.Limit = cursor, limit
			page, err := s.List(a.ctx, query)
			if err != nil {
				return nil, "", err
			}
			calls, err := c.read(a, s, page.States)
			return calls, page.Next, err
		}, columns)
	})
}

// read returns the calls of the states; for JSON with their matches, incidents and notifications.
func (c *callsListCmd) read(a *app, s *dynamo.Store, states []pipeline.State) ([]callview.Call, error) {
	options := callview.Options{FullNumbers: c.FullNumbers}
	if a.asJSON() {
		return callReader{store: s, options: options}.all(a.ctx, states)
	}
	return mapped(states, func(state pipeline.State) callview.Call {
		return callview.New(state, nil, nil, nil, options)
	}), nil
}

var callColumns = columns[callview.Call]{
	[]string{"created", statusColumn, "id", "call", "from", "to", "failure"},
	func(c callview.Call) []string {
		return []string{
			at(c.CreatedAt), statusText(c), c.ID, c.CallID, c.FromNumber, c.ToNumber, shortFailure(c),
		}
	},
}

var callCSVColumns = columns[callview.Call]{
	[]string{
		"created", "started", "ended", "seconds", statusColumn, "degraded", "lost", "class", "reason",
		"id", "call", "transaction", "voice connector", "configuration", "direction", "from", "to",
	},
	func(c callview.Call) []string {
		duration := ""
		if c.DurationSeconds > 0 {
			duration = strconv.FormatFloat(c.DurationSeconds, 'f', -1, 64)
		}
		class, reason := failure(c)
		return []string{
			at(c.CreatedAt), at(c.StartedAt), at(c.EndedAt), duration, string(c.Status), strconv.FormatBool(c.Degraded),
			losses(c), class, reason,
			c.ID, c.CallID, c.TransactionID, c.VoiceConnectorID, c.ConfigurationARN, c.Direction, c.FromNumber, c.ToNumber,
		}
	},
}

// shortFailure returns the class and the start of the reason of a failure.
func shortFailure(c callview.Call) string {
	class, reason := failure(c)
	if reason == "" {
		return class
	}
	return text.Snip(class+": "+reason, 48, "…")
}
