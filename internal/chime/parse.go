package chime

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// MaxIDLength is the longest event id, in bytes, that is kept whole; a longer one is
// kept as ShortID makes it. EventBridge and the voice services send 36 to 39.
const MaxIDLength = 256

// FieldError says which field makes an event unusable.
type FieldError struct {
	// Pointer is the JSON pointer of the field (RFC 6901).
	Pointer string
	// Got describes what was there, shortened; "nothing" when the field is absent.
	Got string
	// Want describes what was expected.
	Want string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: got %s, want %s", e.Pointer, e.Got, e.Want)
}

// Parse makes an Event from the bytes of one. It is liberal: unknown fields,
// event types, statuses and element types are kept, a field of an unexpected
// type is kept as metadata, and where a key stands twice the value of the
// documented form counts, else the last. JSON text is read where an object or a
// list is documented. Of a list whatever can be read is read, and the rest is kept as
// metadata.
//
// An event is unusable when it is no JSON object, has no id or no detail-type, when its
// time is none that ParseTime reads, when a state change has no eventType, or when one
// that is no failed creation has no pipeline ARN, or a rule match no ruleName. Then the
// error is an apperr.Error of class Invalid, with a *FieldError where a field is at fault.
// Parse keeps a reference to raw, which must not be changed afterwards.
//
// The ids of an event of RehearsalSource get RehearsalPrefix. An event of any
// other source whose own id begins so is unusable; any other id that begins so is
// kept as metadata, as if the event had none.
func Parse(raw []byte) (*Event, error) { return ParseAt(raw, time.Time{}) }

// ParseAt is Parse for an event that must not be refused because of its time: one
// that has no readable time happened at the time given, in UTC. So the outcome depends
// on more than the bytes, and is not to be merged with others.
func ParseAt(raw []byte, otherwise time.Time) (*Event, error) {
	p := parser{ev: &Event{Raw: raw}, otherwise: otherwise}
	return p.ev, p.parse()
}

// ParseEnvelope reads the envelope of an event and not its detail, and accepts
// what Parse refuses: fields that are missing or of another type are empty, and
// Time is always zero. The error is of class Invalid: raw is no JSON object.
// ParseEnvelope keeps a reference to raw, as Parse does.
func ParseEnvelope(raw []byte) (*Event, error) {
	p := parser{ev: &Event{Raw: raw}}
	return p.ev, p.envelope(raw)
}

type parser struct {
	ev        *Event
	time      time.Time
	badTime   jsontext.Value // the last value of time that is none
	otherwise time.Time      // the time of an event that has none; zero to refuse it
	rawDetail jsontext.Value // an object, where there is one
}

// parse reads the whole event.
func (p *parser) parse() error {
	if err := p.envelope(p.ev.Raw); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	switch p.ev.DetailType {
	case DetailStateChange:
		return p.stateChange()
	case DetailRulesMatched:
		return p.rulesMatched()
	case DetailVoiceStatus, DetailSpeakerSearch, DetailVoiceTone:
		p.ev.Voice = &VoiceAnalytics{}
		return p.voice(p.ev.Voice)
	}
	return nil
}

func (p *parser) envelope(raw []byte) error {
	err := jsonread.Members(raw, func(key []byte, value jsontext.Value) error {
		ev := p.ev
		switch string(key) {
		case "id":
			keepText(&ev.ID, value)
		case "detail-type":
			keepText(&ev.DetailType, value)
		case "source":
			keepText(&ev.Source, value)
		case "account":
			if account := accountText(value); account != "" {
				ev.Account = account
			}
		case "region":
			keepText(&ev.Region, value)
		case "time":
			if t, ok := timeOf(value); ok {
				p.time = t
			} else {
				p.badTime = value
			}
		case "resources":
			ev.Resources = texts(value)
		case "service-type":
			keepText(&ev.ServiceType, value)
		case "replay-name":
			keepText(&ev.ReplayName, value)
		case "detail":
			if detail := structure(value); p.rawDetail == nil || detail.Kind() == '{' {
				p.rawDetail = detail
			}
		}
		return nil
	})
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "event", "is not the JSON of an event", "send one JSON object")
	}
	return nil
}

