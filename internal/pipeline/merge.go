package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
)

// Read parses an event, and returns what it proves. unknown reports whether its detail type
// is not known; it is read as a state change of unknown type then. An event that another
// function handles is an error of class Invalid.
func Read(event []byte) (ev *chime.Event, st State, unknown bool, err error) {
	if ev, err = chime.Parse(event); err != nil {
		return nil, State{}, false, err
	}
	as, unknown := chime.AsUnknown(ev)
	if unknown {
		ev = as
	}
	st, err = FromEvent(ev)
	return ev, st, unknown, err
}

// FromEvent returns the state that one event proves by itself. An event that is no state
// change is an error of class Invalid.
func FromEvent(ev *chime.Event) (State, error) {
	sc := ev.StateChange
	if sc == nil {
		return State{}, apperr.New(apperr.Invalid, "event "+ev.ID, "is no state change but "+ev.DetailType,
			"route it to the function for its detail-type")
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
		s.Failure = &Failure{
			Order:          order,
			Reason:         sc.FailureReason,
			Origin:         sc.FailureOrigin,
			HTTPStatusCode: sc.HTTPStatusCode,
		}
	}
	s.Status = s.current()
	return s, nil
}

// observed makes s what an observation proves: no times and no reason, as the API has none.
func (s *State) observed(order Order) {
	s.Observation = &Observation{Order: order, Status: s.RawStatus}
	if s.RawStatus == Lost {
		s.RawStatus = Unknown
	} else {
		s.StatusOrder = order
	}
	s.Status = s.current()
}

// Merge joins two states of the same pipeline. Status and failure are those of the greater
// order, each element is that of the greater UpdatedOn, each time the first or the last; of
// values that should never differ, such as the call's id, the one that sorts last is kept.
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
		LastEnd:   Later(a.LastEnd, b.LastEnd),
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

func elementsOf(list []chime.Element, at time.Time) []chime.Element {
	if len(list) == 0 {
		return nil
	}
	out := make([]chime.Element, 0, len(list))
	for _, e := range list {
		out = insertElement(out, elementOf(e, at))
	}
	return out
}

// elementOf returns an element as an event of a time has it.
func elementOf(e chime.Element, at time.Time) chime.Element {
	switch {
	case e.Status == "":
		// With the event's time it would hide the failure in an event before.
		e.Status, e.UpdatedOn = UnknownStatus, 0
	case e.UpdatedOn == 0 || InFuture(time.UnixMilli(e.UpdatedOn), at):
		e.UpdatedOn = at.UnixMilli() // an event knows nothing that is yet to come
	}
	if e.Type == chime.ElementVoiceEnhancement {
		e.Type = chime.ElementVoiceEnhancementSink
	}
	e.Type = chime.ShortID(e.Type, MaxIDLength)
	return e
}

// FailingIn returns the failed elements in a state change, sorted by type. Of each type the
// newest that failed is there: an event may name an element twice, and another status hides
// no failure.
func FailingIn(ev *chime.Event) []chime.Element {
	return elementsOf(failingOf(ev.StateChange.Elements), ev.Time.Truncate(time.Microsecond))
}

// insertElement changes a sorted list: it inserts e, or replaces the element of its type by it
// where e is newer.
func insertElement(list []chime.Element, e chime.Element) []chime.Element {
	i, there := slices.BinarySearchFunc(list, e, func(x, y chime.Element) int { return cmp.Compare(x.Type, y.Type) })
	if !there {
		return slices.Insert(list, i, e)
	}
	if compareElements(list[i], e) < 0 {
		list[i] = e
	}
	return list
}

func mergeElements(a, b []chime.Element) []chime.Element {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := slices.Grow(slices.Clone(a), len(b))
	for _, e := range b {
		out = insertElement(out, e)
	}
	return out
}

// elementRanks orders statuses of the same UpdatedOn; one that is not documented is the lowest.
var elementRanks = []string{
	chime.StatusNotStarted, chime.StatusInitializing, chime.StatusInProgress, chime.StatusPaused,
	chime.StatusTemporarilyFailed, chime.StatusStopping, chime.StatusStopped, chime.StatusNotSupported, chime.StatusFailed,
}

func compareElements(a, b chime.Element) int {
	return cmp.Or(
		cmp.Compare(a.UpdatedOn, b.UpdatedOn),
		cmp.Compare(slices.Index(elementRanks, a.Status), slices.Index(elementRanks, b.Status)),
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.StatusDetail, b.StatusDetail),
	)
}

func mergeFailure(a, b *Failure) *Failure {
	if a == nil || b != nil && cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.HTTPStatusCode, b.HTTPStatusCode)) < 0 {
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
	out := maps.Clone(a)
	for key, value := range b {
		if bytes.Compare(out[key], value) <= 0 {
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

// Later returns the later one of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
