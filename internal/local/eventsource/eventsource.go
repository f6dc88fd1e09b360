// Package eventsource invokes functions with the messages of a queue and the records of a
// stream as Lambda's event source mappings do: in batches, with replies for single
// records, with a limited number of retries, and with a place for what failed for good.
package eventsource

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// Invoke invokes the function once and returns its reply.
type Invoke func(ctx context.Context, payload []byte) ([]byte, error)

// Retry is how often a record is tried again, and the wait before each retry.
type Retry struct {
	Times int
	Delay time.Duration
}

// batch invokes the function with records and returns the identifiers of the records
// that failed; all reports that every one did. As in Lambda, an invalid reply fails the
// whole batch, and an empty one nothing (Lambda developer guide, "ReportBatchItemFailures").
func (invoke Invoke) batch(ctx context.Context, records []any) (failed map[string]bool, all bool) {
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic("a batch has no JSON form: " + err.Error()) // it is made of strings and numbers
	}
	body, err := invoke(ctx, payload)
	if err != nil {
		slog.Debug("batch failed", "error", err)
		return nil, true
	}
	var reply struct {
		Failures []struct {
			Item string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(body) > 0 && json.Unmarshal(body, &reply) != nil {
		return nil, true
	}
	failed = map[string]bool{}
	for _, f := range reply.Failures {
		if f.Item == "" {
			return nil, true
		}
		failed[f.Item] = true
	}
	return failed, false
}

// DataFilter returns a function that reports whether the data of a stream's record
// matches one of the filters of an event source mapping, which name the data as their
// field "data". As in Lambda, data that is not JSON never matches.
func DataFilter(filters ...eventrule.Pattern) (matches func(data []byte) bool) {
	var rules eventrule.Rules
	for _, pattern := range filters {
		rules = append(rules, eventrule.Rule{Pattern: pattern})
	}
	return func(data []byte) bool {
		if !json.Valid(data) {
			return false
		}
		matched, err := rules.Match(slices.Concat([]byte(`{"data":`), data, []byte(`}`)))
		return err == nil && len(matched) > 0
	}
}
