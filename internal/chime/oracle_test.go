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

// taken is what Parse has to read from an event, computed from the decoded JSON (with
// json.Number) by the plainest means.
func taken(event map[string]any) *chime.Event {
	ev := &chime.Event{
		ID: chime.ShortID(text(event["id"]), 256), DetailType: text(event["detail-type"]), Source: text(event["source"]),
		Account: account(event["account"]),
		Region:  text(event["region"]), ServiceType: text(event["service-type"]), ReplayName: text(event["replay-name"]),
	}
	ev.Time = moment(event["time"])
	resources, _ := unfold(event["resources"]).([]any)
	if one := text(unfold(event["resources"])); one != "" {
		resources = []any{one}
	}
	for _, one := range resources {
		if s, ok := one.(string); ok {
			ev.Resources = append(ev.Resources, s)
		}
	}
	detail, _ := unfold(event["detail"]).(map[string]any)
	detail = maps.Clone(detail) // what is read is taken out
	switch ev.DetailType {
	case chime.DetailStateChange:
		ev.StateChange = stateChange(detail)
	case chime.DetailRulesMatched:
		ev.RulesMatched = rulesMatched(detail)
	case chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone:
		r := rest{detail, map[string]json.RawMessage{}}
		ev.Voice = &chime.VoiceAnalytics{TaskID: r.text("taskId"), DetailStatus: r.text("detailStatus"),
			PipelineID: r.text("mediaInsightsPipelineId"), CallFields: r.call()}
		if _, id, isARN := strings.Cut(ev.Voice.PipelineID, ":media-pipeline/"); isARN && id != "" {
			ev.Voice.PipelineID = id
		}
		ev.Voice.PipelineID = canonical(ev.Voice.PipelineID)
		ev.Voice.Metadata = r.metadata()
	}
	return ev
}

func stateChange(detail map[string]any) *chime.StateChange {
	r := rest{detail, map[string]json.RawMessage{}}
	r.text("version")
	sc := &chime.StateChange{
		EventType: r.text("eventType"), PipelineARN: r.text("mediaInsightsPipelineArn"),
		ConfigurationARN: r.text("mediaInsightsPipelineConfigurationArn"),
		FailureReason:    r.text("failureReason"), FailureOrigin: r.text("failureOrigin"),
		HTTPStatusCode: r.textOrNumber("httpStatusCode"), CallFields: r.call(),
	}
	sc.PipelineARN = canonical(sc.PipelineARN)
	const elements = "mediaInsightsPipelineElementStatuses"
	if value, there := r.detail[elements]; there {
		rest := []any{}
		switch list := unfold(value).(type) {
		case []any:
			for _, one := range list {
				e, whole := element(unfold(one))
				if e.Type != "" {
					sc.Elements = append(sc.Elements, e)
				}
				if !whole {
					rest = append(rest, one)
				}
			}
			if r.detail[elements] = rest; len(rest) == 0 {
				delete(r.detail, elements)
			}
		case map[string]any:
			e, whole := element(list)
			if e.Type != "" {
				sc.Elements = append(sc.Elements, e)
			}
			if whole {
				delete(r.detail, elements)
			}
		}
	}
	for _, key := range []string{"MediaInsightsRuntimeMetadata", "mediaInsightsRuntimeMetadata", "sourceMetadata"} {
		nested, _ := unfold(r.detail[key]).(map[string]any)
		for name, field := range map[string]*string{
			"callId": &sc.CallID, "transactionId": &sc.TransactionID, "voiceConnectorId": &sc.VoiceConnectorID,
			"direction": &sc.Direction, "fromNumber": &sc.FromNumber, "toNumber": &sc.ToNumber,
		} {
			if *field == "" {
				*field = text(nested[name])
			}
		}
	}
	sc.Metadata = r.metadata()
	return sc
}

// element reads an entry of the list of elements; whole reports whether all that is
// documented of one could be read.
func element(value any) (e chime.Element, whole bool) {
	entry, ok := value.(map[string]any)
	if !ok {
		return e, false
	}
	e = chime.Element{
		Type: text(entry["type"]), Status: text(entry["status"]), StatusDetail: text(entry["statusDetail"]),
		UpdatedOn: millisecondsOf(entry["updatedOn"]),
	}
	whole = e.Type != ""
	for _, key := range []string{"status", "statusDetail"} {
		if _, isText := entry[key].(string); entry[key] != nil && !isText {
			whole = false
		}
	}
	on := entry["updatedOn"]
	return e, whole && (!moment(on).IsZero() || on == nil || on == "" || on == "0" || on == json.Number("0"))
}

