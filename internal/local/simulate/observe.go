package simulate

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Before is what a stack holds before a day is played: what it kept of earlier runs.
type Before struct {
	// Calls, Notifications and DeadLetters hold ids.
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
	err := eachPipeline(ctx, tableOf(stack), func(state pipeline.State) error {
		known.Calls[state.ID] = true
		return nil
	})
	return known, err
}

// Observe reads back what became of a day, from the table, the topics and the
// dead-letter queues, and leaves out what was there before.
func Observe(ctx context.Context, stack *local.Stack, before Before) (Found, error) {
	table := tableOf(stack)
	found := Found{Published: map[Kind]int{}}
	incidents := incidentsSeen{}
	err := eachPipeline(ctx, table, func(state pipeline.State) error {
		if before.Calls[state.ID] {
			return nil
		}
		p := Pipeline{ID: state.ID, Scenario: "found in the table", Status: string(state.Status), Degraded: state.Degraded()}
		ids, err := table.IncidentsOf(ctx, state.ID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			told, err := incidents.told(ctx, table, id)
			if err != nil {
				return err
			}
			if told {
				p.Told = append(p.Told, id)
			}
		}
		found.Pipelines = append(found.Pipelines, p)
		matches, err := table.Matches(ctx, state)
		if err != nil {
			return err
		}
		for _, match := range matches {
			found.Matches = append(found.Matches, match.ID)
		}
		return nil
	})
	if err != nil {
		return Found{}, err
	}
	found.Incidents = len(incidents)
	if found.Recorded, err = incidents.recorded(ctx, table, stack.Status().Started); err != nil {
		return Found{}, err
	}
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

// incidentsSeen are the incidents that a day's calls have joined.
type incidentsSeen map[string]incident.Incident

// told tells whether people were told that the incident opened.
func (seen incidentsSeen) told(ctx context.Context, table *dynamo.Store, id string) (bool, error) {
	if _, ok := seen[id]; !ok {
		i, err := table.Incident(ctx, id)
		if err != nil {
			return false, err
		}
		seen[id] = i
	}
	return seen[id].Announced.Openings > 0, nil
}

// recorded counts the messages that were sent about them since a time.
func (seen incidentsSeen) recorded(ctx context.Context, table *dynamo.Store, since time.Time) (int, error) {
	n := 0
	for _, i := range seen {
		notes, err := table.IncidentNotifications(ctx, i)
		if err != nil {
			return 0, err
		}
		for _, note := range notes {
			if !note.SentAt.Before(since) {
				n++
			}
		}
	}
	return n, nil
}

func tableOf(stack *local.Stack) *dynamo.Store {
	return dynamo.New(stack.DynamoDB(), local.TableName, dynamo.Options{})
}

// pageSize is how many pipelines are read at once.
const pageSize = 100

func eachPipeline(ctx context.Context, table *dynamo.Store, do func(pipeline.State) error) error {
	for query := (dynamo.Query{Limit: pageSize}); ; {
		page, err := table.List(ctx, query)
		if err != nil {
			return err
		}
		for _, state := range page.States {
			if err := do(state); err != nil {
				return err
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return nil
		}
	}
}

// origin tells which event of which function a dead letter is.
func origin(letter local.DeadLetter) DeadLetter {
	if letter.Queue == local.RuleQueue {
		return DeadLetter{EventID: eventID([]byte(letter.Body)), Function: lastPart(letter.Attributes["TARGET_ARN"])}
	}
	var record struct {
		RequestContext struct{ FunctionARN string }
		RequestPayload json.RawMessage
	}
	// A body that is no record shows as a dead letter of no event, which no day expects.
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
