package simulate

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Before is what a stack holds before a day is played, from earlier runs: ids of calls,
// notifications and dead letters.
type Before struct {
	Calls, Notifications, DeadLetters map[string]bool
}

// Known returns what the stack holds already.
func Known(ctx context.Context, stack *local.Stack) (Before, error) {
	known := Before{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, message := range stack.Notifications() {
		known.Notifications[message.ID] = true
	}
	for _, letter := range stack.DeadLetters() {
		known.DeadLetters[letter.ID] = true
	}
	err := local.EachPipeline(ctx, stack.DynamoDB(), func(state pipeline.State) error {
		known.Calls[state.ID] = true
		return nil
	})
	return known, err
}

// Observe reads back what became of a day, from the table, the topics and the
// dead-letter queues, and leaves out what was there before.
func Observe(ctx context.Context, stack *local.Stack, before Before) (found Found, err error) {
	table := dynamo.New(stack.DynamoDB(), local.TableName, dynamo.Options{})
	incidents := map[string]incident.Incident{} // those that the day's calls belong to
	err = local.EachPipeline(ctx, stack.DynamoDB(), func(state pipeline.State) error {
		if before.Calls[state.ID] {
			return nil
		}
		p := Pipeline{ID: state.ID, Scenario: "found in the table", Status: string(state.Status), Degraded: state.Degraded()}
		ids, err := table.IncidentsOf(ctx, state.ID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, known := incidents[id]; !known {
				if incidents[id], err = table.Incident(ctx, id); err != nil {
					return err
				}
			}
			if incidents[id].Announced.Openings > 0 {
				p.Incidents = append(p.Incidents, id)
			}
		}
		found.Pipelines = append(found.Pipelines, p)
		matches, err := table.Matches(ctx, state)
		for _, match := range matches {
			found.Matches = append(found.Matches, match.ID)
		}
		return err
	})
	if err != nil {
		return Found{}, err
	}
	found.Incidents = len(incidents)
	started := stack.Status().Started
	for _, i := range incidents {
		sent, err := table.IncidentNotifications(ctx, i)
		if err != nil {
			return Found{}, err
		}
		for _, one := range sent {
			if !one.SentAt.Before(started) {
				found.Recorded++
			}
		}
	}
	found.Published = map[Kind]int{}
	for _, message := range stack.Notifications() {
		if !before.Notifications[message.ID] {
			found.Published[Kind(message.Attributes["kind"])]++
		}
	}
	for _, letter := range stack.DeadLetters() {
		if !before.DeadLetters[letter.ID] {
			found.DeadLetters = append(found.DeadLetters, origin(letter))
		}
	}
	return found, nil
}

// origin returns the event and the function of a dead letter.
func origin(letter local.DeadLetter) DeadLetter {
	if letter.Queue == local.RuleQueue {
		return DeadLetter{EventID: eventID([]byte(letter.Body)), Function: lastPart(letter.Attributes["TARGET_ARN"])}
	}
	var record struct {
		RequestContext struct{ FunctionARN string }
		RequestPayload json.RawMessage
	}
	// A body that is not a record becomes a dead letter without an event, which no day expects.
	_ = json.Unmarshal([]byte(letter.Body), &record)
	return DeadLetter{
		EventID:  eventID(record.RequestPayload),
		Function: lastPart(strings.TrimSuffix(record.RequestContext.FunctionARN, ":$LATEST")),
	}
}

func eventID(event []byte) string {
	var envelope struct{ ID string }
	_ = json.Unmarshal(event, &envelope) // likewise
	return envelope.ID
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }
