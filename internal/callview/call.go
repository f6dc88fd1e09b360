// Package callview gives what is known of one call's pipeline as the JSON object
// that chimewatch prints, and that scripts rely on.
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

// Call is one pipeline, or one that could not be created, with what happened to
// it. Fields without a value are absent from the JSON. Times are RFC 3339 in UTC.
type Call struct {
	// ID is the key that chimewatch keeps the pipeline by: PipelineID, or for a
	// failed creation, which has none, an id that begins with "create-failed.". In a
	// rehearsal all ids begin with "rehearsal-".
	ID string `json:"id"`
	// Rehearsal says that this is no real call.
	Rehearsal        bool   `json:"rehearsal,omitempty"`
	PipelineID       string `json:"pipelineId,omitempty"`
	PipelineARN      string `json:"pipelineArn,omitempty"`
	ConfigurationARN string `json:"configurationArn,omitempty"`
	Account          string `json:"account,omitempty"`
	Region           string `json:"region,omitempty"`

	Status pipeline.Status `json:"status"`
	// Degraded tells of a pipeline that failed in part: it runs or has stopped,
	// but an element does not deliver.
	Degraded bool `json:"degraded"`

	CallID           string `json:"callId,omitempty"`
	TransactionID    string `json:"transactionId,omitempty"`
	VoiceConnectorID string `json:"voiceConnectorId,omitempty"`
	Direction        string `json:"direction,omitempty"`
	FromNumber       string `json:"fromNumber,omitempty"`
	ToNumber         string `json:"toNumber,omitempty"`
	// Metadata is all else that the events' details had.
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`

	Elements []Element `json:"elements"`
	Failure  *Failure  `json:"failure,omitempty"`
	// Reconciled reports that the state was completed from what the API told,
	// because events were missing or late.
	Reconciled *Reconciled `json:"reconciled,omitempty"`

	CreatedAt time.Time `json:"createdAt,omitzero"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// DurationSeconds is the time from StartedAt, else CreatedAt, to EndedAt.
	DurationSeconds float64 `json:"durationSeconds,omitempty"`

	// Each of these is absent where it was not asked for, and an empty array
	// where there is none.
	Events []Event `json:"events,omitzero"`
	Alerts []Alert `json:"alerts,omitzero"`
	// Incidents are the ids of those that the call's failures have joined.
	Incidents []string `json:"incidents,omitzero"`
	// Notifications are those about these incidents and about the alerts.
	Notifications []Notification `json:"notifications,omitzero"`
	// Voice is absent where nothing is known of voice analytics on the call.
	Voice *Voice `json:"voice,omitempty"`
}

