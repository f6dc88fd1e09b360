package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// parseStatuses accepts statuses in any case; none means every status.
func parseStatuses(texts []string) (statuses []pipeline.Status, err error) {
	for _, text := range texts {
		i := slices.IndexFunc(pipeline.Statuses(), func(s pipeline.Status) bool { return strings.EqualFold(strings.TrimSpace(text), string(s)) })
		if i < 0 {
			return nil, usage("--status", fmt.Sprintf("%q is no status of a pipeline", text), "use one of "+statusNames())
		}
		statuses = append(statuses, pipeline.Statuses()[i])
	}
	return statuses, nil
}

// parseTime takes RFC 3339 and dates, which mean their first moment in UTC. The
// empty text means no time.
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage(flag, fmt.Sprintf("%q is no time", text), "write it like 2026-03-09T14:00:00Z or 2026-03-09")
}

// checkLimit refuses what is no number of things to list; more says how to see
// further ones.
func checkLimit(limit int, more string) error {
	if limit < 1 || limit > maxLimit {
		return usage("--limit", fmt.Sprintf("%d is out of range", limit), fmt.Sprintf("use 1 to %d", maxLimit)+more)
	}
	return nil
}

// checkPage refuses what no page can be made of.
func checkPage(limit int, cursor string) error {
	if err := checkLimit(limit, ", and --cursor for more"); err != nil {
		return err
	}
	if dynamo.CheckCursor(cursor) != nil {
		return usage("--cursor", "it is not one that a list gave", "leave it out to begin with the newest")
	}
	return nil
}

// parseSince returns the beginning of a span up to now, zero for the empty text.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	span, err := parseSpan(text)
	if err != nil {
		return time.Time{}, err
	}
	return now.Add(-span), nil
}

// parseSpan takes Go's durations and whole days, as in 7d.
func parseSpan(text string) (time.Duration, error) {
	span, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int64
		n, err = strconv.ParseInt(days, 10, 16) // 16 bits of days do not overflow a Duration
		span = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || span <= 0 {
		return 0, usage("--since", fmt.Sprintf("%q is no span of time", text), "write it like 90m, 24h or 7d")
	}
	return span, nil
}