func (p *parser) check() error {
	ev := p.ev
	if ev.ID == "" {
		return invalid("/id", "nothing", "the event's id, a UUID in text")
	}
	id, ok := Separate(ev.Source, ev.ID)
	if !ok {
		return invalid("/id", strconv.Quote(ev.ID),
			fmt.Sprintf("an id that does not begin with %s, as only those of rehearsals do", RehearsalPrefix))
	}
	ev.ID = ShortID(id, MaxIDLength)
	if ev.DetailType == "" {
		return invalid("/detail-type", "nothing", fmt.Sprintf("a text such as %q", DetailStateChange))
	}
	if p.time.IsZero() {
		p.time = p.otherwise.UTC()
	}
	if p.time.IsZero() {
		return invalid("/time", jsonread.Describe(p.badTime), "a time in the years 1970 to 9999 such as 2026-01-31T12:00:00Z")
	}
	ev.Time = p.time
	return nil
}

// runtimeMetadata are keys under which the runtime metadata may stand, which is
// flattened into the detail according to the developer guide.
var runtimeMetadata = []string{"MediaInsightsRuntimeMetadata", "mediaInsightsRuntimeMetadata", "sourceMetadata"}

func (p *parser) stateChange() error {
	sc := &StateChange{}
	p.ev.StateChange = sc
	err := p.eachDetail(func(key []byte, value jsontext.Value) bool {
		switch string(key) {
		case "eventType":
			return keepForm(&sc.EventType, value, &sc.Metadata, key, isEventType)
		case "failureReason":
			return keepText(&sc.FailureReason, value)
		case "failureOrigin":
			return keepText(&sc.FailureOrigin, value)
		case "httpStatusCode":
			return keepTextOrNumber(&sc.HTTPStatusCode, value)
		case "mediaInsightsPipelineElementStatuses":
			elements, rest := readElements(value)
			sc.Elements = append(sc.Elements, elements...)
			if rest != nil {
				keepRaw(&sc.Metadata, key, rest)
			}
			return true
		case "version":
			return value.Kind() == '"'
		}
		return sc.keepID(key, value)
	}, &sc.Metadata)
	if err != nil {
		return err
	}
	for _, key := range runtimeMetadata {
		sc.fill(sc.Metadata[key])
	}
	p.separateChange(sc)
	if sc.EventType == "" {
		return invalid("/detail/eventType", jsonread.Describe(sc.Metadata["eventType"]),
			fmt.Sprintf("a text such as %q", EventInProgress))
	}
	if sc.PipelineARN == "" && sc.EventType != EventCreateFailed {
		return invalid("/detail/mediaInsightsPipelineArn", jsonread.Describe(sc.Metadata["mediaInsightsPipelineArn"]),
			"the pipeline's ARN, which only a failed creation may lack")
	}
	return nil
}

// keepID stores an id by which events name their pipeline, configuration and call, or
// another field of the call; false when key or value is none.
func (sc *StateChange) keepID(key []byte, value jsontext.Value) bool {
	switch string(key) {
	case "mediaInsightsPipelineArn":
		return keepForm(&sc.PipelineARN, value, &sc.Metadata, key, isPipelineARN)
	case "mediaInsightsPipelineConfigurationArn":
		return keepForm(&sc.ConfigurationARN, value, &sc.Metadata, key, isConfigurationARN)
	}
	return sc.keep(key, value)
}

// separateChange separates the ids of a state change.
func (p *parser) separateChange(sc *StateChange) {
	p.separateCall(&sc.CallFields, &sc.Metadata)
	before, id := SplitPipelineARN(sc.PipelineARN)
	sc.PipelineARN = id
	p.separate("mediaInsightsPipelineArn", before, &sc.PipelineARN, &sc.Metadata)
}

