package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
)

// FromEvent returns the state that one event alone proves. It is an error of
// class Invalid to give it an event that is no state change.
func FromEvent(ev *chime.Event) (State, error) {
	sc := ev.StateChange
	if sc == nil {
		return State{}, apperr.New(apperr.Invalid, "event "+ev.ID, "is no state change but "+ev.DetailType, "route it to the function for its detail-type")
	}
	at := ev.Time.Truncate(time.Microsecond) // as fine as Order keeps it
	order := OrderOf(ev)
	s := State{
		ID:               IDOf(ev),
		PipelineARN:      sc.PipelineARN,
		ConfigurationARN: sc.ConfigurationARN,
		Account:          ev.Account,
		Region:           ev.Region,
		CallFields:       sc.CallFields,
		Metadata:         sc.Metadata,
		Order:            order,
		RawStatus:        StatusOf(sc.EventType),
		Elements:         elementsOf(sc.Elements, at),
		CreatedAt:        at,
	}
	if Observed(sc.EventType) {
		s.observed(order)
		return s, nil
	}
	if s.RawStatus != Unknown {
		s.StatusOrder = order
	}
	switch {
	case s.RawStatus == InProgress:
		s.StartedAt = at
	case s.RawStatus.Ended():
		s.LastEnd = at
	}
	if s.RawStatus == Failed || s.RawStatus == CreateFailed || sc.FailureReason != "" {
		s.Failure = &Failure{Order: order, Reason: sc.FailureReason, Origin: sc.FailureOrigin, HTTPStatusCode: sc.HTTPStatusCode}
	}
	s.Status = s.current()
	return s, nil
}

// observed makes s what an observation proves: no times and no reason, which
// the API does not tell.
func (s *State) observed(order Order) {
	s.Observation = &Observation{Order: order, Status: s.RawStatus}
	if s.RawStatus == Lost {
		s.RawStatus = Unknown
	} else {
		s.StatusOrder = order
	}
	s.Status = s.current()
}

// Merge joins two states of the same pipeline. The greater order decides the
// status and the failure; elements go by updatedOn; of times the first or last
// counts; of values that should never differ, such as the call's id, the one
// that sorts last. It shares no memory that either side may change.
func Merge(a, b State) State {
	out := State{
		ID:               max(a.ID, b.ID),
		PipelineARN:      max(a.PipelineARN, b.PipelineARN),
		ConfigurationARN: max(a.ConfigurationARN, b.ConfigurationARN),
		Account:          max(a.Account, b.Account),
		Region:           max(a.Region, b.Region),
		CallFields: chime.CallFields{
			CallID:           max(a.CallID, b.CallID),
			TransactionID:    max(a.TransactionID, b.TransactionID),
			VoiceConnectorID: max(a.VoiceConnectorID, b.VoiceConnectorID),
			Direction:        max(a.Direction, b.Direction),
			FromNumber:       max(a.FromNumber, b.FromNumber),
			ToNumber:         max(a.ToNumber, b.ToNumber),
		},
		Metadata:  mergeMetadata(a.Metadata, b.Metadata),
		Order:     max(a.Order, b.Order),
		Failure:   mergeFailure(a.Failure, b.Failure),
		Elements:  mergeElements(a.Elements, b.Elements),
		CreatedAt: earlier(a.CreatedAt, b.CreatedAt),
		StartedAt: earlier(a.StartedAt, b.StartedAt),
		LastEnd:   later(a.LastEnd, b.LastEnd),
	}
	out.RawStatus, out.StatusOrder = a.RawStatus, a.StatusOrder
	if b.StatusOrder > a.StatusOrder || (b.StatusOrder == a.StatusOrder && b.RawStatus.rank() > a.RawStatus.rank()) {
		out.RawStatus, out.StatusOrder = b.RawStatus, b.StatusOrder
	}
	out.Observation = a.Observation
	if o := b.Observation; o != nil && (a.Observation == nil || o.Order > a.Observation.Order ||
		o.Order == a.Observation.Order && o.Status.rank() > a.Observation.Status.rank()) {
		out.Observation = o
	}
	out.Status = out.current()
	return out
}

func elementsOf(list []chime.Element, at time.Time) []Element {
	if len(list) == 0 {
		return nil
	}
	out := make([]Element, 0, len(list))
	for _, e := range list {
		out = insertElement(out, elementOf(e, at))
	}
	return out
}

// elementOf returns an element as an event of a time has it.
func elementOf(e chime.Element, at time.Time) Element {
	switch {
	case e.Status == "":
		// Were it of the event's time, it would hide the failure that an event before
		// told of.
		e.Status, e.UpdatedOn = UnknownStatus, 0
	case e.UpdatedOn == 0 || InFuture(time.UnixMilli(e.UpdatedOn), at):
		e.UpdatedOn = at.UnixMilli() // an event tells of nothing that is yet to come
	}
	if e.Type == chime.ElementVoiceEnhancement {
		e.Type = chime.ElementVoiceEnhancementSink
	}
	e.Type = chime.ShortID(e.Type, MaxIDLength)
	return Element(e)
}

// FailingIn returns what a state change says has failed, sorted by type, one for each:
// the newest that says so. An event may name an element twice, and what else it says
// of one hides no failure of it.
func FailingIn(ev *chime.Event) []Element {
	var failing []Element
	at := ev.Time.Truncate(time.Microsecond)
	for _, e := range ev.StateChange.Elements {
		if e.Failing() {
			failing = insertElement(failing, elementOf(e, at))
		}
	}
	return failing
}

// insertElement puts e into the sorted list, or its newer state where its type
// is already there. The list is changed.
func insertElement(list []Element, e Element) []Element {
	i, there := slices.BinarySearchFunc(list, e, func(x, y Element) int { return cmp.Compare(x.Type, y.Type) })
	if !there {
		return slices.Insert(list, i, e)
	}
	if compareElements(list[i], e) < 0 {
		list[i] = e
	}
	return list
}

func mergeElements(a, b []Element) []Element {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]Element, len(a), len(a)+len(b))
	copy(out, a)
	for _, e := range b {
		out = insertElement(out, e)
	}
	return out
}

// elementRank breaks ties of updatedOn; a status that is not documented ranks
// lowest, so that a known one is preferred.
func elementRank(status string) int {
	switch status {
	case chime.StatusNotStarted:
		return 1
	case chime.StatusInitializing:
		return 2
	case chime.StatusInProgress:
		return 3
	case chime.StatusPaused:
		return 4
	case chime.StatusTemporarilyFailed:
		return 5
	case chime.StatusStopping:
		return 6
	case chime.StatusStopped:
		return 7
	case chime.StatusNotSupported:
		return 8
	case chime.StatusFailed:
		return 9
	}
	return 0
}

func compareElements(a, b Element) int {
	return cmp.Or(
		cmp.Compare(a.UpdatedOn, b.UpdatedOn),
		cmp.Compare(elementRank(a.Status), elementRank(b.Status)),
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.StatusDetail, b.StatusDetail),
	)
}

func mergeFailure(a, b *Failure) *Failure {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	c := cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.HTTPStatusCode, b.HTTPStatusCode))
	if c < 0 {
		return b
	}
	return a
}

func mergeMetadata(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make(map[string]json.RawMessage, max(len(a), len(b)))
	for key, value := range a {
		out[key] = value
	}
	for key, value := range b {
		if old, there := out[key]; !there || bytes.Compare(old, value) < 0 {
			out[key] = value
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
