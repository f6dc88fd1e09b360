// Package callview defines the JSON object of one call that chimewatch prints. Scripts depend on it.
package callview

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// Call is one pipeline, or one that could not be created, with its history. Fields without a value are absent
// from the JSON. Times are RFC 3339 in UTC.
type Call struct {
	// ID is the key of the pipeline in the table: PipelineID, or for a failed creation, which has none, an id
	// that begins with "create-failed.". In a rehearsal all ids begin with "rehearsal-".
	ID string `json:"id"`
	// Rehearsal reports whether this is no real call.
	Rehearsal        bool   `json:"rehearsal,omitempty"`
	PipelineID       string `json:"pipelineId,omitempty"`
	PipelineARN      string `json:"pipelineArn,omitempty"`
	ConfigurationARN string `json:"configurationArn,omitempty"`
	Account          string `json:"account,omitempty"`
	Region           string `json:"region,omitempty"`

	Status pipeline.Status `json:"status"`
	// Degraded reports whether the pipeline runs or has stopped, but an element fails.
	Degraded bool `json:"degraded"`

	CallID           string `json:"callId,omitempty"`
	TransactionID    string `json:"transactionId,omitempty"`
	VoiceConnectorID string `json:"voiceConnectorId,omitempty"`
	Direction        string `json:"direction,omitempty"`
	FromNumber       string `json:"fromNumber,omitempty"`
	ToNumber         string `json:"toNumber,omitempty"`
	// Metadata are the other fields of the events' details.
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`

	Elements []Element `json:"elements"`
	Failure  *Failure  `json:"failure,omitempty"`
	// Reconciled is set if the state was completed from an answer of the API, because events were missing or late.
	Reconciled *Reconciled `json:"reconciled,omitempty"`

	CreatedAt time.Time `json:"createdAt,omitzero"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// DurationSeconds is the time from StartedAt, else CreatedAt, to EndedAt.
	DurationSeconds float64 `json:"durationSeconds,omitempty"`

	// Each of these is absent if it was not asked for, and an empty array if there is none.
	Events []Event `json:"events,omitzero"`
	Alerts []Alert `json:"alerts,omitzero"`
	// Incidents are the ids of the incidents of the call's failures.
	Incidents []string `json:"incidents,omitzero"`
	// Notifications are those about these incidents and alerts.
	Notifications []Notification `json:"notifications,omitzero"`
	// Voice is absent if nothing is known about voice analytics on the call.
	Voice *Voice `json:"voice,omitempty"`
}