func (p *parser) rulesMatched() error {
	rm := &RulesMatched{}
	p.ev.RulesMatched = rm
	err := p.eachDetail(func(key []byte, value jsontext.Value) bool {
		switch string(key) {
		case "ruleName":
			return keepText(&rm.RuleName, value)
		case "utteranceId":
			return keepText(&rm.UtteranceID, value)
		case "resultId":
			return keepText(&rm.ResultID, value)
		case "beginTimestamp":
			return keepTextOrNumber(&rm.BeginTimestamp, value)
		case "endTimestamp":
			return keepTextOrNumber(&rm.EndTimestamp, value)
		case "sourceMetadata":
			source := structure(value)
			return source.Kind() == '{' && jsonread.Members(source, func(key []byte, value jsontext.Value) error {
				if !rm.keep(key, value) {
					keepRaw(&rm.Metadata, key, value)
				}
				return nil
			}) == nil
		case "version":
			return value.Kind() == '"'
		}
		return rm.keep(key, value)
	}, &rm.Metadata)
	if err != nil {
		return err
	}
	p.separateCall(&rm.CallFields, &rm.Metadata)
	if rm.RuleName == "" {
		return invalid("/detail/ruleName", jsonread.Describe(rm.Metadata["ruleName"]), "the rule's name in text")
	}
	return nil
}

func (p *parser) voice(v *VoiceAnalytics) error {
	err := p.eachDetail(func(key []byte, value jsontext.Value) bool {
		switch string(key) {
		case "taskId":
			return keepText(&v.TaskID, value)
		case "detailStatus":
			return keepText(&v.DetailStatus, value)
		case "mediaInsightsPipelineId":
			return keepText(&v.PipelineID, value)
		}
		return v.keep(key, value)
	}, &v.Metadata)
	if err != nil {
		return err
	}
	p.separateCall(&v.CallFields, &v.Metadata)
	p.separate("taskId", "", &v.TaskID, &v.Metadata)
	_, v.PipelineID = SplitPipelineARN(v.PipelineID)
	p.separate("mediaInsightsPipelineId", "", &v.PipelineID, &v.Metadata)
	return nil
}

// eachDetail calls known for every member of the detail; a member of which it reports
// false is kept as metadata.
func (p *parser) eachDetail(known func(key []byte, value jsontext.Value) bool, rest *map[string]json.RawMessage) error {
	if p.rawDetail.Kind() != '{' {
		return invalid("/detail", jsonread.Describe(p.rawDetail), "an object")
	}
	err := jsonread.Members(p.rawDetail, func(key []byte, value jsontext.Value) error {
		if !known(key, value) {
			keepRaw(rest, key, value)
		}
		return nil
	})
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "/detail", "cannot be read", "send a JSON object")
	}
	return nil
}

// callKeys are the keys of CallFields.
var callKeys = strings.Fields("callId transactionId voiceConnectorId direction fromNumber toNumber")

// field returns the field of a key, nil if there is none.
func (c *CallFields) field(key []byte) *string {
	switch string(key) {
	case "callId":
		return &c.CallID
	case "transactionId":
		return &c.TransactionID
	case "voiceConnectorId":
		return &c.VoiceConnectorID
	case "direction":
		return &c.Direction
	case "fromNumber":
		return &c.FromNumber
	case "toNumber":
		return &c.ToNumber
	}
	return nil
}

// keep stores one of the call's fields; false when key or value is not one.
func (c *CallFields) keep(key []byte, value jsontext.Value) bool {
	field := c.field(key)
	return field != nil && keepText(field, value)
}

// fill stores the fields that are still empty from an object, which may be JSON text:
// runtime metadata that the service did not flatten.
func (c *CallFields) fill(value json.RawMessage) {
	object, before := structure(jsontext.Value(value)), *c
	if object.Kind() != '{' {
		return
	}
	_ = jsonread.Members(object, func(key []byte, value jsontext.Value) error {
		if field := before.field(key); field != nil && *field == "" {
			c.keep(key, value)
		}
		return nil
	})
}

func invalid(pointer, got, want string) error {
	field := &FieldError{Pointer: pointer, Got: got, Want: want}
	return &apperr.Error{Class: apperr.Invalid, Where: "event", What: "cannot be used", Err: field}
}