// unfold decodes JSON text of an object or a list.
func unfold(value any) any {
	s := strings.TrimSpace(text(value))
	if s == "" || s[0] != '{' && s[0] != '[' {
		return value
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var inner any
	if dec.Decode(&inner) != nil || dec.More() {
		return value
	}
	return inner
}

// canonical is a UUID, or an ARN that ends in one, in lower case from there on.
func canonical(id string) string {
	at := strings.LastIndex(id, "/") + 1
	if parts := strings.Split(id[at:], "-"); len(parts) == 5 && len(id[at:]) == 36 &&
		strings.Trim(id[at:], "-0123456789abcdefABCDEF") == "" {
		return id[:at] + strings.ToLower(id[at:])
	}
	return id
}

func rulesMatched(detail map[string]any) *chime.RulesMatched {
	r := rest{detail, map[string]json.RawMessage{}}
	r.text("version")
	rm := &chime.RulesMatched{
		RuleName: r.text("ruleName"), UtteranceID: r.text("utteranceId"), ResultID: r.text("resultId"),
		BeginTimestamp: r.textOrNumber("beginTimestamp"), EndTimestamp: r.textOrNumber("endTimestamp"), CallFields: r.call(),
	}
	source, ok := unfold(r.detail["sourceMetadata"]).(map[string]any)
	if !ok {
		rm.Metadata = r.metadata()
		return rm
	}
	delete(r.detail, "sourceMetadata")
	// The pairs of sourceMetadata count like those next to it, and of two of one
	// name the later. The events have their keys sorted.
	inner := rest{maps.Clone(source), map[string]json.RawMessage{}}
	call := inner.call()
	for _, field := range []struct {
		name   string
		target *string
		inner  string
	}{
		{"callId", &rm.CallID, call.CallID}, {"direction", &rm.Direction, call.Direction},
		{"fromNumber", &rm.FromNumber, call.FromNumber},
		{"transactionId", &rm.TransactionID, call.TransactionID},
		{"voiceConnectorId", &rm.VoiceConnectorID, call.VoiceConnectorID}, {"toNumber", &rm.ToNumber, call.ToNumber},
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

// text removes and returns a member that is a text.
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

// metadata returns all that was not read.
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

// account returns a whole number as 12 digits, and a text of fewer digits.
func account(value any) string {
	s := text(value)
	if n, ok := value.(json.Number); ok {
		s = n.String()
		if whole := integer(s); whole != nil && whole.Sign() >= 0 {
			s = whole.String()
		}
	}
	if parts := strings.Split(s, "-"); len(parts) == 3 && len(s) == 14 && len(parts[0]) == 4 && len(parts[1]) == 4 &&
		strings.Trim(s, "-0123456789") == "" {
		s = strings.Join(parts, "")
	}
	if s != "" && len(s) < 12 && strings.Trim(s, "0123456789") == "" {
		s = strings.Repeat("0", 12-len(s)) + s
	}
	return s
}

// integer returns the value of a number that is whole, of a size that accounts and
// times have.
func integer(number string) *big.Int {
	r, ok := new(big.Rat).SetString(number)
	if !ok || !r.IsInt() || len(r.Num().String()) > 20 {
		return nil
	}
	return r.Num()
}

// millisecondsOf is a time in milliseconds, zero for what is none.
func millisecondsOf(value any) int64 {
	if t := moment(value); !t.IsZero() {
		return t.UnixMilli()
	}
	return 0
}

// layouts are the forms of a time that is no number, once what the layouts of the
// package time cannot express has been replaced: small letters, a space, a leap second.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"20060102T150405Z07:00", "20060102T150405Z0700", "20060102T150405Z07", "20060102T150405",
}

func moment(value any) time.Time {
	s := text(value)
	if n, ok := value.(json.Number); ok {
		s = n.String()
	}
	if t := epoch(s); !t.IsZero() {
		return t
	}
	s = strings.ToUpper(s)
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	leap := time.Duration(0)
	if len(s) >= 19 && s[16:19] == ":60" {
		s, leap = s[:16]+":59"+s[19:], time.Second
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			if t = t.Add(leap).UTC(); t.Year() >= 1970 && t.Year() <= 9999 {
				return t
			}
		}
	}
	return time.Time{}
}

// epoch reads a number of seconds since 1970, or of thousandths and so on.
func epoch(s string) time.Time {
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.ContainsAny(s, "/_xXpPbBoO") || len(s) > 40 {
		return time.Time{}
	}
	first, last := big.NewRat(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 1),
		big.NewRat(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 1)
	for range 4 {
		if r.Cmp(last) < 0 {
			if r.Cmp(first) < 0 {
				return time.Time{}
			}
			nanos := new(big.Rat).Mul(r, big.NewRat(1e9, 1))
			whole := new(big.Int).Quo(nanos.Num(), nanos.Denom())
			seconds, rest := new(big.Int).QuoRem(whole, big.NewInt(1e9), new(big.Int))
			return time.Unix(seconds.Int64(), rest.Int64()).UTC()
		}
		r = new(big.Rat).Mul(r, big.NewRat(1, 1000))
	}
	return time.Time{}
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
