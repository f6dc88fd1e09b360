package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// callReader reads what the table has about pipelines.
type callReader struct {
	store   *dynamo.Store
	options callview.Options
	history bool // whether to read the events
}

// all reads the calls of the states, several at a time.
func (r callReader) all(ctx context.Context, states []pipeline.State) ([]callview.Call, error) {
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

func (r callReader) one(ctx context.Context, state pipeline.State) (c callview.Call, err error) {
	var history []pipeline.Record
	if r.history {
		records, err := r.store.History(ctx, state.ID)
		if err != nil {
			return c, err
		}
		history = orEmpty(records)
	}
	matches, err := r.store.Matches(ctx, state)
	if err != nil {
		return c, err
	}
	incidents, err := r.store.IncidentsOf(ctx, state.ID)
	if err != nil {
		return c, err
	}
	notifications, err := r.notifications(ctx, state, incidents)
	if err != nil {
		return c, err
	}
	c = callview.New(state, history, orEmpty(matches), orEmpty(notifications), r.options)
	c.Incidents = orEmpty(incidents)
	return c, nil
}

// notifications reads those about the rule matches of a call and about the incidents it belongs to.
func (r callReader) notifications(
	ctx context.Context, state pipeline.State, incidents []string,
) ([]notify.Notification, error) {
	all, err := r.store.MatchNotifications(ctx, state.CallFields)
	if err != nil {
		return nil, err
	}
	for _, id := range incidents {
		i, err := r.store.Incident(ctx, id)
		if err != nil {
			return nil, err
		}
		notifications, err := r.store.IncidentNotifications(ctx, i)
		if err != nil {
			return nil, err
		}
		all = append(all, notifications...)
	}
	return all, nil
}

// addVoice adds to calls what the table has about voice analytics on them.
func addVoice(
	a *app, s *dynamo.Store, states []pipeline.State, calls []callview.Call, o callview.Options,
) error {
	for i, state := range states {
		notes, err := s.VoiceOf(a.ctx, state.CallFields, state.PipelineID())
		if err != nil {
			return err
		}
		var ledger voicetask.Ledger
		if state.TransactionID != "" {
			if ledger, err = readLedger(a.ctx, s, state.TransactionID); err != nil {
				return err
			}
		}
		calls[i].AddVoice(state, notes, ledger, a.now(), o)
	}
	return nil
}