// Element is one processor or sink of the pipeline.
type Element struct {
	Type         string `json:"type"`
	Status       string `json:"status,omitempty"`
	StatusDetail string `json:"statusDetail,omitempty"`
	// Class is why the element does not deliver; absent where it does.
	Class incident.Class `json:"class,omitempty"`
	// UpdatedOn is in epoch milliseconds, as in the event; UpdatedAt is the same time.
	UpdatedOn int64     `json:"updatedOn,omitempty"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	// Source is the event that brought this status first.
	Source
}

// Source is the event that brought something. It is absent where the history was not
// asked for, and where the event is not in it any more.
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
	// Source is the event that said so.
	Source
}

// Reconciled says when the API was asked, which operation, what it told, and how
// the pipeline stood so that it was asked.
type Reconciled struct {
	At      time.Time       `json:"at"`
	From    string          `json:"from"`
	Status  pipeline.Status `json:"status"`
	Because string          `json:"because,omitempty"`
}

// Event is one state change that came for the pipeline.
type Event struct {
	Time      time.Time `json:"time"`
	ID        string    `json:"id"`
	EventType string    `json:"eventType"`
	// Changes are the elements whose status or detail the event changed.
	Changes []Change `json:"changes,omitempty"`
	// Body is the event as it came; absent where Options do not ask for it.
	Body json.RawMessage `json:"body,omitempty"`
}

// Change is an element that an event changed.
type Change struct {
	Element string `json:"element"`
	// From is the status before, absent where none was known.
	From         string `json:"from,omitempty"`
	Status       string `json:"status"`
	StatusDetail string `json:"statusDetail,omitempty"`
}

// Alert is one match of a real-time rule on the call.
type Alert struct {
	Time     time.Time `json:"time"`
	ID       string    `json:"id"`
	RuleName string    `json:"ruleName"`
	// Type is inferred from the event, which does not tell it.
	Type           string `json:"type,omitempty"`
	UtteranceID    string `json:"utteranceId,omitempty"`
	ResultID       string `json:"resultId,omitempty"`
	BeginTimestamp string `json:"beginTimestamp,omitempty"`
	EndTimestamp   string `json:"endTimestamp,omitempty"`
	// Body is the event as it came; absent where Options do not ask for it.
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
	// FullNumbers leaves phone numbers whole. Otherwise their last four digits
	// are left, wherever in the text of an event one is found.
	FullNumbers bool
	// Bodies adds each event as it came, masked like all else.
	Bodies bool
}

// redactor masks phone numbers, those of the call in any form.
// more are what may be a number as well.
func (o Options) redactor(state pipeline.State, more ...string) redact.Redactor {
	if o.FullNumbers {
		return redact.Whole()
	}
	return redact.Knowing(append(more, state.FromNumber, state.ToNumber)...)
}

// New makes a Call of what the store holds. Where history, matches or notes is
// nil the Call has no such field; an empty list makes an empty array.
func New(state pipeline.State, history []dynamo.Record, matches []dynamo.Match, notes []notify.Notification, o Options) Call {
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
		Failure:   failureOf(state, mask),
		CreatedAt: state.CreatedAt.UTC(), StartedAt: state.StartedAt.UTC(), UpdatedAt: state.UpdatedAt().UTC(), EndedAt: state.EndedAt().UTC(),
	}
	if seen := state.Observation; seen != nil {
		c.Reconciled = &Reconciled{At: seen.At(), From: "GetMediaPipeline", Status: seen.Status}
		c.takeBecause()
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
	if lasted := c.EndedAt.Sub(cmp.Or(c.StartedAt, c.CreatedAt)); !c.EndedAt.IsZero() && !c.CreatedAt.IsZero() && lasted > 0 {
		c.DurationSeconds = lasted.Seconds()
	}
	if history != nil {
		c.addHistory(state, history, mask, o)
	}
	if matches != nil {
		c.Alerts = make([]Alert, len(matches))
		for i, m := range matches {
			c.Alerts[i] = alertOf(m, state, o)
		}
	}
	if notes != nil {
		c.Notifications = make([]Notification, len(notes))
		for i, n := range notes {
			c.Notifications[i] = Notification{
				ID: notificationID(n, mask), Kind: n.Kind, Subject: mask.Text(n.Subject), SentAt: n.SentAt.UTC(),
			}
		}
		slices.SortStableFunc(c.Notifications, func(a, b Notification) int {
			if a.SentAt.IsZero() != b.SentAt.IsZero() {
				return b.SentAt.Compare(a.SentAt) // what is being sent comes last
			}
			return a.SentAt.Compare(b.SentAt)
		})
	}
	return c
}

// takeBecause takes what an observation put among the metadata, which are the
// customer's, to where it belongs.
func (c *Call) takeBecause() {
	if json.Unmarshal(c.Metadata[chime.ObservedBecause], &c.Reconciled.Because) != nil {
		return // there is none
	}
	c.Metadata = maps.Clone(c.Metadata)
	if delete(c.Metadata, chime.ObservedBecause); len(c.Metadata) == 0 {
		c.Metadata = nil
	}
}

func failureOf(state pipeline.State, mask redact.Redactor) *Failure {
	f := state.Failure
	if f == nil {
		return nil
	}
	return &Failure{
		Class: incident.CauseOfState(state).Class, Reason: mask.Text(f.Reason),
		Origin: mask.Text(f.Origin), HTTPStatusCode: mask.Text(f.HTTPStatusCode),
	}
}

// notificationID masks the id of a notification, which names a call. The id of an
// incident is made so that no number is in it, and its hash may look like one.
func notificationID(n notify.Notification, mask redact.Redactor) string {
	if n.Kind == string(notify.IncidentUpdate) {
		return n.ID
	}
	return mask.Text(n.ID)
}

func alertOf(m dynamo.Match, state pipeline.State, o Options) Alert {
	mask := o.redactor(state)
	a := Alert{Time: m.Time.UTC(), ID: mask.Text(m.ID), RuleName: mask.Text(m.RuleName), Type: m.Type}
	if event, err := chime.Parse(m.Body); err == nil && event.RulesMatched != nil {
		rule := event.RulesMatched
		a.UtteranceID, a.ResultID = mask.Text(rule.UtteranceID), mask.Text(rule.ResultID)
		a.BeginTimestamp, a.EndTimestamp = mask.Text(rule.BeginTimestamp), mask.Text(rule.EndTimestamp)
		// By their names in the body they would be ids, which may be digits.
		mask = o.redactor(state, rule.UtteranceID, rule.ResultID)
	}
	if o.Bodies {
		a.Body = bodyOf(m.Body, mask)
	}
	return a
}
