package callview

import (
	"encoding/json"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// addHistory adds the events, which are in their order, with what each of them changed,
// and names the events that brought the failure and the status of each element.
func (c *Call) addHistory(state pipeline.State, history []dynamo.Record, mask redact.Redactor, o Options) {
	c.Events = make([]Event, len(history))
	var told pipeline.State // by the events so far
	sources := map[string]Source{}
	for i, r := range history {
		e := Event{Time: r.Time.UTC(), ID: mask.Text(r.ID), EventType: mask.Text(r.EventType)}
		if o.Bodies {
			e.Body = bodyOf(r.Body, mask)
		}
		if delta, err := stateIn(r.Body); err == nil {
			source := Source{EventID: e.ID, EventTime: e.Time}
			merged := pipeline.Merge(told, delta)
			for _, now := range merged.Elements {
				before := elementOf(told, now.Type)
				if before.Status != now.Status {
					sources[now.Type] = source
				} else if before.StatusDetail == now.StatusDetail {
					continue
				}
				e.Changes = append(e.Changes, Change{
					Element: mask.Text(now.Type), From: mask.Text(before.Status),
					Status: mask.Text(now.Status), StatusDetail: mask.Text(now.StatusDetail),
				})
			}
			if c.Failure != nil && delta.Failure != nil && delta.Order == state.Failure.Order {
				c.Failure.Source = source
			}
			told = merged
		}
		c.Events[i] = e
	}
	for i, now := range state.Elements {
		if elementOf(told, now.Type).Status == now.Status { // else its event has expired
			c.Elements[i].Source = sources[now.Type]
		}
	}
}

// stateIn returns the state that a stored event alone proves.
func stateIn(body []byte) (pipeline.State, error) {
	event, err := chime.Parse(body)
	if err != nil {
		return pipeline.State{}, err
	}
	return pipeline.FromEvent(event)
}

// elementOf returns the element of a type, without a status where there is none.
func elementOf(state pipeline.State, elementType string) chime.Element {
	for _, e := range state.Elements {
		if e.Type == elementType {
			return e
		}
	}
	return chime.Element{}
}

// bodyOf masks an event as it came. What is no JSON is returned as a JSON string.
func bodyOf(raw []byte, mask redact.Redactor) json.RawMessage {
	masked := mask.JSON("", raw)
	if !json.Valid(masked) {
		masked, _ = json.Marshal(string(masked)) // a string always marshals
	}
	return masked
}
