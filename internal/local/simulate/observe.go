package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Before is what a stack holds before a day is played, from earlier runs.
type Before struct {
	Calls map[string]bool // by their ids
	at    time.Time
}

// Known returns what the stack holds already.
func Known(ctx context.Context, stack *local.Stack) (Before, error) {
	// The table has times in milliseconds.
	known := Before{Calls: map[string]bool{}, at: time.Now().Truncate(time.Millisecond)}
	states, err := allCalls(ctx, dynamo.New(stack.DynamoDB(), local.TableName, dynamo.Options{}))
	for _, state := range states {
		known.Calls[state.ID] = true
	}
	return known, err
}

func allCalls(ctx context.Context, table *dynamo.Store) (states []pipeline.State, err error) {
	err = table.EachPipeline(ctx, pipeline.Query{}, math.MaxInt, func(state pipeline.State) bool {
		states = append(states, state)
		return false
	})
	return states, err
}

// Observe reads back what became of a day, from the table, the topics and the
// dead-letter queues, and leaves out what was there before.
func Observe(ctx context.Context, stack *local.Stack, before Before) (found Found, err error) {
	table := dynamo.New(stack.DynamoDB(), local.TableName, dynamo.Options{})
	states, err := allCalls(ctx, table)
	if err != nil {
		return Found{}, err
	}
	incidents := map[string]incident.Incident{} // those that the day's calls belong to
	for _, state := range states {
		if before.Calls[state.ID] {
			continue
		}
		p := Pipeline{ID: state.ID, Scenario: "found in the table", Status: string(state.Status), Degraded: state.Degraded()}
		ids, err := table.IncidentsOf(ctx, state.ID)
		if err != nil {
			return Found{}, err
		}
		for _, id := range ids {
			if _, known := incidents[id]; !known {
				if incidents[id], err = table.Incident(ctx, id); err != nil {
					return Found{}, err
				}
			}
			if incidents[id].Announced.Openings > 0 {
				p.Incidents = append(p.Incidents, id)
			}
		}
		found.Pipelines = append(found.Pipelines, p)
		matches, err := table.Matches(ctx, state)
		if err != nil {
			return Found{}, err
		}
		for _, match := range matches {
			found.Matches = append(found.Matches, match.ID)
		}
	}
	found.Incidents = len(incidents)
	for _, i := range incidents {
		sent, err := table.IncidentNotifications(ctx, i)
		if err != nil {
			return Found{}, err
		}
		for _, one := range sent {
			if !one.SentAt.Before(before.at) {
				found.Recorded++
			}
		}
	}
	found.Published = map[Kind]int{}
	for _, message := range stack.Notifications() {
		if !message.PublishedAt.Before(before.at) {
			found.Published[Kind(message.Attributes["kind"])]++
		}
	}
	for _, one := range stack.DeadLetters() {
		if !one.Sent.Before(before.at) {
			found.DeadLetters = append(found.DeadLetters, origin(one))
		}
	}
	return found, nil
}

// origin returns the event and the function of a dead letter: of an event that could not be
// delivered, or the record of a failed invocation. Any other body is a dead letter without
// an event, which no day expects.
func origin(one local.DeadLetter) DeadLetter {
	var body struct {
		ID             string
		RequestContext struct{ FunctionARN string }
		RequestPayload struct{ ID string }
	}
	_ = json.Unmarshal([]byte(one.Body), &body)
	arn := cmp.Or(one.Attributes["TARGET_ARN"], strings.TrimSuffix(body.RequestContext.FunctionARN, ":$LATEST"))
	return DeadLetter{EventID: cmp.Or(body.ID, body.RequestPayload.ID), Function: arn[strings.LastIndex(arn, ":")+1:]}
}
