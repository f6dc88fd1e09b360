package voicetask_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// memoryTable stores the ledgers of transactions that are all of one call. Like the table
// it writes nothing once the time is over.
type memoryTable struct {
	mu      sync.Mutex
	entries map[string]voicetask.Ledger // by transaction
}

func (s *memoryTable) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries[transactionID]), ctx.Err()
}

func (s *memoryTable) CallLedger(ctx context.Context, _ string) (all voicetask.Ledger, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ledger := range s.entries {
		all = append(all, ledger...)
	}
	return all, ctx.Err()
}

func (s *memoryTable) Enter(ctx context.Context, e voicetask.Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(other voicetask.Entry) bool { return other.ID() == e.ID() }
	if !slices.ContainsFunc(s.entries[e.TransactionID], same) {
		s.entries[e.TransactionID] = append(s.entries[e.TransactionID], e)
	}
	return nil
}

func (s *memoryTable) PipelineEnd(context.Context, string) (string, time.Time, bool, error) {
	return "", time.Time{}, false, nil
}

// entered counts the entries of a kind on a task.
func (s *memoryTable) entered(transactionID string, task voicetask.Task, kind voicetask.Kind) (n int) {
	for _, e := range s.entries[transactionID] {
		if e.Task == task && e.Kind == kind {
			n++
		}
	}
	return n
}

// hangingAPI is a service that never answers about some tasks, and needs a moment for the
// others.
type hangingAPI struct {
	on func(voicetask.Entry) bool
}

func (h hangingAPI) do(ctx context.Context, e voicetask.Entry) error {
	if h.on(e) {
		<-ctx.Done()
	} else {
		time.Sleep(200 * time.Millisecond)
	}
	if ctx.Err() != nil {
		return apperr.Wrap(ctx.Err(), apperr.Unavailable, "service", "has no answer", "")
	}
	return nil
}

func (h hangingAPI) Start(ctx context.Context, e voicetask.Entry) (string, error) {
	return "task-" + e.TransactionID + string(e.Task), h.do(ctx, e)
}

func (h hangingAPI) Stop(ctx context.Context, e voicetask.Entry) (string, error) {
	return "", h.do(ctx, e)
}

func (hangingAPI) Answer(error) (code, message string) { return "", "" }

type noMetrics struct{}

func (noMetrics) Count(string, int) {}
