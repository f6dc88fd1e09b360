package main

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// callsCmd holds what looks up calls in the table, and removes them from it.
type callsCmd struct {
	List     listCmd     `cmd:"" help:"List calls, newest first."`
	Show     showCmd     `cmd:"" help:"Show what became of one call."`
	Erase    eraseCmd    `cmd:"" help:"Remove all that the table has of one call, for good."`
	Erasures erasuresCmd `cmd:"" help:"List erasures, newest first: when, by whom, how many items."`
}

// listCmd prints one page of calls.
type listCmd struct {
	paging

	Status      []string `placeholder:"STATUS" complete:"status" help:"Only calls in this status: ${statuses}. Several: --status Failed,Lost, or the flag once for each."`
	From        string   `xor:"from" placeholder:"TIME" help:"Only calls first heard of at this time or later: 2026-03-09T14:00:00Z, or 2026-03-09 for the start of the day in UTC."`
	To          string   `placeholder:"TIME" help:"Only calls first heard of at this time or earlier; a date is the start of its day, so the day itself is left out."`
	Since       string   `xor:"from" placeholder:"SPAN" help:"Only calls first heard of in this span up to now: 90m, 24h, 7d."`
	FullNumbers bool     `help:"Print phone numbers whole, not their last four digits."`
}

// showCmd prints one call.
type showCmd struct {
	ID          string `arg:"" help:"Pipeline id or ARN, callId, transactionId, or the id of a failed creation."`
	All         bool   `help:"Show every pipeline that the id belongs to, not only the newest. JSON output is an array then."`
	Events      bool   `aliases:"raw" help:"Print each event as it came, too: what a support case needs."`
	FullNumbers bool   `help:"Print phone numbers whole, not their last four digits."`
}

// maxLimit keeps a page to what one reader can use and one request loop can read.
const maxLimit = 1000

func statusNames() string {
	var names []string
	for _, s := range pipeline.Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Run prints the page, and the cursor of the next on the error stream.
func (c *listCmd) Run(a *app) error {
	query, err := c.query(a.now())
	if err != nil {
		return err
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
		}, a.printCalls)
	})
}

// read makes calls of the states: for a program with what belongs to them.
func (c *listCmd) read(a *app, s *dynamo.Store, states []pipeline.State) ([]callview.Call, error) {
	options := callview.Options{FullNumbers: c.FullNumbers}
	if a.asJSON() {
		return reader{store: s, options: options}.all(a.ctx, states)
	}
	calls := make([]callview.Call, len(states))
	for i, state := range states {
		calls[i] = callview.New(state, nil, nil, nil, options)
	}
	return calls, nil
}

// query reads the flags.
func (c *listCmd) query(now time.Time) (dynamo.Query, error) {
	var q dynamo.Query
	err := c.check()
	if err != nil {
		return q, err
	}
	if q.Statuses, err = parseStatuses(c.Status); err != nil {
		return q, err
	}
	if q.From, err = parseTime("--from", c.From); err != nil {
		return q, err
	}
	if q.To, err = parseTime("--to", c.To); err != nil {
		return q, err
	}
	if c.Since != "" {
		if q.From, err = parseSince(c.Since, now); err != nil {
			return q, err
		}
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return q, usage("--to", "it is before the beginning of the span", "make it later than --from or --since")
	}
	return q, nil
}

// Run prints the newest pipeline of the id, or all of them.
func (c *showCmd) Run(a *app) error {
	if strings.TrimSpace(c.ID) == "" {
		return usage("<id>", "it is empty", "give a pipeline id or ARN, a callId or a transactionId")
	}
	return a.withStore(func(s *dynamo.Store) error {
		states, err := s.Find(a.ctx, c.ID)
		if err != nil {
			return hintIncident(a.ctx, s, c.ID, err)
		}
		if !c.All && len(states) > 1 {
			others := make([]string, 0, len(states)-1)
			for _, other := range states[1:] {
				others = append(others, other.ID)
			}
			a.noteNumbers(c.FullNumbers, "%s belongs to %s; this is the newest. The others: %s (show them with --all)",
				c.ID, count(len(states), "pipeline"), strings.Join(others, ", "))
			states = states[:1]
		}
		options := callview.Options{FullNumbers: c.FullNumbers, Bodies: c.Events}
		calls, err := reader{store: s, options: options, events: true}.all(a.ctx, states)
		if err != nil {
			return err
		}
		if err := addVoice(a, s, states, calls, options); err != nil {
			return err
		}
		switch {
		case !a.asJSON():
			return a.printCards(calls)
		case c.All:
			return a.printJSON(calls)
		default:
			return a.printJSON(calls[0])
		}
	})
}

// hintIncident adds to the error of an id that is no call's where to look, if it is the
// id of an incident.
func hintIncident(ctx context.Context, s *dynamo.Store, id string, err error) error {
	if apperr.ClassOf(err) != apperr.NotFound {
		return err
	}
	if _, none := s.Incident(ctx, id); none != nil {
		return err // of the call that was asked for
	}
	return apperr.New(apperr.NotFound, "<id>", id+" is an incident, not a call", "show it with: chimewatch incidents show "+id)
}

// reader reads what belongs to pipelines.
type reader struct {
	store   *dynamo.Store
	options callview.Options
	events  bool // whether the history is wanted
}

// all reads what belongs to the states, several at a time.
func (r reader) all(ctx context.Context, states []pipeline.State) ([]callview.Call, error) {
	calls := make([]callview.Call, len(states))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, state := range states {
		group.Go(func() (err error) {
			calls[i], err = r.one(ctx, state)
			return err
		})
	}
	return calls, group.Wait()
}

func (r reader) one(ctx context.Context, state pipeline.State) (callview.Call, error) {
	var history []dynamo.Record
	if r.events {
		records, err := r.store.History(ctx, state.ID)
		if err != nil {
			return callview.Call{}, err
		}
		history = orEmpty(records)
	}
	matches, err := r.store.Matches(ctx, state)
	if err != nil {
		return callview.Call{}, err
	}
	incidents, err := r.store.IncidentsOf(ctx, state.ID)
	if err != nil {
		return callview.Call{}, err
	}
	notes, err := r.notifications(ctx, state, incidents)
	if err != nil {
		return callview.Call{}, err
	}
	c := callview.New(state, history, orEmpty(matches), orEmpty(notes), r.options)
	c.Incidents = orEmpty(incidents)
	return c, nil
}

// notifications reads those about the rules that matched on a call and about the
// incidents that it has joined.
func (r reader) notifications(ctx context.Context, state pipeline.State, incidents []string) ([]notify.Notification, error) {
	notes, err := r.store.MatchNotifications(ctx, state.CallFields)
	if err != nil {
		return nil, err
	}
	for _, id := range incidents {
		i, err := r.store.Incident(ctx, id)
		if err != nil {
			return nil, err
		}
		told, err := r.store.IncidentNotifications(ctx, i)
		if err != nil {
			return nil, err
		}
		notes = append(notes, told...)
	}
	return notes, nil
}

// orEmpty keeps "there is none" apart from "not asked for", which is nil.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
