// Package pipeline is the state of one media insights pipeline, and how events change it. All
// but Service is pure: no clock, no network, no AWS.
//
// A State is an element of a join semilattice. FromEvent returns the state that one event
// proves by itself, and Merge joins two states. Merge is commutative, associative and
// idempotent, so events may come in any order and any number of times, one by one or at
// once, and the state is the same in the end.
package pipeline

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// Status is the state of a pipeline in one word.
type Status string

// The statuses. Unknown is a pipeline of which only events of unknown type came. Lost is one
// that did not end by any event, and that the API does not know any more.
const (
	Unknown           Status = "Unknown"
	Created           Status = "Created"
	InProgress        Status = "InProgress"
	Paused            Status = "Paused"
	TemporarilyFailed Status = "TemporarilyFailed"
	Stopped           Status = "Stopped"
	Failed            Status = "Failed"
	CreateFailed      Status = "CreateFailed"
	Lost              Status = "Lost"
)

// Statuses lists all statuses, in the order of their rank.
func Statuses() []Status {
	return []Status{Unknown, Created, InProgress, Paused, TemporarilyFailed, Stopped, Failed, CreateFailed, Lost}
}

// Ended reports whether a pipeline of this status has ended.
func (s Status) Ended() bool { return s == Stopped || s == Failed || s == CreateFailed || s == Lost }

// Open reports whether a pipeline of this status runs, or should.
func (s Status) Open() bool { return !s.Ended() && s != Unknown }

// rank orders events of the same time and updatedOn: the further a pipeline has come, the
// higher.
func (s Status) rank() int { return slices.Index(Statuses(), s) }

var statusOfEvent = map[string]Status{
	chime.EventCreated:          Created,
	chime.EventCreateFailed:     CreateFailed,
	chime.EventInProgress:       InProgress,
	chime.EventPaused:           Paused,
	chime.EventTemporaryFailure: TemporarilyFailed,
	chime.EventPermanentFailure: Failed,
	chime.EventStopped:          Stopped,

	chime.EventObservedCreated:    Created,
	chime.EventObservedInProgress: InProgress,
	chime.EventObservedPaused:     Paused,
	chime.EventObservedStopped:    Stopped,
	chime.EventObservedFailed:     Failed,
	chime.EventObservedLost:       Lost,
}

// Observed reports whether an event type is that of an observation.
func Observed(eventType string) bool {
	return strings.HasPrefix(eventType, "chimewatch:") && StatusOf(eventType) != Unknown
}

// StatusOf returns the status that an event type proves, Unknown for one that is not documented.
func StatusOf(eventType string) Status {
	return cmp.Or(statusOfEvent[eventType], Unknown)
}

// State is all that is known of one pipeline, or of one creation that failed.
// The zero State knows nothing and is the neutral element of Merge. A State is
// a value: neither Merge nor anything else changes one that exists.
type State struct {
	// ID is the pipeline's UUID, or FailedCreation or UnknownEvents and the transactionId, else
	// the event's id; see IDOf and MaxIDLength.
	ID string

	PipelineARN      string
	ConfigurationARN string
	Account          string
	Region           string
	chime.CallFields
	// Metadata are the other fields of the events' details.
	Metadata map[string]json.RawMessage

	// Order is the greatest order of all events; see Order.
	Order Order
	// Status is RawStatus, or Lost where an observation after it says so. An event of the end
	// takes the place of Lost, however late it comes.
	Status Status
	// RawStatus is the status that the greatest event or observation of known type proves,
	// StatusOrder its order. It is never Lost.
	RawStatus   Status
	StatusOrder Order
	// Observation is the greatest one, nil when there was none.
	Observation *Observation
	// Failure is that of the greatest event that has one.
	Failure *Failure
	// Elements are the newest known states of processors and sinks, sorted by type, one for
	// each. UpdatedOn is the event's own time where the event has none, or one after that; it is
	// zero with UnknownStatus.
	Elements []chime.Element

	// CreatedAt is the time of the first event of any type, StartedAt that of
	// the first InProgress; zero when there was none.
	CreatedAt time.Time
	StartedAt time.Time
	// LastEnd is the time of the last event, observations left out, of a pipeline's end.
	LastEnd time.Time
}

