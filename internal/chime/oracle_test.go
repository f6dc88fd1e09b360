package chime_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
)

// taken is what Parse has to take from an event, read off the decoded JSON (with
// json.Number) by the plainest means.
func taken(event map[string]any) *chime.Event {
	ev := &chime.Event{
		ID: text(event["id"]), DetailType: text(event["detail-type"]), Source: text(event["source"]), Account: account(event["account"]),
		Region: text(event["region"]), ServiceType: text(event["service-type"]), ReplayName: text(event["replay-name"]),
	}
	ev.Time, _ = time.Parse(time.RFC3339Nano, text(event["time"]))
	ev.Time = ev.Time.UTC()
	resources, _ := event["resources"].([]any)
	for _, one := range resources {
		if s, ok := one.(string); ok {
			ev.Resources = append(ev.Resources, s)
		}
	}
	detail, _ := event["detail"].(map[string]any)
	detail = maps.Clone(detail) // what is read is taken out
	switch ev.DetailType {
	case chime.DetailStateChange:
		ev.StateChange = stateChange(detail)
	case chime.DetailRulesMatched:
		ev.RulesMatched = rulesMatched(detail)
	case chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone:
		r := rest{detail, map[string]json.RawMessage{}}
		ev.Voice = &chime.VoiceAnalytics{TaskID: r.text("taskId"), DetailStatus: r.text("detailStatus"), PipelineID: r.text("mediaInsightsPipelineId"), CallFields: r.call()}
		ev.Voice.Metadata = r.metadata()
	}
	return ev
}

func stateChange(detail map[string]any) *chime.StateChange {
	r := rest{detail, map[string]json.RawMessage{}}
	r.text("version")
	sc := &chime.StateChange{
		EventType: r.text("eventType"), PipelineARN: r.text("mediaInsightsPipelineArn"), ConfigurationARN: r.text("mediaInsightsPipelineConfigurationArn"),
		FailureReason: r.text("failureReason"), FailureOrigin: r.text("failureOrigin"), HTTPStatusCode: r.textOrNumber("httpStatusCode"), CallFields: r.call(),
	}
	const elements = "mediaInsightsPipelineElementStatuses"
	if list, ok := r.detail[elements].([]any); ok {
		for _, one := range list {
			e, ok := one.(map[string]any)
			if !ok || text(e["type"]) == "" || text(e["status"]) == "" {
				sc.Elements, list = nil, nil
				break
			}
			sc.Elements = append(sc.Elements, chime.Element{Type: text(e["type"]), Status: text(e["status"]), StatusDetail: text(e["statusDetail"]), UpdatedOn: millisecondsOf(e["updatedOn"])})
		}
		if list != nil {
			delete(r.detail, elements)
		}
	}
	sc.Metadata = r.metadata()
	return sc
}

func rulesMatched(detail map[string]any) *chime.RulesMatched {
	r := rest{detail, map[string]json.RawMessage{}}
	r.text("version")
	rm := &chime.RulesMatched{
		RuleName: r.text("ruleName"), UtteranceID: r.text("utteranceId"), ResultID: r.text("resultId"),
		BeginTimestamp: r.textOrNumber("beginTimestamp"), EndTimestamp: r.textOrNumber("endTimestamp"), CallFields: r.call(),
	}
	source, ok := r.detail["sourceMetadata"].(map[string]any)
	if !ok {
		rm.Metadata = r.metadata()
		return rm
	}
	delete(r.detail, "sourceMetadata")
	// The pairs of sourceMetadata count like those beside it, and of two of one
	// name the later. The events have their keys sorted.
	inner := rest{maps.Clone(source), map[string]json.RawMessage{}}
	call := inner.call()
	for _, field := range []struct {
		name   string
		target *string
		inner  string
	}{
		{"callId", &rm.CallID, call.CallID}, {"direction", &rm.Direction, call.Direction}, {"fromNumber", &rm.FromNumber, call.FromNumber},
		{"transactionId", &rm.TransactionID, call.TransactionID}, {"voiceConnectorId", &rm.VoiceConnectorID, call.VoiceConnectorID}, {"toNumber", &rm.ToNumber, call.ToNumber},
	} {
		if field.inner != "" && (*field.target == "" || field.name < "sourceMetadata") {
			*field.target = field.inner
		}
	}
	outer := r.metadata()
	for key, value := range inner.metadata() {
		if outer[key] == nil || key < "sourceMetadata" {
			outer[key] = value
		}
	}
	rm.Metadata = outer
	return rm
}

// rest is what of a detail has not been read yet.
type rest struct {
	detail map[string]any
	kept   map[string]json.RawMessage
}

// text takes a member that is a text.
func (r rest) text(key string) string {
	s, ok := r.detail[key].(string)
	if ok {
		delete(r.detail, key)
	}
	return s
}

func (r rest) textOrNumber(key string) string {
	if n, ok := r.detail[key].(json.Number); ok {
		delete(r.detail, key)
		return n.String()
	}
	return r.text(key)
}

func (r rest) call() chime.CallFields {
	return chime.CallFields{
		CallID: r.text("callId"), TransactionID: r.text("transactionId"), VoiceConnectorID: r.text("voiceConnectorId"),
		Direction: r.text("direction"), FromNumber: r.text("fromNumber"), ToNumber: r.text("toNumber"),
	}
}

// metadata gives all that was not taken.
func (r rest) metadata() map[string]json.RawMessage {
	for key, value := range r.detail {
		raw, err := json.Marshal(value)
		if err != nil {
			panic(err) // it came out of JSON
		}
		r.kept[key] = raw
	}
	return r.kept
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// account gives a whole number as 12 digits, and a text of fewer digits.
func account(value any) string {
	s := text(value)
	if n, ok := value.(json.Number); ok {
		s = n.String()
		if whole := integer(s); whole != nil && whole.Sign() >= 0 {
			s = whole.String()
		}
	}
	if s != "" && len(s) < 12 && strings.Trim(s, "0123456789") == "" {
		s = strings.Repeat("0", 12-len(s)) + s
	}
	return s
}

// integer gives the value of a number that is whole, of a size that accounts and
// times have.
func integer(number string) *big.Int {
	r, ok := new(big.Rat).SetString(number)
	if !ok || !r.IsInt() || len(r.Num().String()) > 20 {
		return nil
	}
	return r.Num()
}

// millisecondsOf gives a whole or cut number of milliseconds up to the year 9999.
func millisecondsOf(value any) int64 {
	s := text(value)
	if n, ok := value.(json.Number); ok {
		s = n.String()
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || r.Sign() < 0 || r.Cmp(big.NewRat(253402300799999, 1)) > 0 {
		return 0
	}
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}

// sameJSON compares metadata, which is kept as it came.
func sameJSON(a, b json.RawMessage) bool {
	var values [2]any
	for i, raw := range []json.RawMessage{a, b} {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if dec.Decode(&values[i]) != nil {
			return false
		}
	}
	return cmp.Equal(values[0], values[1])
}
