package simulate

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
)

// call is a call while its scenario plays: a clock, who takes part, and what
// was sent so far.
type call struct {
	options     Options
	choice, ids *rand.Rand
	now         time.Time

	// fields are the call fields and metadata that the service puts into every
	// event of the call.
	fields     map[string]any
	pipelineID string
	config     string
	elements   []element

	events  []sent
	truth   Pipeline
	matches []Match
}

// sent is an event of a call.
type sent struct {
	time time.Time
	body []byte
	// early makes it arrive before the event that was sent before it.
	early bool
}

// element is a processor or sink as events show it.
type element struct {
	Type         string `json:"type"`
	Status       string `json:"status"`
	UpdatedOn    int64  `json:"updatedOn"`
	StatusDetail string `json:"statusDetail,omitempty"`
}

func newCall(o Options, s scenario, choice, ids *rand.Rand) *call {
	c := &call{options: o, choice: choice, ids: ids, config: "contact-centre-insights"}
	c.pipelineID = c.uuid()
	c.truth = Pipeline{ID: c.pipelineID, Scenario: s.name, Missed: s.missed}
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

// uuid gives an id of the version 4 form.
func (c *call) uuid() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.ids.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// number gives a number of the range that is kept for fiction.
func (c *call) number() string { return fmt.Sprintf("+1206555%04d", 100+c.choice.IntN(100)) }

// wait lets between low and high seconds pass.
func (c *call) wait(low, high int) {
	c.now = c.now.Add(time.Duration(low+c.choice.IntN(high-low+1)) * time.Second)
}

// set gives elements a status and the time of now, more exact than that of an event.
func (c *call) set(status string, types ...string) {
	updated := c.now.UnixMilli() - int64(c.choice.IntN(900))
	for _, t := range types {
		found := false
		for i := range c.elements {
			if c.elements[i].Type == t {
				c.elements[i].Status, c.elements[i].UpdatedOn, found = status, updated, true
			}
		}
		if !found {
			c.elements = append(c.elements, element{Type: t, Status: status, UpdatedOn: updated})
		}
	}
}

// explain gives an element's status a detail.
func (c *call) explain(elementType, detail string) {
	for i := range c.elements {
		if c.elements[i].Type == elementType {
			c.elements[i].StatusDetail = detail
		}
	}
}

// state sends a state change. Later extra fields win over the usual ones; a nil
// value leaves a field out.
func (c *call) state(eventType string, extra map[string]any) {
	detail := map[string]any{
		"version": "0", "eventType": eventType,
		"mediaInsightsPipelineArn": c.arn("media-pipeline/" + c.pipelineID),
	}
	if len(c.elements) > 0 {
		detail["mediaInsightsPipelineElementStatuses"] = append([]element(nil), c.elements...)
	}
	maps.Copy(detail, c.fields)
	maps.Copy(detail, extra)
	maps.DeleteFunc(detail, func(_ string, value any) bool { return value == nil })
	c.send(c.uuid(), chime.DetailStateChange, detail, false)
}

func (c *call) configuration() map[string]any {
	return map[string]any{"mediaInsightsPipelineConfigurationArn": c.arn("media-insights-pipeline-configuration/" + c.config)}
}

func (c *call) arn(resource string) string {
	return "arn:aws:chime:" + c.options.Region + ":" + c.options.Account + ":" + resource
}

// match sends a rule match of the type, with early as in sent.
func (c *call) match(matchType string, early bool) {
	form := matchForms[matchType]
	detail := map[string]any{"version": "0", "ruleName": form.rule, "sourceMetadata": maps.Clone(c.fields)}
	begin := c.now.Add(-8 * time.Second).UTC().Format(time.RFC3339)
	for _, field := range form.fields {
		switch field {
		case "beginTimestamp":
			detail[field] = begin
		case "endTimestamp":
			detail[field] = c.now.UTC().Format(time.RFC3339)
		default:
			detail[field] = c.uuid()
		}
	}
	id := c.uuid()
	callID, _ := c.fields["callId"].(string)
	c.matches = append(c.matches, Match{EventID: id, CallID: callID, Type: matchType})
	c.send(id, chime.DetailRulesMatched, detail, early)
}

// matchForms holds, for each type of rule match, a rule and the fields that the
// event has of it.
var matchForms = map[string]struct {
	rule   string
	fields []string
}{
	"keyword":         {"cancel-contract", []string{"utteranceId", "beginTimestamp"}},
	"keyword-result":  {"ask-for-supervisor", []string{"resultId", "beginTimestamp"}},
	"keyword-negated": {"greeting-missing", nil},
	"sentiment":       {"upset-customer", []string{"beginTimestamp", "endTimestamp"}},
	"issue":           {"issue_detected", nil},
}

// matchTypes are the types in a fixed order.
var matchTypes = []string{"keyword", "keyword-result", "keyword-negated", "sentiment", "issue"}

func (c *call) send(id, detailType string, detail map[string]any, early bool) {
	c.events = append(c.events, sent{time: c.now, body: c.envelope(id, detailType, detail, nil), early: early})
}

// envelope gives an event's bytes: its fields sorted by name, and extra ones
// put over the usual.
func (c *call) envelope(id, detailType string, detail any, extra map[string]any) []byte {
	event := map[string]any{
		"version": "0", "id": id, "detail-type": detailType, "source": chime.Source,
		"account": c.options.Account, "region": c.options.Region, "resources": []string{},
		"time": c.now.UTC().Format(time.RFC3339), "detail": detail,
	}
	maps.Copy(event, extra)
	body, err := json.Marshal(event)
	if err != nil {
		panic("a made-up event has no JSON form: " + err.Error()) // strings, numbers and maps of them always have
	}
	return body
}

// ends notes what should be known in the end.
func (c *call) ends(status string, degraded bool, fails ...Kind) {
	c.truth.Status, c.truth.Degraded, c.truth.Fails = status, degraded, fails
	if status == "CreateFailed" || status == "Lost" {
		return
	}
	api := chimesdk.Pipeline{
		ID: c.pipelineID, ARN: c.arn("media-pipeline/" + c.pipelineID), ConfigurationARN: c.arn("media-insights-pipeline-configuration/" + c.config),
		Status: apiStatus(status), CreatedAt: c.now,
	}
	for _, e := range c.elements {
		api.Elements = append(api.Elements, chimesdk.Element{Type: e.Type, Status: apiStatus(e.Status)})
	}
	c.truth.API = &api
}

// apiStatus is a status as the API has it, which knows no temporary failures.
func apiStatus(status string) string {
	if status == chime.StatusTemporarilyFailed {
		return chime.StatusInProgress
	}
	return status
}