// Observation is what the API answered about a pipeline.
type Observation struct {
	Order  Order
	Status Status
}

// At is when the API was asked.
func (o Observation) At() time.Time { return o.Order.Time() }

// current returns the Status that follows from RawStatus and Observation.
func (s State) current() Status {
	if o := s.Observation; o != nil && o.Status == Lost && !s.RawStatus.Ended() && o.Order > s.StatusOrder {
		return Lost
	}
	return s.RawStatus
}

// Failure is what an event said about why something failed.
type Failure struct {
	Order          Order
	Reason         string
	Origin         string
	HTTPStatusCode string
}

// UnknownStatus is the status of an element of which no event has one. It proves only that
// there is the element, so any status of an event takes its place.
const UnknownStatus = "Unknown"

// PipelineID is the pipeline's UUID, empty for a creation that failed.
func (s State) PipelineID() string {
	if s.PipelineARN == "" {
		return ""
	}
	return s.ID
}

// UpdatedAt is the time of the greatest event.
func (s State) UpdatedAt() time.Time { return s.Order.Time() }

// EndedAt is when the pipeline ended, zero while it has not. Where it ended by no event, it is
// when the end was observed.
func (s State) EndedAt() time.Time {
	switch {
	case !s.Status.Ended():
		return time.Time{}
	case s.LastEnd.IsZero() && s.Observation != nil:
		return s.Observation.At()
	}
	return s.LastEnd
}

// FailingElements returns the elements that do not deliver, and will not.
func (s State) FailingElements() []chime.Element {
	return failingOf(s.Elements)
}

func failingOf(elements []chime.Element) []chime.Element {
	return slices.DeleteFunc(slices.Clone(elements), func(e chime.Element) bool { return !e.Failing() })
}

// Degraded reports whether the pipeline failed in part: it runs or has stopped, but some
// element is Failed or NotSupported.
func (s State) Degraded() bool {
	return s.Status != Failed && s.Status != CreateFailed && len(s.FailingElements()) > 0
}

// Rehearsal reports whether the pipeline is one of a rehearsal.
func (s State) Rehearsal() bool { return chime.IsRehearsal(s.ID) }

// Place returns the account and the Region of the pipeline: those of its events' envelopes,
// else those of its ARN or its configuration's. Either may be empty.
func (s State) Place() (account, region string) {
	account, region = s.Account, s.Region
	for _, arn := range []string{s.PipelineARN, s.ConfigurationARN} {
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" {
			account, region = cmp.Or(account, parts[4]), cmp.Or(region, parts[3])
		}
	}
	return account, region
}

// FailedCreation begins the ids of creations that failed, UnknownEvents those of events of
// unknown detail types that name no pipeline. In a rehearsal chime.RehearsalPrefix is before
// it, as before every id of one.
const (
	FailedCreation = "create-failed."
	UnknownEvents  = "unknown."
)

// MaxIDLength is the longest id of a pipeline, and the longest type of an element, in bytes,
// that is kept whole: both are parts of keys. A longer one is shortened by chime.ShortID; the
// whole id stays in the ARN.
const MaxIDLength = 900

// IDOf returns the key of the pipeline that a state change is about.
func IDOf(ev *chime.Event) string {
	if arn := ev.StateChange.PipelineARN; arn != "" {
		return IDFromARN(arn)
	}
	kind := UnknownEvents
	if ev.StateChange.EventType == chime.EventCreateFailed {
		kind = FailedCreation
	}
	id := chime.ShortID(cmp.Or(ev.StateChange.TransactionID, ev.ID), MaxIDLength)
	if plain, rehearsal := strings.CutPrefix(id, chime.RehearsalPrefix); rehearsal {
		return chime.RehearsalPrefix + kind + plain
	}
	return kind + id
}

// IDFromARN returns the pipeline's id, which follows ":media-pipeline/" in its ARN;
// a text that is no ARN is its own id. A UUID is in lower case.
func IDFromARN(arn string) string {
	_, id := chime.SplitPipelineARN(arn)
	return chime.ShortID(id, MaxIDLength)
}
