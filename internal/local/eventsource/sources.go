// Package eventsource feeds functions from a queue and from a stream as Lambda's
// event source mappings do: in batches, with replies for single records, with
// bounded retries, and with a place for what cannot be handled.
package eventsource

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Invoke invokes the function once and gives its reply.
type Invoke func(ctx context.Context, payload []byte) ([]byte, error)

// Retry says how often a record is offered again, and after what wait.
type Retry struct {
	Times int
	Delay time.Duration
}

// reply is what a function answers for a batch (ReportBatchItemFailures).
type reply struct {
	Failures []struct {
		Item string `json:"itemIdentifier"`
	} `json:"batchItemFailures"`
}

// failed invokes the function and gives the identifiers of the records that
// failed; all tells that every one did. As in Lambda, a reply that cannot be
// read fails the whole batch, and an empty one nothing.
func failed(ctx context.Context, invoke Invoke, records []any) (items map[string]bool, all bool) {
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic("a batch has no JSON form: " + err.Error()) // it is made of texts and numbers
	}
	body, err := invoke(ctx, payload)
	if err != nil {
		slog.Debug("batch failed", "error", err)
		return nil, true
	}
	var r reply
	if len(body) > 0 && string(body) != "null" {
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, true
		}
	}
	items = map[string]bool{}
	for _, f := range r.Failures {
		if f.Item == "" {
			return nil, true
		}
		items[f.Item] = true
	}
	return items, false
}

// wait gives false when ctx ended before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
