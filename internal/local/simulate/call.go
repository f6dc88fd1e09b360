package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
)

// call is a call while its scenario plays: a clock, who takes part, and what was sent so
// far.
type call struct {
	choice, ids *rand.Rand
	now         time.Time

	// fields are the call fields and metadata in every event of the call.
	fields   map[string]any
	elements []element

	events  []sent
	truth   Pipeline
	api     []chimesdk.Pipeline // what the Chime API answers at the end of the day
	matches []string            // ids
}

// sent is an event of a call.
type sent struct {
	time time.Time
	body []byte
	// early means that it arrives before the event that was sent before it.
	early bool
}

// element is a processor or sink as events show it.
type element struct {
	Type         string `json:"type"`
	Status       string `json:"status"`
	UpdatedOn    int64  `json:"updatedOn"`
	StatusDetail string `json:"statusDetail,omitempty"`
}

func newCall(choice, ids *rand.Rand) *call {
	c := &call{choice: choice, ids: ids}
	c.truth.ID = c.uuid()
	agent, customer := c.number(), c.number()
	direction, from, to := "Inbound", customer, agent
	if choice.IntN(3) == 0 {
		direction, from, to = "Outbound", agent, customer
	}
	c.fields = map[string]any{
		"callId": c.uuid(), "transactionId": c.uuid(), "fromNumber": from, "toNumber": to, "direction": direction,
		"voiceConnectorId": []string{"c4tq9mzx1bd7ne0rw3yhk8", "h2vb6kfy5sg1pa8lu9jdi3"}[choice.IntN(2)],
	}
	return c
}

// uuid returns an id of the call's own choice of numbers.
func (c *call) uuid() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.ids.Uint32())
	}
	return awsprotocol.UUID(b)
}

// number returns a phone number of the range that is reserved for fiction.
func (c *call) number() string { return fmt.Sprintf("+1206555%04d", 100+c.choice.IntN(100)) }

// wait lets between low and high seconds pass.
func (c *call) wait(low, high int) {
	c.now = c.now.Add(time.Duration(low+c.choice.IntN(high-low+1)) * time.Second)
}

// set changes the status of elements. Its time is more exact than that of an event.
func (c *call) set(status string, types ...string) {
	updated := c.now.UnixMilli() - int64(c.choice.IntN(900))
	for _, t := range types {
		i := slices.IndexFunc(c.elements, func(e element) bool { return e.Type == t })
		if i < 0 {
			i, c.elements = len(c.elements), append(c.elements, element{Type: t})
		}
		c.elements[i].Status, c.elements[i].UpdatedOn = status, updated
	}
}

// state sends a state change. Extra fields replace the usual ones; a nil value leaves a
// field out.
func (c *call) state(eventType string, extra map[string]any) {
	detail := map[string]any{
		"version": "0", "eventType": eventType,
		"mediaInsightsPipelineArn": c.pipelineARN(),
	}
	if len(c.elements) > 0 {
		detail["mediaInsightsPipelineElementStatuses"] = slices.Clone(c.elements)
	}
	maps.Copy(detail, c.fields)
	maps.Copy(detail, extra)
	maps.DeleteFunc(detail, func(_ string, value any) bool { return value == nil })
	c.events = append(c.events, sent{time: c.now, body: c.envelope(c.uuid(), chime.DetailStateChange, detail, nil)})
}

const arnPrefix = "arn:aws:chime:" + local.Region + ":" + local.Account + ":"

// configurationARN is the configuration of all pipelines.
const configurationARN = arnPrefix + "media-insights-pipeline-configuration/contact-centre-insights"

func (c *call) pipelineARN() string { return arnPrefix + "media-pipeline/" + c.truth.ID }

// match sends a rule match of a form, with early as in sent.
func (c *call) match(form matchForm, early bool) {
	detail := map[string]any{"version": "0", "ruleName": form.rule, "sourceMetadata": maps.Clone(c.fields)}
	values := map[string]any{"utteranceId": c.uuid(), "resultId": c.uuid(),
		"beginTimestamp": timestamp(c.now.Add(-8 * time.Second)), "endTimestamp": timestamp(c.now)}
	for _, field := range form.fields {
		detail[field] = values[field]
	}
	id := c.uuid()
	c.matches = append(c.matches, id)
	body := c.envelope(id, chime.DetailRulesMatched, detail, nil)
	c.events = append(c.events, sent{time: c.now, body: body, early: early})
}

// matchForm is a rule, and the fields that a match of its type has.
type matchForm struct {
	rule   string
	fields []string
}

var matchForms = []matchForm{
	{"cancel-contract", []string{"utteranceId", "beginTimestamp"}}, // a keyword
	{"ask-for-supervisor", []string{"resultId", "beginTimestamp"}}, // a keyword in a result
	{"greeting-missing", nil},                                      // a keyword that was not said
	{"upset-customer", []string{"beginTimestamp", "endTimestamp"}}, // a sentiment
	{"issue_detected", nil},
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// envelope returns an event, whose extra fields replace the usual ones.
func (c *call) envelope(id, detailType string, detail any, extra map[string]any) []byte {
	event := map[string]any{
		"version": "0", "id": id, "detail-type": detailType, "source": chime.Source,
		"account": local.Account, "region": local.Region, "resources": []string{},
		"time": timestamp(c.now), "detail": detail,
	}
	maps.Copy(event, extra)
	body, err := json.Marshal(event)
	if err != nil {
		panic("an event has no JSON form: " + err.Error()) // strings, numbers and maps of them always have
	}
	return body
}

// end notes what should be known of the call at the end of the day.
func (c *call) end(s scenario) {
	p := &c.truth
	p.Scenario, p.Missed, p.Degraded, p.Failure = s.name, s.missed, s.degraded, s.failure
	p.Status = cmp.Or(s.status, "Stopped")
	if p.Status == "CreateFailed" || p.Status == "Lost" {
		return // the API has no such pipeline
	}
	api := chimesdk.Pipeline{ID: p.ID, ARN: c.pipelineARN(), ConfigurationARN: configurationARN,
		Status: apiStatus(p.Status), CreatedAt: c.now}
	for _, e := range c.elements {
		api.Elements = append(api.Elements, chimesdk.Element{Type: e.Type, Status: apiStatus(e.Status)})
	}
	c.api = append(c.api, api)
}

// apiStatus returns a status as the API has it, without temporary failures.
func apiStatus(status string) string {
	return strings.Replace(status, chime.StatusTemporarilyFailed, chime.StatusInProgress, 1)
}
