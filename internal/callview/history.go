package callview

import (
	"encoding/json"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// addHistory adds the events, in their order, with what each of them changed. It names the events that the failure
// and the status of each element were in.
func (c *Call) addHistory(state pipeline.State, history []pipeline.Record, mask redact.Redactor, o Options) {
	c.Events = make([]Event, len(history))
	var before pipeline.State // from the events so far
	sources := map[string]Source{}
	for i, r := range history {
		e := Event{Time: r.Time.UTC(), ID: mask.Text(r.ID), EventType: mask.Text(r.EventType)}
		if o.Bodies {
			e.Body = bodyOf(r.Body, mask)
		}
		if delta, err := stateIn(r.Body); err == nil {
			source := Source{EventID: e.ID, EventTime: e.Time}
			merged := pipeline.Merge(before, delta)
			for _, now := range merged.Elements {
				old := elementOf(before, now.Type)
				if old.Status != now.Status {
					sources[now.Type] = source
				} else if old.StatusDetail == now.StatusDetail {
					continue
				}
				e.Changes = append(e.Changes, Change{
					Element: mask.Text(now.Type), From: mask.Text(old.Status),
					Status: mask.Text(now.Status), StatusDetail: mask.Text(now.StatusDetail),
				})
			}
			if c.Failure != nil && delta.Failure != nil && delta.Order == state.Failure.Order {
				c.Failure.Source = source
			}
			before = merged
		}
		c.Events[i] = e
	}
	for i, now := range state.Elements {
		if elementOf(before, now.Type).Status == now.Status { // else its event has expired
			c.Elements[i].Source = sources[now.Type]
		}
	}
}

// stateIn returns the state that one stored event contains.
func stateIn(body []byte) (pipeline.State, error) {
	event, err := chime.Parse(body)
	if err != nil {
		return pipeline.State{}, err
	}
	return pipeline.FromEvent(event)
}

// elementOf returns the element of a type, an empty one if there is none.
func elementOf(state pipeline.State, elementType string) chime.Element {
	for _, e := range state.Elements {
		if e.Type == elementType {
			return e
		}
	}
	return chime.Element{}
}

// bodyOf masks an event as it was received. If it is no JSON, it becomes a JSON string.
func bodyOf(raw []byte, mask redact.Redactor) json.RawMessage {
	masked := mask.JSON("", raw)
	if !json.Valid(masked) {
		masked, _ = json.Marshal(string(masked)) // a string always marshals
	}
	return masked
}
