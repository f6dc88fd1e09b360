package notify

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// data is a message for machines: schemas/notification/notification.schema.json
// describes it.
type data struct {
	Version     string        `json:"version"`
	ID          string        `json:"id"`
	Kind        Kind          `json:"kind"`
	Severity    string        `json:"severity"`
	Rehearsal   bool          `json:"rehearsal,omitempty"`
	Title       string        `json:"title"`
	Text        string        `json:"text"`
	Remedy      string        `json:"remedy,omitempty"`
	Runbook     string        `json:"runbook,omitempty"`
	Account     string        `json:"account,omitempty"`
	Region      string        `json:"region,omitempty"`
	Incident    *incidentData `json:"incident,omitempty"`
	Match       *matchData    `json:"match,omitempty"`
	Pipelines   []string      `json:"pipelines,omitempty"`
	Active      int           `json:"active,omitempty"`
	Quota       int           `json:"quota,omitempty"`
	LastEventAt time.Time     `json:"lastEventAt,omitzero"`
}

type incidentData struct {
	ID      string              `json:"id"`
	Stage   incident.UpdateKind `json:"stage"`
	Class   incident.Class      `json:"class"`
	Target  string              `json:"target,omitempty"`
	Scope   string              `json:"scope"`
	Element string              `json:"element,omitempty"`
	Losses  []string            `json:"losses,omitempty"`
	Reason  string              `json:"reason,omitempty"`
	Reasons []reasonData        `json:"reasons,omitempty"`
	// OtherReasons is how many calls failed for reasons that are not kept.
	OtherReasons int             `json:"otherReasons,omitempty"`
	Calls        int             `json:"calls"`
	NewCalls     int             `json:"newCalls,omitempty"`
	Trend        incident.Trend  `json:"trend,omitempty"`
	OpenedAt     time.Time       `json:"openedAt"`
	LastAt       time.Time       `json:"lastAt,omitzero"`
	ClosedAt     time.Time       `json:"closedAt,omitzero"`
	Examples     []exampleOfCall `json:"examples,omitempty"`
}

type exampleOfCall struct {
	PipelineID string `json:"pipelineId"`
	CallID     string `json:"callId,omitempty"`
}

type matchData struct {
	EventID          string    `json:"eventId"`
	HeldBack         int       `json:"heldBack,omitempty"`
	Rule             string    `json:"rule"`
	Type             string    `json:"type"`
	At               time.Time `json:"at"`
	CallID           string    `json:"callId,omitempty"`
	TransactionID    string    `json:"transactionId,omitempty"`
	VoiceConnectorID string    `json:"voiceConnectorId,omitempty"`
	Direction        string    `json:"direction,omitempty"`
	FromNumber       string    `json:"fromNumber,omitempty"`
	ToNumber         string    `json:"toNumber,omitempty"`
}

// extras is what the other renderings of a message are made of, besides title and body.
type extras struct {
	// thread groups messages in a chat channel.
	thread string
	// short are the parts of a text message, the most important first, each in one or
	// more wordings, the best first.
	short [][]string
	// steps are what to do next, in a chat card.
	steps, keywords []string
	// attributes are those besides what every message has.
	attributes map[string]string
	data       data
}

// rehearsalTag is how every rendering of a message about a rehearsal begins.
const rehearsalTag = "[rehearsal] "

// tag returns the tag for a title, empty where it is not about a rehearsal.
func tag(rehearsal bool) string {
	if rehearsal {
		return rehearsalTag
	}
	return ""
}

// complete adds the runbook, the attributes, and the renderings for telephones, chats and
// machines to a message that has title, subject and body. All renderings of a message
// about a rehearsal begin with the tag, as title and subject do.
func (m Message) complete(x extras, o Options) Message {
	d := x.data
	attrs := map[string]string{
		"id": d.ID, "kind": string(d.Kind), "severity": d.Severity, "account": d.Account, "region": d.Region,
	}
	maps.Copy(attrs, x.attributes)
	if d.Runbook != "" {
		m.Body += "Runbook: " + d.Runbook + "\n"
		x.steps = append(x.steps, "Runbook: "+d.Runbook)
	}
	if d.Rehearsal {
		m.Body = rehearsalTag + m.Body
		attrs["rehearsal"] = "true"
		for i, wording := range x.short[0] {
			x.short[0][i] = rehearsalTag + wording
		}
		x.keywords = append([]string{"rehearsal"}, x.keywords...)
	}
	m.Kind, m.Attributes, m.SMS, m.https = d.Kind, attributes(attrs), textMessage(x.short), o.HTTPS
	x.data.Version, x.data.ID, x.data.Title, x.data.Text = "1", m.Attributes["id"], m.Title, m.Body
	m.Data, m.Card = marshal(x.data), marshal(newCard(m, x))
	return m
}

func marshal(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("a message has no JSON form: " + err.Error()) // texts, numbers and such times always have
	}
	return strings.TrimSpace(b.String())
}

// Structure returns the message for SNS with the message structure "json": people
// receive text by e-mail and a short one by SMS; subscribers by https receive Card or
// Data, as Options.HTTPS says; machines receive Data by all other protocols. The keys
// are those that SNS documents for Publish.
func (m Message) Structure() string {
	bodies := map[string]string{"default": m.Body, "email": m.Body, "sms": m.SMS, "https": m.Card}
	if m.https == HTTPSData {
		bodies["https"] = m.Data
	}
	for _, protocol := range []string{"http", "email-json", "sqs", "lambda", "firehose", "application"} {
		bodies[protocol] = m.Data
	}
	return marshal(bodies)
}
