// Package pipeline is the state of one media insights pipeline and how events
// change it. It is pure: no clock, no network, no AWS.
//
// A State is a join semilattice. FromEvent lifts one event to the state that
// it alone proves, and Merge joins two states; Merge is commutative,
// associative and idempotent, so events may come in any order and any number
// of times, one by one or at once, and the outcome is the same.
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

// The statuses. Unknown is a pipeline of which only events of unknown type
// have been seen. Lost is one of which no event told the end, and that the API
// does not know any more.
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

// Ended reports whether a pipeline of this status is done.
func (s Status) Ended() bool { return s == Stopped || s == Failed || s == CreateFailed || s == Lost }

// Open reports whether a pipeline of this status still runs, or should.
func (s Status) Open() bool { return !s.Ended() && s != Unknown }

// rank breaks ties between events of the same time and updatedOn: the further
// a pipeline has come, the higher.
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

var observations = []string{chime.EventObservedCreated, chime.EventObservedInProgress, chime.EventObservedPaused,
	chime.EventObservedStopped, chime.EventObservedFailed, chime.EventObservedLost}

// Observed reports whether an event type is that of an observation.
func Observed(eventType string) bool { return slices.Contains(observations, eventType) }

// StatusOf returns the status that an event type proves, Unknown for a type that
// is not documented.
func StatusOf(eventType string) Status {
	if s, ok := statusOfEvent[eventType]; ok {
		return s
	}
	return Unknown
}

// State is all that is known of one pipeline, or of one creation that failed.
// The zero State knows nothing and is the neutral element of Merge. A State is
// a value: neither Merge nor anything else changes one that exists.
type State struct {
	// ID is the key: the pipeline's UUID, or FailedCreation or UnknownEvents and the
	// transaction id, else the event id; of a rehearsal with chime.RehearsalPrefix
	// before it. See MaxIDLength.
	ID string

	PipelineARN      string
	ConfigurationARN string
	Account          string
	Region           string
	chime.CallFields
	// Metadata is what else was flattened into the events' details.
	Metadata map[string]json.RawMessage

	// Order is the greatest order of all events; see Order.
	Order Order
	// Status is Told, or Lost where an observation after it says so and Told is
	// no end: an event of the end outdoes it, however late it comes.
	Status Status
	// Told is the status that the greatest event or observation of known type
	// proves, StatusOrder its order. It is never Lost.
	RawStatus   Status
	StatusOrder Order
	// Observation is the greatest one, nil when there was none.
	Observation *Observation
	// Failure is that of the greatest event that told one.
	Failure *Failure
	// Elements are sorted by type, one for each.
	Elements []Element

	// CreatedAt is the time of the first event of any type, StartedAt that of
	// the first InProgress; zero when there was none.
	CreatedAt time.Time
	StartedAt time.Time
	// LastEnd is the time of the last event that said the pipeline is done, and
	// no observation.
	LastEnd time.Time
}

// Observation is what the API told of a pipeline at a time.
type Observation struct {
	Order  Order
	Status Status
}

// At is when the API was asked.
func (o Observation) At() time.Time { return o.Order.Time() }

// current returns the Status that follows from Told and Observation.
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

// Element is the newest known state of one processor or sink.
type Element struct {
	Type         string
	Status       string
	StatusDetail string
	// UpdatedOn is in epoch milliseconds; where the event has none, the
	// event's own time. It is zero for an element of UnknownStatus.
	UpdatedOn int64
}

// UnknownStatus is the status of an element of which no event said one. It proves
// only that there is the element, so every status that an event does say outdoes it.
const UnknownStatus = "Unknown"

// Failing reports whether the element does not deliver and will not.
func (e Element) Failing() bool {
	return e.Status == chime.StatusFailed || e.Status == chime.StatusNotSupported
}

// PipelineID is the pipeline's UUID, empty for a creation that failed.
func (s State) PipelineID() string {
	if s.PipelineARN == "" {
		return ""
	}
	return s.ID
}

// UpdatedAt is the time of the greatest event.
func (s State) UpdatedAt() time.Time { return s.Order.Time() }

// EndedAt is when the pipeline ended, zero while it has not. Where no event
// told it, it is when the end was observed.
func (s State) EndedAt() time.Time {
	switch {
	case !s.Status.Ended():
		return time.Time{}
	case s.LastEnd.IsZero() && s.Observation != nil:
		return s.Observation.At()
	}
	return s.LastEnd
}

// FailingElements are those that do not deliver and will not.
func (s State) FailingElements() []Element {
	var failing []Element
	for _, e := range s.Elements {
		if e.Failing() {
			failing = append(failing, e)
		}
	}
	return failing
}

// Degraded tells of a pipeline that failed in part: it runs or has stopped,
// but some element is Failed or NotSupported.
func (s State) Degraded() bool {
	return s.Status != Failed && s.Status != CreateFailed && len(s.FailingElements()) > 0
}

// Rehearsal reports whether the pipeline is one of a rehearsal.
func (s State) Rehearsal() bool { return chime.IsRehearsal(s.ID) }

// Place returns the account and the Region of the pipeline, as the envelopes of
// its events have them, else as its ARN or that of its configuration has them.
// Either is empty where nothing says it.
func (s State) Place() (account, region string) {
	account, region = s.Account, s.Region
	for _, arn := range []string{s.PipelineARN, s.ConfigurationARN} {
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" {
			account, region = cmp.Or(account, parts[4]), cmp.Or(region, parts[3])
		}
	}
	return account, region
}

// FailedCreation begins the ids of creations that failed, UnknownEvents those of what
// is only known by events whose detail type is unknown and that name no pipeline. In a
// rehearsal chime.RehearsalPrefix is before it, as before every id of one.
const (
	FailedCreation = "create-failed."
	UnknownEvents  = "unknown."
)

// MaxIDLength is the longest id of a pipeline, and the longest type of an element, in
// bytes, that is kept whole: both become parts of keys. A longer one is kept as
// chime.ShortID makes it; the whole id stays in the ARN.
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