// Element is one processor or sink of the pipeline.
type Element struct {
	Type         string `json:"type"`
	Status       string `json:"status,omitempty"`
	StatusDetail string `json:"statusDetail,omitempty"`
	// Class is the cause of the element's failure; absent if it does not fail.
	Class incident.Class `json:"class,omitempty"`
	// UpdatedOn is in epoch milliseconds, as in the event; UpdatedAt is the same time.
	UpdatedOn int64     `json:"updatedOn,omitempty"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	Source              // the first event with this status
}

// Source is the event that a fact was in. It is absent if the history was not asked for, or has expired.
type Source struct {
	EventID   string    `json:"eventId,omitempty"`
	EventTime time.Time `json:"eventTime,omitzero"`
}

// Failure says why a pipeline failed or could not be created.
type Failure struct {
	Class          incident.Class `json:"class"`
	Reason         string         `json:"reason,omitempty"`
	Origin         string         `json:"origin,omitempty"`
	HTTPStatusCode string         `json:"httpStatusCode,omitempty"`
	Source
}

// Reconciled says when which operation of the API was called, what status it returned, and why it was called.
type Reconciled struct {
	At      time.Time       `json:"at"`
	From    string          `json:"from"`
	Status  pipeline.Status `json:"status"`
	Because string          `json:"because,omitempty"`
}

// Event is one state change of the pipeline.
type Event struct {
	Time      time.Time `json:"time"`
	ID        string    `json:"id"`
	EventType string    `json:"eventType"`
	// Changes are the elements whose status or detail the event changed.
	Changes []Change `json:"changes,omitempty"`
	// Body is the event as it was received; absent without Options.Bodies.
	Body json.RawMessage `json:"body,omitempty"`
}

// Change is an element that an event changed.
type Change struct {
	Element string `json:"element"`
	// From is the status before; absent if it was not known.
	From         string `json:"from,omitempty"`
	Status       string `json:"status"`
	StatusDetail string `json:"statusDetail,omitempty"`
}

// Alert is one match of a real-time rule on the call.
type Alert struct {
	Time     time.Time `json:"time"`
	ID       string    `json:"id"`
	RuleName string    `json:"ruleName"`
	// Type is inferred from the event, which has no such field.
	Type           string `json:"type,omitempty"`
	UtteranceID    string `json:"utteranceId,omitempty"`
	ResultID       string `json:"resultId,omitempty"`
	BeginTimestamp string `json:"beginTimestamp,omitempty"`
	EndTimestamp   string `json:"endTimestamp,omitempty"`
	// Body is the event as it was received; absent without Options.Bodies.
	Body json.RawMessage `json:"body,omitempty"`
}

// Notification is one message that was published.
type Notification struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	// SentAt is absent while it is being sent.
	SentAt time.Time `json:"sentAt,omitzero"`
}

// Options chooses between forms of a Call.
type Options struct {
	// FullNumbers leaves phone numbers as they are. Otherwise only their last four digits are left, in all texts.
	FullNumbers bool
	// Bodies adds each event as it was received, with masked phone numbers.
	Bodies bool
}

// redactor masks phone numbers, and those of the call and more in any form.
func (o Options) redactor(state pipeline.State, more ...string) redact.Redactor {
	if o.FullNumbers {
		return redact.Whole()
	}
	return redact.Knowing(append(more, state.FromNumber, state.ToNumber)...)
}

// New returns the Call of a state. If history, matches or notifications is nil, the Call has no such field; an empty
// list is an empty array.
func New(
	state pipeline.State, history []pipeline.Record, matches []dynamo.Match, notifications []notify.Notification,
	o Options,
) Call {
	mask := o.redactor(state)
	c := Call{
		ID: mask.Text(state.ID), Rehearsal: state.Rehearsal(), PipelineID: mask.Text(state.PipelineID()),
		PipelineARN: mask.Text(state.PipelineARN), ConfigurationARN: mask.Text(state.ConfigurationARN),
		Account: mask.Field("account", state.Account), Region: mask.Text(state.Region),
		Status: state.Status, Degraded: state.Degraded(),
		CallID: mask.Text(state.CallID), TransactionID: mask.Text(state.TransactionID),
		VoiceConnectorID: mask.Text(state.VoiceConnectorID), Direction: mask.Text(state.Direction),
		FromNumber: mask.Number(state.FromNumber), ToNumber: mask.Number(state.ToNumber),
		Metadata:  mask.Members(state.Metadata),
		Elements:  make([]Element, len(state.Elements)),
		CreatedAt: state.CreatedAt.UTC(), StartedAt: state.StartedAt.UTC(),
		UpdatedAt: state.UpdatedAt().UTC(), EndedAt: state.EndedAt().UTC(),
		Alerts:        mapped(matches, func(m dynamo.Match) Alert { return alertOf(m, state, o) }),
		Notifications: mapped(notifications, func(n notify.Notification) Notification { return notificationOf(n, mask) }),
	}
	if f := state.Failure; f != nil {
		c.Failure = &Failure{
			Class: incident.CauseOfState(state).Class, Reason: mask.Text(f.Reason),
			Origin: mask.Text(f.Origin), HTTPStatusCode: mask.Text(f.HTTPStatusCode),
		}
	}
	if seen := state.Observation; seen != nil {
		c.Reconciled = &Reconciled{At: seen.At(), From: "GetMediaPipeline", Status: seen.Status}
		c.moveBecause()
	}
	for i, e := range state.Elements {
		c.Elements[i] = Element{
			Type: mask.Text(e.Type), Status: mask.Text(e.Status),
			StatusDetail: mask.Text(e.StatusDetail), UpdatedOn: e.UpdatedOn,
		}
		if e.UpdatedOn != 0 {
			c.Elements[i].UpdatedAt = time.UnixMilli(e.UpdatedOn).UTC()
		}
		if e.Failing() {
			c.Elements[i].Class = incident.CauseOfElement(e).Class
		}
	}
	duration := c.EndedAt.Sub(cmp.Or(c.StartedAt, c.CreatedAt))
	if !c.EndedAt.IsZero() && !c.CreatedAt.IsZero() && duration > 0 {
		c.DurationSeconds = duration.Seconds()
	}
	if history != nil {
		c.addHistory(state, history, mask, o)
	}
	slices.SortStableFunc(c.Notifications, func(a, b Notification) int {
		if a.SentAt.IsZero() != b.SentAt.IsZero() {
			return b.SentAt.Compare(a.SentAt) // one that is being sent comes last
		}
		return a.SentAt.Compare(b.SentAt)
	})
	return c
}

// mapped returns what f returns for each element of a list; nil for nil.
func mapped[T, U any](list []T, f func(T) U) []U {
	if list == nil {
		return nil
	}
	result := make([]U, len(list))
	for i, item := range list {
		result[i] = f(item)
	}
	return result
}

// moveBecause moves the reason of an observation out of the metadata, which are the customer's.
func (c *Call) moveBecause() {
	if json.Unmarshal(c.Metadata[chime.ObservedBecause], &c.Reconciled.Because) != nil {
		return // there is none
	}
	c.Metadata = maps.Clone(c.Metadata)
	if delete(c.Metadata, chime.ObservedBecause); len(c.Metadata) == 0 {
		c.Metadata = nil
	}
}

// notificationOf masks the id, which names a call. The id of an incident has no phone number, and its hash may look
// like one.
func notificationOf(n notify.Notification, mask redact.Redactor) Notification {
	id := n.ID
	if n.Kind != string(notify.IncidentUpdate) {
		id = mask.Text(id)
	}
	return Notification{ID: id, Kind: n.Kind, Subject: mask.Text(n.Subject), SentAt: n.SentAt.UTC()}
}

func alertOf(m dynamo.Match, state pipeline.State, o Options) Alert {
	mask := o.redactor(state)
	a := Alert{Time: m.Time.UTC(), ID: mask.Text(m.ID), RuleName: mask.Text(m.RuleName), Type: m.Type}
	if event, err := chime.Parse(m.Body); err == nil && event.RulesMatched != nil {
		rule := event.RulesMatched
		a.UtteranceID, a.ResultID = mask.Text(rule.UtteranceID), mask.Text(rule.ResultID)
		a.BeginTimestamp, a.EndTimestamp = mask.Text(rule.BeginTimestamp), mask.Text(rule.EndTimestamp)
		// The names of these fields in the body are those of ids, which may be digits and are not masked.
		mask = o.redactor(state, rule.UtteranceID, rule.ResultID)
	}
	if o.Bodies {
		a.Body = bodyOf(m.Body, mask)
	}
	return a
}
